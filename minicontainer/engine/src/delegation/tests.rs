use std::{fs, process};

use tempfile::TempDir;

use super::*;

#[test]
fn writable_cgroup_is_not_necessarily_delegated() {
    #[track_caller]
    fn check(group: &str, marked: bool, delegated: bool) {
        assert_eq!(is_delegated(group, marked), delegated, "{group}");
    }
    const USER: &str = "user.slice/user-1000.slice/user@1000.service";
    check(&format!("{USER}/app.slice/run-r42.scope"), false, true);
    check(&format!("{USER}/app.slice/run-r42.scope/inner"), false, true);
    check(&format!("{USER}/app.slice/run-p7-i8.scope"), false, true);
    check(&format!("{USER}/app.slice/homework.service"), true, true);
    check(&format!("{USER}/app.slice/homework.service"), false, false);
    check(&format!("{USER}/app.slice/vte-spawn-42.scope"), false, false);
    check(&format!("{USER}/init.scope"), false, false);
    check(USER, false, false);
    // Root delegated it.
    check("user.slice/user-1000.slice/session-3.scope", false, true);
    check("system.slice/judge.service", false, true);
    check("ada", false, true);
    check("", false, true);
}

#[test]
fn process_owner_is_parsed() {
    assert_eq!(real_user("Name:\tsh\nUid:\t1000\t0\t0\t0\nGid:\t5\t5\t5\t5\n"), Some(1000));
    assert_eq!(real_user("Name:\tsh\n"), None);
}

/// A directory that looks like a cgroup with these processes.
fn group(processes: &str) -> TempDir {
    let group = tempfile::tempdir().unwrap();
    fs::write(group.path().join("cgroup.procs"), processes).unwrap();
    group
}

#[test]
fn moving_into_leaf_of_empty_cgroup_is_repeatable() {
    let group = group("");
    move_down(group.path()).unwrap();
    move_down(group.path()).expect("it can be repeated");
    assert!(group.path().join(ENGINE_GROUP).is_dir());
}

/// If another user's process is in the cgroup, no process is moved and nothing is created.
#[test]
fn cgroup_with_foreign_processes_is_left_alone() {
    for foreign in ["0", "1"] {
        let own = process::id();
        let group = group(&format!("{own}\n{foreign}\n"));
        // Process 1 belongs to root. If root runs the tests, there is no other user.
        if foreign == "1" && geteuid().is_root() {
            continue;
        }
        let error = move_down(group.path()).unwrap_err();
        assert!(
            matches!(error, DelegationError::ForeignProcess { pid, .. } if pid.to_string() == foreign),
            "{error}"
        );
        assert!(!group.path().join(ENGINE_GROUP).exists());
    }
}

#[test]
fn missing_cgroup_is_an_error() {
    let error = move_down(Path::new("/nowhere")).unwrap_err();
    assert!(error.to_string().starts_with("cannot read /nowhere/cgroup.procs"), "{error}");
}

#[test]
fn failed_move_is_an_error() {
    let group = group(&format!("{}\n", process::id()));
    let leaf = group.path().join(ENGINE_GROUP);
    fs::create_dir_all(leaf.join("cgroup.procs")).unwrap();
    let error = move_down(group.path()).unwrap_err();
    assert!(error.to_string().starts_with("cannot move a process into"), "{error}");
}
