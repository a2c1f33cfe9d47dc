//! Removing files that belong to subordinate ids.
//!
//! What a container wrote as another user than its root belongs to an id that was lent (subuid(5)), and lies perhaps in
//! a directory of that id's: its owner's owner, so to speak, may then not even look at it. Root of a user namespace with
//! the same map may. So a process is made in such a namespace, it empties the directory, and ends.
//!
//! That process is a copy of a thread of a caller that may have many, so the rules of [`super::child`] hold here too:
//! nothing is allocated, however deep a container has nested its directories. They are not gone into but *moved* up,
//! each into the directory that is being emptied, where its own turn comes: two descriptors are enough.

use core::ffi::CStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use minicontainer_core::plan::IdMapping;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::ids::ask_helpers;
use super::wait::{How, reap};
use crate::sys::birth::{self, CloneArgs};
use crate::sys::calls::{self, Fd};
use crate::sys::{Errno, Result};

/// Removes all that is in a directory, as root of a user namespace with these maps.
pub(crate) fn empty(directory: &Path, [uids, gids]: &[Vec<IdMapping>; 2]) -> io::Result<()> {
    let directory = File::open(directory)?;
    let (go, say_go) = pipe2(OFlag::O_CLOEXEC)?;
    let args = CloneArgs { flags: libc::CLONE_NEWUSER as u64 | birth::CLONE_CLEAR_SIGHAND, ..CloneArgs::default() };
    // SAFETY: the child makes calls of `sys` and exits.
    let Some((pid, pidfd)) = unsafe { birth::clone3(args) }.map_err(|errno| io::Error::from_raw_os_error(errno.0))?
    else {
        calls::exit(once_told(go.as_raw_fd(), say_go.as_raw_fd(), directory.as_raw_fd()))
    };
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let told = ask_helpers(pid, uids, gids).map_err(io::Error::other).and_then(|()| File::from(say_go).write(b"g"));
    let ended = reap(&pidfd)?;
    match (told, ended.how) {
        (Err(error), _) => Err(error),
        (Ok(_), How::Exited(0)) => Ok(()),
        (Ok(_), How::Exited(errno)) => Err(io::Error::from_raw_os_error(errno)),
        (Ok(_), killed) => Err(io::Error::other(format!("the process that removes it was ended by {killed}"))),
    }
}

/// The process's life: it waits until its ids are mapped, and its exit code is the reason why it failed.
fn once_told(go: Fd, say_go: Fd, directory: Fd) -> i32 {
    let told = calls::close(say_go).and_then(|_| calls::read(go, &mut [0]));
    match told {
        Ok(1) => empty_directory(directory).map_or_else(|errno| errno.0, |()| 0),
        _ => libc::ECANCELED,
    }
}

fn empty_directory(top: Fd) -> Result<()> {
    let mut moved = 0_u64;
    for_each_name(top, |name| {
        if is_removed(top, name)? {
            return Ok(());
        }
        let inner = calls::open_directory(top, name)?;
        for_each_name(inner, |child| match is_removed(inner, child)? {
            true => Ok(()),
            false => move_up(inner, child, top, &mut moved),
        })?;
        calls::close(inner)?;
        calls::unlinkat(top, name, libc::AT_REMOVEDIR).map(drop)
    })
}

/// Calls `act` with every name in a directory, from which it takes the file away, until there is none.
fn for_each_name(directory: Fd, mut act: impl FnMut(&CStr) -> Result<()>) -> Result<()> {
    let mut buffer = [0_u8; 4096];
    loop {
        let mut any = false;
        calls::rewind(directory)?;
        loop {
            let length = calls::getdents64(directory, &mut buffer)?;
            let mut entries = buffer.get(..length).unwrap_or_default();
            if entries.is_empty() {
                break;
            }
            // struct linux_dirent64: after 16 bytes the entry's length, in two, one of its type, then its name.
            while let Some(&[low, high]) = entries.get(16..18) {
                let (entry, rest) =
                    entries.split_at_checked(u16::from_ne_bytes([low, high]).into()).unwrap_or_default();
                let name = entry.get(19..).and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok());
                if let Some(name) = name.filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
                    any = true;
                    act(name)?;
                }
                entries = rest;
            }
        }
        if !any {
            return Ok(());
        }
    }
}

/// Removes anything but a directory that has something in it; says whether it was such a thing.
fn is_removed(parent: Fd, name: &CStr) -> Result<bool> {
    let removed = match calls::unlinkat(parent, name, 0) {
        Err(Errno(libc::EISDIR)) => calls::unlinkat(parent, name, libc::AT_REMOVEDIR),
        result => result,
    };
    match removed {
        Err(Errno(libc::ENOTEMPTY | libc::EEXIST)) => Ok(false),
        result => result.map(|_| true),
    }
}

/// Gives a directory a name in `top` that nothing there has.
fn move_up(parent: Fd, name: &CStr, top: Fd, moved: &mut u64) -> Result<()> {
    loop {
        let mut fresh = *b"removed-................\0";
        let digits = fresh.iter_mut().skip(8).take(16).enumerate();
        digits.for_each(|(place, digit)| *digit = b'a' + (*moved >> (4 * place) & 15) as u8);
        *moved += 1;
        match calls::renameat2(parent, name, top, CStr::from_bytes_until_nul(&fresh).unwrap_or(c"removed")) {
            Err(Errno(libc::EEXIST)) => {}
            result => return result.map(drop),
        }
    }
}
