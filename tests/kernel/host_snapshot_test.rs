//! The snapshot's own positive controls: everything that could be left behind is left behind, and is reported.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
};

use nix::{
    mount::{MsFlags, mount, umount},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{fixture::Fixture, skip};

/// Calls `leave`, expects the snapshot to report a difference with this text, calls `fix`, and expects no difference.
#[track_caller]
fn check<T>(fixture: &Fixture, leave: impl FnOnce() -> T, expect: &str, fix: impl FnOnce(T)) {
    let left = leave();
    let differences = fixture.snapshot().differences();
    fix(left);
    assert!(differences.iter().any(|line| line.contains(expect)), "expected \"{expect}\" among {differences:#?}");
    fixture.snapshot().check();
}

#[test]
fn leaked_descriptor_is_noticed() {
    let fixture = Fixture::any();
    let open = || File::open(fixture.store()).expect("the store can be opened");
    check(&fixture, open, &format!("{}", fixture.store().display()), drop);
}

#[test]
fn leaked_child_is_noticed() {
    let fixture = Fixture::any();
    let sleep = || Command::new("sleep").arg("60").spawn().expect("sleep starts");
    check(&fixture, sleep, "sleep", |mut child| {
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
    });
    let zombie = || {
        let child = Command::new("true").spawn().expect("true starts");
        let stat = PathBuf::from(format!("/proc/{}/stat", child.id()));
        while !fs::read_to_string(&stat).expect("it is not waited for").contains(") Z ") {
            thread::yield_now();
        }
        child
    };
    check(&fixture, zombie, "(true)", |mut child| {
        child.wait().expect("it can be waited for");
    });
}

#[test]
fn leaked_mount_namespace_is_noticed() {
    let Some(fixture) = Fixture::root() else { return };
    // The shell exits at once, so its child is not a child of the test, like a forgotten container.
    let script = "unshare -m sh -c 'mount -t tmpfs none \"$0\" && exec sleep 61' \"$0\" >/dev/null 2>&1 & echo $!";
    let orphan = || {
        let shell = Command::new("sh").args(["-c", script]).arg(fixture.store()).output().expect("sh starts");
        let pid: i32 = String::from_utf8_lossy(&shell.stdout).trim().parse().expect("sh prints a number");
        while !fs::read(format!("/proc/{pid}/cmdline")).expect("it runs").starts_with(b"sleep") {
            thread::yield_now();
        }
        Pid::from_raw(pid)
    };
    check(&fixture, orphan, "sleep 61", |pid| kill(pid, Signal::SIGKILL).expect("it can be killed"));
}

#[test]
fn changed_files_are_noticed() {
    let fixture = Fixture::any();
    let hello = fixture.canary().join("hello");
    let stray = fixture.canary().join("stray");
    let modified = fs::metadata(&hello).and_then(|metadata| metadata.modified()).expect("the time is known");
    let set_modified = |time| File::options().write(true).open(&hello).and_then(|file| file.set_modified(time));
    let directory_modified = fs::metadata(fixture.canary()).and_then(|metadata| metadata.modified()).expect("a time");

    let write = || fs::write(&hello, "there").expect("it can be written");
    check(&fixture, write, "~ file", |()| {
        fs::write(&hello, "world").expect("it can be written");
        set_modified(modified).expect("the time can be set");
    });
    let chmod = |mode| fs::set_permissions(&hello, fs::Permissions::from_mode(mode)).expect("the mode can be set");
    check(&fixture, || chmod(0o4755), "mode 104755", |()| chmod(0o644));
    let create = || fs::write(&stray, "").expect("it can be written");
    check(&fixture, create, "+ file", |()| {
        fs::remove_file(&stray).expect("it can be removed");
        let directory = File::open(fixture.canary()).expect("it can be opened");
        directory.set_modified(directory_modified).expect("the time can be set");
    });
    let has_attributes = xattr::get(&hello, "user.canary").is_ok_and(|value| value.is_some());
    if skip::require(has_attributes, "a temporary directory with extended attributes") {
        let sing = |song: &[u8]| xattr::set(&hello, "user.canary", song).expect("the attribute can be set");
        check(&fixture, || sing(b"dies"), "user.canary", |()| sing(b"sings"));
    }
}

#[test]
fn leaked_mount_is_noticed() {
    let Some(fixture) = Fixture::root() else { return };
    let point = fixture.store();
    let leave = || mount(Some("none"), &point, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("it mounts");
    check(&fixture, leave, &format!("on {}", point.display()), |()| umount(&point).expect("it unmounts"));
}

#[test]
fn leaked_cgroup_is_noticed() {
    let Some(fixture) = Fixture::root() else { return };
    let hierarchies = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"].map(Path::new);
    let root = hierarchies.into_iter().find(|root| root.join("cgroup.procs").exists());
    if skip::require(root.is_some(), "a cgroup hierarchy below /sys/fs/cgroup") {
        let group = root.unwrap_or(hierarchies[0]).join(format!("minicontainer-self-test-{}", std::process::id()));
        let leave = || fs::create_dir(&group).expect("the cgroup can be made");
        check(&fixture, leave, &format!("+ cgroup {}", group.display()), |()| {
            fs::remove_dir(&group).expect("removed")
        });
    }
}

#[test]
fn changed_working_directory_is_noticed() {
    let fixture = Fixture::any();
    let here = std::env::current_dir().expect("the directory is known");
    let go = || std::env::set_current_dir(fixture.canary()).expect("it can be entered");
    check(&fixture, go, "own working directory", |()| std::env::set_current_dir(here).expect("it can be entered"));
}
