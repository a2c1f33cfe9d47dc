//! Fast copying of large outputs: splice(2) moves them from the container's pipe into a regular file, which saves one
//! copy.
//!
//! Unlike write(2), splice(2) does not lock the offset of the file that it writes to. Several processes may share the
//! caller's stdout, such as two containers that a shell started with one `> log`; they would overwrite each other's
//! output. So a range of the file is reserved first, by moving the offset with lseek(2), which locks it. Then
//! splice(2) writes into that range.
//!
//! The other direction is never spliced. From a file into a pipe, the kernel passes references to its page cache, and
//! the container has the pipe: bugs such as Dirty Pipe (CVE-2022-0847) made such pages writable.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;

use nix::fcntl::{FcntlArg, fcntl};

use crate::sys::{Errno, calls};

/// Below this size, read(2) and write(2) are as fast.
const BULK: usize = 4 * 1024;

/// The capacity of a pipe with large output: the maximum that the kernel allows every user, so that the program and
/// the engine seldom wait for each other. Its content counts as memory of the container.
const PIPE_SIZE: i32 = 1024 * 1024;

/// How a file takes large outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    /// By read(2) and write(2), as every other output.
    Never,
    /// By splice(2), but no output has been large enough so far.
    Untried,
    /// By splice(2).
    Works,
}

/// How many bytes can be moved at once; None if they are too few for splice(2) to pay off.
pub(super) fn available(pipe: &File) -> Option<usize> {
    // If the size of the content is unknown, it is read as usual.
    calls::readable_bytes(pipe.as_raw_fd()).ok().filter(|count| *count >= BULK)
}

/// Moves this many bytes of a pipe's content to the current offset of a file. Fewer are moved if the container has
/// itself read from its pipe. None means that splice(2) does not work for this file, and that nothing was moved.
pub(super) fn splice(pipe: &File, file: &mut File, count: usize, bulk: &mut Bulk) -> io::Result<Option<usize>> {
    let distance = i64::try_from(count).unwrap_or(i64::MAX);
    let mut place = file.seek(SeekFrom::Current(distance))?.saturating_sub(count as u64);
    let mut moved = 0;
    while moved < count {
        match calls::splice_to(pipe.as_raw_fd(), file.as_raw_fd(), &mut place, count - moved) {
            Ok(0) | Err(Errno(libc::EAGAIN)) => break,
            Ok(some) => moved += some,
            Err(Errno(libc::EINTR)) => {}
            Err(Errno(libc::EINVAL)) if *bulk == Bulk::Untried => {
                file.seek(SeekFrom::Current(-distance))?;
                *bulk = Bulk::Never;
                return Ok(None);
            }
            Err(errno) => return Err(io::Error::from_raw_os_error(errno.0)),
        }
    }
    if *bulk == Bulk::Untried {
        // Best effort: the kernel may refuse if the user has many pipes. A smaller pipe is only slower.
        let _enlarged = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        *bulk = Bulk::Works;
    }
    Ok(Some(moved))
}
