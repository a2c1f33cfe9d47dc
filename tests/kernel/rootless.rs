//! Containers of an ordinary user: with the single id that every user may map, and with ids that the system
//! allocates.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::{
        fs::{MetadataExt, PermissionsExt},
        process::CommandExt,
    },
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::fixture::{ALLOCATED_GROUPS, ALLOCATED_USERS, Fixture, ORDINARY_USER, is_root};
use crate::skip;

/// Runs the command with these arguments, which must succeed, and returns its output.
#[track_caller]
fn succeed(fixture: &Fixture, arguments: &[&str]) -> String {
    let output = fixture.command().args(arguments).output().expect("the command starts");
    assert!(output.status.success(), "{arguments:?}: {}", stderr_of(&output));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Runs the command with these arguments, which the engine must refuse, and returns the error.
#[track_caller]
fn refused(fixture: &Fixture, arguments: &[&str]) -> String {
    let output = fixture.command().args(arguments).output().expect("the command starts");
    assert_eq!(output.status.code(), Some(125), "{arguments:?}: {}", stderr_of(&output));
    stderr_of(&output)
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory in which every user may create files, to be shared with containers.
fn shared(fixture: &Fixture) -> std::path::PathBuf {
    let shared = fixture.store().with_file_name("shared");
    fs::create_dir(&shared).expect("a directory");
    fs::set_permissions(&shared, fs::Permissions::from_mode(0o777)).expect("the mode is set");
    shared
}

fn owner(path: &Path) -> (u32, u32) {
    let metadata = fs::symlink_metadata(path).expect("a file");
    (metadata.uid(), metadata.gid())
}

#[test]
fn subordinate_ids_allow_many_users() {
    let Some(fixture) = Fixture::user_with_ids() else { return };
    succeed(&fixture, &["image", "seed"]);
    let run = |arguments: &[&str]| succeed(&fixture, &[&["run", "--rm"], arguments].concat());
    let map = |allocated: u32| format!("0 {ORDINARY_USER} 1\n1 {allocated} 65536");
    let read = |file: &str| run(&["busybox", "sh", "-c", &format!("awk '{{ print $1, $2, $3 }}' /proc/self/{file}")]);
    assert_eq!(read("uid_map"), map(ALLOCATED_USERS));
    assert_eq!(read("gid_map"), map(ALLOCATED_GROUPS));
    assert_eq!(run(&["busybox", "cat", "/proc/self/setgroups"]), "allow");
    assert_eq!(run(&["-u", "1000:50", "busybox", "id"]), "uid=1000 gid=50 groups=50");
    assert_eq!(run(&["busybox", "sh", "-c", "touch /x; chown 33:44 /x; stat -c %u:%g /x"]), "33:44");
    // The group of terminals, as on every Linux system.
    let terminals = run(&["busybox", "grep", "-o", "devpts.*gid=[0-9]*", "/proc/mounts"]);
    assert!(terminals.ends_with(&format!("gid={}", ALLOCATED_GROUPS + 4)), "{terminals}");
    let beyond = refused(&fixture, &["run", "--rm", "-u", "70000", "busybox", "true"]);
    assert!(beyond.contains("user 70000 is not mapped"), "{beyond}");
}

/// The same user without subordinate ids: one id, and a clear error if the container needs another.
#[test]
fn other_users_are_refused_without_subordinate_ids() {
    let Some(fixture) = Fixture::user() else { return };
    succeed(&fixture, &["image", "seed"]);
    let run = |script: &str| succeed(&fixture, &["run", "--rm", "busybox", "sh", "-c", script]);
    let allocated = fs::read_to_string("/etc/subuid").unwrap_or_default();
    let me = if is_root() { ORDINARY_USER } else { nix::unistd::geteuid().as_raw() };
    if !skip::require(!allocated.contains(&me.to_string()), "a user without subordinate ids") {
        return;
    }
    assert_eq!(run("cat /proc/self/setgroups"), "deny");
    assert_eq!(run("cat /proc/self/uid_map | tr -s ' '"), format!(" 0 {me} 1"));
    assert_eq!(run("touch /x; chown 1:1 /x 2>/dev/null || echo no"), "no");
    let why = refused(&fixture, &["run", "--rm", "-u", "1000", "busybox", "true"]);
    assert!(why.contains("only id 0 exists") && why.contains("hint"), "{why}");
}

/// Root inside has no privileges outside. The control is root's own container, which has no user namespace.
#[test]
fn files_made_inside_are_unprivileged_on_the_host() {
    let Some(fixture) = Fixture::user_with_ids() else { return };
    succeed(&fixture, &["image", "seed"]);
    let shared = shared(&fixture);
    let volume = format!("{}:/shared", shared.display());
    let touch = |name: &str, user: &str| {
        succeed(
            &fixture,
            &["run", "--rm", "-v", &volume, "-u", user, "busybox", "touch", &format!("/shared/{name}")],
        );
        owner(&shared.join(name))
    };
    assert_eq!(touch("root", "0"), (ORDINARY_USER, ORDINARY_USER));
    assert_eq!(touch("other", "1000:50"), (ALLOCATED_USERS + 999, ALLOCATED_GROUPS + 49));
    // Set-user-ID root, for every user who executes it outside.
    let script = "cp /bin/busybox /shared/mine && chmod 4755 /shared/mine";
    succeed(&fixture, &["run", "--rm", "-v", &volume, "busybox", "sh", "-c", script]);
    assert_eq!(owner(&shared.join("mine")), (ORDINARY_USER, ORDINARY_USER));
    drop(fixture);
    let Some(fixture) = Fixture::root() else { return };
    succeed(&fixture, &["image", "seed"]);
    let shared = self::shared(&fixture);
    let volume = format!("{}:/shared", shared.display());
    succeed(&fixture, &["run", "--rm", "-v", &volume, "busybox", "touch", "/shared/root"]);
    assert_eq!(owner(&shared.join("root")), (0, 0));
}

/// Directories that belong to other ids, inaccessible to others, with files in them, and nested more deeply than the
/// maximum path length.
const CLOSED: &str = "mkdir -p /d/e/f /d/g; touch /d/e/f/x /d/y; ln -s / /d/link; mkfifo /d/pipe; \
    cd /d/g; i=0; while [ $i -lt 1500 ]; do mkdir abcdefghij; cd abcdefghij; i=$((i+1)); done; touch deepest; cd /; \
    chown 7:8 /d/e/f /d/e /d/g /d; chmod 0 /d/e/f /d/e /d/g /d";

#[test]
fn files_of_subordinate_ids_are_removed() {
    let Some(fixture) = Fixture::user_with_ids() else { return };
    succeed(&fixture, &["image", "seed"]);
    for driver in ["overlay", "copy"] {
        succeed(&fixture, &["run", "--rm", "--driver", driver, "busybox", "sh", "-c", CLOSED]);
        assert_eq!(fs::read_dir(fixture.store().join("containers")).expect("the directory").count(), 0);
        succeed(&fixture, &["run", "--name", "kept", "--driver", driver, "busybox", "sh", "-c", CLOSED]);
        // The control: the user cannot even list them.
        let place = fixture.store().join("containers");
        let mut find = Command::new("find");
        let found = find.arg(&place).uid(ORDINARY_USER).gid(ORDINARY_USER).output().expect("find");
        assert!(stderr_of(&found).contains("Permission denied"), "{}", stderr_of(&found));
        // The engine can, through a user namespace with the same ids.
        let changes = succeed(&fixture, &["diff", "kept"]);
        assert!(changes.contains("A /d/e/f/x\n") && changes.contains("/deepest\n"), "{changes:.200}");
        succeed(&fixture, &["rm", "kept"]);
        assert_eq!(fs::read_dir(place).expect("the directory").count(), 0);
    }
}

/// The number of processes with this argument.
fn processes_with(word: &str) -> usize {
    let commands = fs::read_dir("/proc").expect("/proc").flatten();
    let commands = commands.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    commands.filter(|command| String::from_utf8_lossy(command).contains(word)).count()
}

/// The owner of the store cannot read what a `RUN` writes as another user. If the build fails or is killed, none of
/// it is left behind.
#[test]
fn builds_leave_no_files_of_subordinate_ids() {
    const FOREVER: &str = "31536000.8452";
    let Some(fixture) = Fixture::user_with_ids() else { return };
    succeed(&fixture, &["image", "seed"]);
    let context = shared(&fixture);
    let context = context.to_str().expect("text");
    let write = |run: &str| {
        let text = format!("FROM busybox\nRUN {run}\n");
        fs::write(format!("{context}/Dockerfile"), text).expect("a Dockerfile");
    };
    let staged = || fs::read_dir(fixture.store().join("staging")).expect("the directory").count();
    // A file becomes part of a layer, with its owner.
    write("touch /x; chown 33:44 /x; stat -c %u:%g /x");
    succeed(&fixture, &["build", "-q", "-t", "built", context]);
    assert_eq!(succeed(&fixture, &["run", "--rm", "built", "stat", "-c", "%u:%g", "/x"]), "33:44");
    write(&format!("{CLOSED}; exit 3"));
    let failed = fixture.command().args(["build", "-q", context]).output().expect("the command starts");
    assert!(failed.status.code() == Some(1) && stderr_of(&failed).contains("exit code: 3"), "{}", stderr_of(&failed));
    assert_eq!(staged(), 0);
    write(&format!("{CLOSED}; echo I am there; sleep {FOREVER}"));
    let mut killed = fixture.command();
    let mut killed = killed.args(["build", context]).stderr(Stdio::piped()).spawn().expect("the command starts");
    let mut lines = BufReader::new(killed.stderr.take().expect("a pipe")).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with(" I am there")));
    killed.kill().expect("it is killed");
    killed.wait().expect("its end");
    let deadline = Instant::now() + Duration::from_secs(60);
    while processes_with(FOREVER) > 0 {
        assert!(Instant::now() < deadline, "the container outlives its engine");
        std::thread::sleep(Duration::from_millis(10));
    }
    // The next command sweeps it.
    write("true");
    succeed(&fixture, &["build", "-q", context]);
    assert_eq!(staged(), 0);
}

/// A helper that does not exit, one that refuses, and a missing one: each is reported in time, by name, and nothing
/// is left behind.
#[test]
fn failing_id_map_helpers_are_reported() {
    let script = |body: &str| format!("#!/bin/sh\n{body}\n");
    for (body, word) in [
        ("exec sleep 1000", "newuidmap: it has not ended after 5 seconds"),
        ("echo not today >&2; exit 3", "newuidmap: exit status: 3: not today"),
        ("kill -9 $$", "newuidmap: signal: 9"),
    ] {
        let Some(mut fixture) = Fixture::user_with_ids() else { return };
        succeed(&fixture, &["image", "seed"]);
        fixture.put("/usr/bin/newuidmap", &script(body), 0o4755);
        let began = Instant::now();
        let why = refused(&fixture, &["run", "--rm", "busybox", "true"]);
        assert!(why.contains(word) && why.contains("hint"), "{why}");
        assert!(began.elapsed() < Duration::from_secs(9), "{:?}", began.elapsed());
        assert_eq!(fs::read_dir(fixture.store().join("containers")).expect("the directory").count(), 0);
    }
    // Without its privileges it is the same as a missing one: a single id, and the error of `-u` contains the reason.
    let Some(mut fixture) = Fixture::user_with_ids() else { return };
    succeed(&fixture, &["image", "seed"]);
    fixture.put("/usr/bin/newgidmap", &script("exit 1"), 0o755);
    assert_eq!(succeed(&fixture, &["run", "--rm", "busybox", "cat", "/proc/self/setgroups"]), "deny");
    let why = refused(&fixture, &["run", "--rm", "-u", "1000", "busybox", "true"]);
    assert!(why.contains("not installed set-user-ID root") && why.contains("apt-get install uidmap"), "{why}");
}

/// Restrictions that the host's administrator set on a mount remain, and a bind mount of it can still be made
/// read-only.
#[test]
fn bind_mount_keeps_locked_flags() {
    let Some(mut fixture) = Fixture::user_with_ids() else { return };
    let shared = shared(&fixture);
    fixture.lock(&shared);
    succeed(&fixture, &["image", "seed"]);
    for (access, expected) in [("rw", "rw,nosuid,nodev,noexec,noatime"), ("ro", "ro,nosuid,nodev,noexec,noatime")] {
        let volume = format!("{}:/shared:{access}", shared.display());
        let script = "grep ' /shared ' /proc/mounts | cut -d' ' -f4 | cut -d, -f1-5; \
            cp /bin/busybox /shared/x 2>/dev/null && ! /shared/x true 2>/dev/null; true";
        assert_eq!(succeed(&fixture, &["run", "--rm", "-v", &volume, "busybox", "sh", "-c", script]), expected);
        let undo = "mount -o remount,bind,rw,exec,suid,dev /shared 2>/dev/null || echo no";
        assert_eq!(succeed(&fixture, &["run", "--rm", "-v", &volume, "busybox", "sh", "-c", undo]), "no");
    }
}

/// Whether another user can read a directory.
fn other_user_sees(directory: &Path) -> bool {
    Command::new("ls").arg(directory).uid(OTHER_USER).gid(OTHER_USER).output().expect("ls").status.success()
}

/// This user owns nothing, and no container runs as it.
const OTHER_USER: u32 = 54_321;

/// Clears the umask, so that new files get all permission bits that are requested.
fn allow_everything() -> std::io::Result<()> {
    nix::sys::stat::umask(nix::sys::stat::Mode::empty());
    Ok(())
}

/// Whatever the umask, neither another user nor a container can access the store or its contents.
#[test]
fn store_is_closed_to_other_users() {
    if !skip::require(is_root(), skip::ROOT) {
        return;
    }
    for fixture in [Fixture::user, Fixture::user_with_ids, Fixture::root] {
        let Some(fixture) = fixture() else { return };
        // A store that does not exist yet, in a directory that every user may write.
        let shared = shared(&fixture);
        // As in /tmp: no other user can replace the store's directory.
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o1777)).expect("the mode is set");
        let store = shared.join("store");
        let run = |arguments: &[&str]| {
            let mut command = fixture.command();
            command.args(arguments).env("MINICONTAINER_ROOT", &store);
            // SAFETY: umask(2) cannot fail and does not access memory.
            unsafe { command.pre_exec(allow_everything) };
            let output = command.output().expect("the command starts");
            (output.status.success(), stderr_of(&output))
        };
        assert!(run(&["image", "seed"]).0);
        assert_eq!(run(&["run", "--name", "kept", "busybox", "true"]), (true, String::new()));
        let container =
            fs::read_dir(store.join("containers")).expect("containers").flatten().next().expect("a container");
        for directory in [store.clone(), store.join("containers"), container.path(), store.join("layers")] {
            let mode = fs::metadata(&directory).expect("a directory").permissions().mode() & 0o7777;
            assert_eq!(mode & 0o077, 0, "{}: {mode:o}", directory.display());
            assert!(!other_user_sees(&directory), "{}", directory.display());
        }
        // The control: the other user can read the directory that contains the store.
        assert!(other_user_sees(store.parent().expect("a parent")));
        let inside = format!("ls -d {}", store.display());
        assert!(!run(&["run", "--rm", "busybox", "sh", "-c", &inside]).0);
        assert!(run(&["rm", "kept"]).0);
    }
}

/// An engine with a low limit of descriptors still runs containers.
#[test]
fn engine_works_with_twenty_descriptors() {
    for fixture in [Fixture::user, Fixture::user_with_ids, Fixture::root] {
        let Some(fixture) = fixture() else { return };
        let limited = |most: u64, arguments: &[&str]| {
            let mut command = fixture.command();
            command.args(arguments);
            let limit =
                move || nix::sys::resource::setrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE, most, most);
            // SAFETY: makes one system call.
            unsafe { command.pre_exec(move || Ok(limit()?)) };
            command.output().expect("the command starts")
        };
        succeed(&fixture, &["image", "seed"]);
        let enough = limited(20, &["run", "--rm", "-v", "/usr:/mnt", "busybox", "sh", "-c", "ulimit -n"]);
        assert_eq!((stderr_of(&enough).as_str(), enough.stdout.as_slice()), ("", &b"20\n"[..]));
        // The control: with too few it reports an error. There may be too few even for removing what was created.
        let short = limited(5, &["run", "--rm", "busybox", "true"]);
        assert_eq!(short.status.code(), Some(125), "{}", stderr_of(&short));
        assert!(
            stderr_of(&short).contains("Too many open files") || stderr_of(&short).contains("EMFILE"),
            "{}",
            stderr_of(&short)
        );
    }
}
