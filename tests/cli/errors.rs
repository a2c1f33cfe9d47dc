//! Errors of every kind: each has a message, a hint and an exit code, and leaves nothing behind.

use std::{fs, os::unix::fs::PermissionsExt};

use crate::{skip, test_env::TestEnv};

/// Errors that are the same for every user.
const MISTAKES: &[&[&str]] = &[
    // images
    &["run", "--rm", "--pull=never", "no-such-image"],
    &["run", "--rm", "Not/A:Reference"],
    &["run", "--rm", "busybox@sha256:12"],
    &["rmi", "no-such-image"],
    &["tag", "busybox", "Not A Reference"],
    &["history", "no-such-image"],
    &["tag", "busybox", "mine@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    &["tag", "busybox", "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"],
    &["images", "--filter", "dangling"],
    &["images", "--filter", "until=soon"],
    &["image", "prune", "--filter", "reference=busybox"],
    &["image", "inspect", "no-such-image"],
    &["load", "-i", "missing.tar"],
    // programs
    &["run", "--rm", "busybox", "no-such-program"],
    &["run", "--rm", "busybox", "/no/such/program"],
    &["run", "--rm", "busybox", "/etc/passwd"],
    &["run", "--rm", "busybox", "/etc"],
    &["run", "--rm", "--entrypoint", "", "busybox"],
    // values
    &["run", "--rm", "--memory", "32 megabytes", "busybox", "true"],
    &["run", "--rm", "--cpus", "many", "busybox", "true"],
    &["run", "--rm", "--pids-limit", "-5", "busybox", "true"],
    &["run", "--rm", "--timeout", "soon", "busybox", "true"],
    &["run", "--rm", "-u", "a:b:c", "busybox", "true"],
    &["run", "--rm", "-u", "unknown-user", "busybox", "true"],
    &["run", "--rm", "-e", "=value", "busybox", "true"],
    &["run", "--rm", "--env-file", "missing", "busybox", "true"],
    &["run", "--rm", "-l", "a b=c", "busybox", "true"],
    &["run", "--rm=maybe", "busybox", "true"],
    &["run", "--rm", "--group-add", "unknown-group", "busybox", "true"],
    &["run", "--storage-opt", "size=1m", "busybox", "true"],
    &["run", "--rm", "--pid", "container:web", "busybox", "true"],
    &["run", "--rm", "-w", "relative", "busybox", "true"],
    &["run", "--rm", "-h", "at tic", "busybox", "true"],
    &["run", "--rm", "--name", "../up", "busybox", "true"],
    &["run", "--rm", "--without", "everything", "busybox", "true"],
    &["run", "--rm", "--network", "bridge", "busybox", "true"],
    &["run", "--rm", "--driver", "zfs", "busybox", "true"],
    &["run", "--explain=fr", "busybox", "true"],
    // mounts
    &["run", "--rm", "-v", "data:/data:rx", "busybox", "true"],
    &["run", "--rm", "-v", "data", "busybox", "true"],
    &["run", "--rm", "-v", "/etc:/data:rshared", "busybox", "true"],
    &["run", "--rm", "-v", "/etc:/data", "--tmpfs", "/data", "busybox", "true"],
    &["run", "--rm", "--mount", "type=volume,source=data,target=/data", "busybox", "true"],
    &["run", "--rm", "-v", "/no/such/source:/data", "busybox", "true"],
    &["run", "--rm", "-v", "/etc:data", "busybox", "true"],
    &["run", "--rm", "--mount", "type=bind,target=/data", "busybox", "true"],
    &["run", "--rm", "--mount", "type=tmpfs,target=/data,colour=red", "busybox", "true"],
    &["run", "--rm", "--tmpfs", "/data:size=huge", "busybox", "true"],
    // safeguards
    &["run", "--rm", "--cap-add", "FLY", "busybox", "true"],
    &["run", "--rm", "--ulimit", "nofile=2:1", "busybox", "true"],
    &["run", "--rm", "--ulimit", "files=1", "busybox", "true"],
    &["run", "--rm", "--device", "/no/such/device", "busybox", "true"],
    &["run", "--rm", "--device", "null", "busybox", "true"],
    &["run", "--rm", "--shm-size", "much", "busybox", "true"],
    &["run", "--rm", "--sysctl", "kernel.core_pattern=x", "busybox", "true"],
    &["run", "--rm", "--sysctl", "net/../kernel/core_pattern=x", "busybox", "true"],
    &["run", "--rm", "--security-opt", "seccomp=/no/such/file", "busybox", "true"],
    &["run", "--rm", "--security-opt", "apparmor=mine", "busybox", "true"],
    &["run", "--rm", "--security-opt", "colour=red", "busybox", "true"],
    &["run", "--rm", "--profile", "strict", "busybox", "true"],
    // conflicts
    &["run", "--rm", "--profile=untrusted", "--compat=docker", "busybox", "true"],
    &["run", "--rm", "--profile=untrusted", "--privileged", "busybox", "true"],
    &["run", "--rm", "--profile=untrusted", "--network", "host", "busybox", "true"],
    &["run", "--rm", "--sysctl", "net.ipv4.ip_forward=1", "--network", "host", "busybox", "true"],
    &["run", "--rm", "--hostname", "attic", "--without", "uts", "busybox", "true"],
    &["run", "--rm", "--tmpfs", "/data", "--without", "mount", "busybox", "true"],
    &["run", "--rm", "--read-only", "--without", "mount", "busybox", "true"],
    &["run", "--rm", "--network", "none", "--without", "net", "busybox", "true"],
    &["run", "--rm", "--driver", "overlay", "--without", "mount", "busybox", "true"],
    &["run", "--rm", "-t", "--without", "mount", "busybox", "true"],
    &["run", "--rm", "-it", "busybox", "sh"],
    // not implemented yet
    &["run", "--rm", "-d", "busybox", "sh"],
    &["run", "--rm", "-p", "80:80", "busybox", "sh"],
    // the command line
    &["run"],
    &["run", "--no-such-flag", "busybox"],
    &["no-such-command"],
    &["spec", "busybox"],
    &["completions", "cmd.exe"],
    // containers
    &["rm", "missing"],
    &["diff", "missing"],
    &["inspect", "missing"],
    &["container", "inspect", "busybox"],
    &["images", "--format", "{{.Nmae}}"],
    &["ps", "--format", "{{.ID"],
    &["image", "inspect", "--format", "{{range .Config.Env}}{{printn .}}{{end}}", "busybox"],
    &["doctor", "--format", "jsn"],
    &["judge", "no-such-folder", "--format", "jsn"],
    // files
    &["run", "--rm", "--report", "/no/such/directory/report", "busybox", "true"],
];

fn table(place: &TestEnv, mistakes: &[&[&str]]) -> String {
    let mut table = String::new();
    for arguments in mistakes {
        let answer = place.run(arguments);
        assert_ne!(answer.code, 0, "{arguments:?}: {}", answer.stdout);
        table += &format!("$ minicontainer {}\n{}\n", arguments.join(" "), answer.show());
        assert_eq!(place.containers(), 0, "{arguments:?} left something behind");
    }
    table
}

/// The messages of all commands but `build`.
pub fn messages() -> String {
    table(&TestEnv::new(), MISTAKES)
}

#[test]
fn errors_are_the_same_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    let printed = table(&place, MISTAKES);
    if skip::require(nix::unistd::geteuid().is_root(), skip::ROOT) {
        assert_eq!(printed, table(&TestEnv::new(), MISTAKES));
    }
}

#[test]
fn options_for_root_only_are_refused() {
    let Some(place) = TestEnv::seeded_user() else { return };
    insta::assert_snapshot!(table(
        &place,
        &[
            &["run", "--rm", "-u", "1000", "busybox", "true"],
            &["run", "--rm", "--without", "user", "busybox", "true"],
        ]
    ));
}

/// The cause and the hint depend on the machine's cgroups, so this is not a snapshot.
#[test]
fn limits_are_refused_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    for (controller, flag, value) in
        [("memory", "--memory", "64m"), ("cpu", "--cpus", "0.5"), ("pids", "--pids-limit", "10")]
    {
        let answer = place.run(&["run", "--rm", flag, value, "busybox", "true"]);
        let printed =
            answer.stderr.starts_with(&format!("minicontainer: the {controller} limit cannot be applied: "));
        assert!(printed && answer.stderr.contains("\n  hint: ") && answer.code == 125, "{}", answer.show());
    }
}

#[test]
fn too_little_memory_is_refused() {
    let Some(place) = TestEnv::seeded_root() else { return };
    insta::assert_snapshot!(table(&place, &[&["run", "--rm", "--memory", "1m", "busybox", "true"]]));
}

#[test]
fn name_in_use_is_refused() {
    let place = TestEnv::new();
    place.succeed(&["run", "--name", "web", "busybox", "true"]);
    let answer = place.run(&["run", "--name", "web", "busybox", "true"]);
    insta::assert_snapshot!(answer.show());
    assert_eq!(place.containers(), 1);
}

#[test]
fn container_that_failed_to_start_is_kept_as_in_docker() {
    let place = TestEnv::new();
    assert_eq!(place.run(&["run", "--name", "web", "busybox", "no-such-program"]).code, 127);
    let printed =
        place.succeed(&["inspect", "--format", "{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}", "web"]);
    assert!(printed.starts_with("created 127 command not found in the container: "), "{printed}");
    assert_eq!(place.succeed(&["ps", "-a", "--format", "{{.Names}} {{.Status}}"]), "web Created\n");
    assert_eq!(place.succeed(&["diff", "web"]), "");
    place.succeed(&["rm", "web"]);
}

#[test]
fn unwritable_store_is_refused() {
    let place = TestEnv::new();
    fs::write(place.path("file"), "").unwrap();
    let mut command = place.command(&["run", "--rm", "busybox", "true"]);
    let answer = place.answer(command.env("MINICONTAINER_ROOT", place.path("file/store")).output().unwrap());
    insta::assert_snapshot!(answer.show());

    let Some(place) = TestEnv::seeded_user() else { return };
    let closed = place.path("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = place.command(&["run", "--rm", "busybox", "true"]);
    let answer = place.answer(command.env("MINICONTAINER_ROOT", &closed).output().unwrap());
    insta::assert_snapshot!(answer.show());
}

/// Every user namespace has its own limit on nested namespaces. Without capabilities, its root is an ordinary user.
const FORBIDDEN: &str = "echo 0 > /proc/sys/user/max_user_namespaces && \
    exec setpriv --bounding-set=-all --inh-caps=-all \"$ENGINE\" \"$@\"";

#[test]
fn forbidden_user_namespaces_are_reported() {
    let Some(place) = TestEnv::seeded_user() else { return };
    let mut shown = String::new();
    for arguments in [&["run", "--rm", "busybox", "true"][..], &["demo", "--lang", "en"], &["demo", "--lang", "pt"]] {
        let unshare = ["--user", "--map-root-user", "sh", "-c", FORBIDDEN, "sh"];
        let output = place.program("unshare", &[&unshare[..], arguments].concat()).output().unwrap();
        shown += &place.answer(output).show();
    }
    insta::assert_snapshot!(shown);
    let output =
        place.program("unshare", &["--user", "--map-root-user", "sh", "-c", FORBIDDEN, "sh", "doctor"]).output();
    let doctor = place.answer(output.unwrap());
    assert_eq!(doctor.code, 1);
    assert!(doctor.stdout.contains("FAILS  user namespaces"), "{}", doctor.stdout);
    assert!(doctor.stdout.contains("to fix it: `sudo sysctl user.max_user_namespaces=15000`"), "{}", doctor.stdout);
}
