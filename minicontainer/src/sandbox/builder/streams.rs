//! The program's streams or terminal, and what is recorded about its run.

use minicontainer_core::options::WindowSize;

use crate::sandbox::{Sandbox, Stdio};

impl Sandbox {
    /// Where its stdin comes from. Default: empty.
    pub fn stdin(self, stdin: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[0] = stdin.into())
    }

    /// Its stdin: these bytes, followed by end of file. They are written while the output is read, so a program with
    /// much input and much output cannot block.
    pub fn input(self, bytes: impl Into<Vec<u8>>) -> Sandbox {
        self.stdin(bytes.into())
    }

    /// Where its stdout goes. Default: the caller's stdout ([`output`](Sandbox::output) collects it instead).
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[1] = stdout.into())
    }

    /// Where its stderr goes. Default: the caller's stderr ([`output`](Sandbox::output) collects it instead).
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[2] = stderr.into())
    }

    /// Sends stderr to the same pipe as stdout, so that the order of what is written is kept: `2>&1`.
    pub fn stderr_to_stdout(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.merges_stderr = true)
    }

    /// Gives it a terminal instead of the three streams, with this number of rows and columns (zeros: unknown).
    /// [`Running::terminal`](crate::Running::terminal) is the other side.
    pub fn terminal(self, rows: u16, columns: u16) -> Sandbox {
        self.with(|sandbox| sandbox.options.terminal = Some(WindowSize { rows, columns }))
    }

    /// Measures the time of every step of the start, see [`Running::times`](crate::Running::times).
    pub fn traced(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.traced = true)
    }

    /// Records the system calls that the seccomp filter refuses, see [`Report::denied_calls`](crate::Report). It
    /// slows down those calls only. Requires Linux 5.0.
    pub fn trace_denied_calls(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.traces_denied_calls = true)
    }
}
