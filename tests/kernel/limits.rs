//! Limits are enforced, with the control that the same program succeeds without them; and the report contains what
//! happened.

use std::time::Duration;

use minicontainer::core::options::Isolation;
use minicontainer::{Error, MIB, Verdict};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, succeeds, text};

#[test]
fn memory_limit_is_enforced() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    // tmpfs uses memory, and it is the container's.
    let script = "exec dd if=/dev/zero of=/dev/shm/x bs=1048576 count=40 2>/dev/null";
    let limited = run(&shell(&image, script).memory(16 * MIB));
    assert_eq!(limited.report.verdict, Verdict::MemoryLimit);
    assert_eq!(limited.report.oom_kills, 1);
    assert_eq!(limited.report.limits.memory, Some(16 * MIB));
    assert!(
        limited.report.peak_memory.is_some_and(|peak| peak <= 16 * MIB && peak > 8 * MIB),
        "{:?}",
        limited.report
    );
    let unlimited = run(&shell(&image, script));
    assert_eq!((unlimited.report.verdict, unlimited.report.limits.memory), (Verdict::Exited(0), None));
}

/// If the kernel kills only a child of the program, the program's exit code and the report's count show it.
#[test]
fn oom_killed_child_is_counted() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let script = "dd if=/dev/zero of=/dev/shm/x bs=1048576 count=40 2>/dev/null; rm /dev/shm/x; exit 3";
    let report = run(&shell(&image, script).memory(16 * MIB)).report;
    assert_eq!((report.verdict, report.oom_kills), (Verdict::Exited(3), 1));
}

#[test]
fn pids_limit_is_enforced() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let script = "for i in 1 2 3 4 5 6 7 8; do sleep 0.2 & done; wait; echo all";
    let limited = run(&shell(&image, script).pids(5));
    assert!(String::from_utf8_lossy(&limited.stderr).contains("can't fork"), "{limited:?}");
    assert_eq!(text(&shell(&image, script)), "all");
    // A limit that was not requested is set all the same, and shown.
    assert_eq!(run(&shell(&image, "true")).report.limits.pids, Some(512));
}

#[test]
fn cpu_limit_is_enforced() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let script = "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max";
    let limited = shell(&image, script).cpus(0.5);
    assert_eq!(text(&limited), "50000");
    assert_eq!(run(&limited).report.limits.millicpus, Some(500));
    assert!(["-1", "max"].contains(&text(&shell(&image, script)).as_str()));
}

/// The container sees the files of its own group, and can change none of them. The control: with all capabilities the
/// group's file system can be made writable.
#[test]
fn limits_cannot_be_changed_from_inside() {
    let Some(fixture) = Fixture::limited() else { return };
    let image = busybox(&fixture);
    let own = "cd /sys/fs/cgroup/memory 2>/dev/null || cd /sys/fs/cgroup";
    let limited = |probe: &str| shell(&image, &format!("{own}; {probe}")).memory(16 * MIB);
    assert_eq!(text(&limited("cat memory.max 2>/dev/null || cat memory.limit_in_bytes")), (16 * MIB).to_string());
    for file in ["memory.max", "memory.swap.max", "memory.limit_in_bytes", "cgroup.procs", "cgroup.subtree_control"] {
        assert!(!succeeds(&limited(&format!("echo 99999999 > {file}"))), "{file}");
    }
    let group = "mount -o remount,bind,rw . && mkdir group && rmdir group";
    assert!(!succeeds(&limited(group)));
    assert!(succeeds(&limited(group).without(Isolation::Capabilities)));
}

#[test]
fn wall_time_limit_is_enforced() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    // Its grandchildren end with it; the snapshot would find them.
    let script = "echo before; (sleep 100 & sleep 100) & sleep 100";
    let output = run(&shell(&image, script).wall_time(Duration::from_millis(300)));
    assert_eq!((output.report.verdict, output.stdout.as_slice()), (Verdict::TimeLimit, &b"before\n"[..]));
    assert!(succeeds(&shell(&image, "sleep 0.1").wall_time(Duration::from_secs(60))));
}

/// A limit that cannot be enforced is an error with its cause and a hint. A default that cannot be is not an error,
/// and the report shows that it is missing.
#[test]
fn unavailable_limit_is_an_error() {
    let Some(fixture) = Fixture::user() else { return };
    let output = |arguments: &[&str]| fixture.command().args(arguments).output().expect("the command starts");
    assert!(output(&["image", "seed"]).status.success());
    let limited = output(&["run", "--rm", "--memory", "64m", "busybox", "true"]);
    let stderr = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(125), "{stderr}");
    let version2 = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    // On version 2 the cause depends on where the tests run; `delegation` tests each.
    let causes: &[&str] = match version2 {
        true => &["no cgroup is delegated to you", "processes are in"],
        false => &["the cgroup hierarchy belongs to root"],
    };
    let is_reported = |cause: &&str| stderr.contains(&format!("the memory limit cannot be applied: {cause}"));
    assert!(causes.iter().any(is_reported) && stderr.contains("hint: "), "{stderr}");
    let report = fixture.store().join("report.json");
    let report = report.to_str().expect("text");
    assert!(output(&["run", "--rm", "--report", report, "busybox", "true"]).status.success());
    let report: serde_json::Value =
        serde_json::from_slice(&std::fs::read(report).expect("the report")).expect("JSON");
    assert_eq!(report["limits"]["pids"], serde_json::Value::Null, "{report}");
    assert_eq!(report["verdict"]["exited"], 0, "{report}");
}

#[test]
fn too_little_memory_is_refused() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let error = shell(&image, "true").memory(5 * MIB).output().expect_err("too little");
    assert!(matches!(error, Error::Spec(_)), "{error:?}");
}
