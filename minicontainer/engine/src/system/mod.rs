//! The store as a whole: how much room it takes.
//!
//! | Module | Question |
//! |---|---|
//! | `usage` | `system df`: what takes how much room, each layer counted once |
//!
//! Each asks the owners of things (images, containers, the cache), and decides nothing that they have decided.

mod error;
mod usage;

pub use error::SystemError;
pub use usage::{ContainerUsage, ImageUsage, Usage, usage};
