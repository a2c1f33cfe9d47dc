mod locks;
mod records;
mod stale;

use minicontainer::Diagnostic as _;
use std::{process::Command, sync::Barrier, thread};

use minicontainer::{Report, Verdict, store::Store};
use tempfile::TempDir;

use super::*;

struct TestEnv {
    containers: Containers,
    directory: TempDir,
    request: NewContainer,
}

fn test_env() -> TestEnv {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    let request = NewContainer::example(&store).unwrap();
    TestEnv { containers: Containers::of(&store), directory, request }
}

fn report(verdict: Verdict) -> Report {
    let time = std::time::Duration::from_millis(5);
    let mut report = Report::new(verdict);
    report.init = true;
    (report.cpu_time, report.wall_time, report.max_rss) = (time, time, 4096);
    report
}

impl TestEnv {
    /// A request for a container that is kept.
    fn named(&self, name: &str) -> NewContainer {
        NewContainer { name: Some(name.parse().unwrap()), ..self.request.clone() }
    }

    /// A request for a container that is removed at the exit of its process.
    fn auto_removed(&self, name: &str) -> NewContainer {
        let mut request = self.named(name);
        request.config.after_exit = AfterExit::Remove;
        request
    }

    fn create(&self, request: NewContainer) -> Supervisor {
        self.containers.create(&Id::random().unwrap(), request).unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.containers.list().unwrap().into_iter().map(|container| container.name.to_string()).collect()
    }

    /// The number of entries in the directory of all containers.
    fn entries(&self) -> usize {
        fs::read_dir(&self.containers.directory).map_or(0, Iterator::count)
    }

    /// The names that are reserved.
    fn reserved(&self) -> Vec<String> {
        let entries = fs::read_dir(self.containers.store.names_directory()).into_iter().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Makes the next engine detect a reboot.
    fn reboot(&self) {
        fs::write(self.containers.store.swept_file(), "another boot").unwrap();
    }
}

/// A process that runs until it is killed.
fn sleeper() -> std::process::Child {
    Command::new("sleep").arg("600").spawn().unwrap()
}

#[test]
fn container_lifecycle_from_create_to_remove() {
    let env = test_env();
    let mut supervisor = env.create(env.named("web-1"));
    let found = env.containers.find("web-1").unwrap();
    // An engine supervises it.
    assert_eq!((&found.id, &found.state), (&supervisor.container().id, &State::Starting { before: None }));
    let mut child = sleeper();
    supervisor.started(child.id()).unwrap();
    let running = env.containers.find("web-1").unwrap();
    assert!(matches!(&running.state, State::Running { process, .. } if process.pid.unsigned_abs() == child.id()));

    child.kill().unwrap();
    child.wait().unwrap();
    supervisor.ended(&report(Verdict::Signalled(9))).unwrap();
    let ended = env.containers.find(running.id.short()).unwrap();
    let State::Exited(exit) = ended.state else { panic!("{ended:?}") };
    assert_eq!((exit.code, exit.finished.is_some(), exit.report.is_some()), (Some(137), true, true));

    assert_eq!(env.containers.remove("web-1", Force::Refuse).unwrap(), running.id);
    assert!(env.containers.list().unwrap().is_empty());
    assert_eq!((env.entries(), env.reserved().len()), (0, 0));
}

#[test]
fn failed_start_leaves_created_container_with_reason() {
    let env = test_env();
    let mut supervisor = env.create(env.named("web"));
    supervisor.failed(127, "no such program".to_owned()).unwrap();
    drop(supervisor);
    let state = env.containers.find("web").unwrap().state;
    assert_eq!((state.docker_status(), state.exit_code()), ("created", Some(127)));
    assert_eq!(state.failure().unwrap().message, "no such program");
}

#[test]
fn exit_without_start_is_refused() {
    let env = test_env();
    let supervisor = env.create(env.named("web"));
    let id = supervisor.container().id.clone();
    let refused = supervisor.ended(&report(Verdict::Exited(0))).unwrap_err();
    assert_eq!(refused.to_string(), format!("container {id} is not running"));
    assert_eq!(env.containers.find("web").unwrap().state, State::created());
}

#[test]
fn name_goes_to_one_of_many_concurrent_creates() {
    let env = test_env();
    let (count, start) = (16, Barrier::new(16));
    let outcomes: Vec<Result<Supervisor, ContainerError>> = thread::scope(|scope| {
        let race = || {
            start.wait();
            env.containers.create(&Id::random().unwrap(), env.named("web"))
        };
        let racers: Vec<_> = (0..count).map(|_| scope.spawn(race)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let winner = outcomes.iter().find_map(|outcome| outcome.as_ref().ok()).expect("one wins").container().id.clone();
    let losers = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let messages: Vec<String> = losers.map(|error| error.to_string()).collect();
    let expected = format!(
        "Conflict. The container name \"/web\" is already in use by container \"{winner}\". You have to remove (or rename) \
         that container to be able to reuse that name."
    );
    assert_eq!(messages, vec![expected; count - 1]);
    assert_eq!((env.entries(), env.reserved()), (1, vec!["web".to_owned()]));
}

#[test]
fn containers_are_found_by_name_id_and_id_prefix() {
    let env = test_env();
    let (one, other) = (format!("ab{}", "0".repeat(62)), format!("ac{}", "0".repeat(62)));
    for (id, name) in [(&one, "first"), (&other, "ab")] {
        env.containers.create(&id.parse().unwrap(), env.named(name)).unwrap();
    }
    let check =
        |text: &str, expect: &str| assert_eq!(env.containers.find(text).unwrap().id.as_str(), expect, "{text}");
    check("first", &one);
    check(&one, &one);
    check("ab0", &one);
    check("ac", &other);
    // A full name takes precedence over an id prefix.
    check("ab", &other);
    let message = |text: &str| env.containers.find(text).unwrap_err().to_string();
    assert_eq!(message("a"), "multiple IDs found with provided prefix: a");
    assert_eq!(message("missing"), "No such container: missing");
    assert_eq!(message(""), "No such container: ");
    assert_eq!(message("../store"), "No such container: ../store");
}

#[test]
fn newest_container_is_listed_first() {
    let env = test_env();
    for name in ["one", "two", "three"] {
        env.create(env.named(name));
    }
    assert_eq!(env.names(), ["three", "two", "one"]);
}

#[test]
fn running_container_is_removed_only_with_force() {
    let env = test_env();
    let mut child = sleeper();
    let mut supervisor = env.create(env.named("web"));
    supervisor.started(child.id()).unwrap();
    let refused = env.containers.remove("web", Force::Refuse).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "cannot remove container \"/web\": container is running: stop the container before removing or force remove"
    );
    assert_eq!(refused.hint().unwrap(), "`minicontainer rm -f web` kills and removes it");
    env.containers.remove("web", Force::Kill).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(env.entries(), 0);
    // The supervising engine finds nothing to record, which is not an error.
    supervisor.ended(&report(Verdict::Signalled(9))).unwrap();
    assert_eq!(env.entries(), 0);
}

#[test]
fn container_of_dead_process_is_not_running() {
    let env = test_env();
    let mut child = sleeper();
    let mut supervisor = env.create(env.named("web"));
    supervisor.started(child.id()).unwrap();
    // The engine is killed: its lock is released, and its container continues.
    drop(supervisor);
    assert!(env.containers.find("web").unwrap().is_running());
    child.kill().unwrap();
    child.wait().unwrap();
    let state = env.containers.find("web").unwrap().state;
    assert!(matches!(&state, State::Exited(exit) if exit.code.is_none() && exit.finished.is_none()), "{state:?}");
    env.containers.remove("web", Force::Refuse).unwrap();
}

#[test]
fn prune_removes_exited_but_not_starting_containers() {
    let env = test_env();
    let starting = env.create(env.named("starting"));
    let mut ended = env.create(env.named("ended"));
    ended.started(std::process::id()).unwrap();
    fs::create_dir(ended.place().join("upper")).unwrap();
    fs::write(ended.place().join("upper/note"), "hello").unwrap();
    ended.ended(&report(Verdict::Exited(0))).unwrap();
    drop(env.create(env.named("spared")));
    let (removed, reclaimed) = env.containers.prune(&|container| container.name.as_str() != "spared").unwrap();
    assert_eq!(removed.iter().map(|container| container.name.as_str()).collect::<Vec<_>>(), ["ended"]);
    assert_eq!(reclaimed, 5);
    assert_eq!(env.names(), ["spared", "starting"]);
    drop(starting);
}

#[test]
fn generated_names_are_distinct() {
    let env = test_env();
    let (one, other) = (env.create(env.request.clone()), env.create(env.request.clone()));
    assert_ne!(one.container().name, other.container().name);
}
