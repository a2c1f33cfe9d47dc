//! Messages for a path in the new root that a step cannot use, usually because the image has another kind of file
//! there. The error numbers are those that [`child_lookup`](super::child_lookup) and
//! [`child_mounts`](super::child_mounts) return for such a path.

use crate::sys::Errno;
use minicontainer_core::plan::{Step, is_system_path};

/// Why a path cannot be used, and what to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnusablePath {
    pub found: &'static str,
    pub hint: &'static str,
}

/// The problem with the path of a step, if that is why the step failed.
pub(super) fn unusable_path(step: &Step, call: &str, errno: Errno) -> Option<UnusablePath> {
    let is_system = !step.paths_inside().is_empty() && step.paths_inside().iter().all(|path| is_system_path(path));
    let is_cover = matches!(step, Step::MaskPath { .. } | Step::ReadonlyPath { .. });
    let (found, hint) = match (call, errno) {
        ("openat2", Errno(libc::ELOOP)) if is_system => ("a symbolic link is in its path", SYSTEM_HINT),
        ("openat2" | "move_mount", Errno(libc::ENOTDIR)) if is_system => {
            ("something that is not a directory is in its path", SYSTEM_HINT)
        }
        ("openat2", Errno(libc::EXDEV)) if is_system => {
            ("another mount is in its path", "remove that mount, or mount it on the path itself")
        }
        ("openat2", Errno(libc::EXDEV)) => (
            "a symbolic link leads it to /proc, /sys, /dev or the root",
            "use a path without the link (for example, /dev/shm), or choose another one",
        ),
        ("openat2", Errno(libc::ENOENT)) if is_cover => (
            "the host has it, but the container does not",
            "leave the path out of the runtime config, or mount all of /proc and /sys",
        ),
        ("move_mount", Errno(libc::ENOTDIR)) => {
            ("something that is not a directory is there", "choose another place, or remove it from the image")
        }
        ("move_mount", Errno(libc::EISDIR)) => {
            ("a directory is there", "choose another place, or remove the directory from the image")
        }
        ("mknodat" | "symlinkat", Errno(libc::EEXIST)) => {
            ("something else is there", "remove it from the root file system, and mount nothing there")
        }
        ("open_tree", Errno(libc::ENODEV)) => (
            "the host has another file there, or another device",
            "`ls -l` shows the device numbers on the host, mknod(1) creates the device again",
        ),
        ("fstatfs", Errno(libc::EINVAL)) => ("a file system of another kind is there", KIND_HINT),
        _ => return None,
    };
    Some(UnusablePath { found, hint })
}

const SYSTEM_HINT: &str = "/proc, /sys, /dev and the mount points below must be directories in the image, or must \
     not exist: remove from the image what is there instead";

const KIND_HINT: &str = "mount a procfs on /proc and a devpts on /dev/pts, and nothing else";

/// What the step does, in words that follow "cannot".
pub(super) fn purpose(step: &Step) -> String {
    match step {
        Step::Mount { fstype, destination, .. } => format!("mount {fstype} on {destination}"),
        Step::BindMount { source, destination, .. } => format!("mount {source} on {destination}"),
        Step::MakeDevice { path, .. } => format!("create the device node {path}"),
        Step::BindDevice { path, .. } => format!("bind the host's device {path}"),
        Step::Symlink { path, .. } => format!("create the symbolic link {path}"),
        Step::MaskPath { path } => format!("mask {path}"),
        Step::ReadonlyPath { path } => format!("make {path} read-only"),
        Step::SetSysctl { name, .. } => format!("set the sysctl {name}"),
        Step::JoinNamespace { namespace, path } => format!("join the {namespace} namespace {path}"),
        Step::OpenTerminal { .. } => "open a terminal in /dev/pts".to_owned(),
        Step::UnshareTime { offsets } => {
            let offsets: Vec<String> = offsets.iter().map(ToString::to_string).collect();
            format!("create a time namespace with {}", offsets.join(" "))
        }
        Step::LimitWritableLayer { directory, .. } => format!("limit the writable layer {directory}"),
        Step::BindRoot { source } => format!("mount the root file system {source}"),
        Step::MountOverlay { .. } => "mount the overlay of the root file system".to_owned(),
        Step::Remount { destination, .. } => format!("change the mount {destination}"),
        Step::SetHostname { name } => format!("set the hostname {name}"),
        Step::EnterWorkdir { path } => format!("enter the working directory {path}"),
        Step::Chroot { path } => format!("change the root to {path}"),
        Step::Execute { args, .. } => format!("execute {}", args.first().map_or("", String::as_str)),
        other => format!("execute the step {}", other.kind()),
    }
}
