//! Adding images to a store, and writing or removing them: archives, containers, programs of this machine.
//!
//! The library `minicontainer` has the store, which keeps images. This crate adds images to it, saves them as
//! archives, and removes them. The crate `minicontainer-registry` above it transfers them over the network, so that a
//! program which only makes images compiles neither HTTP nor TLS. This crate handles only images and layers: the
//! caller passes in which containers use an image ([`UserOf`], [`ContainerFiles`]).
//!
//! Each source produces the same value, a [`StagedImage`] whose blobs are staged and verified. The same function,
//! [`install()`], unpacks its layers and adds it:
//!
//! ```text
//! docker save, OCI layout ─▶ source ─▶ load ─┐
//! a registry ─▶ minicontainer_registry::pull ┤
//! a tar of files ─▶ import ──────────────────┤
//! a container ─▶ pack ─▶ commit ─────────────┤
//! programs of this machine ─▶ seed ──────────┴▶ StagedImage ─▶ install ─▶ layer ─▶ unpack ─┬▶ Store::add
//! another tool, straight into images/ ───────────────────▶ find ──▶ layer ─▶ unpack ─┘
//! ```
//!
//! | Module | What it does |
//! |---|---|
//! | `load` `source` | archives of images: `docker save`, OCI image layouts |
//! | `import` `commit` `seed` | images made here: of a tar archive, a container, this machine's programs |
//! | `install` `find` | how an image enters the store, and is found in it |
//! | `layer` `unpack` `compression` `verify` `compare` `layer_replacement` | unpacking archives to trees, and comparing trees |
//! | `new_layers` `unpack_progress` | unpacking the missing layers of an image, with progress |
//! | `extract` `check_layer` | archives that are not a stored layer |
//! | `pack` `changed_entries` `hashing` `local_layer` | packing trees as archives, and as layers of the store |
//! | `save` `sharing` `remove` | saving, measuring and removing images |
//! | [`parallel`] | work in several threads, as many as the kernel allows |
//!
//! To use an image, look it up with [`find()`] rather than with `Store::image`, which finds only images with unpacked
//! layers.
//!
//! ```
//! use minicontainer::Store;
//! use minicontainer_images as images;
//!
//! let directory = tempfile::tempdir()?;
//! let store = Store::open(directory.path())?;
//! let refused = images::load(&store, b"no archive at all".as_slice()).unwrap_err();
//! assert_eq!(refused.to_string(), "cannot read the image archive");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/images-and-store.md`.

// A library never prints. It returns what the caller may print, because `println!` panics if the stream cannot be
// written to.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod changed_entries;
mod check_layer;
mod commit;
mod compare;
mod compression;
mod error;
mod extract;
mod find;
mod hashing;
mod import;
mod install;
mod layer;
mod layer_replacement;
mod load;
mod local_layer;
mod new_layers;
mod pack;
pub mod parallel;
mod remove;
mod save;
mod seed;
mod sharing;
mod source;
#[cfg(test)]
mod tests;
mod unpack;
mod unpack_progress;
mod verify;
mod warning;

pub use check_layer::{Applied, check_layer};
pub use commit::{CommitOptions, ContainerFiles, commit, export};
pub use compression::{Decompressed, decompress};
pub use error::ImageError;
pub use extract::{ArchiveOwners, Extracted, extract};
pub use find::{Damaged, find, list};
pub use hashing::{LayerWriter, PackedLayer, packed};
pub use import::{ImportOptions, import};
pub use install::{Loaded, StagedImage, install, install_watched};
pub use layer_replacement::{has_layer, move_damaged_layer_away, move_layer_away};
pub use load::{load, load_layout, load_layout_watched, load_watched};
pub use local_layer::{Built, unpack_built};
pub use pack::{PackError, layer_from_upper};
pub use remove::{Condition, Names, PruneOptions, Pruned, UserOf, blobs, prune, remove};
pub use save::save;
pub use seed::{Origin, SeedError, Seeded, seed_busybox};
pub use sharing::Sharing;
pub use unpack::UnpackError;
pub use unpack_progress::Watch;
pub use verify::{Fresh, unpack_beside, verify_diff_id};
