//! Groups: those of the image's own accounts apply inside, and none of the engine's.
//!
//! A mode such as 0604 denies a group what all others may do. A process that could leave that group, or was never
//! added to it, would have access that is meant to be denied (CVE-2022-2989, CVE-2023-25173); and one that kept the
//! engine's groups would have their access.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::unistd::{Gid, setgroups};

use crate::attacks::{Ground, text};
use crate::fixture::Fixture;
use crate::untrusted_input::layer;

/// A group that exists only in the image, and the groups of the engine.
const CLOSED: u32 = 4242;
const ENGINES: [u32; 2] = [CLOSED, 4343];

/// The same command with an engine that has supplementary groups.
fn with_groups(mut command: Command) -> Command {
    let groups = ENGINES.map(Gid::from_raw);
    // SAFETY: makes one system call and allocates nothing.
    unsafe { command.pre_exec(move || Ok(setgroups(&groups)?)) };
    command
}

#[test]
fn groups_come_from_the_image() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let root = layer(&fixture);
    let add = |file: &str, line: &str| {
        let path = root.join("etc").join(file);
        let kept = fs::read_to_string(&path).expect("the accounts");
        fs::write(&path, format!("{kept}{line}\n")).expect("the accounts");
    };
    add("passwd", "ada:x:1000:1000::/:/bin/sh");
    add("group", &format!("closed:x:{CLOSED}:ada\nothers:x:4444:root"));
    let closed = root.join("closed");
    fs::write(&closed, "for all others").expect("a file");
    chown(&closed, Some(0), Some(CLOSED)).expect("the group is set");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o604)).expect("the mode is set");

    let run = |user: &str, script: &str| {
        let command = with_groups(ground.run(&["-u", user], &["sh", "-c", script]));
        text(&{ command }.output().expect("the command starts"))
    };
    let groups = "sed -n 's/^Groups:\t//p' /proc/self/status";
    let tried = format!("{groups}; cat /closed 2>/dev/null || echo closed");
    // By name and by id: a member of the group is denied access.
    for user in ["ada", "1000"] {
        assert_eq!(run(user, &tried), format!("1000 {CLOSED} \nclosed"), "{user}");
    }
    // If the group is specified, the process has only that one, and counts as one of all others.
    assert_eq!(run("1000:1000", &tried), "1000 \nfor all others");
}

#[test]
fn engine_groups_are_dropped() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let groups = ["sed", "-n", "s/^Groups:\t//p", "/proc/self/status"];
    let mut outside = Command::new(groups[0]);
    outside.args(&groups[1..]);
    let of = |command: Command| text(&with_groups(command).output().expect("the command starts"));
    // The control: any other child of such a caller has them.
    assert_eq!(of(outside), "4242 4343");
    for flags in [&[][..], &["-u", "1000:1000"], &["-u", "1000"], &["--userns", "auto"]] {
        let inside = of(ground.run(flags, &groups));
        assert!(ENGINES.iter().all(|group| !inside.contains(&group.to_string())), "{flags:?}: {inside}");
    }
}
