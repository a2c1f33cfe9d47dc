//! A stream of the caller: whether it can be copied, and how to copy it without blocking.
//!
//! The engine must not set O_NONBLOCK on such a stream, because the flag belongs to the open file description, which
//! the caller's shell and other programs share. A terminal or an anonymous pipe is therefore opened once more, which
//! creates a new description for the engine. Streams that cannot be opened again, such as sockets, are read once each
//! time that poll(2) reports them as readable, and written to in portions for which poll(2) guarantees room
//! (`PIPE_BUF` in pipe(7)).
//!
//! A regular file is never opened again, because all its users share the offset at which the next byte is written.
//! Nor is a named FIFO: a new description does not report that writers had closed the FIFO earlier.

use std::fs::{File, OpenOptions};
use std::io::IsTerminal;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::{SFlag, fstat, major, minor};

use super::StandardStream;
use super::splice::Bulk;
use crate::process::standard_streams::above_standard;
use crate::sandbox::Error;
use crate::sys::calls;

/// The file system of anonymous pipes, `PIPEFS_MAGIC` in linux/magic.h.
const PIPE_FS: u64 = 0x5049_5045;

/// A stream of the caller.
#[derive(Debug)]
pub(in crate::sandbox) struct CallerStream {
    pub(super) file: File,
    /// Whether poll(2) must come before each call, because the call could block otherwise.
    pub(super) must_poll: bool,
    /// Whether a closed reader is final, so that it is worth polling for.
    pub(super) can_end: bool,
    pub(super) is_terminal: bool,
    /// How large outputs are copied to it.
    pub(super) bulk: Bulk,
    is_null_device: bool,
}

impl CallerStream {
    /// Inspects a file of the caller.
    ///
    /// # Errors
    /// When it cannot be used as the source of stdin, or as the destination of stdout or stderr.
    pub fn inspect(file: File, stream: StandardStream) -> Result<CallerStream, Error> {
        let failed = |errno: nix::Error| Error::Stream { source: errno.into() };
        let flags = fcntl(&file, FcntlArg::F_GETFL).map(OFlag::from_bits_retain).map_err(failed)?;
        let status = fstat(&file).map_err(failed)?;
        let kind = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT;
        let is_input = stream == StandardStream::Stdin;
        if let Some((reason, hint)) = unusable(flags, kind, is_input) {
            return Err(Error::UnusableStream { stream, reason, hint });
        }
        let is_null_device = kind == SFlag::S_IFCHR && (major(status.st_rdev), minor(status.st_rdev)) == (1, 3);
        let is_terminal = file.is_terminal();
        let is_anonymous_pipe =
            kind == SFlag::S_IFIFO && calls::file_system_magic(file.as_raw_fd()).is_ok_and(|magic| magic == PIPE_FS);
        let can_end = is_anonymous_pipe || kind == SFlag::S_IFSOCK;
        let never_waits = kind == SFlag::S_IFREG || kind == SFlag::S_IFBLK || is_null_device;
        let again = (is_terminal || is_anonymous_pipe).then(|| open_again(&file, is_input)).flatten();
        let must_poll = again.is_none() && !never_waits;
        let appends = flags.contains(OFlag::O_APPEND);
        let bulk = if kind == SFlag::S_IFREG && !is_input && !appends { Bulk::Untried } else { Bulk::Never };
        Ok(CallerStream { file: again.unwrap_or(file), must_poll, can_end, is_terminal, bulk, is_null_device })
    }

    /// Whether it is `/dev/null`.
    pub fn is_null_device(&self) -> bool {
        self.is_null_device
    }
}

/// Why a file cannot be used as this stream, and what to do.
fn unusable(flags: OFlag, kind: SFlag, is_input: bool) -> Option<(&'static str, &'static str)> {
    let access = flags & OFlag::O_ACCMODE;
    let forbidden = if is_input { OFlag::O_WRONLY } else { OFlag::O_RDONLY };
    if is_input && kind == SFlag::S_IFDIR {
        return Some(("it is a directory", "pass the directory as a bind mount, and use a file or a pipe as stdin"));
    }
    if is_input && kind == SFlag::S_IFBLK {
        return Some(("it is a block device", "read the device with another program, and pipe its output"));
    }
    if kind.is_empty() {
        return Some(("it is not a file, pipe, socket or character device", "use a file or a pipe"));
    }
    if flags.contains(OFlag::O_PATH) || access == forbidden {
        return Some(match is_input {
            true => {
                ("it is not open for reading", "redirect it from a file or a pipe, or let the program read nothing")
            }
            false => ("it is not open for writing", "redirect it to a file or a pipe, or discard it (/dev/null)"),
        });
    }
    None
}

/// Opens a new, non-blocking description of the file. None if that fails, such as for a pipe that another user
/// created.
fn open_again(file: &File, is_input: bool) -> Option<File> {
    let mut options = OpenOptions::new();
    options.read(is_input).write(!is_input).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits());
    let again = options.open(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()?;
    above_standard(again.into()).ok().map(File::from)
}
