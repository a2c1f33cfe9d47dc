//! `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` of containers and of a build's RUN.

use std::{fs, os::unix::fs::symlink};

use serde_json::Value;

use crate::{
    build::{build, project, say},
    test_env::TestEnv,
};

/// Docker's documentation of `docker run`: the container has the three files, whatever its image has.
fn check_files(place: &TestEnv) {
    let run = |flags: &[&str], script: &str| {
        place.succeed(&[&["run", "--rm", "-h", "attic"], flags, &["busybox", "sh", "-c", script]].concat())
    };
    assert_eq!(run(&[], "cat /etc/hostname; grep attic /etc/hosts"), "attic\n127.0.0.1\tattic\n");
    let flags = ["--add-host", "db:10.0.0.2", "--add-host=six=[2001:db8::1]"];
    assert_eq!(run(&flags, "tail -n 2 /etc/hosts"), "10.0.0.2\tdb\n2001:db8::1\tsix\n");
    let flags = ["--dns", "192.0.2.1", "--dns-search", "example.com", "--dns-option", "ndots:2"];
    let lines = "nameserver 192.0.2.1\nsearch example.com\noptions ndots:2\n";
    assert_eq!(run(&flags, "tail -n 3 /etc/resolv.conf"), lines);
    assert_eq!(run(&[], "echo 10.1.1.1 x >> /etc/hosts && tail -n 1 /etc/hosts"), "10.1.1.1 x\n");
    let denied = "echo x 2>/dev/null >> /etc/hosts || echo no";
    assert_eq!(run(&["--read-only"], &format!("( {denied} ) 2>/dev/null")), "no\n");
    assert_eq!(run(&["--driver", "copy"], "cat /etc/hostname"), "attic\n");
    fs::write(place.path("own"), "its own\n").expect("a file");
    assert_eq!(run(&["-v", "./own:/etc/hosts"], "cat /etc/hosts /etc/hostname"), "its own\nattic\n");
    let host = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let copy = run(&["--network", "host", "--add-host", "db:10.0.0.2"], "cat /etc/hosts");
    assert!(copy.starts_with(&host) && copy.ends_with("10.0.0.2\tdb\n"), "{copy}");
}

#[test]
fn every_container_has_network_files() {
    check_files(&TestEnv::new());
}

#[test]
fn every_container_has_network_files_rootless() {
    TestEnv::seeded_user().iter().for_each(check_files);
}

#[test]
fn host_gateway_is_refused_by_name() {
    let place = TestEnv::new();
    let answer = place.run(&["run", "--rm", "--add-host", "db:host-gateway", "busybox"]);
    assert_eq!(answer.code, 125);
    assert!(answer.stderr.contains("bridges are not supported yet"), "{}", answer.stderr);
}

/// As in Docker, they are bind mounts of files in the container's directory, and do not count as changes of the
/// container.
#[test]
fn network_files_are_mounts_and_not_changes() {
    let place = TestEnv::new();
    for driver in ["overlay", "copy"] {
        place.succeed(&["run", "--name", driver, "--driver", driver, "busybox", "touch", "/new"]);
        assert_eq!(place.succeed(&["diff", driver]), "A /new\n", "{driver}");
        // The tests' own redaction of paths would hide them.
        let inspected = place.command(&["inspect", driver]).output().expect("it runs");
        let document: Value = serde_json::from_slice(&inspected.stdout).expect("JSON");
        for (key, name) in [("HostsPath", "hosts"), ("HostnamePath", "hostname"), ("ResolvConfPath", "resolv.conf")] {
            let path = document[0][key].as_str().expect("a path");
            assert!(path.ends_with(&format!("/{name}")) && fs::exists(path).is_ok_and(|exists| exists), "{path}");
        }
        place.succeed(&["commit", driver, "committed"]);
        place.succeed(&["run", "--name", "next", "committed", "true"]);
        assert_eq!(place.succeed(&["diff", "next"]), "");
        place.succeed(&["rm", driver, "next"]);
    }
    let plan = place.succeed(&["run", "--explain=en", "busybox", "true"]);
    for target in ["/etc/hosts", "/etc/hostname", "/etc/resolv.conf"] {
        assert!(plan.contains(&format!(" of the host on {target} ")), "{target}");
    }
}

/// The image's own links and directories are covered too, and a link that leads to /proc does no harm.
#[test]
fn image_files_of_any_kind_are_covered() {
    let place = TestEnv::new();
    let file = "FROM busybox\nCOPY etc /etc\n\
        RUN cat /etc/hostname && grep -c localhost /etc/hosts && echo lost >> /etc/hosts\n";
    project(&place, "odd", &[("Dockerfile", file), ("etc/hostname/file", "x")]);
    symlink("../proc/net/pnp", place.path("odd/etc/resolv.conf")).expect("a link");
    symlink("/nowhere/hosts", place.path("odd/etc/hosts")).expect("a link");
    let printed = build(&place, &["-t", "odd", "odd"]);
    assert!(printed.contains(" build\n"), "{printed}");
    let script =
        "for name in hosts hostname resolv.conf; do test -f /etc/$name && test ! -L /etc/$name || exit 1; done";
    assert_eq!(say(&place, "odd", script), "");
    // Nothing of it is in the image: an export has what COPY copied.
    place.succeed(&["run", "--name", "kept", "odd", "true"]);
    place.succeed(&["export", "-o", "files.tar", "kept"]);
    let listed = place.command_of("tar").args(["-tf", "files.tar", "etc"]).output().expect("tar runs");
    let listed = String::from_utf8(listed.stdout).expect("text");
    for name in ["etc/hostname/", "etc/hostname/file", "etc/hosts", "etc/resolv.conf"] {
        assert!(listed.lines().any(|line| line == name), "{name}: {listed}");
    }
}
