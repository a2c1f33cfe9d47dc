//! Attacks on runtimes that are known to be vulnerable: a test suite that does not detect these would not detect a
//! vulnerability of ours.
//!
//! | Row | Vulnerable | What happens |
//! |---|---|---|
//! | E03 | bubblewrap 0.8.0 | a descriptor that the caller left open leads to the host's root |
//! | E05 | runc 1.1.5, crun 1.8.1 | with a link for `/dev`, links and device nodes are made in a directory of the host |
//!
//! These are Debian 12's versions. If they are fixed, this is not an error of ours: the test then requires another
//! control.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use minicontainer::Sandbox;
use minicontainer::rootfs::{self, Driver};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::attacks::Ground;
use crate::fixture::Fixture;
use crate::sandboxes::{busybox, shell};

/// Whether exactly this version of a program is installed. If not, this is reported, but no machine is required to
/// have it.
pub fn has(program: &str, version: &str) -> bool {
    let output = Command::new(program).arg("--version").output();
    let output = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let there = output.contains(version);
    if !there {
        // Not eprintln!, which libtest captures.
        let _unheard = writeln!(io::stderr(), "SKIPPED a control of the attacks: needs {program} {version}");
    }
    there
}

#[test]
fn leaked_descriptor_escapes_bubblewrap_but_not_ours() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    if !has("bwrap", "0.8.0") {
        return;
    }
    let read = "cat /proc/self/fd/9/canary/hello";
    let leave_open = format!("exec 9<{}; exec \"$@\"", fixture.directory().display());
    let run = |mut command: Command, words: &[&str]| {
        command.args(["-c", &leave_open, "-"]).args(words).stdin(Stdio::null());
        let output = command.output().expect("a shell");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let root = "/usr";
    let mut bubblewrap = vec!["bwrap", "--unshare-all", "--ro-bind", root, root, "--ro-bind", "/bin", "/bin"];
    let libraries: Vec<&str> = ["/lib", "/lib64"].into_iter().filter(|path| Path::new(path).exists()).collect();
    libraries.iter().for_each(|path| bubblewrap.extend(["--ro-bind", path, path]));
    bubblewrap.extend(["--proc", "/proc", "--dev", "/dev", "sh", "-c", read]);
    assert_eq!(run(fixture.command_of("sh"), &bubblewrap), "world", "bubblewrap withstood");
    let ours = ground.run(&[], &["sh", "-c", read]);
    let words: Vec<&str> =
        [ours.get_program()].into_iter().chain(ours.get_args()).filter_map(|word| word.to_str()).collect();
    assert_eq!(run(fixture.command_of("sh"), &words), "");
}

/// The files that were created in an initially empty directory.
fn made_in(directory: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A bundle whose `/dev` is a link to the victim. An engine that mounts nothing there creates nodes and links in the
/// link's target.
fn bundle_with_a_link(fixture: &Fixture, directory: &Path, victim: &Path, devices_mounted: bool) {
    let image = busybox(fixture);
    let layers: Vec<_> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
    rootfs::prepare(&layers, directory, Driver::Copy, false).expect("a copy of the layers");
    fs::remove_dir_all(directory.join("rootfs/dev")).expect("a directory less");
    symlink(victim, directory.join("rootfs/dev")).expect("a link");
    let spec = shell(&image, "true").spec().expect("a runtime config");
    let mut document = serde_json::to_value(&spec).expect("JSON");
    if let (Some(mounts), false) = (document["mounts"].as_array_mut(), devices_mounted) {
        mounts.retain(|mount| !mount["destination"].as_str().is_some_and(|place| place.starts_with("/dev")));
    }
    fs::write(directory.join("config.json"), document.to_string()).expect("a file");
}

/// Runs a bundle with another runtime in a new mount namespace: crun before 1.9 refuses hybrid cgroups, and that part
/// of them can be unmounted only there.
fn run_by(runtime: &str, bundle: &Path, state: &Path) {
    let id = format!("minicontainer-sensitivity-{runtime}");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).expect("a mount namespace");
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
            let hybrid = Path::new("/sys/fs/cgroup/unified");
            if hybrid.exists() {
                umount2(hybrid, MntFlags::MNT_DETACH).expect("it can be taken away here");
            }
            let mut command = Command::new(runtime);
            command.arg("--root").arg(state).arg("run").arg("--bundle").arg(bundle).arg(&id);
            // Only its side effects matter, not whether it succeeds.
            let _ended = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        });
    });
    remove_cgroups(Path::new("/sys/fs/cgroup"), &id);
}

/// Files that a failing runtime leaves behind have its container's name.
fn remove_cgroups(directory: &Path, name: &str) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_cgroups(&entry.path(), name);
        if entry.file_name().to_string_lossy() == name {
            let _removed_or_told_by_the_oracle = fs::remove_dir(entry.path());
        }
    }
}

#[track_caller]
fn check_is_vulnerable(runtime: &str, version: &str, devices_mounted: bool) {
    let Some(fixture) = Fixture::root() else { return };
    if !has(runtime, version) {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    let (bundle, victim) = (directory.path().join("bundle"), directory.path().join("victim"));
    fs::create_dir(&bundle).expect("a directory");
    fs::create_dir(&victim).expect("a directory");
    bundle_with_a_link(&fixture, &bundle, &victim, devices_mounted);
    if let Ok(sandbox) = Sandbox::from_bundle(&bundle) {
        // It may be refused or harmless: the victim shows it.
        let _ended = sandbox.output();
    }
    assert_eq!(made_in(&victim), BTreeSet::new(), "ours made something on the host");
    run_by(runtime, &bundle, &directory.path().join("state"));
    assert!(made_in(&victim).contains("ptmx"), "{runtime} {version} withstood, so that the test shows nothing");
}

#[test]
fn dev_link_escapes_runc_but_not_ours() {
    check_is_vulnerable("runc", "1.1.5", true);
}

#[test]
fn dev_link_escapes_crun_but_not_ours() {
    check_is_vulnerable("crun", "1.8.1", false);
}
