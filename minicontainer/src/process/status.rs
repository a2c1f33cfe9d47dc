//! What a container's init tells the engine about the program: which process it is, and how it ended.
//!
//! With an init the engine's own child is the init, so waitid(2) says nothing of the program. A shell's answer, an
//! exit code of 128+n for a signal n, is ambiguous: a program may exit with 137 by itself. So the init writes the
//! wait status itself to a socket that it alone holds (`src/launcher` says why the program cannot reach it). The
//! socket also names the sender of each message in the engine's own pid namespace (SO_PASSCRED, unix(7)): this is how
//! the engine learns the program's id on the host, which nothing inside the container could tell.

use std::os::fd::{AsRawFd, OwnedFd};

use minicontainer_core::plan::Plan;
use nix::errno::Errno;

use super::message::PROGRAM_IS_HERE;
use crate::sys::calls;
use crate::sys::wait::How;

/// The engine's end of the socket and the init's, if the plan has an init.
pub(super) fn pair(plan: &Plan) -> Result<Option<(OwnedFd, OwnedFd)>, Errno> {
    let named = |(ours, inits): (OwnedFd, OwnedFd)| calls::name_senders(ours.as_raw_fd()).map(|_| (ours, inits));
    let pair = plan.has_init().then(|| calls::socket_pair().and_then(named)).transpose();
    pair.map_err(|errno| Errno::from_raw(errno.0))
}

/// The program's id in this process's pid namespace, once execve(2) has succeeded.
pub(super) fn program_id(socket: &OwnedFd) -> Result<i32, Errno> {
    let mut byte = [0];
    match calls::receive_from(socket.as_raw_fd(), &mut byte) {
        Ok((1, sender)) if byte == [PROGRAM_IS_HERE] => Ok(sender),
        Ok(_) => Err(Errno::EPROTO),
        Err(errno) => Err(Errno::from_raw(errno.0)),
    }
}

/// How the program ended when the container's first process, of this id, ended in this way. With an init (`socket`)
/// it is what that one wrote; a message of any other process does not count. An init that was killed wrote nothing,
/// and the kernel has killed the program with it: the signal is the same. One that exited without a message is an
/// error.
pub(crate) fn of_program(first: How, pid: i32, socket: Option<&OwnedFd>) -> Result<How, Errno> {
    let Some(socket) = socket else { return Ok(first) };
    let mut status = [0; 4];
    loop {
        match (calls::receive_from(socket.as_raw_fd(), &mut status), first) {
            (Ok((4, sender)), _) if sender == pid => return Ok(How::from_wait_status(i32::from_ne_bytes(status))),
            (Ok((1.., _)), _) => {}
            (_, How::Signalled(_)) => return Ok(first),
            (Ok(_), How::Exited(_)) => return Err(Errno::EPROTO),
            (Err(errno), How::Exited(_)) => return Err(Errno::from_raw(errno.0)),
        }
    }
}
