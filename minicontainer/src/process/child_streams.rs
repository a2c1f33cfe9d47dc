//! The operations on standard streams. The rules of [`super::child`] hold here too.
//!
//! Pipes of the engine's belong to the program's user, because programs open `/dev/stdout` again, which only the owner of
//! a pipe may (moby/moby#31243).
//!
//! A program that is given nothing to read gets `/dev/null`. The host's would be a file of the host inside the container:
//! root of the container could change its mode, and a lock on it would be seen by every other process of the machine. So
//! the device is opened below the new root, once the plan has made it.

use core::ffi::CStr;

use super::child::{Failure, Named, State};
use super::message::Call;
use crate::sys::Errno;
use crate::sys::calls::{self, Descriptor, Fd};

/// Gives the streams that are marked to the program's user.
pub(super) fn give(owner: u32, streams: &[bool; 3]) -> Result<(), Failure> {
    for (place, _) in (0..).zip(streams).filter(|(_, is_pipe)| **is_pipe) {
        calls::set_owner(place, owner).named(Call::Fchown)?;
    }
    Ok(())
}

/// Opens the null device for each of the streams that is marked: stdin for reading, the others for writing.
pub(super) fn open_null(path: &CStr, streams: &[bool; 3], state: &State) -> Result<(), Failure> {
    for (place, _) in (0..).zip(streams).filter(|(_, is_null)| **is_null) {
        open_at(path, place, state)?;
    }
    Ok(())
}

/// The file is opened without blocking and looked at before it is used: an image may hold a FIFO or any other file of
/// this name where the plan does not mount a `/dev`.
fn open_at(path: &CStr, place: Fd, state: &State) -> Result<(), Failure> {
    let access = if place == 0 { libc::O_RDONLY } else { libc::O_WRONLY };
    let flags = access | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW;
    let null = Descriptor(calls::open_in_root(state.root, path, flags).named(Call::Openat2)?);
    if !calls::is_null_device(null.0).named(Call::Statx)? {
        return Err(Failure { call: Call::Statx, errno: Errno(libc::ENODEV) });
    }
    calls::clear_flags(null.0).named(Call::Fcntl)?;
    calls::dup3(null.0, place).named(Call::Dup).map(drop)
}
