//! From a plan to a running process.
//!
//! **Before this** in the reading path: [`Launch::start`](crate::Launch::start) has made the streams, the writable
//! layer and the control group. **Next**: [`start()`], and after it what the new process does, up to execve(2).
//!
//! Starting a container is delicate because of one moment: between clone3(2) and execve(2) a copy of the caller's
//! thread runs alone in a copy of the caller's memory. It may make system calls and nothing else: no memory may be
//! allocated, no lock taken, nothing logged, since another thread may have held the allocator's lock when the copy
//! was made. So the work is parted in three:
//!
//! 1. [`compile`] *compiles* the plan's steps, in the parent, into a [`Program`](program::Program): operations with
//!    every string, list and buffer already there. This is the last allocation.
//! 2. [`child`] *interprets* the program in the container's first process: a loop over operations, each a few system
//!    calls. It ends in the [`launcher`], which becomes the program, or in `_exit` after saying which step failed and
//!    why.
//! 3. [`start()`] is the parent's side: it makes two pipes, calls clone3(2), runs the [hooks](Hooks), says *go*, and
//!    listens.
//!
//! ```text
//!   parent                                   container's first process
//!   clone3 ────────────────────────────────▶ close descriptors, join cgroup
//!   hooks: id maps, the caller's
//!   go pipe ── one byte ───────────────────▶ mounts, pivot_root, capabilities …
//!   report pipe ◀── {step, call, errno} ──── a step failed: _exit
//!   report pipe ◀── ready ────────────────── all is done but execve
//!   go pipe ── one byte ───────────────────▶ where the process ends with the engine: the engine is still there
//!   report pipe ◀── end of file ──────────── execve succeeded and closed it
//! ```
//!
//! Where the container gets a terminal, its other side comes through a socket, which the parent looks into when all
//! that has happened: so it waits for nothing that might not come.
//!
//! So the caller never mistakes a failed set-up for the program's own exit code.

pub(crate) mod child;
pub(crate) mod child_mounts;
pub(crate) mod child_places;
pub(crate) mod child_process;
pub(crate) mod child_sources;
pub(crate) mod child_streams;
pub(crate) mod child_terminal;
pub(crate) mod compile;
mod hooks;
mod joined;
pub(crate) mod launcher;
pub(crate) mod message;
mod place_error;
pub(crate) mod program;
pub(crate) mod sources;
pub(crate) mod standard;
pub(crate) mod start;
pub(crate) mod start_error;
pub(crate) mod status;
mod user_namespace;

pub use compile::CompileError;
pub use hooks::{HookError, Hooks, StartingProcess};
pub use joined::JoinedNamespace;
pub(crate) use start::{Held, StartRequest, start};
pub use start_error::StartError;

/// How long a step of the plan took, as `--trace` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StepTime {
    /// The step's place in the plan, from 0.
    pub step: usize,
    /// How long it took.
    pub took: std::time::Duration,
}
