//! The system calls that Docker's default filter denies, each with arguments for which the kernel itself reports a
//! different error.
//!
//! A filter answers before the kernel checks the arguments. So each call gets arguments that an unfiltered kernel
//! refuses for a reason other than missing permission (a null pointer, a descriptor that is not open, a flag that
//! does not exist), and the errno shows which of them refused. The calls have no effect even without a filter.

use nix::errno::Errno;

use crate::calls::{call, call_32};
use crate::outcome::{Outcome, not_live};

/// An invalid descriptor, flag, process and clock.
const WRONG: usize = 0x7fff_fff0;
/// Every flag at once.
const ALL: usize = 0xffff_ffff;

/// A call: its name, its number, its arguments.
type Denied = (&'static str, i64, &'static [usize]);

/// The calls that every architecture has.
const DENIED: &[Denied] = &[
    ("acct", libc::SYS_acct, &[1]),
    ("add_key", libc::SYS_add_key, &[0, 0, 0, 0, 0]),
    // The size is checked first.
    ("bpf", libc::SYS_bpf, &[WRONG, 0, 1 << 20]),
    ("clock_settime", libc::SYS_clock_settime, &[WRONG, 0]),
    ("clone3", libc::SYS_clone3, &[0, 0]),
    ("delete_module", libc::SYS_delete_module, &[0, WRONG]),
    // FAN_REPORT_FID, which an ordinary user may use, and a flag that does not exist.
    ("fanotify_init", libc::SYS_fanotify_init, &[0x8000_0200, 0]),
    ("file_getattr", 468, &[WRONG, 0, 0, 0, ALL]),
    ("file_setattr", 469, &[WRONG, 0, 0, 0, ALL]),
    ("finit_module", libc::SYS_finit_module, &[WRONG, 0, WRONG]),
    ("fsconfig", libc::SYS_fsconfig, &[ALL, 0, 0, 0, 0]),
    ("fsmount", libc::SYS_fsmount, &[WRONG, WRONG, 0]),
    ("fsopen", libc::SYS_fsopen, &[0, WRONG]),
    ("fspick", libc::SYS_fspick, &[WRONG, 0, WRONG]),
    ("get_mempolicy", libc::SYS_get_mempolicy, &[0, 0, 0, 0, WRONG]),
    ("init_module", libc::SYS_init_module, &[0, 0, 0]),
    ("io_uring_enter", libc::SYS_io_uring_enter, &[WRONG, 0, 0, WRONG, 0, 0]),
    ("io_uring_register", libc::SYS_io_uring_register, &[WRONG, WRONG, 0, 0]),
    ("io_uring_setup", libc::SYS_io_uring_setup, &[1, 0]),
    ("kcmp", libc::SYS_kcmp, &[WRONG, WRONG, 0, 0, 0]),
    ("kexec_file_load", libc::SYS_kexec_file_load, &[WRONG, WRONG, 0, 0, WRONG]),
    ("kexec_load", libc::SYS_kexec_load, &[0, WRONG, 0, WRONG]),
    ("keyctl", libc::SYS_keyctl, &[WRONG, 0, 0, 0, 0]),
    ("lookup_dcookie", libc::SYS_lookup_dcookie, &[0, 0, 0]),
    ("lsm_get_self_attr", 459, &[WRONG, 0, 0, 0]),
    ("lsm_list_modules", 461, &[0, 0, WRONG]),
    ("lsm_set_self_attr", 460, &[WRONG, 0, 0, 0]),
    ("mbind", libc::SYS_mbind, &[0, 0, WRONG, 0, 0, WRONG]),
    ("migrate_pages", libc::SYS_migrate_pages, &[WRONG, 0, 0, 0]),
    ("mount", libc::SYS_mount, &[0, 0, 0, 0, 0]),
    ("mount_setattr", libc::SYS_mount_setattr, &[WRONG, 0, ALL, 0, 0]),
    ("move_mount", libc::SYS_move_mount, &[WRONG, 0, WRONG, 0, ALL]),
    ("move_pages", libc::SYS_move_pages, &[WRONG, 0, 0, 0, 0, WRONG]),
    ("nfsservctl", libc::SYS_nfsservctl, &[0, 0, 0]),
    ("open_by_handle_at", libc::SYS_open_by_handle_at, &[WRONG, 0, 0]),
    ("open_tree", libc::SYS_open_tree, &[WRONG, 0, ALL]),
    ("open_tree_attr", 467, &[WRONG, 0, ALL, 0, 0]),
    ("perf_event_open", libc::SYS_perf_event_open, &[0, 0, 0, WRONG, ALL]),
    ("pidfd_getfd", libc::SYS_pidfd_getfd, &[WRONG, 0, WRONG]),
    ("pivot_root", libc::SYS_pivot_root, &[0, 0]),
    ("process_madvise", libc::SYS_process_madvise, &[WRONG, 0, 0, 0, WRONG]),
    ("quotactl", libc::SYS_quotactl, &[ALL, 0, 0, 0]),
    ("quotactl_fd", libc::SYS_quotactl_fd, &[WRONG, ALL, 0, 0]),
    // Without the magic numbers it has no effect.
    ("reboot", libc::SYS_reboot, &[0, 0, 0, 0]),
    ("request_key", libc::SYS_request_key, &[0, 0, 0, 0]),
    ("set_mempolicy", libc::SYS_set_mempolicy, &[WRONG, 0, 0]),
    ("set_mempolicy_home_node", 450, &[1, 1, WRONG, WRONG]),
    ("setdomainname", libc::SYS_setdomainname, &[0, ALL]),
    ("sethostname", libc::SYS_sethostname, &[0, ALL]),
    ("setns", libc::SYS_setns, &[WRONG, 0]),
    ("settimeofday", libc::SYS_settimeofday, &[1, 0]),
    ("swapoff", libc::SYS_swapoff, &[0]),
    ("swapon", libc::SYS_swapon, &[0, ALL]),
    // Reads the whole log into a null buffer.
    ("syslog", libc::SYS_syslog, &[3, 0, 0]),
    ("umount2", libc::SYS_umount2, &[0, ALL]),
    ("unshare", libc::SYS_unshare, &[1]),
    // UFFD_USER_MODE_ONLY, which an ordinary user may use, and a flag that does not exist.
    ("userfaultfd", libc::SYS_userfaultfd, &[0x4000_0001]),
    ("vhangup", libc::SYS_vhangup, &[]),
];

/// The calls that Docker's filter allows and ours denies.
const STRICTER: &[Denied] = &[("vmsplice", libc::SYS_vmsplice, &[WRONG, 0, 1, 0])];

/// The calls that exist only on x86-64, most of which have had no effect for a long time.
#[cfg(target_arch = "x86_64")]
const OLD: &[Denied] = &[
    ("_sysctl", libc::SYS__sysctl, &[0]),
    ("afs_syscall", libc::SYS_afs_syscall, &[]),
    ("create_module", 174, &[]),
    ("get_kernel_syms", 177, &[0]),
    ("getpmsg", libc::SYS_getpmsg, &[]),
    // The number of ports is checked first, and so is the level.
    ("ioperm", libc::SYS_ioperm, &[0, 0, 0]),
    ("iopl", libc::SYS_iopl, &[4]),
    ("putpmsg", libc::SYS_putpmsg, &[]),
    ("query_module", 178, &[]),
    ("security", libc::SYS_security, &[]),
    ("sysfs", libc::SYS_sysfs, &[WRONG, 0, 0]),
    ("tuxcall", libc::SYS_tuxcall, &[]),
    ("uselib", libc::SYS_uselib, &[0]),
    ("ustat", libc::SYS_ustat, &[WRONG, 0]),
    ("vserver", libc::SYS_vserver, &[]),
];
#[cfg(not(target_arch = "x86_64"))]
const OLD: &[Denied] = &[];

fn all() -> impl Iterator<Item = &'static Denied> {
    DENIED.iter().chain(OLD)
}

/// The names of the calls that both filters deny.
pub fn names() -> impl Iterator<Item = &'static str> {
    all().map(|(name, _, _)| *name)
}

/// `denied NAME`, and any call by number: `syscall N A B …`, the same as a 32-bit program would (`syscall-32`) or
/// with the bit of x32 added (`syscall-x32`).
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    Some(match name {
        "denied" => {
            match all().chain(STRICTER).find(|(name, _, _)| arguments.first().is_some_and(|wanted| wanted == name)) {
                Some((name, number, arguments)) => {
                    if *name == "vhangup" {
                        // Otherwise the terminal of the caller's session would be hung up.
                        let _leader_already = call(libc::SYS_setsid, &[]);
                    }
                    call(*number, arguments).into()
                }
                None => not_live("no such call in the list"),
            }
        }
        "syscall" => by_number(arguments, call),
        "syscall-32" => by_number(arguments, call_32),
        "syscall-x32" => by_number(arguments, |number, arguments| call(number | 0x4000_0000, arguments)),
        _ => return None,
    })
}

fn by_number(words: &[String], call: impl FnOnce(i64, &[usize]) -> Result<usize, Errno>) -> Outcome {
    let numbers: Option<Vec<usize>> = words.iter().map(|word| number(word)).collect();
    match numbers.as_deref() {
        Some([number, arguments @ ..]) if arguments.len() <= 6 => call(*number as i64, arguments).into(),
        _ => not_live("a number and at most six arguments are needed"),
    }
}

/// A number, decimal or with `0x`, optionally negative.
pub fn number(word: &str) -> Option<usize> {
    match word.strip_prefix("0x") {
        Some(digits) => usize::from_str_radix(digits, 16).ok(),
        None => word.parse::<i64>().ok().map(|number| number as usize),
    }
}
