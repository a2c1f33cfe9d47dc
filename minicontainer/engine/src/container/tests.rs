use minicontainer::Diagnostic as _;
use std::{process::Command, sync::Barrier, thread};

use minicontainer::{Report, Verdict, core::report::EnforcedLimits, store::Store};
use tempfile::TempDir;

use super::*;

struct Place {
    containers: Containers,
    directory: TempDir,
}

fn place() -> Place {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().join("store")).unwrap();
    Place { containers: Containers::of(&store), directory }
}

fn called(name: &str) -> NewContainer {
    NewContainer { name: Some(name.parse().unwrap()), ..NewContainer::example() }
}

fn thrown_away(name: &str) -> NewContainer {
    NewContainer { after_exit: AfterExit::Remove, ..called(name) }
}

fn report(verdict: Verdict) -> Report {
    let time = std::time::Duration::from_millis(5);
    Report {
        verdict,
        init: true,
        cpu_time: time,
        wall_time: time,
        max_rss: 4096,
        peak_memory: None,
        oom_kills: 0,
        voluntary_switches: 0,
        forced_switches: 0,
        disk_full: None,
        limits: EnforcedLimits::default(),
    }
}

impl Place {
    fn create(&self, wanted: NewContainer) -> Attended {
        self.containers.create(&Id::random().unwrap(), wanted).unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.containers.list().unwrap().into_iter().map(|container| container.name.to_string()).collect()
    }

    /// What lies in the directory of all containers.
    fn entries(&self) -> usize {
        fs::read_dir(&self.containers.directory).map_or(0, Iterator::count)
    }
}

/// A process that runs until it is killed.
fn sleeper() -> std::process::Child {
    Command::new("sleep").arg("600").spawn().unwrap()
}

#[test]
fn a_life_from_created_to_removed() {
    let place = place();
    let mut attended = place.create(called("web-1"));
    let found = place.containers.find("web-1").unwrap();
    assert_eq!((&found.id, &found.state), (&attended.container().id, &State::Created));
    let mut child = sleeper();
    attended.started(child.id()).unwrap();
    let running = place.containers.find("web-1").unwrap();
    assert!(matches!(&running.state, State::Running { process, .. } if process.pid.unsigned_abs() == child.id()));

    child.kill().unwrap();
    child.wait().unwrap();
    attended.ended(&report(Verdict::Signalled(9))).unwrap();
    let ended = place.containers.find(running.id.short()).unwrap();
    let State::Exited { code, finished, report: Some(_), .. } = ended.state else { panic!("{ended:?}") };
    assert_eq!((code, finished.is_some()), (Some(137), true));

    assert_eq!(place.containers.remove("web-1", Force::Refuse).unwrap(), running.id);
    assert!(place.containers.list().unwrap().is_empty());
    assert_eq!(place.entries(), 0);
}

#[test]
fn one_of_many_who_race_gets_the_name() {
    let place = place();
    let (count, start) = (16, Barrier::new(16));
    let outcomes: Vec<Result<Attended, ContainerError>> = thread::scope(|scope| {
        let race = || {
            start.wait();
            place.containers.create(&Id::random().unwrap(), called("web"))
        };
        let racers: Vec<_> = (0..count).map(|_| scope.spawn(race)).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let winner = outcomes.iter().find_map(|outcome| outcome.as_ref().ok()).expect("one wins").container().id.clone();
    let losers = outcomes.iter().filter_map(|outcome| outcome.as_ref().err());
    let told: Vec<String> = losers.map(|error| error.to_string()).collect();
    let expected = format!(
        "Conflict. The container name \"/web\" is already in use by container \"{winner}\". You have to remove (or rename) \
         that container to be able to reuse that name."
    );
    assert_eq!(told, vec![expected; count - 1]);
    assert_eq!(place.entries(), 1);
}

#[test]
fn containers_are_found_by_name_id_and_beginning_of_an_id() {
    let place = place();
    let (one, other) = (format!("ab{}", "0".repeat(62)), format!("ac{}", "0".repeat(62)));
    for (id, name) in [(&one, "first"), (&other, "ab")] {
        place.containers.create(&id.parse().unwrap(), called(name)).unwrap();
    }
    let check =
        |text: &str, expect: &str| assert_eq!(place.containers.find(text).unwrap().id.as_str(), expect, "{text}");
    check("first", &one);
    check(&one, &one);
    check("ab0", &one);
    check("ac", &other);
    // A whole name goes before the beginning of an id.
    check("ab", &other);
    let message = |text: &str| place.containers.find(text).unwrap_err().to_string();
    assert_eq!(message("a"), "multiple IDs found with provided prefix: a");
    assert_eq!(message("nobody"), "No such container: nobody");
    assert_eq!(message(""), "No such container: ");
    assert_eq!(message("../store"), "No such container: ../store");
}

#[test]
fn the_newest_is_listed_first() {
    let place = place();
    for name in ["one", "two", "three"] {
        place.create(called(name));
    }
    assert_eq!(place.names(), ["three", "two", "one"]);
}

#[test]
fn a_running_container_is_removed_only_by_force() {
    let place = place();
    let mut child = sleeper();
    let mut attended = place.create(called("web"));
    attended.started(child.id()).unwrap();
    let refused = place.containers.remove("web", Force::Refuse).unwrap_err();
    assert!(matches!(refused, ContainerError::IsRunning { .. }), "{refused}");
    place.containers.remove("web", Force::Kill).unwrap();
    assert!(!child.wait().unwrap().success());
    assert_eq!(place.entries(), 0);
    // The engine that attended it finds nothing to write to, and that is right.
    attended.ended(&report(Verdict::Signalled(9))).unwrap();
    assert_eq!(place.entries(), 0);
}

#[test]
fn a_record_that_says_running_is_not_believed_when_the_process_is_gone() {
    let place = place();
    let mut child = sleeper();
    let mut attended = place.create(called("web"));
    attended.started(child.id()).unwrap();
    // The engine is killed: its lock goes, its container goes on.
    drop(attended);
    assert!(place.containers.find("web").unwrap().is_running());
    child.kill().unwrap();
    child.wait().unwrap();
    let state = place.containers.find("web").unwrap().state;
    assert!(matches!(state, State::Exited { code: None, finished: None, report: None, .. }), "{state:?}");
    place.containers.remove("web", Force::Refuse).unwrap();
}

#[test]
fn what_is_thrown_away_is_removed_at_its_end_or_swept_after_its_engine() {
    let place = place();
    place.create(thrown_away("ended")).ended(&report(Verdict::Exited(0))).unwrap();
    assert_eq!(place.entries(), 0);

    let kept = place.create(thrown_away("attended"));
    drop(place.create(thrown_away("abandoned")));
    let mut child = sleeper();
    let mut orphan = place.create(thrown_away("orphan"));
    orphan.started(child.id()).unwrap();
    drop(orphan);
    drop(place.create(called("created")));
    assert_eq!(place.names(), ["created", "orphan", "attended"]);
    child.kill().unwrap();
    child.wait().unwrap();
    drop(kept);
    place.create(called("last"));
    assert_eq!(place.names(), ["last", "created"]);
}

#[test]
fn what_a_crash_left_is_swept_and_what_is_the_librarys_is_not() {
    let place = place();
    let attended = place.create(called("web"));
    let half = |name: &str| fs::create_dir_all(place.containers.directory.join(name).join("upper")).unwrap();
    half(&format!("{}.new", "1".repeat(64)));
    half(&format!("{}.removed", "2".repeat(64)));
    // A sandbox of the library's has no record.
    half(&"3".repeat(64));
    // A power cut left an empty record.
    half(&"4".repeat(64));
    fs::write(place.containers.directory.join("4".repeat(64)).join("state.json"), "").unwrap();
    assert_eq!(place.names(), ["web"]);
    place.create(called("next"));
    assert_eq!(place.names(), ["next", "web"]);
    assert_eq!(place.entries(), 3);
    assert!(place.containers.directory.join("3".repeat(64)).exists());
    drop(attended);
}

#[test]
fn a_damaged_record_is_told_with_its_place_and_harms_no_other_container() {
    let place = place();
    let attended = place.create(called("web"));
    let other = place.create(called("other"));
    let (id, file) = (attended.container().id.clone(), state_file(&attended.place()));
    fs::write(&file, "{").unwrap();
    assert_eq!(place.names(), ["other"]);
    assert_eq!(place.containers.find("other").unwrap().id, other.container().id);
    let error = place.containers.find(id.short()).unwrap_err();
    let message = error.to_string().replace(&place.directory.path().display().to_string(), "DIRECTORY");
    assert_eq!(message, format!("DIRECTORY/store/containers/{id}/state.json is no valid record of a container"));
    assert!(error.hint().unwrap().contains(&format!("minicontainer rm {}", id.short())));
    let damaged = place.containers.damaged().unwrap();
    assert_eq!(damaged.iter().map(|(id, _)| id).collect::<Vec<_>>(), [&id]);
    // Its engine lives, so it goes by force only.
    place.containers.remove(id.short(), Force::Refuse).unwrap_err();
    drop(attended);
    assert!(file.exists());
    place.create(called("one-more"));
    assert!(file.exists(), "it is kept until somebody removes it");
    assert_eq!(place.containers.remove(id.short(), Force::Refuse).unwrap(), id);
    assert_eq!(place.names(), ["one-more", "other"]);
    assert_eq!(place.entries(), 2);
}

#[test]
fn containers_that_have_ended_are_pruned_and_those_about_to_start_are_not() {
    let place = place();
    let starting = place.create(called("starting"));
    let ended = place.create(called("ended"));
    fs::create_dir(ended.place().join("upper")).unwrap();
    fs::write(ended.place().join("upper/note"), "hello").unwrap();
    ended.ended(&report(Verdict::Exited(0))).unwrap();
    drop(place.create(called("spared")));
    let (removed, reclaimed) = place.containers.prune(&|container| container.name.as_str() != "spared").unwrap();
    assert_eq!(removed.iter().map(|container| container.name.as_str()).collect::<Vec<_>>(), ["ended"]);
    assert_eq!(reclaimed, 5);
    assert_eq!(place.names(), ["spared", "starting"]);
    drop(starting);
}

#[test]
fn names_are_made_up_and_differ() {
    let place = place();
    let (one, other) = (place.create(NewContainer::example()), place.create(NewContainer::example()));
    assert_ne!(one.container().name, other.container().name);
}

#[test]
fn the_record_is_plain_json() {
    let place = place();
    let id: Id = "0123456789abcdef".repeat(4).parse().unwrap();
    let mut attended = place.containers.create(&id, called("web")).unwrap();
    attended.failed(127, "no such program".to_owned()).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&fs::read(state_file(&attended.place())).unwrap()).unwrap();
    insta::assert_json_snapshot!(record, { ".created" => "[nanoseconds]" });
}
