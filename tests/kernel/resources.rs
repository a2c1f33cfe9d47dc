//! Resources that can be exhausted: memory of every kind, processes and threads, and what the kernel counts for each
//! user.

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

/// The report that a command wrote to this file.
#[track_caller]
fn report(path: &std::path::Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).expect("the report")).expect("JSON")
}

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the command starts")
}

/// Memory counts for the container, whatever it is used for. The kernel reclaims what it can: a file may be larger
/// than the limit. The rest is limited, and a program that needs more is killed or gets an error.
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
        let (stdout, report) = (String::from_utf8_lossy(&limited.stdout).into_owned(), report(&file));
        let peak = report["peak_memory"].as_u64().expect("a number");
        // A process that is being killed may have a few pages more.
        assert!(peak <= LIMIT + (1 << 20) && peak > LIMIT / 2, "{kind}: {report}");
        if report["verdict"] == "memory-limit" {
            let stderr = String::from_utf8_lossy(&limited.stderr).into_owned();
            assert_eq!(limited.status.code(), Some(137), "{kind}");
            assert!(stderr.contains("the memory limit of 16MiB (--memory) was reached"), "{kind}: {stderr}");
            assert!(report["oom_kills"].as_u64() >= Some(1), "{kind}: {report}");
        } else {
            assert!(
                ["refused ENOMEM\n", "refused ENOBUFS\n"].contains(&stdout.as_str()),
                "{kind}: {stdout} {report}"
            );
        }
    }
    assert_eq!(ground.text(&flags, &["/probe", "fill", "page-cache", "40"]), "done");
    let report = report(&file);
    assert!(report["peak_memory"].as_u64() <= Some(LIMIT + (1 << 20)) && report["oom_kills"] == 0, "{report}");
}

/// A bomb of threads is limited like one of processes, and is ended while it runs.
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

/// However high the limits of single containers are, the machine has process ids left.
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
    // Until both containers run: each adds at least one process.
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
    // As if the machine had no more process ids.
    std::fs::write(file, "150").expect("the bound of all");
    assert_eq!(set_off(&mut first), "done\n");
    assert_eq!(set_off(&mut second), "refused EAGAIN\n");
    end(first);
    end(second);
    // The control: with the original limit both have enough. It was restored with the group, unless other containers
    // have kept the group.
    if std::fs::exists(file).expect("an answer") {
        std::fs::write(file, together.to_string()).expect("the bound of all");
    }
    let (mut first, mut second) = (start(), start());
    assert_eq!([set_off(&mut first), set_off(&mut second)], ["done\n", "done\n"]);
    end(first);
    end(second);
}

/// If the container's first process cannot be created, the start fails with an error, and nothing is left behind.
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

/// A limit of one process is enough for a program, but not with an init.
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

/// Resources that the kernel counts and limits for each user.
const COUNTED: [&str; 4] = ["inotify", "queues", "signals", "pipes"];

/// Holds as many of a resource as possible.
struct Holder(Child);

impl Holder {
    /// A container that does so, and the number that it holds.
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

/// A number in a file of the kernel.
fn sysctl(name: &str) -> usize {
    let text = std::fs::read_to_string(format!("/proc/sys/fs/{name}")).unwrap_or_default();
    text.trim().parse().unwrap_or(usize::MAX)
}

/// Whether one container can allocate all of it, with the limits below.
fn can_be_used_up(kind: &str) -> bool {
    match kind {
        "inotify" => sysctl("inotify/max_user_instances") <= 500,
        "pipes" => (1..=30_000).contains(&sysctl("pipe-user-pages-soft")),
        _ => true,
    }
}

/// Limits that are lower than those of every machine, so that the machine's own limits are not reached.
const BOUNDS: [&str; 6] =
    ["--ulimit", "nofile=512:512", "--ulimit", "msgqueue=400000:400000", "--ulimit", "sigpending=1000:1000"];

/// The kernel counts some resources for each user, and root is one user in all containers and outside. Root of a
/// container with its own ids is another user; so is the owner of its namespace, for whom the kernel counts them too.
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
        // Root outside, or in an ordinary container, is not affected either.
        let roots = alone(kind);
        assert!(roots > held / 2, "{users:?} {kind}: {roots} beside {held}");
        first.end();
        second.end();
    }
}

/// The positive control, and the disadvantage of a container whose root is the host's root: it shares root's limits.
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
