//! The calls for a terminal, and for handing its descriptor to another process.
//!
//! A *pseudo-terminal* has two sides, see pty(7): the program sits at one, and whoever holds the other types and reads.
//! The first process opens both and sends the other side to the engine through a socket, see unix(7).

use super::{Fd, fd};
use crate::sys::{Errno, Result};

/// Opens the other side of a pseudo-terminal and makes it this process's, see TIOCSPTLCK and TIOCGPTPEER in
/// ioctl_tty(2): by the descriptor, since under its name in `/dev/pts` something else might lie.
pub(crate) fn terminal_peer(terminal: Fd) -> Result<Fd> {
    let unlocked = 0i32;
    call!(SYS_ioctl, fd(terminal), libc::TIOCSPTLCK, &raw const unlocked)?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    call!(SYS_ioctl, fd(terminal), libc::TIOCGPTPEER, flags).map(|number| number as Fd)
}

/// Makes the terminal the one of this process's session.
pub(crate) fn take_terminal(terminal: Fd) -> Result<usize> {
    call!(SYS_ioctl, fd(terminal), libc::TIOCSCTTY, 0)
}

pub(crate) fn set_window_size(terminal: Fd, rows: u16, columns: u16) -> Result<usize> {
    // struct winsize: rows, columns, and two numbers that nobody uses.
    let size = [rows, columns, 0, 0];
    call!(SYS_ioctl, fd(terminal), libc::TIOCSWINSZ, size.as_ptr())
}

/// The head of a control message (`struct cmsghdr`) with one descriptor behind it: its length, and SOL_SOCKET below
/// SCM_RIGHTS, see cmsg(3) and unix(7).
const RIGHTS: [usize; 2] = [20, libc::SOL_SOCKET as usize | (libc::SCM_RIGHTS as usize) << 32];

/// Sends or takes one byte and, with it, a control message.
macro_rules! pass {
    ($call:ident, $socket:expr, $control:ident, $flags:expr) => {{
        let mut byte = 0u8;
        let mut part = [(&raw mut byte).expose_provenance(), 1];
        let control = (&raw mut $control).expose_provenance();
        // struct msghdr: no name, one part, one control message, no flags.
        let mut message = [0, 0, (&raw mut part).expose_provenance(), 1, control, size_of_val(&$control), 0];
        call!($call, fd($socket), &raw mut message, $flags)
    }};
}

pub(crate) fn send_descriptor(socket: Fd, descriptor: Fd) -> Result<usize> {
    let mut control = [RIGHTS[0], RIGHTS[1], fd(descriptor)];
    pass!(SYS_sendmsg, socket, control, libc::MSG_NOSIGNAL)
}

/// Takes the descriptor that has been sent; waits for none.
pub(crate) fn receive_descriptor(socket: Fd) -> Result<Fd> {
    let mut control = [0usize; 3];
    pass!(SYS_recvmsg, socket, control, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC)?;
    // That none came with the byte means that this process may have no more.
    if control[..2] == RIGHTS { Ok(control[2] as Fd) } else { Err(Errno(libc::EMFILE)) }
}
