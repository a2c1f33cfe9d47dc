//! The store as a whole: its disk usage, and whether it is intact.
//!
//! | Module | Purpose |
//! |---|---|
//! | `usage` | `system df`: disk usage, with each layer counted once |
//! | `prune` | `system prune`: removes unused data |
//! | [`check`] | `system check`, `image verify`: finds and repairs damage |
//!
//! The rules about each kind of data are in its own module (images, containers, the build cache). These modules only
//! combine them.

pub mod check;
mod error;
mod prune;
mod usage;

pub use error::SystemError;
pub use prune::{PruneOptions, Pruned, prune};
pub use usage::{ContainerUsage, ImageUsage, Usage, usage};
