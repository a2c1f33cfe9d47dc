//! Removing an untrusted tree: a partly unpacked layer, or the files of a container.
//!
//! [`std::fs::remove_dir_all`] is not enough, for three reasons:
//!
//! - Directories may have mode 000, such as overlayfs's `work/work` and any directory of an image or container. An
//!   ordinary user cannot enter them until their mode is changed.
//! - A container can nest directories deeper than the maximum path length and number of descriptors (`while mkdir a;
//!   do cd a; done`). So directories are entered only [`LEVELS`] deep, and deeper ones are *moved* up and emptied
//!   later.
//! - Files of a subordinate ID are removed by a process that must not allocate
//!   ([`user_namespace`](super::user_namespace)), so [`empty_directory`] does not allocate.

use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::fcntl::AT_FDCWD;

use super::calls::{self, Descriptor, Fd};
use super::{Errno, Result};

/// Removes a directory with everything in it. It is not an error if it does not exist. Symbolic links are not
/// followed: names are looked up below descriptors, each opened with `O_NOFOLLOW`.
pub(crate) fn remove_tree(directory: &Path) -> io::Result<()> {
    match remove_directory(AT_FDCWD, directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Removes a directory below an open one with everything in it, at any depth and with any modes. Symbolic links are
/// followed only in the path to it.
pub fn remove_directory(parent: impl AsFd, directory: &Path) -> io::Result<()> {
    let directory = CString::new(directory.as_os_str().as_bytes())?;
    let removed = remove(parent.as_fd().as_raw_fd(), &directory);
    removed.map_err(|errno| io::Error::from_raw_os_error(errno.0))
}

fn remove(parent: Fd, name: &CStr) -> Result<()> {
    // The path to the tree comes from the caller, and may contain symbolic links and mounts.
    empty_directory(open(parent, name, 0)?.0)?;
    calls::unlinkat(parent, name, libc::AT_REMOVEDIR).map(drop)
}

/// How many levels below the top a directory is emptied in place. Each level has a descriptor and a buffer on the
/// stack.
const LEVELS: usize = 6;

/// Removes everything in an open directory.
pub(crate) fn empty_directory(top: Fd) -> Result<()> {
    let mut moved = 0;
    while remove_entries(top, top, LEVELS, &mut moved)? {}
    Ok(())
}

/// Removes the entries of a directory, and returns whether it had any. If it is not empty afterwards, because
/// readdir(3) may miss entries while others are removed, it is found again when the top is read again.
fn remove_entries(directory: Fd, top: Fd, levels: usize, moved: &mut u64) -> Result<bool> {
    for_each_entry(directory, |name, is_directory| {
        if is_removed(directory, name, is_directory)? {
            return Ok(());
        }
        // Also before a move, which changes the `..` entry and therefore needs write permission.
        let inner = open(directory, name, calls::STAY)?;
        if levels == 0 {
            return move_up(directory, name, top, moved);
        }
        remove_entries(inner.0, top, levels - 1, moved)?;
        is_removed(directory, name, true).map(drop)
    })
}

/// Opens a directory, and gives its owner all permissions. The mode is changed through a descriptor, because a
/// process of the container that still runs (possible without a PID namespace) could replace the name by a symbolic
/// link.
fn open(parent: Fd, name: &CStr, resolve: u64) -> Result<Descriptor> {
    match calls::open_directory(parent, name, libc::O_RDONLY, resolve).map(Descriptor) {
        Ok(directory) => {
            if calls::mode(directory.0)? & 0o700 != 0o700 {
                // Its entries may be removable even if the caller may not change its mode.
                let _changed = calls::fchmod(directory.0, 0o700);
            }
            Ok(directory)
        }
        Err(Errno(libc::EACCES)) => {
            let closed = calls::open_directory(parent, name, libc::O_PATH, resolve).map(Descriptor)?;
            let path = path_of(closed.0);
            // fchmod(2) refuses a descriptor opened with O_PATH, but its path leads to the same directory.
            let _changed = calls::chmod(CStr::from_bytes_until_nul(&path).unwrap_or(c""), 0o700);
            calls::open_directory(closed.0, c".", libc::O_RDONLY, resolve).map(Descriptor)
        }
        Err(errno) => Err(errno),
    }
}

/// The path `/proc/self/fd/NUMBER` of an open file, padded with NUL bytes, see proc(5).
pub(super) fn path_of(descriptor: Fd) -> [u8; 32] {
    let mut path = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    let number = descriptor.unsigned_abs();
    let digits = number.checked_ilog10().unwrap_or(0) + 1;
    for (place, digit) in (0..digits).rev().zip(path.iter_mut().skip(14)) {
        *digit = b'0' + (number / 10_u32.pow(place) % 10) as u8;
    }
    path
}

/// Calls `act` with the name of each entry of a directory, and whether the entry is a directory. Returns whether
/// there were any entries.
fn for_each_entry(directory: Fd, mut act: impl FnMut(&CStr, bool) -> Result<()>) -> Result<bool> {
    let mut buffer = [0; 2048];
    let mut any = false;
    calls::rewind(directory)?;
    loop {
        let length = calls::getdents64(directory, &mut buffer)?;
        let mut entries = buffer.get(..length).unwrap_or_default();
        if entries.is_empty() {
            return Ok(any);
        }
        // struct linux_dirent64: after 16 bytes the entry's length, in two, then one of its type, then its name.
        while let Some(&[low, high, kind]) = entries.get(16..19) {
            let (entry, rest) = entries.split_at_checked(u16::from_ne_bytes([low, high]).into()).unwrap_or_default();
            let name = entry.get(19..).and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok());
            if let Some(name) = name.filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
                any = true;
                act(name, kind == libc::DT_DIR)?;
            }
            entries = rest;
        }
    }
}

/// Removes an entry unless it is a directory that is not empty; returns whether it was removed. The type of the entry
/// may have changed since the directory was read, and not every file system reports it.
fn is_removed(parent: Fd, name: &CStr, is_directory: bool) -> Result<bool> {
    let as_directory = || calls::unlinkat(parent, name, libc::AT_REMOVEDIR);
    let as_file = || calls::unlinkat(parent, name, 0);
    let removed = match is_directory {
        true => as_directory().or_else(|errno| if errno.0 == libc::ENOTDIR { as_file() } else { Err(errno) }),
        false => as_file().or_else(|errno| if errno.0 == libc::EISDIR { as_directory() } else { Err(errno) }),
    };
    match removed {
        Err(Errno(libc::ENOTEMPTY | libc::EEXIST)) => Ok(false),
        result => result.map(|_| true),
    }
}

/// Moves a directory to an unused name in `top`. renameat(2) would replace an empty directory, which does no harm,
/// and fails with these errors for anything else.
fn move_up(parent: Fd, name: &CStr, top: Fd, moved: &mut u64) -> Result<()> {
    loop {
        let mut fresh = *b"removed-................\0";
        let digits = fresh.iter_mut().skip(8).take(16).enumerate();
        digits.for_each(|(place, digit)| *digit = b'a' + ((*moved >> (4 * place)) & 15) as u8);
        *moved += 1;
        let fresh = CStr::from_bytes_until_nul(&fresh).unwrap_or(c"removed");
        match calls::renameat(parent, name, top, fresh) {
            Err(Errno(libc::ENOTEMPTY | libc::EEXIST | libc::ENOTDIR)) => {}
            result => return result.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::{LEVELS, path_of, remove_tree};

    /// The tree is deeper than `LEVELS`, with more entries per directory than are read at once.
    #[test]
    fn deep_tree_of_closed_directories_is_removed() {
        let scratch = tempfile::tempdir().unwrap();
        let (outside, top) = (scratch.path().join("outside"), scratch.path().join("top"));
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "stays").unwrap();
        let mut directories = vec![top.clone()];
        for level in 0..3 * LEVELS {
            let directory = directories[level].join(format!("level-{level}"));
            directories.push(directory);
        }
        fs::create_dir_all(directories.last().unwrap()).unwrap();
        for directory in directories.iter().rev() {
            (0..120).for_each(|number| fs::write(directory.join(format!("file-{number}")), "").unwrap());
            fs::create_dir(directory.join("empty")).unwrap();
            symlink(&outside, directory.join("link")).unwrap();
            fs::set_permissions(directory, Permissions::from_mode(0o000)).unwrap();
        }
        remove_tree(&top).unwrap();
        assert!(!top.exists());
        assert_eq!(fs::read_to_string(outside.join("file")).unwrap(), "stays");
        remove_tree(&top).expect("what is not there is removed already");
    }

    #[test]
    fn descriptor_path_is_formatted() {
        let check = |descriptor, expect: &str| {
            let path = path_of(descriptor);
            let text = path.split(|byte| *byte == 0).next().unwrap();
            assert_eq!(text, format!("/proc/self/fd/{expect}").as_bytes());
        };
        check(0, "0");
        check(7, "7");
        check(1024, "1024");
        check(i32::MAX, "2147483647");
    }
}
