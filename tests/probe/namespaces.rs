//! Attacks through new namespaces: the creator of a user namespace has all capabilities in it.

use std::fs;

use nix::errno::Errno;

use crate::calls::{call, call_32, clone, exit, mount, open, wait};
use crate::files::rewrite;
use crate::mounts::mount_v1;
use crate::outcome::{Outcome, errno, not_live};

/// The flag of each kind of namespace, and its name in /proc/self/ns.
const KINDS: [(&str, i32, &str); 8] = [
    ("mount", libc::CLONE_NEWNS, "mnt"),
    ("uts", libc::CLONE_NEWUTS, "uts"),
    ("ipc", libc::CLONE_NEWIPC, "ipc"),
    ("user", libc::CLONE_NEWUSER, "user"),
    ("pid", libc::CLONE_NEWPID, "pid"),
    ("net", libc::CLONE_NEWNET, "net"),
    ("cgroup", libc::CLONE_NEWCGROUP, "cgroup"),
    ("time", 0x80, "time"),
];

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let wanted = arguments.first().map(String::as_str);
    let kind = KINDS.iter().find(|(kind, _, _)| Some(*kind) == wanted);
    let with = |attack: &dyn Fn(i32, &str) -> Outcome| match kind {
        Some((_, flag, file)) => attack(*flag, file),
        None => not_live("no such kind of namespace"),
    };
    Some(match name {
        "unshare" => with(&|flag, _| call(libc::SYS_unshare, &[flag as usize]).into()),
        "unshare-32" => with(&|flag, _| call_32(310, &[flag as usize]).into()),
        "clone" => with(&|flag, _| child(clone(flag))),
        "clone-32" => with(&|flag, _| child(call_32(120, &[flag as usize | 17, 0, 0, 0, 0]).map(|pid| pid as i32))),
        "clone3" => with(&|flag, _| child(clone3(flag))),
        "setns" => with(&|flag, file| {
            open(&format!("/proc/self/ns/{file}"), libc::O_RDONLY)
                .and_then(|namespace| call(libc::SYS_setns, &[namespace as usize, flag as usize]))
                .into()
        }),
        "user-then-mount" => in_user_namespace(|| mount("tmpfs", "/tmp", "tmpfs", 0).into()),
        "user-then-cgroup" => in_user_namespace(|| {
            call(libc::SYS_unshare, &[libc::CLONE_NEWCGROUP as usize])
                .and_then(|_| mount("cgroup", "/tmp", "cgroup", 0))
                .into()
        }),
        "user-then-hierarchy" => in_user_namespace(|| own_hierarchies(|_| Outcome::Done)),
        "user-then-release-agent" => {
            in_user_namespace(|| own_hierarchies(|place| rewrite(&format!("{place}/release_agent"))))
        }
        "user-then-rewrite" => in_user_namespace(|| match wanted {
            Some(path) => rewrite(path),
            None => not_live("no path given"),
        }),
        "user-then-raw-socket" => in_user_namespace(|| {
            call(libc::SYS_unshare, &[libc::CLONE_NEWNET as usize])
                .and_then(|_| call(libc::SYS_socket, &[libc::AF_PACKET as usize, libc::SOCK_RAW as usize, 0]))
                .into()
        }),
        "user-depth" => user_depth(),
        _ => return None,
    })
}

/// Mounts each cgroup hierarchy that this process is in, in a new cgroup namespace, which the kernel allows, and
/// tries an attack there. Returns the first success, otherwise the result of the last attempt.
fn own_hierarchies(attack: impl Fn(&str) -> Outcome) -> Outcome {
    if let Err(errno) = call(libc::SYS_unshare, &[libc::CLONE_NEWCGROUP as usize]) {
        return Outcome::Refused(errno);
    }
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut outcome = not_live("there are no cgroups");
    // A line is `number:controllers:path`; version 2 has no controllers there.
    for controllers in groups.lines().filter_map(|line| line.split(':').nth(1)) {
        let mounted = match controllers {
            "" => mount("cgroup2", "/tmp", "cgroup2", 0),
            _ => mount_v1(controllers),
        };
        outcome = mounted.map_or_else(Outcome::Refused, |_| attack("/tmp"));
        if outcome == Outcome::Done {
            break;
        }
    }
    outcome
}

/// Lets a new child exit immediately, and waits for it.
fn child(made: Result<i32, Errno>) -> Outcome {
    match made {
        Ok(0) => exit(0),
        Ok(pid) => wait(pid).into(),
        Err(errno) => Outcome::Refused(errno),
    }
}

fn clone3(flags: i32) -> Result<i32, Errno> {
    // struct clone_args of the first version: flags, …, exit_signal as the fifth.
    let arguments: [u64; 8] = [flags as u32 as u64, 0, 0, 0, libc::SIGCHLD as u64, 0, 0, 0];
    call(libc::SYS_clone3, &[arguments.as_ptr() as usize, 64]).map(|pid| pid as i32)
}

/// A user namespace with the same user inside, and a new mount namespace: all capabilities, over its own resources.
fn in_user_namespace(attack: impl FnOnce() -> Outcome) -> Outcome {
    let (uid, gid) = (call(libc::SYS_getuid, &[]), call(libc::SYS_getgid, &[]));
    let (Ok(uid), Ok(gid)) = (uid, gid) else { return not_live("no user") };
    let enter = || -> Result<(), Errno> {
        call(libc::SYS_unshare, &[(libc::CLONE_NEWUSER | libc::CLONE_NEWNS) as usize])?;
        let write = |file, text: String| fs::write(format!("/proc/self/{file}"), text).map_err(|error| errno(&error));
        write("setgroups", "deny".to_owned())?;
        write("uid_map", format!("0 {uid} 1"))?;
        write("gid_map", format!("0 {gid} 1"))
    };
    match enter() {
        Ok(()) => attack(),
        Err(errno) => Outcome::Refused(errno),
    }
}

/// Nested user namespaces: prints the depth, up to four.
fn user_depth() -> Outcome {
    (0..4).try_for_each(|_| call(libc::SYS_unshare, &[libc::CLONE_NEWUSER as usize]).map(|_| ())).into()
}
