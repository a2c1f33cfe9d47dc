//! The store as a whole: how much room it takes, and whether it is sound.
//!
//! | Module | Question |
//! |---|---|
//! | `usage` | `system df`: what takes how much room, each layer counted once |
//! | `prune` | `system prune`: what can go |
//! | [`check`] | `system check`, `image verify`: what is damaged, and its repair |
//!
//! Each asks the owners of things (images, containers, the cache), and decides nothing that they have decided.

pub mod check;
mod error;
mod prune;
mod usage;

pub use error::SystemError;
pub use prune::{Pruned, Pruning, prune};
pub use usage::{ContainerUsage, ImageUsage, Usage, usage};
