//! Faults during a build: Ctrl-C, a kill, a full disk, and concurrent builds of the same Dockerfile.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};

use super::{build, check_clean, project, step_results};
use crate::test_env::TestEnv;

/// The time limit for every wait, long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[track_caller]
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "{what} did not happen in time");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Starts a build whose second RUN prints a line and then never ends. Returns once the line has appeared.
fn under_way(place: &TestEnv, arguments: &[&str]) -> Child {
    let file = "FROM busybox\nRUN echo first > /first\nRUN echo I am there; sleep 31536000.7341\n";
    project(place, "ctx", &[("Dockerfile", file)]);
    let mut command = place.command(&[&["build"], arguments, &["-t", "never", "ctx"]].concat());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut printed = lines.map_while(Result::ok);
    assert!(printed.any(|line| line.ends_with(" I am there")));
    // Without a reader, the next write of the build to this pipe would fail.
    thread::spawn(move || printed.count());
    child
}

/// The directories in /proc of the processes that run the endless command.
fn sleepers() -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let sleeps = |command: Vec<u8>| command.windows(13).any(|word| word == b"31536000.7341");
    processes.filter(|process| fs::read(process.join("cmdline")).is_ok_and(sleeps)).collect()
}

/// The cgroups that the engine created for these processes, in every hierarchy.
fn groups_of_sleepers() -> Vec<PathBuf> {
    let printed = |process: PathBuf| fs::read_to_string(process.join("cgroup")).unwrap_or_default();
    let lines: Vec<String> =
        sleepers().into_iter().flat_map(|one| printed(one).lines().map(String::from).collect::<Vec<_>>()).collect();
    let parts = lines.iter().filter_map(|line| line.split_once(':')?.1.split_once(':'));
    let own = parts.filter(|(_, group)| group.contains("minicontainer-"));
    own.map(|(hierarchy, group)| Path::new("/sys/fs/cgroup").join(hierarchy).join(group.trim_start_matches('/')))
        .collect()
}

/// `limited` says that the engine creates cgroups for containers on this machine.
fn check_interrupted(place: &TestEnv, limited: bool) {
    let images = place.succeed(&["images"]);
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut child = under_way(place, &[]);
        kill(Pid::from_raw(child.id().cast_signed()), signal).unwrap();
        let code = child.wait().unwrap().code();
        assert!(code.is_some_and(|code| code != 0), "{code:?}");
        check_clean(place);
        assert_eq!(place.succeed(&["images"]), images);
    }
    // The steps that had finished are in the cache.
    project(place, "ctx", &[("Dockerfile", "FROM busybox\nRUN echo first > /first\nRUN true\n")]);
    assert_eq!(step_results(&build(place, &["ctx"])), ["RUN CACHED", "RUN DONE"]);
    let mut child = under_way(place, &["--no-cache"]);
    let groups = groups_of_sleepers();
    assert!(!groups.is_empty() || !limited);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the end of the container", || sleepers().is_empty());
    // The leftovers of a killed build are removed by prune, not by the next build.
    place.succeed(&["system", "prune", "-f"]);
    project(place, "ctx", &[("Dockerfile", "FROM busybox\nRUN echo first > /first\nRUN echo second > /second\n")]);
    build(place, &["ctx"]);
    let left: Vec<&PathBuf> = groups.iter().filter(|group| group.exists()).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// One test for both users: both count the sleeping processes of the whole machine.
#[test]
fn interrupted_build_leaves_nothing() {
    check_interrupted(&TestEnv::new(), geteuid().is_root());
    let Some(place) = TestEnv::seeded_user() else { return };
    check_interrupted(&place, false);
}

/// The store is on a small tmpfs, mounted in the command's own mount namespace.
#[test]
fn full_disk_during_build_leaves_store_unchanged() {
    let Some(place) = TestEnv::seeded_root() else { return };
    let big = "x".repeat(4_000_000);
    project(&place, "copy", &[("Dockerfile", "FROM busybox\nCOPY . /all\n"), ("big", &big)]);
    project(&place, "run", &[("Dockerfile", "FROM busybox\nRUN head -c 4000000 /dev/urandom > /big\n")]);
    project(&place, "small", &[("Dockerfile", "FROM busybox\nRUN true\n")]);
    let script = r#"
        mkdir disk && mount -t tmpfs -o size=64m none disk || exit 9
        export MINICONTAINER_ROOT=$PWD/disk/store
        "$ENGINE" image seed >/dev/null && "$ENGINE" build -q small >/dev/null || exit 9
        before=$(find disk | sort)
        used=$(df -k --output=used disk | tail -n 1)
        for what in copy run; do
            for more in 16 200 2000 3900 ; do
                mount -o remount,size=$((used + more))k disk || exit 9
                "$ENGINE" build -t big:1 $what 2>message && echo "$what: $more kB were enough"
                # If RUN fails, its command reports the full disk in its own words.
                grep -q 'No space left on device\|did not complete' message || cat message
                [ "$before" = "$(find disk | sort)" ] || { echo "$what, $more kB: something was left behind"; find disk | sort; }
            done
        done
        mount -o remount,size=64m disk
        "$ENGINE" build -q -t big:1 copy >/dev/null && "$ENGINE" images -q big | wc -l
    "#;
    let output = place.program("unshare", &["--mount", "sh", "-c", script]).output().unwrap();
    let answer = place.answer(output);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "1\n"), "{}", answer.stderr);
}

fn check_shared_work(place: &TestEnv) {
    // A cache mount belongs to neither a layer nor a cache key, so it can count how often each command has run.
    let file = "FROM busybox AS one\nRUN --mount=type=cache,id=count,target=/c echo one >> /c/count; sleep 1; echo one > /one\n\
        FROM busybox AS two\nRUN --mount=type=cache,id=count,target=/c echo two >> /c/count; echo two > /two\n\
        FROM busybox\nCOPY --from=one /one /\nCOPY --from=two /two /\nRUN --mount=type=cache,id=count,target=/c echo last >> /c/count\n";
    project(place, "ctx", &[("Dockerfile", file)]);
    let builds: Vec<Child> = (0..6)
        .map(|number| {
            let arguments = ["build", "-q", "-t", &format!("shared:{number}"), "ctx"];
            place.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let mut ids: Vec<String> = builds
        .into_iter()
        .map(|child| {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        })
        .collect();
    check_clean(place);
    let mounts = fs::read_dir(place.path("store/build-cache/mounts")).unwrap().flatten();
    let counts: Vec<String> =
        mounts.filter_map(|entry| fs::read_to_string(entry.path().join("files/count")).ok()).collect();
    assert_eq!(counts.len(), 1);
    // Two builds that started with different stages may both build the same layer, but all six builds must not.
    let times = |word: &str| counts[0].lines().filter(|line| *line == word).count();
    for word in ["one", "two", "last"] {
        assert!((1..6).contains(&times(word)), "{counts:?}");
    }
    for number in 0..6 {
        assert_eq!(super::say(place, &format!("shared:{number}"), "cat /one /two"), "one\ntwo\n");
    }
    // At least one build has reused the layers of another, and later builds find all of them.
    ids.sort();
    ids.dedup();
    assert!(ids.len() < 6, "{ids:?}");
    assert!(step_results(&build(place, &["ctx"])).iter().all(|result| result.ends_with("CACHED")));
}

#[test]
fn concurrent_builds_share_the_work() {
    check_shared_work(&TestEnv::new());
}

#[test]
fn concurrent_builds_share_the_work_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    check_shared_work(&place);
}

/// The steps of a chain have only one order, so each step is built exactly once.
#[test]
fn chain_of_steps_is_built_once() {
    let place = TestEnv::new();
    let file = "FROM busybox\nRUN --mount=type=cache,id=count,target=/c echo one >> /c/count; sleep 1\n\
        RUN --mount=type=cache,id=count,target=/c echo two >> /c/count\n";
    project(&place, "ctx", &[("Dockerfile", file)]);
    let builds: Vec<Child> =
        (0..5).map(|_| place.command(&["build", "-q", "ctx"]).stdout(Stdio::piped()).spawn().unwrap()).collect();
    let ids: Vec<String> = builds
        .into_iter()
        .map(|child| String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
        .collect();
    assert!(ids[0].starts_with("sha256:") && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    let mount = fs::read_dir(place.path("store/build-cache/mounts")).unwrap().flatten();
    let counts: Vec<String> =
        mount.filter_map(|entry| fs::read_to_string(entry.path().join("files/count")).ok()).collect();
    assert_eq!(counts, ["one\ntwo\n"]);
}
