//! What outlives one call.
//!
//! The small library `minicontainer` runs a process in isolation and forgets it when it has ended. What people call a
//! *container* lives longer: it has a name, it can be listed, looked at and removed, and its writable layer stays
//! when its process is gone. Keeping such things is the work of this crate.
//!
//! | Module | What it keeps |
//! |---|---|
//! | `build` | nothing: it gives a build the containers of its `RUN`s |
//! | [`container`] | containers: their records, names and directories |
//! | [`delegation`] | nothing: it makes an ordinary user's control group ready for containers |
//! | [`engine`] | nothing itself: it creates, starts and supervises containers |
//! | [`judge`] | nothing: it runs many programs against many inputs and says how each fared |
//! | [`images`] | nothing itself: what images must be told of containers |
//! | [`mod@supervise`] | nothing: the loop between a container's start and its end |
//! | [`system`] | nothing itself: it looks at the store as a whole |
//!
//! Volumes and networks will be neighbours of `container`. Nothing here runs in the background:
//! each call reads the store, does its work under the store's lock, and returns.

// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be
// written.
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
