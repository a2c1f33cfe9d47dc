//! What dead engines leave, and when it is swept.

use super::*;

/// A `--rm` container whose engine was killed before its process ended.
fn orphan(env: &TestEnv, name: &str) -> std::process::Child {
    let child = sleeper();
    let mut supervisor = env.create(env.thrown_away(name));
    supervisor.started(child.id()).unwrap();
    child
}

fn end(mut child: std::process::Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn auto_removed_container_goes_at_exit_or_sweep() {
    let env = test_env();
    env.create(env.thrown_away("ended")).ended(&report(Verdict::Exited(0))).unwrap();
    assert_eq!((env.entries(), env.reserved().len()), (0, 0));

    let kept = env.create(env.thrown_away("supervisor"));
    drop(env.create(env.thrown_away("abandoned")));
    let child = orphan(&env, "orphan");
    drop(env.create(env.called("created")));
    env.containers.sweep().unwrap();
    assert_eq!(env.names(), ["created", "orphan", "supervisor"]);
    end(child);
    drop(kept);
    env.containers.sweep().unwrap();
    assert_eq!((env.names(), env.reserved()), (vec!["created".to_owned()], vec!["created".to_owned()]));
}

#[test]
fn create_sweeps_once_per_boot() {
    let env = test_env();
    drop(env.create(env.thrown_away("first")));
    drop(env.create(env.thrown_away("second")));
    assert_eq!(env.names(), ["second", "first"], "create leaves others alone");
    env.reboot();
    drop(env.create(env.thrown_away("third")));
    assert_eq!(env.names(), ["third"]);
    drop(env.create(env.thrown_away("fourth")));
    assert_eq!(env.names(), ["fourth", "third"], "once is enough");
    env.reboot();
    drop(env.containers.temporary().unwrap());
    assert_eq!(env.names(), [""; 0], "a build's container counts as well");
}

#[test]
fn name_of_dead_auto_removed_container_is_free() {
    let env = test_env();
    let child = orphan(&env, "web");
    let taken = env.containers.create(&Id::random().unwrap(), env.called("web")).unwrap_err();
    assert!(matches!(taken, ContainerError::NameTaken { .. }), "its process lives: {taken}");
    end(child);
    let other = env.create(env.thrown_away("other"));
    let next = env.create(env.called("web"));
    assert_eq!(env.names(), ["web", "other"]);
    assert_eq!(env.containers.find("web").unwrap().id, next.container().id);
    drop(other);
    assert_eq!(env.names(), ["web", "other"], "only the one in the way was swept");
}

#[test]
fn prune_removes_dead_auto_removed_containers() {
    let env = test_env();
    drop(env.create(env.thrown_away("abandoned")));
    let (removed, _) = env.containers.prune(&|_| false).unwrap();
    assert_eq!((removed.len(), env.names().len()), (0, 0));
}

#[test]
fn sweep_removes_crash_leftovers_only() {
    let env = test_env();
    let supervisor = env.create(env.called("web"));
    let directory = env.containers.directory.clone();
    let half = |name: &str| fs::create_dir_all(directory.join(name).join("upper")).unwrap();
    half(&format!("{}.new", "1".repeat(64)));
    half(&format!("{}.removed", "2".repeat(64)));
    half(&format!("{}.run", "5".repeat(64)));
    // A sandbox of the library's has no record.
    half(&"3".repeat(64));
    // A power cut left an empty record.
    half(&"4".repeat(64));
    fs::write(directory.join("4".repeat(64)).join("state.json"), "").unwrap();
    // A crash between the name and the place, or between the loss of the place and that of the name.
    let link = |name: &str, digit: &str| {
        let target = Path::new("../containers").join(digit.repeat(64));
        std::os::unix::fs::symlink(target, env.containers.store.names_directory().join(name)).unwrap();
    };
    link("made", "1");
    link("gone", "9");
    // A power cut took a name.
    fs::remove_file(env.containers.store.names_directory().join("web")).unwrap();

    let mut told: Vec<&str> = env.containers.stale().unwrap().into_iter().map(|(_, what)| what).collect();
    told.sort_unstable();
    assert_eq!(
        told,
        [
            "a container of a build or a judging that was killed",
            "a container without a record",
            "a name whose container is gone",
            "a name whose container is gone",
            "half a container",
            "half a container",
        ]
    );
    assert_eq!(env.names(), ["web"]);
    env.containers.sweep().unwrap();
    assert_eq!((env.entries(), env.reserved()), (2, vec!["web".to_owned()]));
    assert!(directory.join("3".repeat(64)).exists());
    assert!(env.containers.stale().unwrap().is_empty());
    drop(supervisor);
}

#[test]
fn names_left_by_a_crash_are_free() {
    let env = test_env();
    drop(env.create(env.called("other")));
    let names = env.containers.store.names_directory();
    std::os::unix::fs::symlink(Path::new("../containers").join("9".repeat(64)), names.join("web")).unwrap();
    // The directory of one that was being made when its engine was killed.
    fs::create_dir(env.containers.directory.join(format!("{}.new", "8".repeat(64)))).unwrap();
    std::os::unix::fs::symlink(Path::new("../containers").join("8".repeat(64)), names.join("made")).unwrap();
    env.create(env.called("web"));
    env.create(env.called("made"));
    assert_eq!(env.names(), ["made", "web", "other"]);
}

#[test]
fn sweep_skips_directories_in_use() {
    let env = test_env();
    env.containers.sweep().unwrap();
    let staged = env.containers.directory.join(format!("{}.new", "1".repeat(64)));
    let claim = supervisor_lock::make(&staged).unwrap();
    let temporary = env.containers.temporary().unwrap();
    env.containers.sweep().unwrap();
    assert!(staged.exists() && temporary.path().exists());
    assert!(env.containers.stale().unwrap().is_empty());
    drop(claim);
    env.containers.sweep().unwrap();
    assert!(!staged.exists());
}

#[test]
fn foreign_entries_among_names_are_refused_and_repaired() {
    let env = test_env();
    drop(env.create(env.called("kept")));
    let names = env.containers.store.names_directory();
    std::os::unix::fs::symlink("/etc", names.join("link")).unwrap();
    std::os::unix::fs::symlink(format!("/tmp/{}", "0".repeat(64)), names.join("elsewhere")).unwrap();
    fs::create_dir(names.join("directory")).unwrap();
    fs::write(names.join("file"), "").unwrap();
    for name in ["link", "elsewhere", "directory", "file"] {
        let error = env.containers.create(&Id::random().unwrap(), env.called(name)).unwrap_err();
        assert!(error.to_string().ends_with("it is not a container's name"), "{error}");
    }
    env.containers.sweep().unwrap();
    assert_eq!(env.reserved(), ["kept"]);
    drop(env.create(env.called("link")));
}

/// A damaged record must not have other processes killed, or directories outside the hierarchies removed.
#[test]
fn only_a_containers_own_cgroup_is_removed() {
    let id = "0123456789abcdef".repeat(4);
    let is_own = |name: &str| crate::container::remove::is_cgroup_of(name, &id);
    assert!(is_own(&format!("minicontainer-{id}")) && is_own(&format!("users/ada/minicontainer-{id}")));
    for name in
        ["", "/", "user.slice", "../x", &format!("/minicontainer-{id}"), &format!("../{id}"), &format!("{id}/..")]
    {
        assert!(!is_own(name), "{name}");
    }
}
