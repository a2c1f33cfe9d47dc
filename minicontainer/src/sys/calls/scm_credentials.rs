//! The calls for a socket whose messages name the process that sent them, see SCM_CREDENTIALS in unix(7).

use std::os::fd::{FromRawFd, OwnedFd};

use super::{Fd, fd};
use crate::sys::{Errno, Result};

/// The two ends of a socket that preserves message boundaries.
pub(crate) fn socket_pair() -> Result<(OwnedFd, OwnedFd)> {
    let mut ends: [Fd; 2] = [-1; 2];
    call!(SYS_socketpair, libc::AF_UNIX, libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC, 0, ends.as_mut_ptr())?;
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    let one = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: as above.
    let other = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    Ok((one, other))
}

/// Enables the credentials of the sender for every message that this end receives.
pub(crate) fn name_senders(socket: Fd) -> Result<usize> {
    let on = 1i32;
    call!(SYS_setsockopt, fd(socket), libc::SOL_SOCKET, libc::SO_PASSCRED, &raw const on, size_of_val(&on))
}

/// The header of a control message (`struct cmsghdr`) that carries a `struct ucred`: its length, and SOL_SOCKET in
/// the lower half below SCM_CREDENTIALS, see cmsg(3).
const CREDENTIALS: [usize; 2] = [28, libc::SOL_SOCKET as usize | (libc::SCM_CREDENTIALS as usize) << 32];

/// Receives a message without blocking, with its sender's process id in this process's PID namespace.
pub(crate) fn receive_from(socket: Fd, content: &mut [u8]) -> Result<(usize, i32)> {
    // The header, then the sender's PID, UID and GID, and four bytes of padding.
    let mut control = [0usize; 4];
    let mut part = [content.as_mut_ptr().expose_provenance(), content.len()];
    // struct msghdr: no name, one part, one control message, no flags.
    let controls = [(&raw mut control).expose_provenance(), size_of_val(&control)];
    let mut message = [0, 0, (&raw mut part).expose_provenance(), 1, controls[0], controls[1], 0];
    let length = call!(SYS_recvmsg, fd(socket), &raw mut message, libc::MSG_DONTWAIT)?;
    match control[..2] == CREDENTIALS {
        true => Ok((length, control[2] as u32 as i32)),
        // End of file: there is no message, and the other end is closed.
        false if length == 0 => Ok((0, 0)),
        false => Err(Errno(libc::EPROTO)),
    }
}
