//! The store as a whole: its disk usage, and whether it is intact.
//!
//! | Module | Question |
//! |---|---|
//! | `usage` | `system df`: the disk usage, each layer counted once |
//! | `prune` | `system prune`: which data is unused |
//! | [`check`] | `system check`, `image verify`: what is damaged, and how to repair it |
//!
//! Each module uses the rules of the owners of the data (images, containers, the build cache), and adds none.

pub mod check;
mod error;
mod prune;
mod usage;

pub use error::SystemError;
pub use prune::{PruneOptions, Pruned, prune};
pub use usage::{ContainerUsage, ImageUsage, Usage, usage};
