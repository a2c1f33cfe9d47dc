//! The operation that opens the container's own terminal. The rules of [`super::child`] apply here too.
//!
//! A *pseudo-terminal* has two sides (pty(7)). What one side writes, the other reads, and in between the kernel does
//! what a terminal does (echo, line editing, Ctrl-C). The program has one side, and the engine the other. The
//! terminal comes from the container's own devpts, so its name `/dev/pts/0` is valid in the container and has no
//! meaning on the host.
//!
//! What a name refers to can change between two uses (in CVE-2025-52565, `/dev/pts/0` was replaced by a symbolic link
//! before it was bind-mounted on `/dev/console`). So no name is used twice: TIOCGPTPEER opens the program's side from
//! the descriptor of the engine's side, and the mount is made from the descriptor of the program's side.

use super::child::{Failure, Named, State};
use super::child_lookup::open_of_kind;
use super::child_mounts::attach;
use super::message::Call;
use super::program::Terminal;
use crate::sys::calls::{self, Descriptor};

/// Opens a terminal, makes it the controlling terminal and the stdin, stdout and stderr, and sends the other side to
/// the engine.
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
