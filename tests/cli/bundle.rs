//! Bundles of `spec`: runc and crun run them without changes.

use std::process::Command;

use crate::{skip, test_env::TestEnv};

const SCRIPT: &str = "uname -n; id -u; echo $A; ls /proc/sys/kernel >/dev/null && touch /x && echo wrote";

#[track_caller]
fn check(runtime: &str, script: &str) {
    let Some(place) = TestEnv::seeded_root() else { return };
    let there = Command::new(runtime).arg("--version").output().is_ok_and(|output| output.status.success());
    if !skip::require(there, runtime) {
        return;
    }
    let flags = ["-h", "attic", "-e", "A=b", "--memory", "64m", "--pids-limit", "20", "--tmpfs", "/t"];
    let words = [&["spec", "--bundle", "bundle"], &flags[..], &["busybox", "sh", "-c", SCRIPT]].concat();
    assert_eq!(place.succeed(&words), "bundle\n");
    let id = format!("mc-cli-{runtime}-{}", std::process::id());
    // crun before 1.9 refuses hybrid cgroups, so its script unmounts the second hierarchy in a new mount namespace.
    let output = place.program("unshare", &["--mount", "--propagation", "private", "sh", "-c", script, &id]).output();
    let answer = place.answer(output.unwrap());
    assert_eq!(answer.show(), "attic\n0\nb\nwrote\nexit code 0\n");

    let again = place.run(&["spec", "--bundle", "bundle", "busybox"]);
    assert_eq!(again.code, 125);
    assert!(again.stderr.contains("bundle/rootfs already exists"), "{}", again.stderr);
}

#[test]
fn runc_runs_the_bundle() {
    check("runc", "exec runc run --bundle bundle \"$0\"");
}

#[test]
fn crun_runs_the_bundle() {
    check("crun", "umount /sys/fs/cgroup/unified 2>/dev/null; exec crun run --bundle bundle \"$0\"");
}
