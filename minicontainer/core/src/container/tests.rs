use std::{collections::BTreeSet, time::Duration};

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;

fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn process(pid: i32) -> ProcessIdentity {
    ProcessIdentity { pid, start_time: 105_179, boot_id: "ae0ab472-421b-4269-a45e-5ae0f4f88d9a".to_owned() }
}

fn exit(code: i32) -> Exit {
    Exit { code: Some(code), started: time(100), finished: Some(time(160)), report: None, failure: None }
}

fn not_found() -> StartFailure {
    StartFailure { code: 127, message: "no such program".to_owned() }
}

/// One of each state. States that can follow an exit are also tested with one.
fn states() -> Vec<(&'static str, State)> {
    vec![
        ("Created", State::created()),
        ("Created, failed", State::Created { failure: Some(not_found()) }),
        ("Starting", State::Starting { before: None }),
        ("Starting again", State::Starting { before: Some(exit(1)) }),
        ("Running", State::Running { process: process(7), started: time(100) }),
        ("Paused", State::Paused { process: process(7), started: time(100) }),
        ("Restarting", State::Restarting(exit(1))),
        ("Exited", State::Exited(exit(3))),
        ("Removing", State::Removing { before: Some(exit(1)) }),
        ("Dead", State::Dead { before: None }),
    ]
}

fn events() -> Vec<(&'static str, Event)> {
    vec![
        ("Start", Event::Start),
        ("Started", Event::Started { process: process(8), at: time(200) }),
        ("StartFailed", Event::StartFailed(not_found())),
        ("Pause", Event::Pause),
        ("Unpause", Event::Unpause),
        ("Exit", Event::Exit { code: Some(3), at: Some(time(260)), report: None }),
        ("Restart", Event::Restart),
        ("Stop", Event::Stop),
        ("Remove(Refuse)", Event::Remove(Force::Refuse)),
        ("Remove(Kill)", Event::Remove(Force::Kill)),
        ("RemoveFailed", Event::RemoveFailed),
    ]
}

/// The name of a state in the diagram.
fn name(state: &State) -> String {
    let debug = format!("{state:?}");
    debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_event_in_every_state() {
    let mut table = String::new();
    for (from, state) in states() {
        for (event, happens) in events() {
            let outcome = match state.apply(happens) {
                Ok(next) => format!("{}, exit code {:?}", name(&next), next.exit_code()),
                Err(refused) => format!("refused: {}", refused.message("0123", "web")),
            };
            table += &format!("{from:16} {event:15} {outcome}\n");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn every_state_as_text_and_json() {
    let mut table = String::new();
    for (title, state) in states() {
        let json = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<State>(&json).unwrap(), state, "{json}");
        table += &format!("{title}: {}; {}\n  {json}\n", state.docker_status(), state.summary(time(1000)));
    }
    insta::assert_snapshot!(table);
}

#[test]
fn failed_restart_keeps_previous_exit_code() {
    let state = State::Starting { before: Some(exit(1)) };
    let state = state.apply(Event::StartFailed(not_found())).unwrap();
    assert_eq!((state.docker_status(), state.exit_code()), ("exited", Some(127)));
    assert_eq!(state.exit().and_then(|exit| exit.code), Some(1));
    assert_eq!(state.failure(), Some(&not_found()));
}

#[test]
fn unobserved_exit_has_unknown_code() {
    let running = State::Running { process: process(7), started: time(100) };
    let state = running.apply(Event::Exit { code: None, at: None, report: None }).unwrap();
    assert_eq!((state.exit_code(), state.summary(time(1000)).as_str()), (None, "Exited (unknown)"));
}

#[track_caller]
fn check_duration(seconds: u64, expect: &str) {
    assert_eq!(human_duration(Duration::from_secs(seconds)), expect);
}

#[test]
fn durations_show_only_the_largest_unit() {
    check_duration(0, "Less than a second");
    check_duration(1, "1 second");
    check_duration(59, "59 seconds");
    check_duration(60, "About a minute");
    check_duration(120, "2 minutes");
    check_duration(3599, "59 minutes");
    check_duration(3600, "About an hour");
    check_duration(7200, "2 hours");
    check_duration(47 * 3600, "47 hours");
    check_duration(48 * 3600, "2 days");
    check_duration(14 * 86_400, "2 weeks");
    check_duration(60 * 86_400, "2 months");
    check_duration(800 * 86_400, "2 years");
}

/// The arrows of the module's diagram: the states that may follow each state.
fn may_follow(from: &str) -> BTreeSet<&'static str> {
    match from {
        "Created" => BTreeSet::from(["Starting", "Removing"]),
        "Starting" => BTreeSet::from(["Running", "Created", "Exited", "Removing"]),
        "Running" => BTreeSet::from(["Running", "Paused", "Exited", "Removing"]),
        "Paused" => BTreeSet::from(["Paused", "Running", "Exited", "Removing"]),
        "Restarting" => BTreeSet::from(["Starting", "Exited", "Removing"]),
        "Exited" => BTreeSet::from(["Starting", "Restarting", "Removing"]),
        "Removing" => BTreeSet::from(["Dead"]),
        "Dead" => BTreeSet::from(["Removing"]),
        other => panic!("{other}"),
    }
}

proptest! {
    /// After any sequence of events a container is in a state that the diagram allows. The state matches the events:
    /// the process is the last one that was started, and the exit is that of the last one.
    #[test]
    fn random_events_lead_only_to_valid_states(picks in proptest::collection::vec(0..11_usize, 0..60)) {
        let mut state = State::created();
        let mut started = None;
        let mut ended = None;
        for (step, pick) in picks.into_iter().enumerate() {
            let pid = i32::try_from(step).expect("a small number");
            let event = match events().swap_remove(pick).1 {
                Event::Started { .. } => Event::Started { process: process(pid), at: time(step as i64) },
                Event::Exit { .. } => Event::Exit { code: Some(pid), at: Some(time(step as i64)), report: None },
                other => other,
            };
            let Ok(next) = state.apply(event.clone()) else { continue };
            prop_assert!(may_follow(&name(&state)).contains(name(&next).as_str()), "{state:?} {event:?} {next:?}");
            match event {
                Event::Started { at, .. } => started = Some((pid, at)),
                Event::Exit { code, .. } => ended = started.zip(code),
                _ => {}
            }
            prop_assert_eq!(next.process().map(|process| process.pid), started.map(|(pid, _)| pid).filter(|_| next.is_running()));
            if let Some(exit) = next.exit() {
                prop_assert_eq!(ended, Some(((exit.started.as_second() as i32, exit.started), exit.code.expect("a code"))));
                prop_assert!(exit.finished >= Some(exit.started));
            }
            if matches!(next, State::Created { .. }) {
                prop_assert_eq!(started, None);
            }
            if next.is_running() {
                prop_assert_eq!(next.started(), started.map(|(_, at)| at));
            }
            state = next;
        }
    }
}
