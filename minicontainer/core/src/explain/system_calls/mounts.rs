//! The system calls of the steps that build the root file system: mounts, files on them, and restrictions.
//!
//! A mount takes three steps, see fsopen(2): a file system is configured and created, a detached mount of it is
//! created, and the mount is moved to its mount point. A bind mount begins with open_tree(2) instead, which creates a
//! second mount of an existing tree.

use crate::plan::{MountAttribute, Step, is_at_or_below, is_system_path};

/// The steps that create file systems, mounts and nodes; nothing for other steps.
#[expect(clippy::too_many_lines, reason = "a table with one entry for each step")]
pub(super) fn file_system_calls(step: &Step) -> Option<Vec<String>> {
    Some(match step {
        Step::MakeMountsPrivate => {
            vec!["mount_setattr(AT_FDCWD, \"/\", AT_RECURSIVE, {propagation=MS_PRIVATE})".to_owned()]
        }
        Step::LimitWritableLayer { directory, bytes, inodes, directories } => {
            let options = [("source", "tmpfs"), ("mode", "0755"), ("size", &bytes.to_string())];
            let mut calls = vec!["fsopen(\"tmpfs\", FSOPEN_CLOEXEC)".to_owned()];
            calls.extend(options.map(|(key, value)| configure(key, value)));
            calls.push(configure("nr_inodes", &inodes.to_string()));
            calls.extend(finish(&[]));
            calls.push(format!("move_mount(mnt, \"\", AT_FDCWD, {directory:?}, MOVE_MOUNT_F_EMPTY_PATH)"));
            calls.extend(directories.iter().map(|path| format!("mkdirat(AT_FDCWD, {path:?}, 0755)")));
            calls
        }
        Step::MountOverlay { lowers, upper, work, target, volatile, userxattr, idmapped } => {
            let shown = lowers.iter().chain([target]).filter(|_| *idmapped);
            let mut calls: Vec<String> = shown.flat_map(|path| shift(path)).collect();
            calls.extend(["fsopen(\"overlay\", FSOPEN_CLOEXEC)".to_owned(), configure("source", "overlay")]);
            calls.extend(lowers.iter().map(|lower| configure("lowerdir+", lower)));
            calls.extend([configure("upperdir", upper), configure("workdir", work)]);
            calls.extend(volatile.then(|| configure("volatile", "")));
            calls.extend(userxattr.then(|| configure("userxattr", "")));
            calls.extend(finish(&[]));
            calls.push(format!("move_mount(mnt, \"\", AT_FDCWD, {target:?}, MOVE_MOUNT_F_EMPTY_PATH)"));
            calls
        }
        Step::BindRoot { source } => vec![
            clone_tree(source, Below::Included),
            format!("move_mount(mnt, \"\", AT_FDCWD, {source:?}, MOVE_MOUNT_F_EMPTY_PATH)"),
        ],
        Step::Mount { fstype, source, destination, attributes, options } => {
            let mut calls = vec![format!("fsopen({fstype:?}, FSOPEN_CLOEXEC)"), configure("source", source)];
            calls.extend(options.iter().map(|(key, value)| configure(key, value)));
            calls.extend(finish(attributes));
            calls.extend([find(destination, ""), place()]);
            calls
        }
        Step::BindMount { source, destination, recursive, attributes, owners } => {
            let below = if *recursive { Below::Included } else { Below::LeftOut };
            let map = owners.is_some().then(|| map_owners(below));
            let restrict = (!attributes.is_empty()).then(|| restrict("mnt", below, attributes));
            let calls = [clone_tree(source, below)].into_iter().chain(map).chain(restrict);
            calls.chain([find(destination, ""), place()]).collect()
        }
        Step::BindDevice { path, .. } => {
            let attributes = [MountAttribute::ReadOnly, MountAttribute::NoSuid, MountAttribute::NoExec];
            let restrict = restrict("mnt", Below::LeftOut, &attributes);
            vec![clone_tree(path, Below::LeftOut), restrict, find(path, ""), place()]
        }
        Step::MakeDevice { path, major, minor, mode, block } => {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            let kind = if *block { "S_IFBLK" } else { "S_IFCHR" };
            let (found, directory) = find_directory(directory);
            let make = format!("mknodat({directory}, {name:?}, {kind}|{mode:04o}, makedev({major:#x}, {minor:#x}))");
            found.into_iter().chain([make]).collect()
        }
        Step::Symlink { target, path } => {
            let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
            let (found, directory) = find_directory(directory);
            found.into_iter().chain([format!("symlinkat({target:?}, {directory}, {name:?})")]).collect()
        }
        _ => return None,
    })
}

/// The steps that restrict mounts and change the root; nothing for other steps.
pub(super) fn restriction_calls(step: &Step) -> Option<Vec<String>> {
    Some(match step {
        Step::Remount { destination, attributes } => {
            vec![find(destination, ""), restrict("place", Below::LeftOut, attributes)]
        }
        Step::MaskPath { path } => vec![
            find(path, ""),
            "open_tree(empty, \"file\" or \"directory\", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC)".to_owned(),
            place(),
        ],
        Step::ReadonlyPath { path } => vec![
            find(path, ""),
            "open_tree(place, \"\", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH|AT_RECURSIVE)".to_owned(),
            restrict("mnt", Below::Included, &[MountAttribute::ReadOnly]),
            place(),
        ],
        Step::SetSysctl { name, value } => {
            let file = format!("/proc/sys/{}", name.replace('.', "/"));
            vec![open(&file, "O_WRONLY"), format!("fstatfs(<{file}>)"), format!("write(<{file}>, {value:?})")]
        }
        Step::Chroot { path } => vec![format!("chroot({path:?})"), "chdir(\"/\")".to_owned()],
        Step::PivotRoot => ["fchdir(root)", "pivot_root(\".\", \".\")", "umount2(\".\", MNT_DETACH)", "chdir(\"/\")"]
            .map(str::to_owned)
            .to_vec(),
        _ => return None,
    })
}

/// Shows a directory with its owners shifted into the user namespace, at its own place.
fn shift(path: &str) -> [String; 3] {
    [
        clone_tree(path, Below::LeftOut),
        "mount_setattr(mnt, \"\", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_IDMAP, userns_fd=userns})".to_owned(),
        format!("move_mount(mnt, \"\", AT_FDCWD, {path:?}, MOVE_MOUNT_F_EMPTY_PATH)"),
    ]
}

/// Whether the mounts below a mount are included.
#[derive(Clone, Copy)]
enum Below {
    Included,
    LeftOut,
}

/// Sets one option of a file system that is being configured.
fn configure(key: &str, value: &str) -> String {
    match value {
        "" => format!("fsconfig(fs, FSCONFIG_SET_FLAG, {key:?})"),
        _ => format!("fsconfig(fs, FSCONFIG_SET_STRING, {key:?}, {value:?})"),
    }
}

/// Creates the file system, and a detached mount of it.
fn finish(attributes: &[MountAttribute]) -> [String; 2] {
    let create = "fsconfig(fs, FSCONFIG_CMD_CREATE)".to_owned();
    [create, format!("fsmount(fs, FSMOUNT_CLOEXEC, {})", attribute_flags(attributes))]
}

/// Finds a path inside the new root.
pub(super) fn find(path: &str, flags: &str) -> String {
    open(path, &format!("{flags}O_PATH"))
}

/// Opens a path inside the new root. Below `/proc`, `/sys` and `/dev` the look-up starts from the mount that the
/// engine has made there and follows no link; elsewhere links are followed inside the root.
pub(super) fn open(path: &str, flags: &str) -> String {
    let mounted = MOUNTED.into_iter().find(|place| is_at_or_below(path, place) && path != *place);
    let (start, path, resolve) = match mounted {
        Some(place) => {
            (place.rsplit('/').next().unwrap_or(place), path[place.len()..].trim_start_matches('/'), BELOW_MOUNT)
        }
        None if is_system_path(path) => ("root", path.trim_start_matches('/'), "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS"),
        None => ("root", if path.is_empty() { "/" } else { path }, "RESOLVE_IN_ROOT"),
    };
    format!("openat2({start}, {path:?}, {{flags={flags}|O_CLOEXEC, resolve={resolve}}})")
}

/// Finds the directory in which something is to be made, and gives its name in the calls that follow.
fn find_directory(path: &str) -> (Option<String>, &str) {
    match MOUNTED.into_iter().find(|place| *place == path) {
        Some(place) => (None, place.rsplit('/').next().unwrap_or(place)),
        None => (Some(find(path, "O_DIRECTORY|")), "place"),
    }
}

/// The default mounts that contain the mount points of others.
const MOUNTED: [&str; 5] = ["/dev/pts", "/sys/fs/cgroup", "/proc", "/sys", "/dev"];

/// How names are looked up below a mount that the engine has made.
const BELOW_MOUNT: &str = "RESOLVE_BENEATH|RESOLVE_NO_SYMLINKS|RESOLVE_NO_XDEV";

/// Attaches the mount to the mount point that [`find`] opened.
pub(super) fn place() -> String {
    "move_mount(mnt, \"\", place, \"\", MOVE_MOUNT_F_EMPTY_PATH|MOVE_MOUNT_T_EMPTY_PATH)".to_owned()
}

/// Creates a detached second mount of the tree at a path.
fn clone_tree(path: &str, below: Below) -> String {
    let recursive = match below {
        Below::Included => "|AT_RECURSIVE",
        Below::LeftOut => "",
    };
    format!("open_tree(AT_FDCWD, {path:?}, OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC{recursive})")
}

/// Adds restrictions to a mount.
fn restrict(descriptor: &str, below: Below, attributes: &[MountAttribute]) -> String {
    let recursive = match below {
        Below::Included => "|AT_RECURSIVE",
        Below::LeftOut => "",
    };
    let flags = attribute_flags(attributes);
    format!("mount_setattr({descriptor}, \"\", AT_EMPTY_PATH{recursive}, {{attr_set={flags}}})")
}

/// Idmaps a mount.
fn map_owners(below: Below) -> String {
    let recursive = match below {
        Below::Included => "|AT_RECURSIVE",
        Below::LeftOut => "",
    };
    format!(
        "mount_setattr(mnt, \"\", AT_EMPTY_PATH{recursive}, {{attr_set=MOUNT_ATTR_IDMAP, userns_fd=open(\"/proc/PID/ns/user\")}})"
    )
}

fn attribute_flags(attributes: &[MountAttribute]) -> String {
    let flag = |attribute: &MountAttribute| match attribute {
        MountAttribute::ReadOnly => "MOUNT_ATTR_RDONLY",
        MountAttribute::NoSuid => "MOUNT_ATTR_NOSUID",
        MountAttribute::NoDev => "MOUNT_ATTR_NODEV",
        MountAttribute::NoExec => "MOUNT_ATTR_NOEXEC",
        MountAttribute::StrictAtime => "MOUNT_ATTR_STRICTATIME",
        MountAttribute::NoAtime => "MOUNT_ATTR_NOATIME",
        MountAttribute::NoDirAtime => "MOUNT_ATTR_NODIRATIME",
    };
    if attributes.is_empty() { "0".to_owned() } else { attributes.iter().map(flag).collect::<Vec<_>>().join("|") }
}
