//! The pure half of minicontainer: it decides what a container is, but does nothing.
//!
//! A container is a plan, and the plan is a value. The user's options ([`RunOptions`]) and the image's config become
//! an OCI runtime `Spec` ([`spec`]). A pure function turns that document into a [`Plan`], an ordered list of steps
//! ([`plan()`]). The plan is then executed (by the crate `minicontainer`, on Linux), explained in English or
//! Portuguese ([`explain`]), compared in tests, or animated in a browser. This crate does no I/O at all, so it
//! compiles to WebAssembly and the same code serves all four purposes.
//!
//! | Module | What it contains |
//! |---|---|
//! | [`diagnostic`] | what every error has in addition to its message: a kind and a hint |
//! | [`digest`], [`mod@reference`] | names by content (`sha256:…`) and by choice (`busybox:1.36`) |
//! | [`container`] | the states of a container, and the events that change them |
//! | [`platform`] | the operating system and architecture of an image: `linux/arm64` |
//! | [`image`] | an image's config, and how to run the image |
//! | [`network_files`] | the content of a container's `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` |
//! | [`options`] | the options of `run`, parsed once into types that are always valid |
//! | [`seccomp`] | the allowed system calls, from names to a filter that the kernel runs |
//! | [`spec`] | options + image config → OCI runtime `Spec` |
//! | [`plan`](mod@plan) | `Spec` + root file system + host → [`Plan`] |
//! | [`explain`] | every step in words, in two languages, from one message catalogue |
//! | [`report`] | the result of a run: verdict, times, memory |
#![forbid(unsafe_code)]
// A library never prints: it returns what a caller may print, and `println!` panics if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod container;
pub mod diagnostic;
pub mod digest;
pub mod explain;
pub mod image;
pub mod network_files;
pub mod options;
pub mod plan;
pub mod platform;
pub mod reference;
pub mod report;
pub mod seccomp;
pub mod spec;

pub use diagnostic::{Diagnostic, ErrorKind};
pub use digest::Digest;
pub use options::RunOptions;
pub use plan::{Host, Plan, PlanError, RootFs, Step, plan};
pub use platform::Platform;
pub use reference::Reference;
pub use report::{Report, Verdict};
