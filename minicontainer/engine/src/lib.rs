//! What outlives one call.
//!
//! The small library `minicontainer` runs a process in isolation and forgets it when it has ended. What people call a
//! *container* lives longer: it has a name, it can be listed, looked at and removed, and its writable layer stays when
//! its process is gone. Keeping such things is the work of this crate.
//!
//! | Module | What it keeps |
//! |---|---|
//! | [`mod@build`] | layers by what they were made from: it makes images of Dockerfiles |
//! | [`container`] | containers: their records, names and directories |
//! | [`delegation`] | nothing: it makes an ordinary user's control group ready for containers |
//! | [`judge`] | nothing: it runs many programs against many inputs and says how each fared |
//! | [`mod@image`] | nothing itself: it gets images into the store, from archives and from this machine |
//! | [`registry`] | nothing itself: it pulls images from registries into the store, and pushes them there |
//! | [`system`] | nothing itself: it looks at the store as a whole |
//!
//! Volumes and networks will be neighbours of `container`. Nothing here runs in the background:
//! each call reads the store, does its work under the store's lock, and returns.

// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod build;
pub mod container;
pub mod delegation;
pub mod image;
pub mod judge;
pub mod registry;
pub mod system;
mod threads;

pub use container::{Container, ContainerError, Containers, State};
