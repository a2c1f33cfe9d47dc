//! The operation that gives the container a terminal of its own. The rules of [`super::child`] hold here too.
//!
//! A *pseudo-terminal* has two sides (pty(7)): what the one writes, the other reads, and between them the kernel does
//! what a terminal does (echo, lines, Ctrl-C). The program has the one, and whoever runs the container the other. It
//! comes from the container's own devpts, so that its name there, `/dev/pts/0`, is true inside and means nothing
//! outside.
//!
//! A name can be made to mean something else between two looks at it (CVE-2025-52565 was a link in the place of
//! `/dev/pts/0` when that was bound to `/dev/console`). So no name is used twice: TIOCGPTPEER opens the other side
//! from this side's descriptor, and the mount is made from that side's.

use super::child::{Failure, Named, State};
use super::child_mounts::attach;
use super::child_places::open_of_kind;
use super::message::Call;
use super::program::Terminal;
use crate::sys::calls::{self, Descriptor};

/// Opens a terminal, makes it this session's and this process's stdin, stdout and stderr, and sends its other side
/// away.
pub(super) fn open(terminal: &Terminal, state: &State<'_>) -> Result<(), Failure> {
    let flags = libc::O_RDWR | libc::O_NOCTTY;
    let engines = open_of_kind(&terminal.multiplexer, flags, libc::DEVPTS_SUPER_MAGIC as u64, state)?;
    let programs = Descriptor(calls::terminal_peer(engines.0).named(Call::Ioctl)?);
    calls::set_owner(programs.0, terminal.owner, calls::UNCHANGED).named(Call::Fchown)?;
    let (rows, columns) = terminal.size;
    calls::set_window_size(programs.0, rows, columns).named(Call::Ioctl)?;

    let console = Descriptor(calls::open_tree(programs.0, c"", false).named(Call::OpenTree)?);
    attach(&console, &terminal.console, libc::S_IFREG, state)?;

    calls::take_terminal(programs.0).named(Call::Ioctl)?;
    (0..3).try_for_each(|place| calls::dup3(programs.0, place).named(Call::Dup).map(drop))?;
    calls::send_descriptor(terminal.socket, b"t", engines.0).named(Call::Sendmsg)?;
    calls::close(terminal.socket).named(Call::Close).map(drop)
}
