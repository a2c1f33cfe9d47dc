//! Where images come from.
//!
//! The store of the small library keeps images and hands them out; this module gets them in. Each source ends in the
//! same value, an [`Incoming`] whose blobs are staged and verified, and enters by the same door, [`admit()`], where its
//! layers are unpacked:
//!
//! ```text
//! docker save, OCI layout → source → load ─┐
//! a registry → registry::pull ─────────────┤
//! programs of this machine → seed ─────────┴→ Incoming → admit → layer → unpack ─┬→ Store::add
//! another tool, straight into images/ ──────────────────→ find → layer → unpack ─┘
//! ```
//!
//! To use an image, [`find()`] it here rather than with [`Store::image`], which knows only what is unpacked already.
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

mod admit;
mod built;
mod change;
mod check;
mod commit;
mod compare;
mod compression;
mod damaged;
mod digested;
mod error;
mod find;
mod held;
mod import;
mod layer;
mod load;
mod pack;
mod parallel;
mod remove;
mod save;
mod seed;
mod selection;
mod sharing;
mod source;
#[cfg(test)]
mod tests;
mod unpack;
mod verify;
mod watched;

#[cfg(doc)]
use minicontainer::Store;

pub use admit::{Incoming, Loaded, admit, admit_watched};
pub(crate) use built::{Built, unpack_built};
pub use change::ChangeError;
pub use check::{Applied, check_layer};
pub use commit::{Committing, commit, export};
pub(crate) use compression::decompress;
pub(crate) use damaged::{has_layer, hash, make_way};
pub use digested::PackedLayer;
pub(crate) use digested::{LayerWriter, packed};
pub use error::ImageError;
pub use find::{Damaged, find, list};
pub(crate) use held::{Held, hold};
pub use import::{Importing, import};
pub use load::{load, load_layout, load_layout_watched, load_watched};
pub use pack::{PackError, layer_from_upper};
pub(crate) use remove::blobs;
pub use remove::{Condition, Names, Pruned, Pruning, prune, remove};
pub use save::save;
pub use seed::{Origin, SeedError, Seeded, seed_busybox};
pub use sharing::Sharing;
pub use unpack::UnpackError;
pub(crate) use verify::{unpack_beside, verify_diff_id};
pub use watched::Watch;
