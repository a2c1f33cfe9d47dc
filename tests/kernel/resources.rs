//! What can be used up: memory of every kind, processes and threads, what the kernel counts for each user.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use minicontainer::Sandbox;
use minicontainer::core::options::Isolation;
use nix::sys::resource::{Resource, setrlimit};

use crate::attacks::Ground;
use crate::cgroups::check_bomb_ends;
use crate::fixture::Fixture;
use crate::sandboxes::busybox;

/// What a command printed as JSON into this file.
#[track_caller]
fn report(path: &std::path::Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).expect("the report")).expect("JSON")
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the command starts")
}

/// Memory is the container's, whatever it is used for. What the kernel can give back, it gives back: a file may be
/// larger than the limit. Of the rest the container may have no more, and a program that asks for more is killed or
/// refused.
#[test]
fn memory_of_every_kind_is_limited() {
    const LIMIT: u64 = 16 << 20;
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let file = fixture.directory().join("report.json");
    let flags = ["--memory", "16m", "--report", file.to_str().expect("text")];
    let kinds = ["private", "shared", "memfd", "file", "system-v", "page-tables", "pipes", "sockets"];
    for kind in kinds {
        let command = ["/probe", "fill", kind, "40"];
        assert_eq!(ground.text(&[], &command), "done", "{kind} without a limit");
        let limited = output(&mut ground.run(&flags, &command));
        let (said, report) = (String::from_utf8_lossy(&limited.stdout).into_owned(), report(&file));
        let peak = report["peak_memory"].as_u64().expect("a number");
        // A process that is being killed may have a few pages more.
        assert!(peak <= LIMIT + (1 << 20) && peak > LIMIT / 2, "{kind}: {report}");
        if report["verdict"] == "memory-limit" {
            let stderr = String::from_utf8_lossy(&limited.stderr).into_owned();
            assert_eq!(limited.status.code(), Some(137), "{kind}");
            assert!(stderr.contains("the memory limit of 16MiB (--memory) was reached"), "{kind}: {stderr}");
            assert!(report["oom_kills"].as_u64() >= Some(1), "{kind}: {report}");
        } else {
            assert!(["refused ENOMEM\n", "refused ENOBUFS\n"].contains(&said.as_str()), "{kind}: {said} {report}");
        }
    }
    assert_eq!(ground.text(&flags, &["/probe", "fill", "page-cache", "40"]), "done");
    let report = report(&file);
    assert!(report["peak_memory"].as_u64() <= Some(LIMIT + (1 << 20)) && report["oom_kills"] == 0, "{report}");
}

/// A bomb of threads is held as one of processes is, and ended while it goes on.
#[test]
fn thread_bomb_is_limited_and_killed() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    assert_eq!(ground.text(&[], &["/probe", "threads", "100"]), "done");
    let refused = output(&mut ground.run(&["--pids-limit", "60"], &["/probe", "threads", "100"]));
    assert_eq!(String::from_utf8_lossy(&refused.stdout), "refused EAGAIN\n");

    let bomb = Sandbox::from_image(&busybox(&fixture)).command("/probe").args(["thread-bomb"]);
    let bomb = bomb.bind(ground.probe(), "/probe").stdout(minicontainer::Stdio::Piped).pids(60);
    for sandbox in [bomb.clone(), bomb.without(Isolation::Pid)] {
        let mut running = sandbox.spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(running.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        assert_eq!(line, "no more threads\n");
        check_bomb_ends(running);
    }
}

/// However high the bounds of single containers are, the machine has numbers left.
#[test]
fn all_containers_together_leave_pids_to_the_host() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let start = || {
        let bomb = ["sh", "-c", "read line; exec /probe hold threads 100"];
        let mut run = ground.run(&["-i", "--pids-limit", "-1"], &bomb);
        run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command starts")
    };
    let set_off = |running: &mut Child| {
        running.stdin.as_mut().expect("a pipe").write_all(b"go\n").expect("it reads");
        let mut line = String::new();
        BufReader::new(running.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        line
    };
    let end = |mut running: Child| {
        drop(running.stdin.take());
        running.wait().expect("its end");
    };
    let (mut first, mut second) = (start(), start());
    let bound = ["/sys/fs/cgroup/pids/minicontainer/pids.max", "/sys/fs/cgroup/minicontainer/pids.max"];
    let number = |path: &str| std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let deadline = Instant::now() + Duration::from_secs(60);
    // Until both are there: each adds at least one process.
    let file = loop {
        let found = bound.into_iter().find(|file| number(&file.replace("max", "current")) >= Some(2));
        assert!(found.is_some() || Instant::now() < deadline, "there is no group of both");
        match found {
            Some(file) => break file,
            None => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let numbers =
        ["pid_max", "threads-max"].map(|name| number(&format!("/proc/sys/kernel/{name}")).expect("a number"));
    let most = numbers.into_iter().min().expect("two");
    let together = number(file).expect("there is a bound");
    assert!(together < most && together > most / 2, "{together} of {most}");
    // As if the machine had no more.
    std::fs::write(file, "150").expect("the bound of all");
    assert_eq!(set_off(&mut first), "done\n");
    assert_eq!(set_off(&mut second), "refused EAGAIN\n");
    end(first);
    end(second);
    // The control: with the bound that was there both have enough. It came back with the group, unless containers of
    // somebody else's have kept that.
    if std::fs::exists(file).expect("an answer") {
        std::fs::write(file, together.to_string()).expect("the bound of all");
    }
    let (mut first, mut second) = (start(), start());
    assert_eq!([set_off(&mut first), set_off(&mut second)], ["done\n", "done\n"]);
    end(first);
    end(second);
}

/// Without a number for the container's first process there is no container: that is told, and nothing of it is left.
#[test]
fn exhausted_pids_are_reported() {
    let Some(fixture) = Fixture::user() else { return };
    let ground = Ground::new(&fixture);
    assert_eq!(ground.text(&[], &["echo", "enough"]), "enough");
    let mut run = ground.run(&[], &["true"]);
    // SAFETY: makes one system call, and allocates nothing.
    unsafe { run.pre_exec(|| Ok(setrlimit(Resource::RLIMIT_NPROC, 1, 1)?)) };
    let refused = output(&mut run);
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(125), "{stderr}");
    assert!(stderr.contains("EAGAIN") && stderr.contains("hint: the machine or your user has too many"), "{stderr}");
    let left = std::fs::read_dir(fixture.store().join("containers")).map_or(0, Iterator::count);
    assert_eq!(left, 0, "{stderr}");
}

/// One number is enough for a program, but not for one and an init.
#[test]
fn pids_limit_of_one_allows_one_process() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    assert_eq!(ground.text(&["--pids-limit", "1"], &["echo", "alone"]), "alone");
    let refused = output(&mut ground.run(&["--pids-limit", "1", "--init"], &["true"]));
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(125), "{stderr}");
    assert!(stderr.contains("EAGAIN"), "{stderr}");
    assert_eq!(std::fs::read_dir(fixture.store().join("containers")).map_or(0, Iterator::count), 0);
}

/// What the kernel counts for each user and limits.
const COUNTED: [&str; 4] = ["inotify", "queues", "signals", "pipes"];

/// Holds all of something that it can get.
struct Holder(Child);

impl Holder {
    /// A container that does, and how many it has.
    fn new(ground: &Ground<'_>, flags: &[&str], kind: &str) -> (Holder, usize) {
        let mut run = ground.run(&[flags, &["-i"]].concat(), &["/probe", "hold-all", kind]);
        let mut running = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command starts");
        let mut line = String::new();
        BufReader::new(running.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        (Holder(running), line.trim().parse().expect("a number"))
    }

    #[track_caller]
    fn end(mut self) {
        drop(self.0.stdin.take());
        assert!(self.0.wait().expect("its end").success());
    }
}

/// A number of the kernel's.
fn sysctl(name: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/sys/fs/{name}")).unwrap_or_default();
    text.trim().parse().unwrap_or(usize::MAX)
}

/// Whether one container can take all of it, within the bounds below.
fn can_be_used_up(kind: &str) -> bool {
    match kind {
        "inotify" => sysctl("inotify/max_user_instances") <= 500,
        "pipes" => (1..=30_000).contains(&sysctl("pipe-user-pages-soft")),
        _ => true,
    }
}

/// Bounds that no machine is below, so that every machine's own limits have room above them.
const BOUNDS: [&str; 6] =
    ["--ulimit", "nofile=512:512", "--ulimit", "msgqueue=400000:400000", "--ulimit", "sigpending=1000:1000"];

/// The kernel counts some things for each user, and root is one user in all containers and outside. Root of a
/// container with ids of its own is another; so is its namespace's owner, of whom the kernel counts them too.
#[test]
fn per_user_counters_are_separate_with_own_ids() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let flags = |users: &[&'static str]| [&BOUNDS, users].concat();
    let alone = |kind: &str| {
        let (holder, held) = Holder::new(&ground, &flags(&[]), kind);
        holder.end();
        held
    };
    for (kind, users) in COUNTED
        .into_iter()
        .flat_map(|kind| [&["--userns", "auto"][..], &["--profile", "untrusted"]].map(|users| (kind, users)))
    {
        let (first, held) = Holder::new(&ground, &flags(users), kind);
        let (second, also_held) = Holder::new(&ground, &flags(users), kind);
        assert!(held > 0 && also_held == held, "{users:?} {kind}: {held} and {also_held}");
        assert!(kind != "inotify" || held >= sysctl("inotify/max_user_instances").min(500), "{users:?}: {held}");
        // Nor does root outside, or in an ordinary container, miss any.
        let roots = alone(kind);
        assert!(roots > held / 2, "{users:?} {kind}: {roots} beside {held}");
        first.end();
        second.end();
    }
}

/// The positive control, and the price of a container whose root is root: it shares what root may have.
#[test]
fn per_user_counters_are_shared_without_own_ids() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    for kind in COUNTED.into_iter().filter(|kind| can_be_used_up(kind)) {
        let (first, held) = Holder::new(&ground, &BOUNDS, kind);
        let (second, also_held) = Holder::new(&ground, &BOUNDS, kind);
        assert!(held > 0 && also_held <= held / 2, "{kind}: {held} and {also_held}");
        first.end();
        second.end();
    }
}
