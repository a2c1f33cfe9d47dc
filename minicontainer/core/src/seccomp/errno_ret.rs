//! Which error a refused call returns in the default profile.
//!
//! Docker's profile always returns EPERM. Many programs treat EPERM as a permission error and exit. They treat
//! ENOSYS, EAFNOSUPPORT and similar errors as a missing kernel feature, and fall back. For example, if the audit
//! socket returns EPERM in a Debian image, no package can create a user ("Cannot open audit interface - aborting.").
//! So this profile returns what the kernel itself would return:
//!
//! - A call or socket family that a kernel can be built without returns the error of such a kernel (kernel/sys_ni.c,
//!   socket(2)).
//! - A call that every kernel has, but only for processes with a capability, returns EPERM. Programs expect it,
//!   because ordinary users always get it, and it shows users that a capability is missing.
//!
//! | Refused | Error | What programs do with it |
//! |---|---|---|
//! | `socket` of other families | EAFNOSUPPORT | libc, Java, Go and Node use the families that are left; tools leave the family out |
//! | `socket` of other netlink protocols | EPROTONOSUPPORT | libaudit assumes a kernel without audit, so useradd, su, sshd and PAM continue; ss reads `/proc` |
//! | `socketpair` of other families | EAFNOSUPPORT | libc and all languages use AF_UNIX |
//! | `io_uring_enter`, `io_uring_register`, `io_uring_setup` | ENOSYS | Node (libuv) uses threads, MariaDB uses libaio, PostgreSQL its workers |
//! | `add_key`, `keyctl`, `request_key` | ENOSYS | systemd and Kerberos continue without a keyring |
//! | `bpf`, `perf_event_open` | ENOSYS | systemd leaves out its filters; profilers report that the kernel has no counters |
//! | `userfaultfd` | ENOSYS | QEMU and CRIU report that the kernel lacks it |
//! | `get_mempolicy`, `mbind`, `migrate_pages`, `move_pages`, `set_mempolicy`, `set_mempolicy_home_node` | ENOSYS | libnuma reports a machine without NUMA: Java, MariaDB, MongoDB and PostgreSQL allocate as usual |
//! | `fsconfig`, `fsmount`, `fsopen`, `fspick`, `mount_setattr`, `move_mount`, `open_tree`, `open_tree_attr` | ENOSYS | libmount and systemd use mount(2) instead, which returns EPERM |
//! | `file_getattr`, `file_setattr` | ENOSYS | lsattr and chattr use ioctl(2) |
//! | `quotactl`, `quotactl_fd` | ENOSYS | quota tools report a kernel without quotas |
//! | `kcmp`, `process_madvise` | ENOSYS | systemd and Mesa continue without the result |
//! | `lsm_get_self_attr`, `lsm_list_modules`, `lsm_set_self_attr` | ENOSYS | libapparmor and systemd read `/proc` instead |
//! | `vmsplice` | ENOSYS | fio and stress-ng skip it; other programs use write(2) |
//! | `_sysctl`, `afs_syscall`, `create_module`, `get_kernel_syms`, `getpmsg`, `lookup_dcookie`, `nfsservctl`, `putpmsg`, `query_module`, `security`, `sysfs`, `tuxcall`, `uprobe`, `uselib`, `ustat`, `vserver` | ENOSYS | today's kernels lack them, or can be built without them; today's programs do not use them |
//! | `clone3` | ENOSYS | libc, Go and systemd use clone(2) |
//! | `ioctl` TIOCSTI | EIO | as on kernels with `dev.tty.legacy_tiocsti=0`: shells continue without it |
//! | `ioctl` TIOCLINUX | EPERM | as on a console without the capability |
//! | all others | EPERM | mount, unshare, hostname, date, dmesg, insmod, reboot and swapon report the missing permission; systemd, apt and bubblewrap handle it as for every ordinary user |
//!
//! The tests compare this table with what the compiled filter returns. [`Profile::Docker`](crate::options::Profile)
//! (`--compat=docker`) returns EPERM as Docker does.

use oci_spec::OciSpecError;
use oci_spec::runtime::LinuxSeccompOperator::ScmpCmpGt;
use oci_spec::runtime::LinuxSyscall;

use super::profile::{compare, lower_half_is, masked, refuse};

pub(super) const EPERM: u32 = 1;
const EIO: u32 = 5;
pub(super) const ENOSYS: u32 = 38;
const EPROTONOSUPPORT: u32 = 93;
const EAFNOSUPPORT: u32 = 97;

/// The calls that return ENOSYS, unless a capability allows them.
pub(super) const ENOSYS_CALLS: [&str; 49] = [
    "_sysctl",
    "add_key",
    "afs_syscall",
    "bpf",
    "create_module",
    "file_getattr",
    "file_setattr",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "get_kernel_syms",
    "get_mempolicy",
    "getpmsg",
    "io_uring_enter",
    "io_uring_register",
    "io_uring_setup",
    "kcmp",
    "keyctl",
    "lookup_dcookie",
    "lsm_get_self_attr",
    "lsm_list_modules",
    "lsm_set_self_attr",
    "mbind",
    "migrate_pages",
    "mount_setattr",
    "move_mount",
    "move_pages",
    "nfsservctl",
    "open_tree",
    "open_tree_attr",
    "perf_event_open",
    "process_madvise",
    "putpmsg",
    "query_module",
    "quotactl",
    "quotactl_fd",
    "request_key",
    "security",
    "set_mempolicy",
    "set_mempolicy_home_node",
    "sysfs",
    "tuxcall",
    "uprobe",
    "uselib",
    "userfaultfd",
    "ustat",
    "vmsplice",
    "vserver",
];

/// The refused socket families up to AF_NETLINK, as mask and value of the argument's lower half. Families above it
/// are one further rule. A single rule without conditions would be shorter, but runc and crun would then ignore the
/// rules with conditions.
const REFUSED_FAMILIES: [(u64, u64); 6] = [(!0, 0), (!0, 3), (!0 << 2, 4), (!0 << 1, 8), (!0, 11), (!0 << 2, 12)];

/// The last family of which sockets are allowed: AF_NETLINK.
const NETLINK: u64 = 16;

/// The request of ioctl_tty(2) to insert a character into a terminal.
const TIOCSTI: u64 = 0x5412;
/// The request to access a console, see TIOCLINUX(2const).
const TIOCLINUX: u64 = 0x541c;

/// The rules for calls whose arguments decide. They come after the rules that allow other arguments.
pub(super) fn argument_rules() -> Result<Vec<LinuxSyscall>, OciSpecError> {
    let mut rules = vec![
        refuse(["socket"], EPROTONOSUPPORT, vec![lower_half_is(0, NETLINK)?, compare(2, ScmpCmpGt, 0)?]),
        refuse(["socket"], EAFNOSUPPORT, vec![compare(0, ScmpCmpGt, NETLINK)?]),
        refuse(["socketpair"], EAFNOSUPPORT, vec![lower_half_is(0, 0)?]),
        refuse(["socketpair"], EAFNOSUPPORT, vec![compare(0, ScmpCmpGt, 1)?]),
        refuse(["ioctl"], EIO, vec![lower_half_is(1, TIOCSTI)?]),
        refuse(["ioctl"], EPERM, vec![lower_half_is(1, TIOCLINUX)?]),
    ];
    for (mask, family) in REFUSED_FAMILIES {
        rules.push(refuse(["socket"], EAFNOSUPPORT, vec![masked(0, mask & 0xffff_ffff, family)?]));
    }
    Ok(rules)
}

/// The rule for [`ENOSYS_CALLS`] calls, without those that a capability opens.
pub(super) fn enosys_rule(opened: &[&str]) -> LinuxSyscall {
    refuse(ENOSYS_CALLS.into_iter().filter(|name| !opened.contains(name)), ENOSYS, vec![])
}
