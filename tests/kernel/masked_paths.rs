//! The masks over the kernel's files: empty, read-only, and the container's own, so that changes to them stay inside.
//!
//! A mask that was a bind mount of the host's `/dev/null` was a file of the host: its mode could be changed, and a
//! lock on it was visible in every container. The control is such a mount, created manually.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Stdio;

use minicontainer::core::network_files::NetworkFile;
use serde_json::json;

use crate::attacks::Ground;
use crate::fixture::Fixture;
use crate::sandboxes::{busybox, text};

/// A file that exists on every kernel and is masked in every profile except Docker's, a masked directory, and a node
/// in `/dev`.
const MASKED_FILE: &str = "/proc/keys";
const MASKED_DIRECTORY: &str = "/sys/firmware";

/// The mode, owner and times of the host's null device. Writing to the device changes none of them.
fn null_device() -> [i64; 6] {
    let metadata = fs::metadata("/dev/null").expect("the null device");
    let (mode, owner) = (i64::from(metadata.mode()), [metadata.uid(), metadata.gid()].map(i64::from));
    [mode, owner[0], owner[1], metadata.mtime(), metadata.ctime(), metadata.ctime_nsec()]
}

/// Tries to change everything of a file that can be changed by path, and prints what was changed.
fn tamper(path: &str) -> String {
    let tries = ["chmod 600", "chmod 4777", "chown 1:1", "touch", "touch -d 1999-01-01"];
    let tries: String =
        tries.iter().map(|change| format!("{change} {path} 2>/dev/null && echo {change} {path}; ")).collect();
    format!("{tries} (: >{path}) 2>/dev/null && echo written {path}; ")
}

#[track_caller]
fn check_tampering(fixture: &Fixture, flags: &[&str]) {
    let ground = Ground::new(fixture);
    let before = null_device();
    let script = format!("{}{}true", tamper(MASKED_FILE), tamper(MASKED_DIRECTORY));
    assert_eq!(ground.text(flags, &["sh", "-c", &script]), "", "{flags:?}");
    assert_eq!(null_device(), before, "{flags:?}");
}

#[test]
fn root_container_cannot_change_masks() {
    let Some(fixture) = Fixture::root() else { return };
    let flags: [&[&str]; 5] = [
        &[],
        &["--read-only"],
        &["--profile=untrusted"],
        &["--compat=docker", "--security-opt", "no-new-privileges=true"],
        // Not even with all capabilities and all calls, without a new mount.
        &["--without", "capabilities,seccomp,no-new-privileges"],
    ];
    flags.iter().for_each(|flags| check_tampering(&fixture, flags));
    // The control: with a bind mount of a host file in place of the mask, as the null device was in the past, the
    // file can be changed. Here it is a file of the test.
    let ground = Ground::new(&fixture);
    let stand_in = fixture.directory().join("home").join("null");
    fs::write(&stand_in, "").expect("a file");
    let script = format!("mount -o bind /null {MASKED_FILE} && chmod 600 {MASKED_FILE} && echo changed");
    let volume = format!("{}:/null", stand_in.display());
    let naive = ["-v", &volume, "--without", "capabilities,seccomp,no-new-privileges"];
    assert_eq!(ground.text(&naive, &["sh", "-c", &script]), "changed");
    assert_eq!(fs::metadata(&stand_in).expect("a file").mode() & 0o777, 0o600);
}

#[test]
fn rootless_container_cannot_change_masks() {
    let Some(fixture) = Fixture::user() else { return };
    let flags: [&[&str]; 2] = [&[], &["--read-only"]];
    flags.iter().for_each(|flags| check_tampering(&fixture, flags));
    // The device nodes are the host's in this case, because none can be created: they can be used but not changed.
    let ground = Ground::new(&fixture);
    let used = "echo x >/dev/null && head -c 1 /dev/zero | od -An -tx1 && : >>/dev/full";
    assert_eq!(
        ground.text(&[], &["sh", "-c", &format!("{}{used}", tamper("/dev/null").replace("(: >", "(false >"))]),
        " 00"
    );
}

/// The same for commands of a Dockerfile.
#[test]
fn build_cannot_change_masks() {
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { continue };
        Ground::new(&fixture);
        let (before, context) = (null_device(), fixture.directory().join("home"));
        let script = format!("{}{}true", tamper(MASKED_FILE), tamper(MASKED_DIRECTORY));
        let command = json!(["sh", "-c", format!("({script}) > /changes")]).to_string();
        fs::write(context.join("Dockerfile"), format!("FROM busybox\nRUN {command}\n")).expect("a file");
        let built = fixture.command().args(["build", "-q", "-t", "changes"]).arg(&context).output();
        crate::attacks::text(&built.expect("the command starts"));
        let changes = fixture.command().args(["run", "--rm", "changes", "cat", "/changes"]).output();
        assert_eq!(crate::attacks::text(&changes.expect("the command starts")), "");
        assert_eq!(null_device(), before);
    }
}

/// The same for a program of the judge.
#[test]
fn judged_program_cannot_change_masks() {
    let Some(fixture) = Fixture::root() else { return };
    Ground::new(&fixture);
    let (before, folder) = (null_device(), fixture.directory().join("home").join("homework"));
    for directory in ["tests", "programs"] {
        fs::create_dir_all(folder.join(directory)).expect("a directory");
    }
    fs::write(folder.join("judge.toml"), "").expect("a file");
    fs::write(folder.join("tests/one.in"), "").expect("a file");
    fs::write(folder.join("tests/one.out"), "tried\n").expect("a file");
    let program = folder.join("programs/eve");
    let script = format!("#!/bin/sh\n{}{}echo tried\n", tamper(MASKED_FILE), tamper(MASKED_DIRECTORY));
    fs::write(&program, script).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("its mode");
    let judged = fixture.command().args(["judge", "--format", "json"]).arg(&folder).output();
    let results = crate::attacks::text(&judged.expect("the command starts"));
    assert!(results.contains("\"AC\""), "{results}");
    assert_eq!(null_device(), before);
}

/// A lock on a mask is visible only in one container. The control is a file that both containers have.
#[test]
fn lock_on_mask_affects_no_other_container() {
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { continue };
        let ground = Ground::new(&fixture);
        let shared = fixture.directory().join("home").join("shared");
        fs::write(&shared, "").expect("a file");
        fs::set_permissions(&shared, fs::Permissions::from_mode(0o666)).expect("its mode");
        let volume = format!("{}:/shared", shared.display());
        for (path, free) in [(MASKED_FILE, true), (MASKED_DIRECTORY, true), ("/shared", false)] {
            let mut holder = ground.run(&["-i", "-v", &volume], &["/probe", "hold", "lock", path]);
            let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts");
            let mut answer = [0; 5];
            holder.stdout.as_mut().expect("a pipe").read_exact(&mut answer).expect("it says that it holds the lock");
            assert_eq!(&answer, b"done\n", "{path}");
            let tried = ground.answers(&["-v", &volume], [format!("lock,{path}").as_str()]);
            let expected = if free { "done" } else { "refused EAGAIN" };
            assert_eq!(tried.values().next().map(String::as_str), Some(expected), "{path}");
            drop(holder.stdin.take());
            assert!(holder.wait().expect("its end").success());
        }
    }
}

/// Every mount of a container has a file system that the host has not mounted. Exceptions are bind mounts that were
/// requested, the container's own three files in `/etc`, cgroup hierarchies, and an ordinary user's device nodes, which
/// are read-only.
#[test]
fn host_file_systems_are_not_visible() {
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { continue };
        let ground = Ground::new(&fixture);
        let hosts = fs::read_to_string("/proc/self/mountinfo").expect("the host's mounts");
        let device = |line: &str| line.split(' ').nth(2).unwrap_or_default().to_owned();
        let hosts: BTreeSet<String> = hosts.lines().map(device).collect();
        let inside = ground.text(&[], &["cat", "/proc/self/mountinfo"]);
        let shared: Vec<&str> = inside.lines().filter(|line| hosts.contains(&device(line))).collect();
        let expected = |line: &&&str| {
            let (left, right) = line.split_once(" - ").unwrap_or_default();
            let fields: Vec<&str> = left.split(' ').collect();
            let is_node = fields[4].starts_with("/dev/") && fields[5].split(',').any(|option| option == "ro");
            let is_own_file = NetworkFile::ALL.iter().any(|file| {
                file.target() == fields[4]
                    && fields[3].contains("/containers/")
                    && fields[3].ends_with(&format!("/{}", file.name()))
            });
            fields[4] == "/probe"
                || is_own_file
                || right.starts_with("cgroup") && fixture.is_of_root()
                || is_node && !fixture.is_of_root() && fields[3] == fields[4].trim_start_matches("/dev")
        };
        let unexpected: Vec<_> = shared.iter().filter(|line| !expected(line)).collect();
        assert!(unexpected.is_empty(), "{unexpected:#?}");
        // The control: a bind mount is recognized as the host's.
        assert!(shared.iter().any(|line| line.contains(" /probe ")), "{inside}");
    }
}

/// With `subset=pid` a procfs has no files to mask. Otherwise a path that exists on the host but not in the container
/// is an error.
#[test]
fn masks_are_skipped_with_subset_pid() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let script = "test ! -e /proc/kallsyms && test ! -e /proc/sys && echo $$";
    let sandbox = crate::devices::bundle(&fixture, "subset", script, |config| {
        let mounts = config["mounts"].as_array_mut().expect("mounts");
        let proc = mounts.iter_mut().find(|mount| mount["destination"] == "/proc").expect("a procfs");
        proc["options"] = json!(["nosuid", "noexec", "nodev", "subset=pid"]);
        config["linux"]["sysctl"] = json!({});
    });
    assert_eq!(text(&sandbox), "1");
}
