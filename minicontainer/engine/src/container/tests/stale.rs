//! What killed engines leave behind, and when it is swept.

use super::*;

/// A `--rm` container whose engine was killed before its process ended.
fn orphan(env: &TestEnv, name: &str) -> std::process::Child {
    let child = sleeper();
    let mut supervisor = env.create(env.auto_removed(name));
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
    env.create(env.auto_removed("ended")).ended(&report(Verdict::Exited(0))).unwrap();
    assert_eq!((env.entries(), env.reserved().len()), (0, 0));

    let kept = env.create(env.auto_removed("supervisor"));
    drop(env.create(env.auto_removed("abandoned")));
    let child = orphan(&env, "orphan");
    drop(env.create(env.named("created")));
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
    drop(env.create(env.auto_removed("first")));
    drop(env.create(env.auto_removed("second")));
    assert_eq!(env.names(), ["second", "first"], "create does not remove others");
    env.reboot();
    drop(env.create(env.auto_removed("third")));
    assert_eq!(env.names(), ["third"]);
    drop(env.create(env.auto_removed("fourth")));
    assert_eq!(env.names(), ["fourth", "third"], "one sweep per boot is enough");
    env.reboot();
    drop(env.containers.temporary().unwrap());
    assert_eq!(env.names(), [""; 0], "a build's container counts as well");
}

#[test]
fn name_of_dead_auto_removed_container_is_free() {
    let env = test_env();
    let child = orphan(&env, "web");
    let taken = env.containers.create(&Id::random().unwrap(), env.named("web")).unwrap_err();
    assert!(matches!(taken, ContainerError::NameTaken { .. }), "its process lives: {taken}");
    end(child);
    let other = env.create(env.auto_removed("other"));
    let next = env.create(env.named("web"));
    assert_eq!(env.names(), ["web", "other"]);
    assert_eq!(env.containers.find("web").unwrap().id, next.container().id);
    drop(other);
    assert_eq!(env.names(), ["web", "other"], "only the container with the requested name was swept");
}

#[test]
fn prune_removes_dead_auto_removed_containers() {
    let env = test_env();
    drop(env.create(env.auto_removed("abandoned")));
    let (removed, _) = env.containers.prune(&|_| false).unwrap();
    assert_eq!((removed.len(), env.names().len()), (0, 0));
}

#[test]
fn sweep_removes_crash_leftovers_only() {
    let env = test_env();
    let supervisor = env.create(env.named("web"));
    let directory = env.containers.directory.clone();
    let half = |name: &str| fs::create_dir_all(directory.join(name).join("upper")).unwrap();
    half(&format!("{}.new", "1".repeat(64)));
    half(&format!("{}.removed", "2".repeat(64)));
    half(&format!("{}.run", "5".repeat(64)));
    // A sandbox of the library has no record.
    half(&"3".repeat(64));
    // A power failure left an empty record.
    half(&"4".repeat(64));
    fs::write(directory.join("4".repeat(64)).join("state.json"), "").unwrap();
    // A crash between the name and the directory, or between the removal of the directory and that of the name.
    let link = |name: &str, digit: &str| {
        let target = Path::new("../containers").join(digit.repeat(64));
        std::os::unix::fs::symlink(target, env.containers.store.names_directory().join(name)).unwrap();
    };
    link("made", "1");
    link("gone", "9");
    // A power failure lost a name.
    fs::remove_file(env.containers.store.names_directory().join("web")).unwrap();

    let mut meanings: Vec<&str> = env.containers.stale().unwrap().into_iter().map(|(_, what)| what).collect();
    meanings.sort_unstable();
    assert_eq!(
        meanings,
        [
            "a container of a killed build or judge",
            "a container without a record",
            "a name whose container is gone",
            "a name whose container is gone",
            "an incomplete container",
            "an incomplete container",
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
    drop(env.create(env.named("other")));
    let names = env.containers.store.names_directory();
    std::os::unix::fs::symlink(Path::new("../containers").join("9".repeat(64)), names.join("web")).unwrap();
    // The directory of a container that was being created when its engine was killed.
    fs::create_dir(env.containers.directory.join(format!("{}.new", "8".repeat(64)))).unwrap();
    std::os::unix::fs::symlink(Path::new("../containers").join("8".repeat(64)), names.join("made")).unwrap();
    env.create(env.named("web"));
    env.create(env.named("made"));
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
    drop(env.create(env.named("kept")));
    let names = env.containers.store.names_directory();
    std::os::unix::fs::symlink("/etc", names.join("link")).unwrap();
    std::os::unix::fs::symlink(format!("/tmp/{}", "0".repeat(64)), names.join("elsewhere")).unwrap();
    fs::create_dir(names.join("directory")).unwrap();
    fs::write(names.join("file"), "").unwrap();
    for name in ["link", "elsewhere", "directory", "file"] {
        let error = env.containers.create(&Id::random().unwrap(), env.named(name)).unwrap_err();
        assert!(error.to_string().ends_with("not the name of a container"), "{error}");
    }
    env.containers.sweep().unwrap();
    assert_eq!(env.reserved(), ["kept"]);
    drop(env.create(env.named("link")));
}

/// A damaged record must not cause other processes to be killed, or directories outside the hierarchies to be
/// removed.
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
