//! Containers that outlive one call.
//!
//! The small library `minicontainer` runs a process in isolation and keeps nothing after it exits. A *container* in
//! the usual sense lives longer: it has a name, it can be listed, inspected and removed, and its writable layer stays
//! when its process has exited. This crate keeps containers and their records.
//!
//! | Module | Purpose |
//! |---|---|
//! | `build` | provides the containers of a build's `RUN` |
//! | [`container`] | containers: their records, names and directories |
//! | [`delegation`] | prepares an ordinary user's cgroup for containers |
//! | [`engine`] | creates, starts and supervises containers |
//! | [`judge`] | runs many programs against many inputs and compares their output |
//! | [`images`] | the operations on images that depend on containers |
//! | [`mod@supervise`] | the loop between a container's start and its exit |
//! | [`system`] | checks, measures and prunes the store as a whole |
//!
//! Volumes and networks will be modules beside `container`. Nothing here runs in the background. A call holds the
//! store's lock only for short changes: renames and the index.

// A library never prints: it returns what a caller may print. `println!` panics if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod build;
pub mod container;
pub mod delegation;
pub mod engine;
pub mod images;
pub mod judge;
pub mod supervise;
pub mod system;

pub use container::{Container, ContainerError, Containers, State};
pub use engine::{CreateRequest, CreatedContainer, EndedContainer, Engine, EngineError, StartedContainer};
pub use supervise::supervise;
