//! The pure half of minicontainer: everything about containers that is *decided*, nothing that is *done*.
//!
//! A container is a plan, and the plan is a value. What a user asks for ([`RunOptions`]) meets what an image says
//! of itself and becomes the standard's own document, an OCI runtime `Spec` ([`spec`]); a pure function turns that
//! document into a [`Plan`], an ordered list of steps ([`plan()`]); and the plan is then executed (by the crate
//! `minicontainer`, on Linux), explained in English or Portuguese ([`explain`]), compared in tests, or animated in a
//! browser. This crate does no I/O at all, so it compiles to WebAssembly and one and the same code does all four.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`diagnostic`] | what every error says beside its message: its kind and a hint |
//! | [`digest`], [`mod@reference`] | the names of things: by content (`sha256:…`) and by choice (`busybox:1.36`) |
//! | [`container`] | the states of a container's life, and what leads from one to the next |
//! | [`platform`] | for which machine an image is: `linux/arm64` |
//! | [`image`] | what an image's config says of how to run it |
//! | [`options`] | what `run` was asked for, parsed once into types that cannot be wrong |
//! | [`seccomp`] | the allowed system calls, from names to a filter that the kernel runs |
//! | [`spec`] | options + image config → OCI runtime `Spec` |
//! | [`plan`](mod@plan) | `Spec` + root file system + host → [`Plan`] |
//! | [`explain`] | every step in words, in two languages, from one message catalogue |
//! | [`report`] | how a run ended: verdict, times, memory |
#![forbid(unsafe_code)]
// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be
// written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod container;
pub mod diagnostic;
pub mod digest;
pub mod explain;
pub mod image;
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
