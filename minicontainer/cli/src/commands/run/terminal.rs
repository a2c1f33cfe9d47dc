//! The user's terminal, when it shows the container's.
//!
//! A program in a container never gets the user's own terminal: a process that has it can change its settings, and on
//! old kernels type into it (TIOCSTI in ioctl_tty(2)). With `-t` it gets its own terminal, a *pseudo-terminal*
//! (pty(7)), and this command copies between the two. Two terminals would each echo, buffer lines and turn Ctrl-C
//! into a signal, and only one of them may. So the user's terminal is put into *raw mode* (termios(3)), in which it
//! passes on every key unchanged.
//!
//! Raw mode outlives the process that set it, and a shell in raw mode is hard to use. So [`Drop`] restores the
//! settings, however the container ends and after every error. Signals cannot prevent that, because they are read as
//! data (see `minicontainer_engine::supervise::signals`). A panic of the release build runs no destructors, so the
//! hook of [`panic`](crate::panic) calls [`restore_settings`]. Only SIGKILL leaves the terminal raw; `stty sane`
//! fixes it.

use std::{
    fs::File,
    io::{self, IsTerminal, Stdin, stdin, stdout},
    os::fd::{AsFd, BorrowedFd},
    sync::{Mutex, PoisonError},
};

use minicontainer::{Running, core::options::WindowSize};
use minicontainer_engine::supervise::{Io, signals::UserTerminal};
use nix::{
    sys::{
        signal::{SigSet, Signal},
        termios::{SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr},
    },
    unistd::{getpgrp, tcgetpgrp},
};
use terminal_size::terminal_size_of;

use crate::error::{Context, Failure};

/// Docker's message for `-it` when stdin is not a terminal.
pub const NO_TERMINAL: &str = "the input device is not a TTY";
/// The hint for it.
pub const NO_TERMINAL_HINT: &str = "leave -t out where the input is a pipe or a file: the program reads it as it is";

/// The size of the window that will show the container's terminal; zeros if there is none.
pub fn window_size() -> WindowSize {
    let size = terminal_size_of(stdout().as_fd()).or_else(|| terminal_size_of(stdin().as_fd()));
    size.map_or(WindowSize::default(), |(columns, rows)| WindowSize { rows: rows.0, columns: columns.0 })
}

/// The streams of a container. Its terminal, if it has one, is shown on this command's stdout, and with `-i` gets
/// what is typed.
pub fn io(running: &Running, interactive: bool) -> Result<Io<'static>, Failure> {
    if running.terminal.is_none() {
        return Ok(Io::Connected);
    }
    let copy = |stream: BorrowedFd<'_>| stream.try_clone_to_owned().map(File::from);
    let typed = interactive.then(|| copy(stdin().as_fd())).transpose();
    let streams = copy(stdout().as_fd()).and_then(|shown| Ok((shown, typed?)));
    let (shown, typed) = streams.context("cannot reach the container's streams")?;
    Ok(Io::Terminal { shown, typed })
}

/// Whether stdin is a terminal, as `-it` requires.
pub fn can_type() -> bool {
    stdin().is_terminal()
}

/// The settings of the user's terminal before they were changed.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Saves the settings of the terminal at stdin for [`restore_settings`].
pub fn remember_settings(settings: &Termios) {
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings.clone());
}

/// Restores the saved settings of the terminal at stdin, if there are any. Does not wait for another thread.
pub fn restore_settings() {
    let Some(before) = BEFORE.try_lock().ok().and_then(|mut before| before.take()) else { return };
    // A background process that changes the settings would be stopped (SIGTTOU) and leave the terminal raw.
    let _not_stopped = [Signal::SIGTTOU].into_iter().collect::<SigSet>().thread_block();
    // Best effort: a terminal that was hung up needs no settings.
    let _restored = tcsetattr(stdin(), SetArg::TCSANOW, &before);
}

/// The user's terminal. It is in raw mode until this is dropped, if its input goes to the container.
pub struct Terminal {
    raw: Option<RawMode>,
}

impl Terminal {
    /// Enters raw mode if the terminal's input goes to the container.
    pub fn enter(is_typed_into: bool) -> Result<Terminal, Failure> {
        Ok(Terminal { raw: is_typed_into.then(RawMode::enter).transpose()? })
    }
}

impl UserTerminal for Terminal {
    fn window_size(&self) -> WindowSize {
        window_size()
    }

    fn resume(&self) -> io::Result<()> {
        self.raw.as_ref().map_or(Ok(()), RawMode::enter_again)
    }
}

/// Raw mode, until this is dropped.
struct RawMode {
    terminal: Stdin,
    before: Termios,
}

impl RawMode {
    fn enter() -> Result<RawMode, Failure> {
        let terminal = stdin();
        let before = tcgetattr(&terminal).context("cannot read the terminal's settings")?;
        remember_settings(&before);
        let raw = RawMode { terminal, before };
        raw.set().context("cannot put the terminal into raw mode")?;
        Ok(raw)
    }

    /// Enters raw mode again: while this command was stopped, the shell changed the settings. In the background the
    /// terminal belongs to another process group.
    fn enter_again(&self) -> io::Result<()> {
        match tcgetpgrp(&self.terminal) {
            Ok(group) if group == getpgrp() => Ok(self.set()?),
            _ => Ok(()),
        }
    }

    fn set(&self) -> nix::Result<()> {
        let mut raw = self.before.clone();
        cfmakeraw(&mut raw);
        tcsetattr(&self.terminal, SetArg::TCSANOW, &raw)
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        restore_settings();
    }
}
