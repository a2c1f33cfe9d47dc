//! The user's terminal, when it shows the container's.
//!
//! A program in a container never gets the user's own terminal: whoever has that can change its settings, and once
//! could type into it (TIOCSTI in ioctl_tty(2)). With `-t` it gets a terminal of its own, a *pseudo-terminal*,
//! pty(7), and this command copies between the two. Then two terminals would each echo, gather lines and turn Ctrl-C
//! into a signal. One must not: the user's is put into *raw mode*, termios(3), in which it passes every key on as it
//! is.
//!
//! Raw mode outlives the process that asked for it, and a shell is of little use in it. So it is left by [`Drop`]:
//! however the container ends, by whatever error this command does, and before signals end it, since those are read
//! as data (see `minicontainer_engine::supervise::signals`). A panic of the released command runs no destructors, so
//! the hook of
//! [`panic`](crate::panic) calls [`restore_settings`]. Only SIGKILL leaves the terminal raw; `stty sane` fixes it.

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

/// Docker's words, and its exit code, for `-it` where nobody can type.
pub const NO_TERMINAL: &str = "the input device is not a TTY";
/// What to do then.
pub const NO_TERMINAL_HINT: &str = "leave -t out where the input is a pipe or a file: the program reads it as it is";

/// The size of the window that will show the container's terminal; zeros when there is none.
pub fn window_size() -> WindowSize {
    let size = terminal_size_of(stdout().as_fd()).or_else(|| terminal_size_of(stdin().as_fd()));
    size.map_or(WindowSize::default(), |(columns, rows)| WindowSize { rows: rows.0, columns: columns.0 })
}

/// The streams of a container: if it has a terminal, that is shown on this command's stdout, and with `-i` gets what
/// is typed.
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

/// Whether somebody can type into `-it`.
pub fn can_type() -> bool {
    stdin().is_terminal()
}

/// The settings of the user's terminal from before they were changed.
static BEFORE: Mutex<Option<Termios>> = Mutex::new(None);

/// Remembers the settings of the terminal at stdin, for [`restore_settings`].
pub fn remember_settings(settings: &Termios) {
    *BEFORE.lock().unwrap_or_else(PoisonError::into_inner) = Some(settings.clone());
}

/// Gives the terminal at stdin the settings that were remembered, if there are any. Does not wait for another thread.
pub fn restore_settings() {
    let Some(before) = BEFORE.try_lock().ok().and_then(|mut before| before.take()) else { return };
    // A process in the background would be stopped for changing its terminal's settings, and leave it raw.
    let _not_stopped = [Signal::SIGTTOU].into_iter().collect::<SigSet>().thread_block();
    // A terminal that was hung up needs no settings any more.
    let _restored = tcsetattr(stdin(), SetArg::TCSANOW, &before);
}

/// The user's terminal, which is in raw mode until this is dropped if it is typed into.
pub struct Terminal {
    raw: Option<RawMode>,
}

impl Terminal {
    /// Enters raw mode if the container is typed into.
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

    /// Enters it once more: while this command was stopped, the shell had the terminal and set it. In the background
    /// it is still another process group's.
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
