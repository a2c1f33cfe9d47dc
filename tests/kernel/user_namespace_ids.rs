//! A container's own ids are not allocated to any user: a user to whom `/etc/subuid` allocates them could map them
//! into a user namespace, and act there as the owner of the container's processes and files.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};

use minicontainer::core::plan::userns_ids::{OWN_ID_COUNT, USERNS_IDS};

use crate::fixture::Fixture;

/// The first id of the only range that the files of these tests leave free.
const FREE: u32 = 0x0123 << 16;

/// A range of ids from `first` to `end` as a line of subuid(5).
fn line(owner: &str, first: u32, end: u32) -> String {
    format!("{owner}:{first}:{}\n", end - first)
}

/// A fixture with the image `busybox`, on a machine with these files.
fn prepare(subuid: &str, subgid: &str) -> Option<Fixture> {
    let fixture = Fixture::root_with_allocations(subuid, subgid)?;
    let seeded = fixture.command().args(["image", "seed"]).status().expect("the command starts");
    assert!(seeded.success());
    Some(fixture)
}

/// Runs a container until it exits.
fn run(fixture: &Fixture, flags: &[&str], program: &[&str]) -> Output {
    let words = [&["run", "--rm"], flags, &["busybox"], program].concat();
    fixture.command().args(words).output().expect("the command starts")
}

/// Runs a container that prints its id maps and then waits for the end of its input.
fn start(fixture: &Fixture, flags: &[&str]) -> (Child, String) {
    let script = "echo $(cat /proc/self/uid_map /proc/self/gid_map); cat";
    let mut run = fixture.command();
    run.args([&["run", "--rm", "-i"], flags, &["busybox", "sh", "-c", script]].concat());
    let mut child = run.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the command starts");
    let mut maps = String::new();
    let stdout = child.stdout.as_mut().expect("a pipe");
    BufReader::new(stdout).read_line(&mut maps).expect("the maps are printed");
    (child, maps.trim().to_owned())
}

/// A process of the host that runs as this user.
fn process_of(user: u32) -> Option<u32> {
    let belongs = |pid: &u32| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status
            .lines()
            .any(|line| line.strip_prefix("Uid:\t").is_some_and(|ids| ids.starts_with(&format!("{user}\t"))))
    };
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).find(belongs)
}

/// Whether a process of the host with this user id may send the other one signals.
fn may_signal(user: u32, process: u32) -> bool {
    let mut kill = Command::new("sh");
    kill.args(["-c", &format!("kill -0 {process} 2>/dev/null")]).uid(user).gid(user);
    kill.status().expect("the shell starts").success()
}

/// All ids except one range are allocated: some as user ids, some as group ids, to users who may not exist.
#[test]
fn allocated_ids_are_not_given_to_containers() {
    let subuid = line("ada", USERNS_IDS.0 << 16, FREE - 1) + &line("4242", FREE + OWN_ID_COUNT + 7, u32::MAX);
    let subgid = "garbage\nada:1:\n".to_owned()
        + &line("no-such-user", FREE - 1, FREE)
        + &line("bob", FREE + OWN_ID_COUNT, FREE + OWN_ID_COUNT + 7);
    let Some(fixture) = prepare(&subuid, &subgid) else { return };
    for flags in [["--userns", "auto"], ["--profile", "untrusted"]] {
        let (mut child, maps) = start(&fixture, &flags);
        assert_eq!(maps, format!("0 {FREE} {OWN_ID_COUNT} 0 {FREE} {OWN_ID_COUNT}"), "{flags:?}");
        let process = process_of(FREE).expect("the container's process");
        // Ada can become any of the ids that are allocated to her, but none of them has access to the container.
        assert!([FREE - 2, USERNS_IDS.0 << 16, FREE + OWN_ID_COUNT + 7].iter().all(|id| !may_signal(*id, process)));
        drop(child.stdin.take());
        assert!(child.wait().expect("the end").success());
    }
}

/// The control: without looking up allocations, the ids depend only on the container's id. A user to whom the whole
/// range is allocated has them, and may send signals to the container's processes.
#[test]
fn user_with_allocated_ids_may_signal_the_container() {
    let Some(fixture) = prepare("", "") else { return };
    let (mut child, maps) = start(&fixture, &["--userns", "auto"]);
    let first: u32 = maps.split(' ').nth(1).and_then(|first| first.parse().ok()).expect("a map");
    assert!((USERNS_IDS.0..USERNS_IDS.0 + USERNS_IDS.1).contains(&(first >> 16)), "{maps}");
    assert!(may_signal(first, process_of(first).expect("the container's process")));
    drop(child.stdin.take());
    assert!(child.wait().expect("the end").success());
}

#[test]
fn container_without_free_ids_is_not_started() {
    let all = line("ada", 0, FREE + 1) + &line("bob", FREE + 1, u32::MAX);
    let Some(fixture) = prepare("", &all) else { return };
    for flags in [["--userns", "auto"], ["--profile", "untrusted"]] {
        let output = run(&fixture, &flags, &["true"]);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(125), "{stderr}");
        assert!(stderr.contains("cannot choose ids for the container's user namespace"), "{stderr}");
        assert!(stderr.contains("hint: free 65536 ids") && stderr.contains("/etc/subuid"), "{stderr}");
    }
    // The control: without its own ids the same container starts.
    assert!(run(&fixture, &[], &["true"]).status.success());
}

/// An account of the host in the only range that is not allocated: it would own a container's files.
#[test]
fn account_ids_are_not_given_to_containers() {
    let rest = line("ada", USERNS_IDS.0 << 16, FREE) + &line("ada", FREE + OWN_ID_COUNT, u32::MAX);
    let Some(mut fixture) = prepare(&rest, "") else { return };
    let accounts = ["/etc/passwd", "/etc/group"].map(|file| fs::read_to_string(file).expect("the accounts"));
    let [passwd, group] = accounts.each_ref();
    for (place, own, account) in [
        ("/etc/passwd", passwd, "carl:x:ID:100::/:/bin/sh"),
        ("/etc/passwd", passwd, "carl:x:100:ID::/:/bin/sh"),
        ("/etc/group", group, "carls:x:ID:"),
    ] {
        let with = |id: u32| format!("{own}\n{}\n", account.replace("ID", &id.to_string()));
        fixture.put(place, &with(FREE + 1000), 0o644);
        let output = run(&fixture, &["--userns", "auto"], &["true"]);
        assert_eq!(output.status.code(), Some(125), "{account}: {}", String::from_utf8_lossy(&output.stderr));
        // The control: an id just outside of the range changes nothing.
        fixture.put(place, &with(FREE + OWN_ID_COUNT), 0o644);
        let output = run(&fixture, &["--userns", "auto"], &["true"]);
        assert!(output.status.success(), "{account}: {}", String::from_utf8_lossy(&output.stderr));
    }
}
