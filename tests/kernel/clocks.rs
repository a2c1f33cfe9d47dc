//! Clocks of a container's own: moved as requested when it starts, only if requested, and never from inside.

use std::fs;
use std::path::Path;

use minicontainer::Sandbox;
use serde_json::Value;

use crate::attacks::{Ground, text};
use crate::fixture::Fixture;
use crate::sandboxes::{self, busybox, shell};
use crate::skip;

/// Ten days.
const AHEAD: f64 = 864_000.0;

/// Seconds since the start of the machine, on the monotonic clock and on the clock that includes suspended time.
#[track_caller]
fn clocks(output: &str) -> [f64; 2] {
    let numbers: Vec<f64> = output.lines().filter_map(|line| line.parse().ok()).collect();
    numbers.try_into().unwrap_or_else(|_| panic!("two clocks, not {output:?}"))
}

/// The offset of a container's clocks to the machine's, as bounds: it is between the differences to the time after
/// and to the time before.
#[track_caller]
fn ahead(ground: &Ground, flags: &[&str]) -> [[f64; 2]; 2] {
    let own =
        || clocks(&text(&std::process::Command::new(ground.probe()).arg("clocks").output().expect("the probe")));
    let before = own();
    let inside = clocks(&ground.text(flags, &["/probe", "clocks"]));
    let after = own();
    [0, 1].map(|clock| [inside[clock] - after[clock], inside[clock] - before[clock]])
}

/// Whether the offset is possible within these bounds.
fn is(between: [f64; 2], wanted: f64) -> bool {
    (between[0]..=between[1]).contains(&wanted)
}

fn time_namespaces() -> bool {
    skip::require(Path::new("/proc/self/ns/time").exists(), "time namespaces (CONFIG_TIME_NS)")
}

#[track_caller]
fn check_moved(fixture: &Fixture, flags: &[&str]) {
    let ground = Ground::new(fixture);
    let with = |offsets: &[&'static str]| ahead(&ground, &[flags, offsets].concat());
    let moved = with(&["--time-offset", "boottime=240h"]);
    assert!(is(moved[0], 0.0) && is(moved[1], AHEAD), "{moved:?}");
    let both = with(&["--time-offset", "boottime=10m", "--time-offset", "monotonic=-0.5"]);
    assert!(is(both[0], -0.5) && is(both[1], 600.0), "{both:?}");
    // The control.
    let same = with(&[]);
    assert!(is(same[0], 0.0) && is(same[1], 0.0), "{same:?}");
}

#[test]
fn root_container_has_the_requested_clocks() {
    let Some(fixture) = Fixture::root().filter(|_| time_namespaces()) else { return };
    check_moved(&fixture, &[]);
    check_moved(&fixture, &["--user", "1000"]);
    check_moved(&fixture, &["--init"]);
    check_moved(&fixture, &["--profile=untrusted"]);
}

#[test]
fn rootless_container_has_the_requested_clocks() {
    let Some(fixture) = Fixture::user().filter(|_| time_namespaces()) else { return };
    check_moved(&fixture, &[]);
}

/// A process cannot move its own clocks, even with all capabilities.
#[test]
fn container_cannot_move_its_clocks() {
    let fixture = Fixture::any();
    if !time_namespaces() {
        return;
    }
    let ground = Ground::new(&fixture);
    let script = "readlink /proc/self/ns/time; \
                  (echo 'boottime 5 0' > /proc/self/timens_offsets) 2>/dev/null && echo moved || echo refused";
    let offsets = |flags: &[&str]| ground.text(flags, &["sh", "-c", script]);
    let host = fs::read_link("/proc/self/ns/time").expect("a namespace");
    let own = offsets(&["--privileged", "--time-offset", "boottime=240h"]);
    let lines: Vec<&str> = own.lines().collect();
    assert!(matches!(lines[..], [namespace, "refused"] if namespace != host.to_string_lossy()), "{own}");
    // The control: without its own time namespace it uses the machine's clocks.
    let shared = offsets(&["--privileged"]);
    assert!(shared.starts_with(&*host.to_string_lossy()), "{shared}");
}

#[test]
fn clock_before_zero_is_refused() {
    let fixture = Fixture::any();
    if !time_namespaces() {
        return;
    }
    let ground = Ground::new(&fixture);
    let output =
        ground.run(&["--time-offset", "monotonic=-876000h"], &["true"]).output().expect("the command starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(125), "{stderr}");
    for part in ["create a time namespace", "monotonic=-3153600000s", "ERANGE", "/proc/uptime"] {
        assert!(stderr.contains(part), "{part}: {stderr}");
    }
    let output = ground.run(&["--time-offset", "realtime=1h"], &["true"]).output().expect("the command starts");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(125) && stderr.contains("--time-offset"), "{stderr}");
}

/// Offsets in a bundle written by another program, and in one that is created here.
#[test]
fn spec_time_offsets_are_applied() {
    let fixture = Fixture::any();
    if !time_namespaces() {
        return;
    }
    let image = busybox(&fixture);
    let directory = fixture.directory().join("bundle");
    let written = fixture
        .command()
        .args(["spec", "--time-offset", "boottime=240h", "--bundle"])
        .arg(&directory)
        .args(["busybox", "cat", "/proc/self/timens_offsets"])
        .output()
        .expect("the command starts");
    text(&written);
    let words = |sandbox: &Sandbox| sandboxes::text(sandbox).split_whitespace().collect::<Vec<_>>().join(" ");
    let bundle = || Sandbox::from_bundle(&directory).expect("a bundle");
    assert_eq!(words(&bundle()), "monotonic 0 0 boottime 864000 0");
    let path = directory.join("config.json");
    let mut document: Value = serde_json::from_slice(&fs::read(&path).expect("the document")).expect("JSON");
    document["linux"]["timeOffsets"] = serde_json::json!({"monotonic": {"secs": 3, "nanosecs": 5}});
    fs::write(&path, document.to_string()).expect("it is written");
    assert_eq!(words(&bundle()), "monotonic 3 5 boottime 0 0");
    // The same with the library.
    let own = shell(&image, "cat /proc/self/timens_offsets").time_offset("boottime=1h");
    assert_eq!(words(&own), "monotonic 0 0 boottime 3600 0");
}

/// The clock for measuring a start must not be one of those that can be moved.
#[test]
fn start_times_are_unaffected_by_clock_offsets() {
    let fixture = Fixture::any();
    if !time_namespaces() {
        return;
    }
    let image = busybox(&fixture);
    for offset in ["monotonic=240h", "monotonic=-0.5"] {
        let mut running = shell(&image, "true").time_offset(offset).traced().spawn().expect("it starts");
        let longest = running.times().iter().map(|time| time.took.as_secs_f64()).fold(0.0, f64::max);
        assert!(longest < AHEAD / 2.0, "{offset}: {longest}");
        running.wait().expect("its end");
    }
}
