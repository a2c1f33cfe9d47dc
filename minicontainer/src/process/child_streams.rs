//! The operations on standard streams. The rules of [`super::child`] hold here too.
//!
//! Pipes of the engine's belong to the program's user, because programs open `/dev/stdout` again, which only the
//! owner of a pipe may (moby/moby#31243).
//!
//! A program that is given nothing to read gets `/dev/null`. The host's would be a file of the host inside the
//! container: root of the container could change its mode, and a lock on it would be seen by every other process of
//! the machine. So the device is opened below the new root, once the plan has made it.

use super::child::{Failure, Named, State};
use super::child_places::open_device;
use super::message::Call;
use super::program::Place;
use crate::sys::Errno;
use crate::sys::calls::{self, Fd, Node};

/// The character device 1:3, see null(4).
const NULL_DEVICE: Node = Node { kind: libc::S_IFCHR, device: libc::makedev(1, 3) };

/// Gives the streams that are marked to the program's user.
pub(super) fn give(owner: u32, streams: &[bool; 3]) -> Result<(), Failure> {
    for (place, _) in (0..).zip(streams).filter(|(_, is_pipe)| **is_pipe) {
        calls::set_owner(place, owner, calls::UNCHANGED).named(Call::Fchown)?;
    }
    Ok(())
}

/// Opens the null device for each of the streams that is marked: stdin for reading, the others for writing.
pub(super) fn open_null(place: &Place, streams: &[bool; 3], state: &State<'_>) -> Result<(), Failure> {
    for (stream, _) in (0..).zip(streams).filter(|(_, is_null)| **is_null) {
        open_at(place, stream, state)?;
    }
    Ok(())
}

/// The file is opened without blocking and looked at before it is used: an image may hold a FIFO or any other file of
/// this name where the plan does not mount a `/dev`.
fn open_at(place: &Place, stream: Fd, state: &State<'_>) -> Result<(), Failure> {
    let access = if stream == 0 { libc::O_RDONLY } else { libc::O_WRONLY };
    let flags = access | libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_NOFOLLOW;
    let null = open_device(place, flags, state)?;
    if calls::node(null.0).named(Call::Statx)? != NULL_DEVICE {
        return Err(Failure { call: Call::Statx, errno: Errno(libc::ENODEV) });
    }
    calls::clear_flags(null.0).named(Call::Fcntl)?;
    calls::dup3(null.0, stream).named(Call::Dup).map(drop)
}
