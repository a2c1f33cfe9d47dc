//! From a plan to a running process.
//!
//! **Before this** in the reading path: [`Launch::start`](crate::Launch::start) has created the streams, the writable
//! layer and the cgroup. **Next**: [`start()`], and after it the code of the new process, up to execve(2).
//!
//! Between clone3(2) and execve(2), the child is a copy of the caller's thread. It runs in the caller's memory where
//! that is safe, else in a copy of it (`start/shared_memory.rs`). It may only make system calls. It must not allocate
//! memory, take a lock or log anything, because another thread may hold the allocator's lock. So the work is split
//! into three parts:
//!
//! 1. [`compile`] runs in the parent. It *compiles* the plan's steps into a [`Program`](program::Program): operations
//!    for which every string, list and buffer is already allocated. This is the last allocation.
//! 2. [`child`] runs in the container's first process and *interprets* the program: a loop over operations, each a
//!    few system calls. It ends by executing the [`launcher`], which executes the program, or by reporting the failed
//!    step and calling `_exit`.
//! 3. [`start()`] is the parent's side. It creates two pipes, calls clone3(2), runs the [hooks](Hooks), sends *go*,
//!    and reads the child's reports.
//!
//! ```text
//!   parent                                   container's first process
//!   clone3 ────────────────────────────────▶ close descriptors, join cgroup
//!   hooks: id maps, the caller's
//!   go pipe ── one byte ───────────────────▶ mounts, pivot_root, capabilities …
//!   report pipe ◀── {step, call, errno} ──── a step failed: _exit
//!   report pipe ◀── ready ────────────────── everything except execve is done
//!   go pipe ── one byte ───────────────────▶ if the process must end with the engine: the engine is alive
//!   report pipe ◀── end of file ──────────── execve succeeded and closed it
//! ```
//!
//! If the container gets a terminal, the child sends the engine's side through a socket. The parent reads the socket
//! after execve has succeeded, when the message must be there, so it cannot block.
//!
//! With this protocol the caller never mistakes a failed set-up for the program's own exit code.
//!
//! Decisions: `minicontainer/decisions/process-start.md`.

pub(crate) mod child;
pub(crate) mod child_lookup;
pub(crate) mod child_mounts;
pub(crate) mod child_process;
pub(crate) mod child_sources;
pub(crate) mod child_streams;
pub(crate) mod child_terminal;
pub(crate) mod compile;
mod hooks;
pub(crate) mod init_status;
mod joined;
pub(crate) mod launcher;
pub(crate) mod message;
mod path_error;
mod process_bytes;
pub(crate) mod program;
pub(crate) mod sources;
pub(crate) mod standard_streams;
pub(crate) mod start;
pub(crate) mod start_error;
mod user_namespace;

pub use compile::CompileError;
pub use hooks::{HookError, Hooks, StartingProcess};
pub use joined::JoinedNamespace;
pub use process_bytes::ProcessBytes;
pub(crate) use start::{OpenFiles, StartRequest, start};
pub use start_error::StartError;

/// How long a step of the plan took, as `--trace` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct StepTime {
    /// The step's index in the plan, from 0.
    pub step: usize,
    /// How long it took.
    pub took: std::time::Duration,
}
