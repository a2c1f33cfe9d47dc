//! Devices of the machine cannot be reached, however their nodes were created and whatever capabilities the container
//! has.
//!
//! The container is a bundle whose `config.json` the test edits: it may create device nodes, as Docker's containers
//! may. The control has no rules for devices: there the loop device can be read, and opening a number without a
//! driver fails with another error than missing permission.

use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::{Path, PathBuf},
    process::Command,
};

use minicontainer::{Sandbox, core::options::Isolation};
use nix::sys::stat::{Mode, SFlag, makedev, mknod};
use serde_json::{Value, json};

use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, succeeds, text};

const SECRET: &str = "sealed";

/// A loop device for a file of the test. It is detached when it is dropped.
struct Loop {
    device: PathBuf,
    numbers: (u64, u64),
}

impl Loop {
    fn over(file: &Path) -> Loop {
        fs::write(file, SECRET.repeat(4096)).expect("a file");
        let free = Command::new("losetup").arg("-f").output().expect("losetup");
        let device = PathBuf::from(String::from_utf8(free.stdout).expect("text").trim());
        let made = Command::new("losetup").args([&device, file]).status().expect("losetup");
        assert!(made.success(), "{} over {}", device.display(), file.display());
        let number = fs::metadata(&device).expect("the device").rdev();
        Loop { device, numbers: (nix::sys::stat::major(number), nix::sys::stat::minor(number)) }
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let gone = Command::new("losetup").arg("-d").arg(&self.device).status();
        assert!(gone.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// A bundle of busybox that runs the script and may create device nodes, edited further by `edit`.
pub fn bundle(fixture: &Fixture, name: &str, script: &str, edit: impl FnOnce(&mut Value)) -> Sandbox {
    let directory = fixture.store().join(name);
    let mut command = fixture.command();
    command.arg("spec").arg("--bundle").arg(&directory).args(["busybox", "sh", "-c", script]);
    let written = command.output().expect("the command starts");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let path = directory.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("the document")).expect("JSON");
    for set in ["bounding", "permitted", "effective"] {
        config["process"]["capabilities"][set].as_array_mut().expect("a set").push(json!("CAP_MKNOD"));
    }
    edit(&mut config);
    fs::write(&path, config.to_string()).expect("the document");
    Sandbox::from_bundle(&directory).expect("a bundle")
}

fn without_rules(config: &mut Value) {
    config["linux"]["resources"]["devices"] = json!([]);
}

/// The message if permission is missing.
const REFUSED: &str = "Operation not permitted";

/// The output of a shell that creates a node and reads from it, or opens it for writing.
fn probe(kind: char, (major, minor): (u64, u64)) -> String {
    // The kernel's log is opened for writing, which needs no capability; nothing is written.
    let open = if (major, minor) == (1, 11) { ": >/dev/probe" } else { "head -c 6 /dev/probe" };
    format!("rm -f /dev/probe; mknod /dev/probe {kind} {major} {minor} && ({open}) 2>&1; echo; ")
}

#[test]
fn device_node_made_inside_is_unusable() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let disk = Loop::over(&fixture.store().join("disk"));
    let others = [(1, 1), (1, 11), (10, 229), (10, 232), (10, 237), (10, 200)];
    let script = others.into_iter().map(|numbers| probe('c', numbers)).fold(probe('b', disk.numbers), |a, b| a + &b);
    let ruled = text(&bundle(&fixture, "ruled", &script, |_| ()));
    assert_eq!(ruled.matches("Operation not permitted").count(), 1 + others.len(), "{ruled}");
    assert_eq!(
        ruled.lines().filter(|line| !line.is_empty()).count(),
        1 + others.len(),
        "each probe said one thing: {ruled}"
    );
    let control = text(&bundle(&fixture, "control", &script, without_rules));
    assert!(control.starts_with(SECRET), "{control}");
    // Other kernels protect only the machine's memory, 1:1, against every process (CONFIG_STRICT_DEVMEM).
    let memory = bundle(&fixture, "memory", &probe('c', (1, 1)), without_rules);
    let guarded = String::from_utf8_lossy(&crate::sandboxes::run(&memory).stdout).matches(REFUSED).count();
    assert_eq!(control.matches(REFUSED).count(), guarded, "{control}");
}

/// The node is in a directory of the host that is bind mounted inside, even if the mount allows device nodes.
#[test]
fn device_node_in_a_volume_is_unusable() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let disk = Loop::over(&fixture.store().join("disk"));
    let shared = fixture.store().join("shared");
    fs::create_dir(&shared).expect("a directory");
    let number = makedev(disk.numbers.0, disk.numbers.1);
    mknod(&shared.join("disk"), SFlag::S_IFBLK, Mode::from_bits_truncate(0o666), number).expect("a node");
    let bound = |name: &str, option: &str, edit: fn(&mut Value)| {
        let mount = json!({"destination": "/shared", "type": "bind", "source": shared, "options": ["rbind", option]});
        bundle(&fixture, name, "head -c 6 /shared/disk 2>&1; true", |config| {
            config["mounts"].as_array_mut().expect("mounts").push(mount);
            edit(config);
        })
    };
    assert!(text(&bound("ruled", "rw", |_| ())).contains("Operation not permitted"));
    assert!(text(&bound("nodev", "nodev", without_rules)).contains("Permission denied"));
    assert_eq!(text(&bound("control", "rw", without_rules)), SECRET);
    // The node may also be part of the root file system.
    for (name, edit, expected) in
        [("root", (|_| ()) as fn(&mut Value), false), ("root-control", without_rules, false)]
    {
        let sandbox = bundle(&fixture, name, "head -c 6 /disk", edit);
        let node = fixture.store().join(name).join("rootfs/disk");
        mknod(&node, SFlag::S_IFBLK, Mode::from_bits_truncate(0o666), number).expect("a node");
        assert_eq!(succeeds(&sandbox), expected, "{name}");
        assert_eq!(
            succeeds(&bare(&sandbox, &fixture, name)),
            name == "root-control",
            "{name} without a /dev of its own"
        );
    }
}

/// The same bundle without its own `/dev`: then the root allows opening device nodes unless the rules forbid it.
fn bare(_: &Sandbox, fixture: &Fixture, name: &str) -> Sandbox {
    let directory = fixture.store().join(name);
    let path = directory.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path).expect("the document")).expect("JSON");
    config["mounts"] = json!([]);
    config["linux"]["sysctl"] = json!({});
    config["linux"]["maskedPaths"] = json!([]);
    config["linux"]["readonlyPaths"] = json!([]);
    fs::write(&path, config.to_string()).expect("the document");
    Sandbox::from_bundle(&directory).expect("a bundle")
}

/// If a bundle mounts no `/dev`, its rootfs may have its own device nodes and links, but only the right ones.
#[test]
fn existing_device_node_must_match() {
    let Some(fixture) = Fixture::root() else { return };
    busybox(&fixture);
    let (null, zero) = (makedev(1, 3), makedev(1, 5));
    let read_write = Mode::from_bits_truncate(0o666);
    let node = |kind: SFlag, number| move |path: &Path| mknod(path, kind, read_write, number).expect("a node");
    let canary = fixture.canary().join("hello");
    type Put<'a> = &'a dyn Fn(&Path);
    let others: [(&str, &str, Put<'_>, Option<&str>); 8] = [
        ("right", "null", &node(SFlag::S_IFCHR, null), None),
        ("another device", "null", &node(SFlag::S_IFCHR, zero), Some("something else is there")),
        ("a block device", "null", &node(SFlag::S_IFBLK, null), Some("something else is there")),
        ("a file", "null", &|path| fs::write(path, "").expect("a file"), Some("something else is there")),
        ("a link", "null", &|path| symlink(&canary, path).expect("a link"), Some("a symbolic link is in its path")),
        ("the right link", "fd", &|path| symlink("/proc/self/fd", path).expect("a link"), None),
        (
            "another link",
            "fd",
            &|path| symlink("/proc/self/fd/", path).expect("a link"),
            Some("something else is there"),
        ),
        ("a directory", "stdin", &|path| fs::create_dir(path).expect("a directory"), Some("something else is there")),
    ];
    for (what, name, put, refused) in others {
        let bundled = what.replace(' ', "-");
        let sandbox = bundle(&fixture, &bundled, "test -c /dev/null && echo started", |_| ());
        let devices = fixture.store().join(&bundled).join("rootfs/dev");
        fs::create_dir_all(&devices).expect("a directory");
        let path = devices.join(name);
        let _of_the_image = fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path));
        put(&path);
        let started = bare(&sandbox, &fixture, &bundled).output();
        match (started, refused) {
            (Ok(output), None) => assert_eq!(output.stdout, b"started\n", "{what}"),
            (Err(error), Some(refused)) => assert!(error.to_string().contains(refused), "{what}: {error}"),
            (Ok(_), Some(_)) => panic!("{what}: it started"),
            (Err(error), None) => panic!("{what}: {error}"),
        }
    }
}

#[test]
fn default_devices_are_usable() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let script = "head -c 1 /dev/zero | od -An -tx1; head -c 9 /dev/random /dev/urandom >/dev/null && : </dev/ptmx && \
                  : >/dev/null && ! echo x >/dev/full 2>/dev/null && echo all";
    assert_eq!(text(&shell(&image, script)), " 00\nall");
    // Overlayfs creates a device node of its own, 0:0, for a removed file.
    assert!(succeeds(&shell(&image, "rm /bin/busybox && ! test -e /bin/busybox")));
}

/// The rules belong to the group, and the group's files for them cannot be reached.
#[test]
fn device_rules_cannot_be_changed_from_inside() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    assert!(succeeds(&shell(&image, "test -d /sys/fs/cgroup && ! test -e /sys/fs/cgroup/devices")));
    let change =
        "mkdir -p /tmp/devices && mount -t cgroup -o devices none /tmp/devices && echo a >/tmp/devices/devices.allow";
    assert!(!succeeds(&shell(&image, change)));
    // If these files exist, which is on version 1, root with all capabilities may change them.
    let live = Path::new("/sys/fs/cgroup/devices/devices.allow").exists();
    assert_eq!(succeeds(&shell(&image, change).without(Isolation::Capabilities)), live);
}

#[test]
fn device_isolation_can_be_left_out() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let sandbox = shell(&image, "mknod /dev/probe c 1 11 && : >/dev/probe").without(Isolation::Capabilities);
    assert!(!succeeds(&sandbox));
    assert!(succeeds(&sandbox.without(Isolation::Devices)));
    assert!(
        String::from_utf8_lossy(&run(&shell(&image, "mknod /dev/probe c 1 3")).stderr)
            .contains("Operation not permitted")
    );
}
