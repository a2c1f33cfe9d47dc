//! The calls for a terminal.
//!
//! A *pseudo-terminal* has two sides, see pty(7). The program uses one side; the engine writes input to the other and
//! reads output from it. The container's first process opens both, and sends the engine's side through a socket, see
//! unix(7).

use super::{Fd, fd};
use crate::sys::Result;

/// Opens the other side of a pseudo-terminal, see TIOCSPTLCK and TIOCGPTPEER in ioctl_tty(2). This uses the
/// descriptor, because its name in `/dev/pts` could lead to another file.
pub(crate) fn terminal_peer(terminal: Fd) -> Result<Fd> {
    let unlocked = 0i32;
    call!(SYS_ioctl, fd(terminal), libc::TIOCSPTLCK, &raw const unlocked)?;
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    call!(SYS_ioctl, fd(terminal), libc::TIOCGPTPEER, flags).map(|number| number as Fd)
}

/// Makes the terminal the controlling terminal of this process's session.
pub(crate) fn take_terminal(terminal: Fd) -> Result<usize> {
    call!(SYS_ioctl, fd(terminal), libc::TIOCSCTTY, 0)
}

pub(crate) fn set_window_size(terminal: Fd, rows: u16, columns: u16) -> Result<usize> {
    // struct winsize: rows, columns, and two unused numbers.
    let size = [rows, columns, 0, 0];
    call!(SYS_ioctl, fd(terminal), libc::TIOCSWINSZ, size.as_ptr())
}
