//! An engine without some capabilities, such as root in another container: the processes that it starts do not have
//! more than it has, and it reports what it cannot do.

use std::os::unix::process::CommandExt;

use serde_json::Value;

use crate::attacks::Ground;
use crate::fixture::Fixture;

/// Capabilities with their numbers, see capabilities(7).
const CAPABILITIES: [(&str, u32); 6] =
    [("DAC_OVERRIDE", 1), ("KILL", 5), ("SETPCAP", 8), ("SYS_ADMIN", 21), ("SYS_RESOURCE", 24), ("MKNOD", 27)];

/// The default set.
const OURS: u64 = 0x8004_05fb;

/// Starts a container with an engine that lacks these capabilities; returns the posture of the container's first
/// process, or the error.
fn start_without(ground: &Ground, lacking: &[u32], flags: &[&str]) -> Result<Value, String> {
    let mut run = ground.run(flags, &["/probe", "posture"]);
    let lacking = lacking.to_vec();
    let drop = move || {
        for number in &lacking {
            // execve(2) gives no capability that is not in the bounding set, see capabilities(7).
            // SAFETY: drops a capability of this process, and does not access memory.
            if unsafe { nix::libc::prctl(nix::libc::PR_CAPBSET_DROP, *number, 0, 0, 0) } != 0 {
                return Err(std::io::Error::last_os_error());
            }
        }
        Ok(())
    };
    // SAFETY: makes system calls only, and allocates nothing unless one fails.
    unsafe { run.pre_exec(drop) };
    let output = run.output().expect("the command starts");
    match output.status.code() {
        Some(0) => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        code => {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(code, Some(125), "{message}");
            Err(message)
        }
    }
}

/// The container has the same capabilities or fewer, and all other protections.
#[track_caller]
fn check_no_more(name: &str, lacking: u64, posture: &Value, whole: &Value) {
    for (set, held) in posture["capabilities"].as_object().expect("the sets") {
        let held = u64::from_str_radix(held.as_str().expect("a set"), 16).expect("a number");
        assert_eq!(held & !(OURS & !lacking), 0, "without {name}: {set} is {held:x}");
    }
    for wall in ["no_new_privileges", "seccomp", "controlling_terminal", "descriptors", "parent_death_signal"] {
        assert!(!whole[wall].is_null(), "the posture has no {wall}");
        assert_eq!(posture[wall], whole[wall], "without {name}");
    }
    // Every namespace except the user namespace is new in both; and what is masked or read-only is so in both.
    for (kind, namespace) in whole["namespaces"].as_object().expect("namespaces") {
        let host = std::fs::read_link(format!("/proc/self/ns/{kind}")).expect("a namespace");
        let shared = |name: &Value| name.as_str().is_some_and(|name| host.to_string_lossy() == name);
        assert!(shared(namespace) || !shared(&posture["namespaces"][kind]), "without {name}: the host's {kind}");
    }
    let mounts = |posture: &Value| posture["mounts"].as_array().cloned().expect("mounts");
    let found = mounts(posture);
    for mount in mounts(whole) {
        let place = mount[0].as_str().unwrap_or_default();
        // If no user namespace can be created, control groups are not mounted.
        let of_the_kernel = (place.starts_with("/proc") || place.starts_with("/sys")) && !place.contains("cgroup");
        assert!(!of_the_kernel || found.contains(&mount), "without {name}: {mount} is missing in {found:?}");
    }
}

/// If a container is not possible, the engine reports the step that failed, and why.
#[track_caller]
fn check_refused(name: &str, message: &str) {
    let last = message.lines().find(|line| line.starts_with("minicontainer: ")).unwrap_or_default();
    let reasons = [
        "EPERM",
        "EACCES",
        "Operation not permitted",
        "Permission denied",
        "cannot be applied",
        "itself does not have it",
    ];
    assert!(reasons.iter().any(|reason| last.contains(reason)), "without {name}: {message}");
}

#[test]
fn engine_without_sys_time_refuses_clock_offsets() {
    let Some(fixture) = Fixture::root() else { return };
    if !crate::skip::require(std::path::Path::new("/proc/self/ns/time").exists(), "time namespaces (CONFIG_TIME_NS)")
    {
        return;
    }
    let ground = Ground::new(&fixture);
    let flags = ["--time-offset", "boottime=1h"];
    let message = start_without(&ground, &[25], &flags).expect_err("it lacks CAP_SYS_TIME");
    check_refused("SYS_TIME", &message);
    assert!(message.contains("CAP_SYS_TIME"), "{message}");
    // The control.
    start_without(&ground, &[], &flags).expect("a container");
}

#[test]
fn engine_without_a_capability_fails_or_grants_less() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let whole = start_without(&ground, &[], &[]).expect("a container");
    let mut started = Vec::new();
    for (name, number) in CAPABILITIES {
        match start_without(&ground, &[number], &[]) {
            Ok(posture) => {
                check_no_more(name, 1 << number, &posture, &whole);
                started.push(name);
            }
            Err(message) => check_refused(name, &message),
        }
    }
    // The control: no container needs these to start, and the container does not have them either.
    for name in ["KILL", "SYS_RESOURCE"] {
        assert!(started.contains(&name), "without {name} nothing starts");
    }
    // To the kernel a process without any of them is an ordinary user, whatever its id, and so is its container.
    let all = CAPABILITIES.map(|(_, number)| number);
    match start_without(&ground, &all, &[]) {
        Ok(posture) => check_no_more("any power", 0, &posture, &whole),
        Err(message) => check_refused("any power", &message),
    }
}

/// Requested options, the capability that each needs, and whether fewer are sufficient.
#[test]
fn unavailable_capabilities_are_refused() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let requests: [(&str, u32, &[&str]); 4] = [
        ("SYS_TIME", 25, &["--cap-add", "SYS_TIME"]),
        ("MKNOD", 27, &["--device", "/dev/full:/dev/another"]),
        ("SETUID", 7, &["--userns", "auto"]),
        ("SETGID", 6, &["--user", "1000:1000"]),
    ];
    for (name, number, flags) in requests {
        start_without(&ground, &[], flags)
            .unwrap_or_else(|message| panic!("{flags:?} must be had with all powers: {message}"));
        match start_without(&ground, &[number], flags) {
            Ok(posture) => panic!("{flags:?} without {name}: {posture}"),
            Err(message) => check_refused(name, &message),
        }
    }
    // More open files than the engine itself may have. A process that it starts has no capability that it lacks.
    let message = start_without(&ground, &[24], &["--ulimit", "nofile=1073741816:1073741816"]).expect_err("too many");
    check_refused("SYS_RESOURCE", &message);
}
