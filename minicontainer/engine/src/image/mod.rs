//! Where images come from.
//!
//! The store of the small library keeps images and hands them out; this module gets them in. Each source ends in the
//! same value, an [`Incoming`] whose blobs are staged and verified, and enters by the same door, [`Store::admit`]:
//!
//! ```text
//! docker save, OCI layout → source → load ─┐
//! programs of this machine → seed ─────────┴→ Incoming → Store::admit
//! ```
//!
//! ```
//! use minicontainer::Store;
//! use minicontainer_engine::image;
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path())?;
//! let refused = image::load(&store, b"no archive at all".as_slice()).unwrap_err();
//! assert_eq!(refused.to_string(), "cannot read the image archive");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod error;
mod load;
mod seed;
mod source;
#[cfg(test)]
mod tests;

#[cfg(doc)]
use minicontainer::store::{Incoming, Store};

pub use error::ImageError;
pub use load::{load, load_layout};
pub use minicontainer::store::Loaded;
pub use seed::{Origin, SeedError, Seeded, seed_busybox};
