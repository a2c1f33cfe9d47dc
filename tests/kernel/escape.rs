//! Escapes from the container's files: mounts created, weakened or removed, roots left by climbing, files opened by
//! handle.

use std::fs;
use std::os::unix::fs::symlink;

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use crate::attacks::Naive::{NotLive, Otherwise, Through};
use crate::attacks::{Attack, ENOSYS, EPERM, Ground};
use crate::fixture::Fixture;

/// By mount(2) and umount(2), and by the calls that use descriptors.
const MOUNTS: &[Attack] = &[
    ("mount,tmpfs", EPERM, Through, Through),
    ("mount,proc", EPERM, Through, Through),
    ("mount,sysfs", EPERM, Through, Through),
    ("remount-writable,/sys", EPERM, Through, Through),
    ("remount-writable,/proc/sys", EPERM, Through, Through),
    ("umount,/proc/sys", EPERM, Through, Through),
    ("umount,/proc/kallsyms", EPERM, Through, Through),
    ("umount,/sys/firmware", EPERM, Through, Through),
    ("bind-over,/proc/kallsyms", EPERM, Through, Through),
    ("bind-over,/sys/firmware", EPERM, Through, Through),
    ("move-mount-away,/dev", EPERM, Through, Through),
    ("bind-elsewhere,/proc/kallsyms", EPERM, Through, Through),
    ("fsopen", ENOSYS, Through, Through),
    ("fsopen,proc", ENOSYS, Through, Through),
    // The root of a user namespace may open a file system of the host, but not change it.
    ("fspick,/sys", ENOSYS, Through, NotLive),
    ("open-tree,/", ENOSYS, Through, Through),
    ("mount-setattr,/sys", ENOSYS, Through, Through),
    ("denied,pivot_root", EPERM, Otherwise, Otherwise),
    ("denied,move_mount", ENOSYS, Otherwise, Otherwise),
    ("denied,fsmount", ENOSYS, Otherwise, Otherwise),
];

#[track_caller]
fn check_mounts(fixture: &Fixture) {
    // With masks, because otherwise there would be nothing to remove.
    let naive = crate::attacks::without_protections().replace(",masked-paths", "");
    Ground::new(fixture).check_between(&[], &["--without", &naive], MOUNTS);
}

#[test]
fn root_container_cannot_make_or_weaken_mounts() {
    let Some(fixture) = Fixture::root() else { return };
    check_mounts(&fixture);
}

#[test]
fn rootless_container_cannot_make_or_weaken_mounts() {
    let Some(fixture) = Fixture::user() else { return };
    check_mounts(&fixture);
}

/// Climbing reaches the host from a root that was only set by chroot(2), but not after pivot_root(2).
#[track_caller]
fn check_climbing(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let attack = format!("chroot-climb,{}", fixture.canary().join("hello").display());
    let protected = ground.answers(&[], [attack.as_str()]);
    let jail = ground.answer_in_jail(&attack);
    assert_eq!(protected[&attack], "refused ENOENT");
    assert_eq!(jail, "done", "without a mount namespace the root is only chosen");
}

#[test]
fn root_container_cannot_climb_above_its_root() {
    let Some(fixture) = Fixture::root() else { return };
    check_climbing(&fixture);
}

#[test]
fn rootless_container_cannot_climb_above_its_root() {
    let Some(fixture) = Fixture::user() else { return };
    check_climbing(&fixture);
}

/// The capability to open files by handle, CAP_DAC_READ_SEARCH, is effective only in the initial user namespace.
#[test]
fn root_container_cannot_open_host_files_by_handle() {
    let Some(fixture) = Fixture::root() else { return };
    Ground::new(&fixture).check(&[("open-by-handle", EPERM, Through, NotLive)]);
}

#[test]
fn rootless_container_cannot_open_host_files_by_handle() {
    let Some(fixture) = Fixture::user() else { return };
    // Before Linux 6.13 the kernel checked the capability first, and the handle only then.
    let naive = if crate::attacks::kernel_at_least(6, 13) { Otherwise } else { NotLive };
    Ground::new(&fixture).check(&[("open-by-handle", EPERM, Through, naive)]);
}

/// A mount that the host makes below a shared directory does not appear in a container that was started before; a
/// mount of the container does not appear on the host.
#[test]
fn mounts_do_not_propagate() {
    let Some(fixture) = Fixture::root() else { return };
    let ground = Ground::new(&fixture);
    let host = tempfile::tempdir().expect("a directory");
    // In a new mount namespace, so that the machine's mounts stay unchanged; shared, as systemd sets the host's.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            unshare(CloneFlags::CLONE_FS | CloneFlags::CLONE_NEWNS).expect("a mount namespace");
            let none: Option<&str> = None;
            mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none).expect("private mounts");
            mount(Some("tmpfs"), host.path(), Some("tmpfs"), MsFlags::empty(), none).expect("a tmpfs");
            mount(none, host.path(), none, MsFlags::MS_SHARED, none).expect("a shared mount");
            fs::create_dir(host.path().join("later")).expect("a directory");
            fs::create_dir(host.path().join("inner")).expect("a directory");
            let volume = format!("{}:/shared", host.path().display());
            // Naive, so that it can mount; it waits until the host has mounted too.
            let script = "mount -t tmpfs none /shared/inner && touch /shared/inner/of-container && touch /shared/ready
                while [ ! -e /shared/done ]; do sleep 0.02; done; ls /shared/later; grep shared: /proc/self/mountinfo; true";
            let naive = crate::attacks::without_protections();
            let mut run = ground.run(&["-v", &volume, "--without", &naive], &["sh", "-c", script]);
            let running = run.stdout(std::process::Stdio::piped()).spawn().expect("the command starts");
            while !host.path().join("ready").exists() {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert!(!host.path().join("inner/of-container").exists(), "the container's mount is on the host");
            mount(Some("tmpfs"), &host.path().join("later"), Some("tmpfs"), MsFlags::empty(), none).expect("a tmpfs");
            fs::write(host.path().join("later/of-host"), "").expect("a file");
            fs::write(host.path().join("done"), "").expect("a file");
            let seen = crate::attacks::text(&running.wait_with_output().expect("its output"));
            assert_eq!(seen, "", "the host's mount, or a mount that is shared, is in the container");
            // The end of the container removed no mount of the host.
            assert!(host.path().join("later/of-host").exists());
            umount2(&host.path().join("later"), MntFlags::MNT_DETACH).expect("it can be taken away");
            umount2(host.path(), MntFlags::MNT_DETACH).expect("it can be taken away");
        });
    });
}

/// A link in the image at the mount point of a host directory: the mount is inside the container, or is refused.
#[track_caller]
fn check_target(ground: &Ground, fixture: &Fixture, link: &str, expect: &str) {
    let shared = fixture.directory().join("store").join("shared");
    // The first container creates the link in a directory of the host; the second has that directory as part of its
    // tree.
    let volume = format!("{}:/tree", shared.display());
    let make = format!("rm -rf /tree/place; ln -s {link} /tree/place");
    ground.text(&["-v", &volume], &["sh", "-c", &make]);
    let hello = format!("{}:/tree/place:ro", fixture.canary().display());
    let output = ground.run(&["-v", &volume, "-v", &hello], &["cat", "/tree/place/hello"]).output();
    let output = output.expect("the command starts");
    let seen = String::from_utf8_lossy(if output.status.success() { &output.stdout } else { &output.stderr });
    assert!(seen.contains(expect), "{link}: {seen}");
    fixture.snapshot().check();
}

#[test]
fn link_at_volume_target_does_not_lead_outside() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let shared = fixture.directory().join("store").join("shared");
    fs::create_dir(&shared).expect("a directory");
    let outside = fixture.directory().join("victim");
    fs::create_dir(&outside).expect("a directory");
    symlink("/nowhere", outside.join("witness")).expect("a link");
    // A link is resolved inside the container, where /tmp exists and the host's directories do not. The target of a
    // dangling link is not created: the start is refused.
    check_target(&ground, &fixture, "/tmp", "world");
    check_target(&ground, &fixture, "../../../../../../../tmp", "world");
    check_target(&ground, &fixture, &outside.display().to_string(), "EEXIST");
    check_target(&ground, &fixture, &format!("../../../..{}", outside.display()), "EEXIST");
    check_target(&ground, &fixture, "/made/when/missing", "EEXIST");
    check_target(&ground, &fixture, "place", "ELOOP");
    check_target(&ground, &fixture, "/proc/self/root/tmp", "minicontainer: cannot mount");
    // Nothing was created in the host's directory of that name.
    let left: Vec<_> =
        fs::read_dir(&outside).expect("a directory").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["witness"]);
}

/// The engine sets sysctls through /proc. A host directory in its place is refused before anything is created.
#[test]
fn volume_over_proc_receives_no_sysctl_writes() {
    const VARIABLE: &str = "sys/net/ipv4/ip_unprivileged_port_start";
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let fake = fixture.directory().join("store").join("fake");
    fs::create_dir_all(fake.join("sys/net/ipv4")).expect("a directory");
    fs::write(fake.join(VARIABLE), "mine").expect("a file");
    let volume = |below: &str| format!("{0}{below}:/proc{below}", fake.display());
    let read = format!("/proc/{VARIABLE}");
    for flags in [["-v", &volume("")], ["-v", &volume("/sys")], ["-v", &volume("/sys/net")], ["--tmpfs", "/proc"]] {
        let output = ground.run(&flags, &["cat", &read]).output().expect("the command starts");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.code() == Some(125) && stderr.contains("/proc must be the container's own procfs"),
            "{flags:?}: {stderr}"
        );
    }
    assert_eq!(fs::read_to_string(fake.join(VARIABLE)).expect("a file"), "mine");
    // The control: the engine does set it, and files on which nothing depends can be covered.
    assert_eq!(ground.text(&[], &["cat", &read]), "0");
    let file = fake.join(VARIABLE);
    let covered = format!("{}:/proc/meminfo", file.display());
    assert_eq!(ground.text(&["-v", &covered], &["cat", "/proc/meminfo"]), "mine");
}

/// A missing working directory is created inside, even if a link on its path names a directory of the host.
#[test]
fn workdir_is_not_created_outside() {
    let fixture = Fixture::any();
    let ground = Ground::new(&fixture);
    let shared = fixture.directory().join("store").join("shared");
    let outside = fixture.directory().join("victim");
    for directory in [&shared, &outside] {
        fs::create_dir(directory).expect("a directory");
    }
    symlink(&outside, shared.join("absolute")).expect("a link");
    symlink(format!("../../../../../..{}", outside.display()), shared.join("climbing")).expect("a link");
    let volume = format!("{}:/shared", shared.display());
    for link in ["absolute", "climbing"] {
        let wanted = format!("/shared/{link}/made");
        // The link's target is missing inside: the start is refused, or the target is created there.
        let _either = ground.run(&["-v", &volume, "-w", &wanted], &["true"]).output().expect("the command starts");
        assert!(!outside.join("made").exists(), "{link}");
        // If it exists, the directory is created in it, and belongs to the container.
        let flags = ["-v", &volume, "--tmpfs", &outside.display().to_string(), "-w", &wanted];
        assert!(ground.run(&flags, &["pwd"]).output().expect("the command starts").status.success(), "{link}");
        assert!(!outside.join("made").exists(), "{link}");
        // The control: followed on the host, the link leads to that place.
        fs::create_dir(shared.join(link).join("made")).expect("a directory");
        fs::remove_dir(outside.join("made")).expect("it was made there");
    }
}
