//! The commands: one file for each family, with its flags and its behaviour.

pub mod about;
pub mod build;
pub mod container;
pub mod demo;
pub mod dns;
pub mod doctor;
pub mod explain;
pub mod image;
pub mod inspect;
pub mod judge;
pub mod list;
pub mod login;
mod metadata;
mod namespaces;
pub mod options;
pub mod registry;
pub mod run;
mod security;
pub mod spec;
pub mod system;
mod unsupported;

use minicontainer::{Store, store::Image};
use minicontainer_engine::Engine;

use crate::{
    error::{Failure, warn},
    messages::message,
};

/// The caller's store. Warns about each directory that it had to close to other users, which happens only once.
pub fn open_store() -> Result<Store, Failure> {
    let store = Store::open_default()?;
    warn_of_closed(&store);
    Ok(store)
}

/// The engine of the caller's store, with the same warning.
pub fn open_engine() -> Result<Engine, Failure> {
    Ok(Engine::of(open_store()?))
}

fn warn_of_closed(store: &Store) {
    for directory in store.restricted_directories() {
        warn(&message("closed-directory", [("directory", directory.display().to_string().into())]));
    }
}

/// The image with this name; the error has a hint for users who have no image yet.
pub fn find_image(store: &Store, name: &str) -> Result<Image, Failure> {
    Ok(minicontainer_images::find(store, name)?)
}
