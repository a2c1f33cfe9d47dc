//! A small library that runs isolated Linux processes, written to be read.
//!
//! A *container* is a combination of a few kernel features: namespaces, cgroups, pivot_root, layered root file
//! systems and copy-on-write. This crate combines them in code that can be followed step by step. Its interface is
//! modelled on [`std::process::Command`]:
//!
//! ```no_run
//! use std::time::Duration;
//! use minicontainer::{Sandbox, Store, Verdict, MIB};
//!
//! let store = Store::open_default()?; // rootful or rootless, depending on the caller's user
//! let image = store.image("busybox")?; // `minicontainer image seed` makes it: no network needed
//!
//! let output = Sandbox::from_image(&image)
//!     .memory(64 * MIB)
//!     .pids(32)
//!     .wall_time(Duration::from_secs(5))
//!     .command("sh")
//!     .args(["-c", "echo hi > /x; cat /x"])
//!     .output()?;
//! assert_eq!(output.report.verdict, Verdict::Exited(0));
//! assert_eq!(output.stdout, b"hi\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
//! - Everything can be used from many threads at once.
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
    process::{CompileError, HookError, Hooks, JoinedNamespace, StartError, StartingProcess, StepTime},
    sandbox::{
        Diagnostic, Error, ErrorKind, Event, Launch, LaunchSettings, Lifetime, Output, RootLocation, Running,
        Sandbox, Signaller, StandardStream, Stdio,
    },
    store::Store,
    sys::wait::reset_sigchld,
};

pub use minicontainer_core::{Report, Verdict};

/// 1,024 bytes.
pub const KIB: u64 = 1024;
/// 1,024 KiB.
pub const MIB: u64 = 1024 * KIB;
/// 1,024 MiB.
pub const GIB: u64 = 1024 * MIB;
