//! What a container's init reports to the engine about the program: its process id, and how it ended.
//!
//! With an init, the engine's own child is the init, so waitid(2) does not return the program's status. The
//! convention of shells, exit code 128+n for signal n, is ambiguous: a program may itself exit with 137. So the init
//! writes the wait status to a socket that only the init has open (`src/launcher` explains why the program cannot
//! reach it). The socket also gives the sender's process id of each message in the engine's own PID namespace
//! (SO_PASSCRED, unix(7)). This is how the engine gets the program's process id on the host, which processes in the
//! container cannot see.

use std::os::fd::{AsRawFd, OwnedFd};

use minicontainer_core::plan::Plan;

use super::message::PROGRAM_STARTING;
use crate::sys::Errno;
use crate::sys::calls;
use crate::sys::wait::How;

/// The engine's end and the init's end of the socket, if the plan has an init.
pub(super) fn pair(plan: &Plan) -> Result<Option<(OwnedFd, OwnedFd)>, Errno> {
    let named = |(ours, inits): (OwnedFd, OwnedFd)| calls::name_senders(ours.as_raw_fd()).map(|_| (ours, inits));
    plan.has_init().then(|| calls::socket_pair().and_then(named)).transpose()
}

/// The program's process id in the engine's PID namespace, once execve(2) has succeeded.
pub(super) fn program_id(socket: &OwnedFd) -> Result<i32, Errno> {
    let mut byte = [0];
    match calls::receive_from(socket.as_raw_fd(), &mut byte) {
        Ok((1, sender)) if byte == [PROGRAM_STARTING] => Ok(sender),
        Ok(_) => Err(Errno(libc::EPROTO)),
        Err(errno) => Err(errno),
    }
}

/// How the program ended, given how the container's first process (`pid`) ended. With an init (`socket`), this is the
/// status that the init wrote; messages of other processes are ignored. If the init was killed, it wrote nothing, and
/// the kernel has killed the program too: the signal is the same. An init that exits without a message is an error.
pub(crate) fn of_program(first: How, pid: i32, socket: Option<&OwnedFd>) -> Result<How, Errno> {
    let Some(socket) = socket else { return Ok(first) };
    let mut status = [0; 4];
    loop {
        match (calls::receive_from(socket.as_raw_fd(), &mut status), first) {
            (Ok((4, sender)), _) if sender == pid => return Ok(How::from_wait_status(i32::from_ne_bytes(status))),
            (Ok((1.., _)), _) => {}
            (_, How::Signalled(_)) => return Ok(first),
            (Ok(_), How::Exited(_)) => return Err(Errno(libc::EPROTO)),
            (Err(errno), How::Exited(_)) => return Err(errno),
        }
    }
}
