//! The default seccomp profile: Docker's list of allowed calls, with some restrictions.
//!
//! The list is that of Moby's `profiles/seccomp`: the calls that `system_calls` marks as always allowed, calls that
//! require a capability ([`GATES`]), and five calls that depend on their arguments. All others are refused: keys,
//! kexec, io_uring, userfaultfd, swap, NUMA, pivot_root and calls that have been obsolete for decades.
//!
//! The profile is stricter than Docker's in these points, unless `compat` is set:
//!
//! - **Sockets** of only four families, by socket(2) and socketpair(2): AF_UNIX, AF_INET, AF_INET6, and AF_NETLINK
//!   for routes only. Docker forbids two families and allows some forty, most of which ordinary programs never use,
//!   but whose code has often been attacked.
//! - **TIOCSTI and TIOCLINUX** insert characters into a terminal as if its user had typed them (CVE-2017-5226). They
//!   are refused whatever the upper half of the argument is, because the kernel ignores it (CVE-2019-10063).
//! - **vmsplice(2)** puts pages of a program's memory into a pipe without copying them, which has allowed processes
//!   to change pages that they must not (CVE-2020-29374). Few programs use it, and Podman's profile refuses it as
//!   well.
//!
//! It also differs in the errors that refused calls return, see [`super::errno_ret`].
//!
//! Otherwise the names are the same: every call that this profile allows is also allowed by Docker's. Older profiles
//! lack newer calls, such as that of Docker 20.10. So this table gives the reason for each call that was added in
//! Linux 5.15 or later:
//!
//! | Call | Why it is allowed |
//! |---|---|
//! | `cachestat` | shows which pages of an open file are in memory, as `mincore` does |
//! | `fchmodat2` | `fchmodat` with flags: the same checks; libc uses it |
//! | `futex_requeue` | part of `futex`, with its own number |
//! | `futex_wait` | part of `futex`, with its own number |
//! | `futex_waitv` | waits for several futexes; Wine and games need it |
//! | `futex_wake` | part of `futex`, with its own number |
//! | `getxattrat` | `getxattr` below a descriptor: the same checks |
//! | `listmount` | lists the mounts below the caller's root, as `/proc/self/mountinfo` does; libmount uses it |
//! | `listxattrat` | `listxattr` below a descriptor: the same checks |
//! | `map_shadow_stack` | maps the caller's own memory for return addresses: libc needs it to protect threads |
//! | `mseal` | forbids further changes of the caller's own mappings: a protection |
//! | `process_mrelease` | frees the memory of a process that was already killed, and that the caller may kill |
//! | `removexattrat` | `removexattr` below a descriptor: the same checks |
//! | `setxattrat` | `setxattr` below a descriptor: the same checks |
//! | `statmount` | shows one mount below the caller's root, as `/proc/self/mountinfo` does; libmount uses it |
//! | `uretprobe` | made by code that the kernel inserts where the host traces a program; refusing it kills that program |
//!
//! The tests compare this table, and the list of names, with what the compiled filter allows.
//!
//! Neither profile allows the calls of other architectures, unlike Docker: see [`super`]. runc and crun support only
//! one action for a call without conditions, so they ignore our rule for TIOCSTI and TIOCLINUX.

use oci_spec::OciSpecError;
use oci_spec::runtime::LinuxSeccompOperator::{self, ScmpCmpEq, ScmpCmpGt, ScmpCmpLt, ScmpCmpMaskedEq};
use oci_spec::runtime::{
    Arch, LinuxSeccomp, LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSyscall,
};

use super::errno_ret::{self, ENOSYS, EPERM};
use super::{Architecture, system_calls};

/// The calls that a capability in the bounding set allows, as in Docker.
pub(super) const GATES: [(&str, &[&str]); 14] = [
    ("CAP_BPF", &["bpf"]),
    ("CAP_DAC_READ_SEARCH", &["open_by_handle_at"]),
    ("CAP_PERFMON", &["perf_event_open"]),
    (
        "CAP_SYS_ADMIN",
        &[
            "bpf",
            "clone",
            "clone3",
            "fanotify_init",
            "fsconfig",
            "fsmount",
            "fsopen",
            "fspick",
            "lookup_dcookie",
            "lsm_get_self_attr",
            "lsm_list_modules",
            "lsm_set_self_attr",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "perf_event_open",
            "quotactl",
            "quotactl_fd",
            "setdomainname",
            "sethostname",
            "setns",
            "syslog",
            "umount2",
            "unshare",
        ],
    ),
    ("CAP_SYS_BOOT", &["reboot"]),
    ("CAP_SYS_CHROOT", &["chroot"]),
    ("CAP_SYS_MODULE", &["delete_module", "finit_module", "init_module"]),
    ("CAP_SYS_NICE", &["get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"]),
    ("CAP_SYS_PACCT", &["acct"]),
    ("CAP_SYS_PTRACE", &["kcmp", "pidfd_getfd", "process_madvise"]),
    ("CAP_SYS_RAWIO", &["ioperm", "iopl"]),
    ("CAP_SYS_TIME", &["clock_settime", "settimeofday"]),
    ("CAP_SYS_TTY_CONFIG", &["vhangup"]),
    ("CAP_SYSLOG", &["syslog"]),
];

/// Calls of Docker's list that are withheld unless `compat` is set.
pub(super) const STRICTER: [&str; 1] = ["vmsplice"];

/// The flags of clone(2) that create namespaces: all but CLONE_NEWTIME, whose bit is part of the signal number there.
const NEW_NAMESPACES: u64 = 0x7e02_0000;

/// The allowed arguments of personality(2): Linux, 32-bit Linux, both also with UNAME26, and the query.
const PERSONALITIES: [u64; 5] = [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// AF_UNIX.
const UNIX: u64 = 1;
/// AF_INET.
const INET: u64 = 2;
/// AF_INET6.
const INET6: u64 = 10;
/// AF_NETLINK, and its protocol NETLINK_ROUTE: how a program asks for its own addresses and routes.
const NETLINK: u64 = 16;
const NETLINK_ROUTE: u64 = 0;

/// The half of an argument that the kernel uses if the argument is an `int`.
const LOWER_HALF: u64 = 0xffff_ffff;

/// The profile for a container with these capabilities (`CAP_…`) in its bounding set; with `compat`, Docker's own.
///
/// # Errors
/// When the library of the runtime specification rejects a rule.
pub fn default_profile(capabilities: &[&str], compat: bool) -> Result<LinuxSeccomp, OciSpecError> {
    let gates = GATES.iter().filter(|(capability, _)| capabilities.contains(capability));
    let opened: Vec<&str> = gates.flat_map(|(_, names)| names.iter().copied()).collect();
    let allowed = system_calls::allowed().filter(|name| compat || !STRICTER.contains(name));
    let mut rules = vec![allow(allowed.chain(opened.iter().copied()), vec![])];
    if compat {
        rules.extend(dockers_rules()?);
    } else {
        rules.push(errno_ret::enosys_rule(&opened));
        rules.extend(our_rules()?);
    }
    for value in PERSONALITIES {
        rules.push(allow(["personality"], vec![compare(0, ScmpCmpEq, value)?]));
    }
    if !capabilities.contains(&"CAP_SYS_ADMIN") {
        rules.push(allow(["clone"], vec![masked(0, NEW_NAMESPACES, 0)?]));
        // Its flags are in memory, which a filter cannot read. Programs fall back to clone on ENOSYS.
        rules.push(refuse(["clone3"], ENOSYS, vec![]));
    }
    let mut profile = LinuxSeccomp::default();
    profile
        .set_default_action(LinuxSeccompAction::ScmpActErrno)
        .set_default_errno_ret(Some(EPERM))
        .set_syscalls(Some(rules));
    Ok(profile)
}

/// The capability, without `CAP_`, that allows a call which the profile otherwise refuses. The most specific one, if
/// there are several.
pub fn capability_for(call: &str) -> Option<&'static str> {
    let gates = GATES.iter().filter(|(_, names)| names.contains(&call));
    gates.min_by_key(|(_, names)| names.len()).and_then(|(capability, _)| capability.strip_prefix("CAP_"))
}

/// Docker's rules for sockets: any family but AF_ALG (38) and AF_VSOCK (40).
fn dockers_rules() -> Result<Vec<LinuxSyscall>, OciSpecError> {
    let mut rules = vec![allow(["socketpair"], vec![])];
    for (comparison, family) in [(ScmpCmpLt, 38), (ScmpCmpEq, 39), (ScmpCmpGt, 40)] {
        rules.push(allow(["socket"], vec![compare(0, comparison, family)?]));
    }
    Ok(rules)
}

fn our_rules() -> Result<Vec<LinuxSyscall>, OciSpecError> {
    let mut rules = vec![allow(["socketpair"], vec![lower_half_is(0, UNIX)?])];
    for family in [UNIX, INET, INET6] {
        rules.push(allow(["socket"], vec![lower_half_is(0, family)?]));
    }
    rules.push(allow(["socket"], vec![lower_half_is(0, NETLINK)?, lower_half_is(2, NETLINK_ROUTE)?]));
    rules.extend(errno_ret::argument_rules()?);
    Ok(rules)
}

/// The architectures that a profile for this processor lists; with `compat` Docker's, for runtimes that allow them.
pub fn architectures(architecture: Architecture, compat: bool) -> Vec<Arch> {
    match (architecture, compat) {
        (Architecture::X86_64, true) => vec![Arch::ScmpArchX86_64, Arch::ScmpArchX86, Arch::ScmpArchX32],
        (Architecture::X86_64, false) => vec![Arch::ScmpArchX86_64],
        (Architecture::Aarch64, true) => vec![Arch::ScmpArchAarch64, Arch::ScmpArchArm],
        (Architecture::Aarch64, false) => vec![Arch::ScmpArchAarch64],
    }
}

fn allow<'a>(names: impl IntoIterator<Item = &'a str>, args: Vec<LinuxSeccompArg>) -> LinuxSyscall {
    rule(names.into_iter().map(str::to_owned).collect(), LinuxSeccompAction::ScmpActAllow, None, args)
}

pub(super) fn refuse<'a>(
    names: impl IntoIterator<Item = &'a str>,
    errno: u32,
    args: Vec<LinuxSeccompArg>,
) -> LinuxSyscall {
    rule(names.into_iter().map(str::to_owned).collect(), LinuxSeccompAction::ScmpActErrno, Some(errno), args)
}

fn rule(
    names: Vec<String>,
    action: LinuxSeccompAction,
    errno: Option<u32>,
    args: Vec<LinuxSeccompArg>,
) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    rule.set_names(names).set_action(action).set_errno_ret(errno).set_args((!args.is_empty()).then_some(args));
    rule
}

/// The argument's lower half must be this value.
pub(super) fn lower_half_is(index: usize, value: u64) -> Result<LinuxSeccompArg, OciSpecError> {
    masked(index, LOWER_HALF, value)
}

pub(super) fn masked(index: usize, mask: u64, value: u64) -> Result<LinuxSeccompArg, OciSpecError> {
    LinuxSeccompArgBuilder::default().index(index).op(ScmpCmpMaskedEq).value(mask).value_two(value).build()
}

pub(super) fn compare(index: usize, op: LinuxSeccompOperator, value: u64) -> Result<LinuxSeccompArg, OciSpecError> {
    LinuxSeccompArgBuilder::default().index(index).op(op).value(value).build()
}
