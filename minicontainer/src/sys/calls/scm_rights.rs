//! Passing a descriptor to another process, see SCM_RIGHTS in unix(7).

use super::{Fd, fd};
use crate::sys::Result;

/// The header of a control message (`struct cmsghdr`) that carries one descriptor: its length, and SOL_SOCKET in the
/// lower half below SCM_RIGHTS, see cmsg(3).
const RIGHTS: [usize; 2] = [20, libc::SOL_SOCKET as usize | (libc::SCM_RIGHTS as usize) << 32];

/// Sends or receives bytes together with a control message.
macro_rules! pass {
    ($call:ident, $socket:expr, $content:expr, $length:expr, $control:ident, $flags:expr) => {{
        let mut part = [$content, $length];
        let control = (&raw mut $control).expose_provenance();
        // struct msghdr: no name, one part, one control message, no flags.
        let mut message = [0, 0, (&raw mut part).expose_provenance(), 1, control, size_of_val(&$control), 0];
        call!($call, fd($socket), &raw mut message, $flags)
    }};
}

/// Sends the bytes and a copy of the descriptor.
pub(crate) fn send_descriptor(socket: Fd, content: &[u8], descriptor: Fd) -> Result<usize> {
    let mut control = [RIGHTS[0], RIGHTS[1], fd(descriptor)];
    pass!(SYS_sendmsg, socket, content.as_ptr().expose_provenance(), content.len(), control, libc::MSG_NOSIGNAL)
}

/// Receives without blocking: returns the number of bytes, and the descriptor. If bytes come without a descriptor,
/// this process has too many descriptors open.
pub(crate) fn receive_descriptor(socket: Fd, content: &mut [u8]) -> Result<(usize, Option<Fd>)> {
    receive(socket, content, libc::MSG_DONTWAIT)
}

/// Waits for a message, which may carry a descriptor. Returns 0 bytes if the other end is closed.
pub(crate) fn await_descriptor(socket: Fd, content: &mut [u8]) -> Result<(usize, Option<Fd>)> {
    receive(socket, content, 0)
}

fn receive(socket: Fd, content: &mut [u8], flags: i32) -> Result<(usize, Option<Fd>)> {
    let mut control = [0usize; 3];
    let flags = flags | libc::MSG_CMSG_CLOEXEC;
    let length = pass!(SYS_recvmsg, socket, content.as_mut_ptr().expose_provenance(), content.len(), control, flags)?;
    Ok((length, (control[..2] == RIGHTS).then_some(control[2] as Fd)))
}
