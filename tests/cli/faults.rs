//! Faults at every step of a change to the store: a full or broken disk, interrupted writes, too few descriptors, a
//! kill, a power cut. The store is intact afterwards, and the failed command can be repeated.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    os::{fd::AsRawFd, unix::fs::PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount, umount},
    sched::{CloneFlags, unshare},
};

use crate::{
    skip,
    test_env::TestEnv,
    tracer::{Decision, Ended, Kind, traced},
};

/// An environment with an archive of the image `one:1`, while the store contains only busybox.
fn with_archive() -> TestEnv {
    let place = TestEnv::new();
    fs::create_dir_all(place.path("context/many")).unwrap();
    for number in 0..6 {
        fs::write(place.path("context/many").join(number.to_string()), vec![b'x'; 3000 + number]).unwrap();
    }
    fs::write(place.path("context/big"), vec![b'y'; 300_000]).unwrap();
    fs::write(place.path("context/Dockerfile"), "FROM busybox\nCOPY . /files\n").unwrap();
    place.succeed(&["build", "-q", "-t", "one:1", "context"]);
    place.succeed(&["save", "-o", "one.tar", "one:1"]);
    place.succeed(&["rmi", "one:1"]);
    place.succeed(&["builder", "prune", "-a", "-f"]);
    place
}

/// Every path in the store, without the contents of layers.
fn paths(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("fs") && !path.is_symlink() {
            found.extend(paths(&path));
        }
        found.insert(path);
    }
    found
}

fn sound(place: &TestEnv) {
    assert_eq!(place.succeed(&["system", "check"]), "The store is intact.\n");
}

/// Counts a command's system calls of some kinds.
fn count(place: &TestEnv, arguments: &[&str], kinds: &[Kind]) -> usize {
    let mut calls = 0;
    let Ended { status, stderr } = traced(&mut place.command(arguments), |kind| {
        calls += usize::from(kinds.contains(&kind));
        Decision::Execute
    });
    assert!(status.success(), "{stderr}");
    calls
}

/// Runs a command in which one system call fails: the one with this number among those of some kinds.
fn failing(place: &TestEnv, arguments: &[&str], kinds: &[Kind], at: usize, errno: i32) -> Ended {
    let mut calls = 0;
    traced(&mut place.command(arguments), |kind| {
        calls += usize::from(kinds.contains(&kind));
        if kinds.contains(&kind) && calls == at + 1 { Decision::Fail(errno) } else { Decision::Execute }
    })
}

/// Runs `load` once for every call of these kinds, and lets that call fail with one of the errnos. The error must be
/// reported, nothing may be left behind, and the next `load` must succeed.
#[track_caller]
fn check_refused(kinds: &[Kind], errnos: &[i32]) {
    let place = with_archive();
    let load = ["load", "-i", "one.tar"];
    let calls = count(&place, &load, kinds);
    assert!(calls > 8, "only {calls} calls were traced");
    place.succeed(&["rmi", "one:1"]);
    let before = paths(&place.path("store"));
    let mut failures = 0;
    for at in 0..calls {
        let errno = errnos[at % errnos.len()];
        let Ended { status, stderr } = failing(&place, &load, kinds, at, errno);
        let reason = std::io::Error::from_raw_os_error(errno).to_string();
        let reason = reason.split(" (os error").next().unwrap_or_default().to_owned();
        if status.success() {
            // The engine has a fallback for this call.
            place.succeed(&["rmi", "one:1"]);
        } else {
            failures += 1;
            assert_eq!(status.code(), Some(1), "call {at}, {reason}: {stderr}");
            assert!(stderr.contains(&reason), "call {at} failed with {reason}, but stderr is: {stderr}");
            // Once the index is renamed into place the image exists, even if the following fsync fails.
            if place.run(&["image", "verify", "one:1"]).code == 0 {
                place.succeed(&["rmi", "one:1"]);
            }
        }
        // If the clean-up itself failed, `--repair` removes the rest.
        place.succeed(&["system", "check", "--quick", "--repair"]);
        let now = paths(&place.path("store"));
        let left: Vec<_> = now.symmetric_difference(&before).collect();
        assert!(left.is_empty(), "call {at}, {reason}: {left:?}");
    }
    assert!(failures * 2 > calls, "only {failures} of {calls} faults made the command fail");
    sound(&place);
    place.succeed(&load);
    sound(&place);
}

#[test]
fn disk_error_at_any_step_of_load_changes_nothing() {
    check_refused(&[Kind::Change, Kind::Write], &[libc::ENOSPC, libc::EIO, libc::EDQUOT, libc::EROFS]);
}

#[test]
fn descriptor_or_memory_shortage_during_load_changes_nothing() {
    check_refused(&[Kind::Open, Kind::Change], &[libc::EMFILE, libc::ENFILE, libc::ENOMEM]);
}

#[test]
fn killed_load_leaves_image_whole_or_absent() {
    let place = with_archive();
    let load = ["load", "-i", "one.tar"];
    let kinds = [Kind::Change, Kind::Write];
    let calls = count(&place, &load, &kinds);
    place.succeed(&["rmi", "one:1"]);
    place.succeed(&["run", "--rm", "busybox", "true"]);
    let before = paths(&place.path("store"));
    let staged = || fs::read_dir(place.path("store/staging")).unwrap().count();
    let (mut left_staged, mut seen_whole) = (0, 0);
    // Every third step and the last one, or every step in the long test run.
    let stride = if std::env::var_os("MINICONTAINER_TEST_LONG").is_some() { 1 } else { 3 };
    for (number, at) in (0..calls).step_by(stride).chain([calls - 1]).enumerate() {
        let mut step = 0;
        traced(&mut place.command(&load), |kind| {
            step += usize::from(kinds.contains(&kind));
            if kinds.contains(&kind) && step == at + 1 { Decision::Kill } else { Decision::Execute }
        });
        left_staged += staged();
        let check = place.run(&["system", "check"]);
        assert_eq!(check.code, 0, "killed at call {at}: {}", check.show());
        assert_eq!(place.succeed(&["run", "--rm", "busybox", "echo", "well"]), "well\n");
        let listed = place.succeed(&["images", "--format", "{{.Repository}}"]);
        if listed.lines().any(|name| name == "one") {
            seen_whole += 1;
            assert_eq!(
                place.succeed(&["image", "verify", "one:1"]),
                "one:1: intact (3 layers)\n",
                "killed at call {at}"
            );
        }
        // Each of these commands removes staged files. The next load reuses the layers that were already installed.
        match number % 3 {
            0 => drop(place.succeed(&["system", "prune", "-f"])),
            1 => drop(place.succeed(&["system", "check", "--repair"])),
            _ => drop(place.succeed(&load)),
        }
        assert_eq!(staged(), 0, "killed at call {at}");
        place.succeed(&load);
        place.succeed(&["rmi", "one:1"]);
        let now = paths(&place.path("store"));
        let left: Vec<_> = now.symmetric_difference(&before).collect();
        assert!(left.is_empty(), "killed at call {at}: {left:?}");
    }
    // Some kills came before the image existed and some after, and many left staged files.
    assert!(left_staged > calls / stride / 2 && seen_whole > 0, "{left_staged} and {seen_whole} of {calls}");
}

#[test]
fn interrupted_and_short_writes_are_retried() {
    let place = with_archive();
    let mut writes = 0;
    let ended = traced(&mut place.command(&["load", "-i", "one.tar"]), |kind| {
        writes += usize::from(kind == Kind::Write);
        match (kind, writes % 3) {
            (Kind::Write, 0) => Decision::Fail(libc::EINTR),
            (Kind::Write, 1) => Decision::WriteHalf,
            _ => Decision::Execute,
        }
    });
    assert!(ended.status.success() && writes > 8, "{}", ended.stderr);
    sound(&place);
}

/// A file system that is mounted at the store, in the mount namespace of the calling thread.
struct Disk {
    image: PathBuf,
    place: PathBuf,
}

impl Disk {
    fn mount(&self) {
        let mounted = Command::new("mount").args(["-o", "loop"]).args([&self.image, &self.place]).status().unwrap();
        assert!(mounted.success(), "the disk cannot be mounted");
    }

    /// Simulates a power cut: no write reaches the disk any more (`EXT4_IOC_SHUTDOWN`).
    fn cut(&self, flags: u32) {
        const SHUTDOWN: libc::c_ulong = 0x8004_587d;
        let root = File::open(&self.place).unwrap();
        // SAFETY: the call reads a number from a reference that outlives it.
        let done = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &flags) };
        assert_eq!(done, 0, "{}", std::io::Error::last_os_error());
    }

    fn unmount(&self) {
        // A child that another test is starting has a copy of our descriptors until its execve.
        let begin = Instant::now();
        while let Err(errno) = umount(&self.place) {
            assert!(errno == Errno::EBUSY && begin.elapsed() < Duration::from_secs(60), "{errno}");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// The journal is flushed before the power cut (1), or is not (2).
const JOURNAL: [u32; 2] = [1, 2];

fn has_loop_devices() -> bool {
    let has = |program: &str| Command::new(program).arg("-V").output().is_ok_and(|output| output.status.success());
    Path::new("/dev/loop-control").exists() && has("mkfs.ext4") && has("mount")
}

#[test]
fn power_cut_during_load_leaves_image_whole_or_absent() {
    if !skip::require(nix::unistd::geteuid().is_root(), skip::ROOT)
        || !skip::require(has_loop_devices(), skip::LOOP_DEVICES)
    {
        return;
    }
    // This thread gets its own mount namespace, so no mount survives the test, even if it fails.
    thread::spawn(power_cuts).join().unwrap();
}

fn power_cuts() {
    let place = with_archive();
    unshare(CloneFlags::CLONE_NEWNS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
    place.succeed(&["save", "-o", "busybox.tar", "busybox"]);
    let fresh = place.path("fresh.img");
    File::create(&fresh).unwrap().set_len(48 << 20).unwrap();
    let made = Command::new("mkfs.ext4").args(["-q", "-O", "has_journal"]).arg(&fresh).status().unwrap();
    assert!(made.success());
    let first = Disk { image: fresh.clone(), place: place.path("store") };
    first.mount();
    fs::set_permissions(place.path("store"), fs::Permissions::from_mode(0o700)).unwrap();
    place.succeed(&["load", "-i", "busybox.tar"]);
    let calls = count(&place, &["load", "-i", "one.tar"], &[Kind::Change, Kind::Write]);
    place.succeed(&["rmi", "one:1"]);
    first.unmount();
    let mut control_lost = false;
    for journal in JOURNAL {
        // Every third step, and after the end, when the command has reported success.
        for at in (0..calls).step_by(3).chain([usize::MAX]) {
            let disk = Disk { image: place.path("disk.img"), place: place.path("store") };
            assert!(
                Command::new("cp").args(["--sparse=always"]).args([&fresh, &disk.image]).status().unwrap().success()
            );
            disk.mount();
            fs::write(place.path("store/control"), vec![b'x'; 5000]).unwrap();
            let mut step = 0;
            let ended = traced(&mut place.command(&["load", "-i", "one.tar"]), |kind| {
                let counts = kind != Kind::Open;
                step += usize::from(counts);
                if counts && step == at.saturating_add(1) {
                    disk.cut(journal);
                    return Decision::Kill;
                }
                Decision::Execute
            });
            if at == usize::MAX {
                assert!(ended.status.success(), "{}", ended.stderr);
                disk.cut(journal);
            }
            disk.unmount();
            disk.mount();
            // The control: a real power cut loses data that was not synced.
            control_lost |= fs::read(place.path("store/control")).map_or(true, |content| content.len() < 5000);
            let _removed = fs::remove_file(place.path("store/control"));
            let when = format!("step {at} of {calls}, journal {journal}");
            let check = place.run(&["system", "check"]);
            assert_eq!(check.code, 0, "{when}: {}", check.show());
            let listed = place.succeed(&["images", "--format", "{{.Repository}}"]);
            assert!(listed.contains("busybox"), "{when}: {listed}");
            assert!(at != usize::MAX || listed.contains("one"), "{when}: what was committed is gone");
            place.succeed(&["load", "-i", "one.tar"]);
            assert_eq!(place.succeed(&["image", "verify", "one:1"]), "one:1: intact (3 layers)\n", "{when}");
            disk.unmount();
        }
    }
    assert!(control_lost, "a file that was not synced survived every power cut, so they were not real");
}

/// On a read-only file system every command reports that the store is not writable, and changes nothing.
#[test]
fn read_only_store_is_reported() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let script = r#"
        mount --bind store store && mount -o remount,bind,ro store || exit 9
        for command in "run --rm busybox true" "images" "rmi busybox" "system check" "image seed"; do
            "$ENGINE" $command 2>&1 | grep -q 'store .* is not writable: Read-only file system' || echo "$command: not said"
        done
        "$ENGINE" run --rm busybox true 2>/dev/null; echo "run ends with $?"
    "#;
    let arguments = ["--mount", "--propagation", "private", "sh", "-c", script];
    let answer = place.answer(place.program("unshare", &arguments).output().unwrap());
    assert_eq!(answer.stdout, "run ends with 125\n", "{}", answer.stderr);
    sound(&place);
}

/// The calls that change the store, for a command that creates or removes a container.
const CHANGES: [Kind; 3] = [Kind::Change, Kind::Remove, Kind::Write];

/// Runs a command and kills it at the call with this number among those that change the store.
fn killed(place: &TestEnv, arguments: &[&str], at: usize) -> Ended {
    let mut calls = 0;
    traced(&mut place.command(arguments), |kind| {
        calls += usize::from(CHANGES.contains(&kind));
        if CHANGES.contains(&kind) && calls == at + 1 { Decision::Kill } else { Decision::Execute }
    })
}

fn listed(place: &TestEnv) -> String {
    place.succeed(&["ps", "-a", "--format", "{{.Names}} {{.State}}"])
}

/// Checks that, after `--repair`, nothing is left of a container, not even its name.
#[track_caller]
fn check_nothing_left(place: &TestEnv, when: &str) {
    let check = place.run(&["system", "check", "--quick", "--repair"]);
    assert_eq!(check.code, 0, "{when}: {}", check.show());
    assert_eq!(place.containers(), 0, "{when}");
    assert_eq!(fs::read_dir(place.path("store/names")).map_or(0, Iterator::count), 0, "{when}");
    sound(place);
}

#[test]
fn killed_create_leaves_whole_container_or_free_name() {
    let place = TestEnv::new();
    place.succeed(&["run", "--rm", "busybox", "true"]);
    let mut half = 0;
    for at in 0.. {
        let when = format!("step {at}");
        let ended = killed(&place, &["run", "--name", "web", "busybox", "true"], at);
        assert!(!ended.status.success(), "{when}: {}", ended.stderr);
        let list = listed(&place);
        if !list.is_empty() {
            assert_eq!(list, "web created\n", "{when}");
            let taken = place.run(&["run", "--rm", "--name", "web", "busybox", "true"]);
            assert!(taken.code == 125 && taken.stderr.contains("is already in use"), "{when}: {}", taken.show());
            place.succeed(&["rm", "web"]);
            check_nothing_left(&place, &when);
            break;
        }
        half += 1;
        place.succeed(&["run", "--rm", "--name", "web", "busybox", "true"]);
        check_nothing_left(&place, &when);
    }
    assert!(half > 4, "it was killed only {half} times before the container was there");
}

#[test]
fn killed_removal_leaves_whole_container_or_free_name() {
    let place = TestEnv::new();
    place.succeed(&["run", "--rm", "busybox", "true"]);
    let mut left = [0, 0];
    for at in 0.. {
        let when = format!("step {at}");
        place.succeed(&["run", "--name", "web", "busybox", "touch", "/note"]);
        let ended = killed(&place, &["rm", "web"], at);
        let list = listed(&place);
        left[usize::from(list.is_empty())] += 1;
        match list.as_str() {
            "" => drop(place.succeed(&["run", "--rm", "--name", "web", "busybox", "true"])),
            "web exited\n" => assert_eq!(place.succeed(&["rm", "web"]), "web\n", "{when}"),
            other => panic!("{when}: {other}"),
        }
        check_nothing_left(&place, &when);
        if ended.status.success() {
            break;
        }
    }
    assert!(left[0] > 0 && left[1] > 4, "whole and gone: {left:?}");
}

#[test]
fn many_containers_of_one_image_start_at_once() {
    let place = TestEnv::new();
    let start = |number: usize| {
        let name = format!("many-{number}");
        place.command(&["run", "--name", &name, "busybox", "echo", &name]).output().unwrap()
    };
    thread::scope(|scope| {
        let started: Vec<_> = (0..50).map(|number| scope.spawn(move || start(number))).collect();
        for (number, run) in started.into_iter().enumerate() {
            let output = run.join().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("many-{number}\n"));
        }
    });
    assert_eq!(place.containers(), 50);
    sound(&place);
    place.succeed(&["system", "prune", "-f"]);
    assert_eq!(place.containers(), 0);
}

/// Commands that remove images race with commands that use them. A command may fail because the image is gone, but it
/// must not use an image that is only partly there.
#[test]
fn removal_races_safely_with_run_load_and_build() {
    const ROUNDS: usize = 6;
    let place = TestEnv::new();
    fs::create_dir(place.path("context")).unwrap();
    // When the base is gone, `build` asks this registry, which refuses the connection at once.
    fs::write(place.path("context/Dockerfile"), "FROM 127.0.0.1:9/base:1\nRUN cat /note > /copy\n").unwrap();
    fs::create_dir(place.path("base")).unwrap();
    fs::write(place.path("base/note"), "a note").unwrap();
    fs::write(place.path("base/Dockerfile"), "FROM busybox\nCOPY note /note\n").unwrap();
    place.succeed(&["build", "-q", "-t", "127.0.0.1:9/base:1", "base"]);
    place.succeed(&["save", "-o", "base.tar", "127.0.0.1:9/base:1"]);
    let used = |arguments: &'static [&'static str], expect: &'static str| {
        let place = &place;
        move || {
            for _ in 0..ROUNDS {
                let answer = place.run(arguments);
                let honest = ["no image", "127.0.0.1:9", "was removed during the build", "No such container"];
                match answer.code {
                    0 => assert!(answer.stdout.contains(expect), "{arguments:?}: {}", answer.show()),
                    _ => assert!(
                        honest.iter().any(|reason| answer.stderr.contains(reason)),
                        "{arguments:?}: {}",
                        answer.show()
                    ),
                }
            }
        }
    };
    thread::scope(|scope| {
        scope.spawn(used(&["run", "--rm", "127.0.0.1:9/base:1", "cat", "/note"], "a note"));
        scope.spawn(used(&["build", "--no-cache", "-t", "built:1", "context"], ""));
        scope.spawn(used(&["load", "-i", "base.tar"], "base:1"));
        let remove = || {
            for round in 0..ROUNDS * 3 {
                let arguments: &[&str] = match round % 3 {
                    0 => &["rmi", "-f", "127.0.0.1:9/base:1"],
                    1 => &["image", "prune", "-a", "-f"],
                    _ => &["system", "prune", "-f"],
                };
                let answer = place.run(arguments);
                let refused = answer.stderr.contains("uses it") || answer.stderr.contains("no image");
                assert!(answer.code == 0 || refused, "{arguments:?}: {}", answer.show());
            }
        };
        scope.spawn(remove);
    });
    let check = place.run(&["system", "check"]);
    assert_eq!(check.code, 0, "{}", check.show());
    place.succeed(&["load", "-i", "base.tar"]);
    assert_eq!(place.succeed(&["run", "--rm", "127.0.0.1:9/base:1", "cat", "/note"]), "a note");
    place.succeed(&["build", "-q", "-t", "built:1", "context"]);
    // The record of a layer that was removed meanwhile is only outdated; `prune` removes it.
    place.succeed(&["builder", "prune", "-f"]);
    sound(&place);
}
