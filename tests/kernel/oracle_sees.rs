//! The oracle's own positive controls: each kind of thing that could be left behind is left behind, and seen.

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::Command,
};

use nix::mount::{MsFlags, mount, umount};

use crate::{fixture::Fixture, skip};

/// Does `leave`, expects the oracle to tell of it with those words, does `mend`, and expects the oracle to be content.
#[track_caller]
fn check<T>(fixture: &Fixture, leave: impl FnOnce() -> T, expect: &str, mend: impl FnOnce(T)) {
    let left = leave();
    let differences = fixture.oracle().differences();
    mend(left);
    assert!(differences.iter().any(|line| line.contains(expect)), "expected \"{expect}\" among {differences:#?}");
    fixture.oracle().check();
}

#[test]
fn a_descriptor() {
    let fixture = Fixture::any();
    let open = || File::open(fixture.store()).expect("the store can be opened");
    check(&fixture, open, &format!("{}", fixture.store().display()), drop);
}

#[test]
fn a_child_running_and_dead() {
    let fixture = Fixture::any();
    let sleep = || Command::new("sleep").arg("60").spawn().expect("sleep starts");
    check(&fixture, sleep, "sleep", |mut child| {
        child.kill().expect("it can be killed");
        child.wait().expect("it can be waited for");
    });
    let zombie = || {
        let mut child = Command::new("true").spawn().expect("true starts");
        let stat = PathBuf::from(format!("/proc/{}/stat", child.id()));
        while !fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") Z ")) {
            assert!(child.stdin.take().is_none(), "true reads nothing");
        }
        child
    };
    check(&fixture, zombie, "(true)", |mut child| {
        child.wait().expect("it can be waited for");
    });
}

#[test]
fn a_process_that_nobody_waits_for_but_whose_mounts_show_the_store() {
    let Some(fixture) = Fixture::root() else { return };
    let directory = fixture.store();
    let orphan = || {
        let script =
            format!("unshare -m sh -c 'mount -t tmpfs none {0} && exec sleep 61' & echo $!", directory.display());
        let output = Command::new("sh").args(["-c", &script]).stderr(fs::File::open("/dev/null").expect("null"));
        let mut child = output.stdout(std::process::Stdio::piped()).spawn().expect("sh starts");
        let mut pid = String::new();
        let stdout = child.stdout.take().expect("it is a pipe");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut pid).expect("the shell prints a number");
        child.wait().expect("sh ends");
        let pid: i32 = pid.trim().parse().expect("the shell prints a number");
        let command_line = format!("/proc/{pid}/cmdline");
        while fs::read(&command_line).is_ok_and(|line| !line.starts_with(b"sleep")) {
            std::thread::yield_now();
        }
        nix::unistd::Pid::from_raw(pid)
    };
    check(&fixture, orphan, "sleep 61", |pid| {
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("it can be killed");
    });
}

#[test]
fn files() {
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
fn a_mount() {
    let Some(fixture) = Fixture::root() else { return };
    let point = fixture.store();
    let leave = || mount(Some("none"), &point, Some("tmpfs"), MsFlags::empty(), None::<&str>).expect("it mounts");
    check(&fixture, leave, &format!("on {}", point.display()), |()| umount(&point).expect("it unmounts"));
}

#[test]
fn a_cgroup() {
    let Some(fixture) = Fixture::root() else { return };
    let root = ["/sys/fs/cgroup/pids", "/sys/fs/cgroup"]
        .map(PathBuf::from)
        .into_iter()
        .find(|root| root.join("cgroup.procs").exists());
    let Some(root) = root else { panic!("no cgroup hierarchy is mounted where everyone mounts it") };
    let group = root.join(format!("minicontainer-self-test-{}", std::process::id()));
    let leave = || fs::create_dir(&group).expect("the cgroup can be made");
    check(&fixture, leave, &format!("+ cgroup {}", group.display()), |()| fs::remove_dir(&group).expect("removed"));
}

#[test]
fn a_change_of_the_calling_thread() {
    let fixture = Fixture::any();
    let here = std::env::current_dir().expect("the directory is known");
    let go = || std::env::set_current_dir("/").expect("it can be entered");
    check(&fixture, go, "own working directory", |()| std::env::set_current_dir(here).expect("it can be entered"));
}
