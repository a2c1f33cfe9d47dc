//! A small library that runs isolated Linux processes, written to be read.
//!
//! A *container* is a combination of a few kernel features: namespaces, cgroups, pivot_root, layered root file
//! systems and copy-on-write. This crate combines them in code that can be followed step by step. Its interface is
//! modelled on [`std::process::Command`]:
//!
//! ```ignore
#![doc = include_str!("../examples/hello.rs")]
//! ```
//!
//! This is `minicontainer/examples/hello.rs`, which `cargo run --example hello` runs. There are more, each shorter
//! than 60 lines:
//!
//! | Example | What it shows |
//! |---|---|
//! | [`limits`](examples::limits) | limits on memory, processes, time and output, and how much of each was used |
//! | [`stdin`](examples::stdin) | input from memory, and output of any size |
//! | [`parallel`](examples::parallel) | fifty containers from fifty threads |
//! | [`grader`](examples::grader) | untrusted programs: compile, run against tests, print a table |
//!
//! Other crates of the workspace, such as `minicontainer-images`, make, load and pull images. A directory can also be
//! used as it is:
//!
//! ```
//! # if let minicontainer::core::plan::Availability::Unavailable { .. } = minicontainer::host::try_user_namespace() {
//! #     return Ok(()); // nothing runs on this machine without root
//! # }
//! use minicontainer::{Sandbox, Verdict};
//!
//! let root = tempfile::tempdir()?;
//! let mut sandbox = Sandbox::from_rootfs(root.path(), "tr").args(["a-z", "A-Z"]).input("hello");
//! for directory in ["/usr", "/bin", "/lib", "/lib64"] {
//!     if std::path::Path::new(directory).exists() {
//!         sandbox = sandbox.bind_ro(directory, directory); // this machine's own programs
//!     }
//! }
//! let output = sandbox.output()?;
//! assert_eq!((output.report.verdict, output.stdout.as_slice()), (Verdict::Exited(0), b"HELLO".as_slice()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Those who know [`std::process::Command`] find its methods at [`Sandbox`] and [`Running`]: `arg`, `args`, `env`,
//! `stdin`, `spawn`, `output`, `status`, `wait`, `try_wait`, `kill`. An error that
//! `fn main() -> Result<(), minicontainer::Error>` returns is printed with its causes and a hint: that is the `Debug`
//! of every error here, see [`core::diagnostic`].
//!
//! # Where to read
//!
//! | Module | What it does | Lesson |
//! |---|---|---|
//! | [`core`] | plans: options → OCI `Spec` → [`Plan`](core::Plan), and explains every step. Pure. | all |
//! | [`sandbox`] | carries out a plan and reports how the program exited | `01-process` |
//! | `process` | clone3, the interpreter between clone and execve, waiting | `01-process`, `04-uts` |
//! | [`rootfs`] | the writable layer: overlay or copy, and what changed in it | `09-two-containers` |
//! | [`cgroup`] | limits and counting, on version 1 and 2 | `01-process` |
//! | [`store`] | images and layers on disk | `09-two-containers` |
//! | [`host`] | what this machine can do | |
//! | `sys` | the system calls themselves | |
//!
//! Dependencies point one way, from `sandbox` over `store`, `rootfs`, `process` and `cgroup` to `host` and `sys`; the
//! four in the middle do not use each other. ARCHITECTURE.md lists the arrows.
//!
//! # Guarantees
//!
//! - A failure of the sandbox is an [`Error`]. It is never reported as an exit code of the program.
//! - A requested limit is enforced, or there is an error with the cause.
//! - Dropping a value cleans up what it created: processes, cgroups, directories. Mounts are created inside
//!   the container's own mount namespace, so none can be left behind.
//! - Everything can be used from many threads at once: all public types are `Send` and `Sync`, except the
//!   [hooks](Hooks) of one start.
//!
//! Decisions: `minicontainer/decisions/README.md`.
#![deny(missing_docs)]
// A library never prints. It returns what the caller may print, because `println!` panics if the stream cannot be
// written to.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(not(target_os = "linux"))]
compile_error!(
    "minicontainer runs Linux containers and needs a Linux kernel. On Windows use WSL2, on macOS a Linux virtual \
     machine (Lima, OrbStack, UTM), or play with the same code in the browser demo (web-demo)."
);

#[cfg(target_os = "linux")]
pub mod cgroup;
#[cfg(target_os = "linux")]
pub mod host;
#[cfg(target_os = "linux")]
mod process;
#[cfg(target_os = "linux")]
pub mod rootfs;
#[cfg(target_os = "linux")]
pub mod sandbox;
#[cfg(target_os = "linux")]
pub mod store;
#[cfg(target_os = "linux")]
mod sys;

pub use minicontainer_core as core;
pub use minicontainer_layers as layers;
#[cfg(target_os = "linux")]
pub use {
    cgroup::CgroupError,
    process::{CompileError, HookError, Hooks, JoinedNamespace, ProcessBytes, StartError, StartingProcess, StepTime},
    sandbox::{
        Diagnostic, Error, ErrorKind, Event, Launch, LaunchSettings, Lifetime, Output, RootLocation, Running,
        Sandbox, Signaller, StandardStream, Stdio,
    },
    store::Store,
    sys::{Errno, wait::reset_sigchld},
};

pub use minicontainer_core::{Report, Verdict};

/// The programs in `minicontainer/examples`. The tests run them, as root and as an ordinary user.
#[cfg(doc)]
pub mod examples {
    /// Limits, and how much of each was used: `cargo run --example limits`.
    ///
    /// ```ignore
    #[doc = include_str!("../examples/limits.rs")]
    /// ```
    pub mod limits {}
    /// Input from memory: `cargo run --example stdin`.
    ///
    /// ```ignore
    #[doc = include_str!("../examples/stdin.rs")]
    /// ```
    pub mod stdin {}
    /// Many containers at once: `cargo run --example parallel`.
    ///
    /// ```ignore
    #[doc = include_str!("../examples/parallel.rs")]
    /// ```
    pub mod parallel {}
    /// Untrusted programs: `cargo run --example grader`.
    ///
    /// ```ignore
    #[doc = include_str!("../examples/grader.rs")]
    /// ```
    pub mod grader {}
}

/// 1,024 bytes.
pub const KIB: u64 = 1024;
/// 1,024 KiB.
pub const MIB: u64 = 1024 * KIB;
/// 1,024 MiB.
pub const GIB: u64 = 1024 * MIB;
