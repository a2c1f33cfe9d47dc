//! The calls that no container needs, made one by one from inside: refused by the filter, and answered by the kernel
//! itself without it.

use crate::attacks::Naive::{IfKnown, NotLive, Otherwise, Through};
use crate::attacks::{Attack, ENOSYS, EPERM, Ground, without_protections};
use crate::fixture::Fixture;

/// A call with another architecture kills the process, because a filter with one list of numbers cannot check it.
const KILLED: &[&str] = &["killed 31"];
const EAFNOSUPPORT: &[&str] = &["refused EAFNOSUPPORT"];
const EPROTONOSUPPORT: &[&str] = &["refused EPROTONOSUPPORT"];

/// The answers are the same for root and for an ordinary user.
const ATTACKS: &[Attack] = &[
    // Namespaces, in all ways of creating them.
    ("unshare,user", EPERM, Through, Through),
    ("unshare,mount", EPERM, Through, Through),
    ("unshare,net", EPERM, Through, Through),
    ("unshare,time", EPERM, Through, Through),
    ("clone,user", EPERM, Through, Through),
    ("clone,mount", EPERM, Through, Through),
    ("clone,uts", EPERM, Through, Through),
    ("clone,ipc", EPERM, Through, Through),
    ("clone,pid", EPERM, Through, Through),
    ("clone,net", EPERM, Through, Through),
    ("clone,cgroup", EPERM, Through, Through),
    ("clone3,user", ENOSYS, Through, Through),
    ("clone3,net", ENOSYS, Through, Through),
    ("setns,uts", EPERM, Through, Through),
    ("user-then-mount", EPERM, Through, Through),
    ("user-then-raw-socket", EPERM, Through, Through),
    // The kernel allows mounting the process's own hierarchies, but not setting a release agent, for any user.
    ("user-then-hierarchy", EPERM, Through, Through),
    ("user-then-release-agent", EPERM, NotLive, NotLive),
    ("user-then-rewrite,/proc/sys/kernel/core_pattern", EPERM, Through, NotLive),
    // The same as 32-bit calls and as x32 calls, by number: getpid, unshare, setuid, stime.
    ("syscall-32,20", KILLED, IfKnown, IfKnown),
    ("unshare-32,user", KILLED, IfKnown, IfKnown),
    ("clone-32,user", KILLED, IfKnown, IfKnown),
    ("set-clock-32", KILLED, Otherwise, Otherwise),
    ("syscall-x32,39", ENOSYS, IfKnown, IfKnown),
    // Calls that do not exist yet: the answer is ENOSYS, not EPERM.
    ("syscall,1000", ENOSYS, NotLive, NotLive),
    // Covert channels, and calls with known flaws.
    ("io-uring", ENOSYS, Through, Through),
    ("userfaultfd", ENOSYS, Through, Through),
    ("performance-counter", ENOSYS, Through, Otherwise),
    // Execution domains with weaker protections: ADDR_NO_RANDOMIZE, READ_IMPLIES_EXEC, MMAP_PAGE_ZERO, Solaris.
    ("personality,0x40000", EPERM, Through, Through),
    ("personality,0x400000", EPERM, Through, Through),
    ("personality,0x100000", EPERM, Through, Through),
    ("personality,13", EPERM, Through, Through),
    ("ports", EPERM, IfKnown, NotLive),
    // Pages of memory in a pipe without a copy.
    ("denied,vmsplice", ENOSYS, Otherwise, Otherwise),
];

#[track_caller]
fn check(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    ground.check(ATTACKS);
    // These stay allowed.
    let harmless = ["personality,0", "personality,8", "personality,0x20000", "personality,0xffffffff"];
    let answers = ground.answers(&[], harmless);
    let refused: Vec<_> = answers.iter().filter(|(_, answer)| *answer != "done").collect();
    assert!(refused.is_empty(), "{refused:?}");
    // Docker's list allows it, so the kernel answers.
    assert_eq!(ground.answers(&["--compat", "docker"], ["denied,vmsplice"])["denied,vmsplice"], "refused EBADF");
}

#[test]
fn root_container_is_denied_dangerous_system_calls() {
    let Some(fixture) = Fixture::root() else { return };
    check(&fixture);
}

#[test]
fn rootless_container_is_denied_dangerous_system_calls() {
    let Some(fixture) = Fixture::user() else { return };
    check(&fixture);
}

/// Every call that Docker's list denies, with arguments for which the kernel itself would report another error.
#[track_caller]
fn check_denied(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let names = ground.text(&[], &["/probe", "denied-names"]);
    let attacks: Vec<String> = names.lines().map(|name| format!("denied,{name}")).collect();
    assert!(attacks.len() >= 58 && (cfg!(not(target_arch = "x86_64")) || attacks.len() == 73), "{}", attacks.len());
    let words = || attacks.iter().map(String::as_str);
    let protected = ground.answers(&[], words());
    let naive = ground.answers(&["--without", &without_protections()], words());
    // These calls exist on every kernel, so the answer is that of a kernel to an ordinary user.
    let expect = |words: &str| {
        let name = words.trim_start_matches("denied,");
        if ALWAYS_THERE.contains(&name) { "refused EPERM" } else { "refused ENOSYS" }
    };
    let open: Vec<_> = protected.iter().filter(|(words, answer)| *answer != expect(words)).collect();
    assert!(open.is_empty() && protected.len() == attacks.len(), "{open:?}");
    let shows_nothing = |words: &&String| {
        let old = !crate::attacks::kernel_at_least(6, 13) && ONLY_ROOT_BEFORE.contains(&words.as_str());
        let excused = !fixture.is_of_root() && (old || ONLY_ROOT.contains(&words.as_str()));
        naive.get(*words) == protected.get(*words) && !excused
    };
    let unexpected: Vec<&String> = attacks.iter().filter(shows_nothing).collect();
    // This kernel itself lacks some of the old calls.
    let lacking = |words: &str| {
        let name = words.trim_start_matches("denied,");
        LACKING.contains(&name) || !crate::attacks::kernel_at_least(6, 17) && YOUNG.contains(&name)
    };
    let unexpected: Vec<&&String> = unexpected.iter().filter(|words| !lacking(words)).collect();
    assert!(unexpected.is_empty(), "attacks that show nothing: {unexpected:?}");
}

/// The refused calls that a kernel cannot be built without, or that are only for administrators.
const ALWAYS_THERE: [&str; 27] = [
    "acct",
    "chroot",
    "clock_settime",
    "delete_module",
    "fanotify_init",
    "finit_module",
    "init_module",
    "ioperm",
    "iopl",
    "kexec_file_load",
    "kexec_load",
    "mount",
    "open_by_handle_at",
    "pidfd_getfd",
    "pivot_root",
    "reboot",
    "setdomainname",
    "sethostname",
    "setns",
    "settimeofday",
    "swapoff",
    "swapon",
    "syslog",
    "umount2",
    "unshare",
    "vhangup",
    "clone",
];

/// Refused calls that Linux got from 6.8 to 6.17.
const YOUNG: [&str; 6] =
    ["file_getattr", "file_setattr", "lsm_get_self_attr", "lsm_list_modules", "lsm_set_self_attr", "open_tree_attr"];

/// Refused calls that current kernels do not have, or need not have.
const LACKING: [&str; 16] = [
    "_sysctl",
    "afs_syscall",
    "create_module",
    "get_kernel_syms",
    "getpmsg",
    "lookup_dcookie",
    "nfsservctl",
    "putpmsg",
    "query_module",
    "security",
    "sysfs",
    "tuxcall",
    "uprobe",
    "uselib",
    "ustat",
    "vserver",
];

/// Calls that the kernel always refuses to an ordinary user, before it checks the arguments.
const ONLY_ROOT: [&str; 8] = [
    "denied,acct",
    "denied,delete_module",
    "denied,init_module",
    "denied,finit_module",
    "denied,kexec_load",
    "denied,swapoff",
    "denied,syslog",
    "denied,vhangup",
];

/// The same for older kernels. A kernel that loads only signed files also refuses before it checks.
const ONLY_ROOT_BEFORE: [&str; 2] = ["denied,kexec_file_load", "denied,open_by_handle_at"];

#[test]
fn filter_refuses_every_denied_call_to_root() {
    let Some(fixture) = Fixture::root() else { return };
    check_denied(&fixture);
}

#[test]
fn filter_refuses_every_denied_call_rootless() {
    let Some(fixture) = Fixture::user() else { return };
    check_denied(&fixture);
}

/// The last number in the filter's list, of Linux 6.18; and calls that are allowed and newer than some kernels.
const LAST: usize = 469;
const NEWER: [usize; 6] = [451, 452, 454, 457, 458, 462];

/// A call that is not in the list fails with ENOSYS, so that programs use an alternative: they would treat EPERM as a
/// refusal. A call in the list that the kernel does not support is answered by the kernel.
#[test]
fn unknown_system_calls_return_enosys() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let unknown: Vec<String> =
        (LAST + 1..LAST + 40).chain([1000, 0xffff]).map(|number| format!("syscall,{number}")).collect();
    let answers = ground.answers(&[], unknown.iter().map(String::as_str));
    let other: Vec<_> = answers.iter().filter(|(_, answer)| *answer != "refused ENOSYS").collect();
    assert!(other.is_empty() && answers.len() == unknown.len(), "{other:?}");
    // The same for Docker's list. The control is a list in a file with another action.
    let answers = ground.answers(&["--compat", "docker"], unknown.iter().map(String::as_str));
    let other: Vec<_> = answers.iter().filter(|(_, answer)| *answer != "refused ENOSYS").collect();
    assert!(other.is_empty() && answers.len() == unknown.len(), "{other:?}");
    // Each of these with arguments that the kernel refuses: the answer with the filter is the same as without.
    let newer: Vec<String> = NEWER.iter().map(|number| format!("syscall,{number},-1,-1,-1,-1,-1,-1")).collect();
    let words = || newer.iter().map(String::as_str);
    let naive = ground.answers(&["--without", &without_protections()], words());
    assert_eq!(ground.answers(&[], words()), naive);
}

/// A list may contain calls of a future kernel; the calls that are known are filtered.
#[test]
fn profile_with_future_system_calls_is_loaded() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let list = |allowed: &str, refused: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
                {{"names": ["uname", "{allowed}"], "action": "SCMP_ACT_ALLOW"}},
                {{"names": ["sethostname", "{refused}"], "action": "SCMP_ACT_ERRNO", "errnoRet": 1}}]}}"#
        )
    };
    let file = fixture.directory().join("list.json");
    let option = format!("seccomp={}", file.display());
    let flags = ["--security-opt", option.as_str()];
    std::fs::write(&file, list("call_of_2099", "setdomainname")).expect("a file");
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o644)).expect("the mode is set");
    let answers = ground.answers(&flags, ["denied,sethostname", "denied,unshare"]);
    assert_eq!(answers["denied,sethostname"], "refused EPERM");
    assert_ne!(answers["denied,unshare"], "refused EPERM");
    // But if the list denies an unknown call, ignoring it would allow what should be denied.
    std::fs::write(&file, list("uname", "call_of_2099")).expect("a file");
    let output = ground.run(&flags, &["true"]).output().expect("the command starts");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(125) && stderr.contains("call_of_2099"), "{stderr}");
}

/// AF_UNIX, AF_INET, AF_INET6; and AF_NETLINK for NETLINK_ROUTE.
const FAMILIES: [usize; 4] = [1, 2, 10, 16];

#[track_caller]
fn check_sockets(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let attacks: Vec<String> = (0..=46).map(|family| format!("socket,{family}")).collect();
    let protected = ground.answers(&[], attacks.iter().map(String::as_str));
    let naive = ground.answers(&["--without", &without_protections()], attacks.iter().map(String::as_str));
    let mut live = 0;
    for (family, words) in attacks.iter().enumerate() {
        let answer = &protected[words];
        if FAMILIES.contains(&family) {
            assert_eq!(answer, "done", "{words}");
        } else {
            assert_eq!(answer, "refused EAFNOSUPPORT", "{words}");
            live += usize::from(naive[words] == "done");
        }
    }
    assert!(live >= 1, "no other family is open without the filter: {naive:?}");
    // Of netlink, only routing; no raw sockets; no socket pairs except AF_UNIX; and nothing through the call that
    // 32-bit programs use.
    let others = [
        ("socket,16,3,6", EPROTONOSUPPORT),
        ("socket,16,3,9", EPROTONOSUPPORT),
        ("socket,2,3,1", EPERM),
        ("socket,17,3", EAFNOSUPPORT),
        ("socketpair,30", EAFNOSUPPORT),
        ("socketcall-32,38", KILLED),
        ("socketcall-32,2", KILLED),
    ];
    let answers = ground.answers(&[], others.map(|(words, _)| words));
    for (words, expect) in others {
        assert!(expect.contains(&answers[words].as_str()), "{words}: {}", answers[words]);
    }
}

#[test]
fn root_container_opens_only_usual_sockets() {
    let Some(fixture) = Fixture::root() else { return };
    check_sockets(&fixture);
}

#[test]
fn rootless_container_opens_only_usual_sockets() {
    let Some(fixture) = Fixture::user() else { return };
    check_sockets(&fixture);
}

/// Every process of a user can find a key in the user's keyring, whatever its namespaces. So it would be a channel
/// between two containers, and to the host.
#[track_caller]
fn check_keys(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let name = format!("minicontainer-{}-{}", std::process::id(), fixture.is_of_root());
    let words = |act: &str| format!("key,{act},{name}");
    let (leave, find, remove) = (words("leave"), words("find"), words("remove"));
    let protected = ground.answers(&[], [leave.as_str(), &find]);
    assert!(protected.len() == 2 && protected.values().all(|answer| answer == "refused ENOSYS"), "{protected:?}");
    // The control, between two containers. A user namespace has its own keyring.
    let naive = ["--without", &without_protections()];
    assert_eq!(ground.answers(&naive, [leave.as_str()])[&leave], "done");
    let found = ground.answers(&naive, [find.as_str(), &remove]);
    if fixture.is_of_root() {
        assert_eq!(found[&find], "done");
        assert_eq!(found[&remove], "done");
    }
}

#[test]
fn root_container_cannot_pass_messages_by_keys() {
    let Some(fixture) = Fixture::root() else { return };
    check_keys(&fixture);
}

#[test]
fn rootless_container_cannot_pass_messages_by_keys() {
    let Some(fixture) = Fixture::user() else { return };
    check_keys(&fixture);
}
