//! A fast way for large outputs: from the container's pipe into a regular file by splice(2), which saves one copy.
//!
//! splice(2) does not lock the offset of the file that it writes to, as write(2) does. Several processes may share
//! the caller's stdout, such as two containers that a shell started with one `> log`, and would overwrite each
//! other's output. So a range of the file is reserved first, by moving the offset with lseek(2), which does lock it;
//! then splice(2) writes into that range.
//!
//! The other direction is never spliced. From a file into a pipe the kernel passes references to its own pages of
//! that file, and the container holds the pipe: bugs such as Dirty Pipe (CVE-2022-0847) made such pages writable.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::os::fd::AsRawFd;

use nix::fcntl::{FcntlArg, fcntl};

use crate::sys::{Errno, calls};

/// Less than this is read and written as usual, since that is no slower.
const BULK: usize = 4 * 1024;

/// How much a pipe through which much is written can hold: as much as the kernel allows everyone, so that the program
/// and the engine seldom wait for each other. What lies in it counts as memory of the container.
const PIPE_SIZE: i32 = 1024 * 1024;

/// How a file takes large outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bulk {
    /// By read(2) and write(2), as every other output.
    Never,
    /// By splice(2), which no output has been large enough for yet.
    Untried,
    /// By splice(2).
    Works,
}

/// How many bytes can be moved at once; none, if it is not worth it.
pub(super) fn available(pipe: &File) -> Option<usize> {
    // A pipe tells how much it holds; if one did not, its content would be read as usual.
    calls::readable_bytes(pipe.as_raw_fd()).ok().filter(|count| *count >= BULK)
}

/// Moves this many bytes that a pipe holds to the present offset of a file. Fewer are moved if the container has
/// taken them back out of its pipe. None means that this file cannot be written to so, and that nothing was done.
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
        // A smaller pipe is slower, and does as well: the kernel may refuse a user who has many.
        let _enlarged = fcntl(pipe, FcntlArg::F_SETPIPE_SZ(PIPE_SIZE));
        *bulk = Bulk::Works;
    }
    Ok(Some(moved))
}
