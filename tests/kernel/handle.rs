//! The library's handle of a control group, without a container: a process of the host is moved into a group.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use minicontainer::CgroupError;
use minicontainer::cgroup::{Cgroup, PidsLimitScope};
use minicontainer::core::plan::{Step, SwapLimit};
use minicontainer::core::spec::LEAST_MEMORY;

use crate::fixture::Fixture;

/// A process that uses all available processor time.
struct Busy(Child);

impl Busy {
    fn start() -> Busy {
        Busy(Command::new("sh").args(["-c", "while :; do :; done"]).spawn().expect("it starts"))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // It may have been killed with its group.
        let _gone = self.0.kill();
        assert!(self.0.wait().is_ok() || thread::panicking());
    }
}

/// The directories of the group in all hierarchies.
fn directories(name: &str) -> Vec<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").expect("the hierarchies").flatten().map(|entry| entry.path());
    let places = hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]);
    places.map(|place| place.join(name)).filter(|group| group.is_dir()).collect()
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn group_is_made_limited_read_frozen_killed_and_deleted() {
    let Some(_fixture) = Fixture::root() else { return };
    let name = format!("minicontainer-handle-{}", std::process::id());
    let controllers = ["cpu", "cpuacct", "memory", "pids"].map(str::to_owned);
    let made = Cgroup::create(&name, &controllers, PidsLimitScope::Group).expect("a group");
    made.limit(&Step::LimitPids { max: 7 }).expect("a limit");
    made.limit(&Step::LimitMemory { bytes: LEAST_MEMORY, swap: SwapLimit::None }).expect("a limit");
    let limits: Vec<String> =
        directories(&name).iter().filter_map(|path| fs::read_to_string(path.join("pids.max")).ok()).collect();
    assert_eq!(limits, ["7\n"]);
    assert!(made.members().is_empty());

    // Another process of the engine opens the same group.
    let group = Cgroup::open(&name).expect("it can be opened").expect("it is there");
    let busy = Busy::start();
    group.add(busy.0.id()).expect("it is moved");
    assert_eq!(made.members(), [busy.0.id() as i32]);
    let used = || group.usage().cpu_time.expect("it is counted");
    wait_until("it runs", || used() > Duration::from_millis(50));

    group.freeze().expect("it is frozen");
    assert!(made.is_frozen());
    let frozen_at = used();
    thread::sleep(Duration::from_millis(300));
    assert!(used() < frozen_at + Duration::from_millis(20), "{frozen_at:?} {:?}", used());
    group.thaw().expect("it is thawed");
    assert!(!made.is_frozen());
    wait_until("it runs again", || used() > frozen_at + Duration::from_millis(50));

    // Dropping an opened handle deletes nothing; a frozen group can be killed, too.
    drop(group);
    made.freeze().expect("it is frozen");
    made.kill();
    wait_until("all are dead", || made.members().is_empty());
    drop(busy);
    made.delete().expect("it is deleted");
    assert_eq!(directories(&name), Vec::<PathBuf>::new());
    assert!(Cgroup::open(&name).expect("it can be looked for").is_none());
}

#[test]
fn group_is_deleted_when_its_maker_is_dropped() {
    let Some(_fixture) = Fixture::root() else { return };
    let name = format!("minicontainer-handle-{}", std::process::id());
    let group = Cgroup::create(&name, &["pids".to_owned()], PidsLimitScope::Group).expect("a group");
    let busy = Busy::start();
    group.add(busy.0.id()).expect("it is moved");
    // Two groups with this name would share its limits.
    let again = Cgroup::create(&name, &["pids".to_owned()], PidsLimitScope::Group).expect_err("it is in use");
    assert!(matches!(again, CgroupError::InUse { .. }), "{again}");
    drop(group);
    assert_eq!(directories(&name), Vec::<PathBuf>::new());
}
