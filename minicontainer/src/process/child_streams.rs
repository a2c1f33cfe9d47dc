//! The operations on standard streams. The rules of [`super::child`] apply here too.
//!
//! The engine's pipes are given to the program's user, because programs open `/dev/stdout` again, and only the owner
//! of a pipe may do that (moby/moby#31243).
//!
//! A program without input reads from `/dev/null`. The host's `/dev/null` would be a host file in the container: root
//! of the container could change its mode, and every other process of the machine would see a lock on it. So the
//! device is opened below the new root, after the plan has created it there.

use super::child::{Failure, Named, State};
use super::child_lookup::open_device;
use super::message::Call;
use super::program::Place;
use crate::sys::Errno;
use crate::sys::calls::{self, Fd, Node};

/// The character device 1:3, see null(4).
const NULL_DEVICE: Node = Node { kind: libc::S_IFCHR, device: libc::makedev(1, 3) };

/// Changes the owner of the marked streams to the program's user.
pub(super) fn give(owner: u32, streams: &[bool; 3]) -> Result<(), Failure> {
    for (place, _) in (0..).zip(streams).filter(|(_, is_pipe)| **is_pipe) {
        calls::set_owner(place, owner, calls::UNCHANGED).named(Call::Fchown)?;
    }
    Ok(())
}

/// Opens the null device for each of the marked streams: stdin for reading, the others for writing.
pub(super) fn open_null(place: &Place, streams: &[bool; 3], state: &State<'_>) -> Result<(), Failure> {
    for (stream, _) in (0..).zip(streams).filter(|(_, is_null)| **is_null) {
        open_at(place, stream, state)?;
    }
    Ok(())
}

/// Opens the file without blocking, and checks it before use: if the plan does not mount a `/dev`, the image may have
/// a FIFO or any other file of this name.
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
