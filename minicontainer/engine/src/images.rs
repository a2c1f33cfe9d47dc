//! Images, as far as containers have to do with them.
//!
//! The crate `minicontainer-images` knows no containers. What it must be told of them is looked up here, in their
//! records: which container uses an image, and where a container's files lie.

use std::io::Write;

use minicontainer::{
    core::Digest,
    store::{Removed, Store, StoreError},
};
use minicontainer_images::{
    Committing, ContainerFiles, ImageError, Loaded, Names, Pruned, Pruning, registry::discard_downloads,
};

use crate::{Container, Containers, State};

/// Removes a name of an image, or the image, unless a container or a build uses it.
///
/// # Errors
/// Those of [`minicontainer_images::remove`].
pub fn remove(store: &Store, name: &str, names: Names) -> Result<Vec<Removed>, StoreError> {
    minicontainer_images::remove(store, name, names, &|id| user_of_image(store, id))
}

/// Removes the images that no container and no build uses, and what interrupted downloads and killed operations have
/// left.
///
/// # Errors
/// When the store cannot be read or written. What is in use, or has gone meanwhile, is not an error.
pub fn prune(store: &Store, pruning: &Pruning) -> Result<Pruned, StoreError> {
    store.sweep_staging()?;
    // A download that was interrupted is not an image yet, and takes room all the same.
    let downloads = discard_downloads(store);
    let mut pruned = minicontainer_images::prune(store, pruning, &|id| user_of_image(store, id))?;
    pruned.reclaimed += downloads;
    Ok(pruned)
}

/// Makes an image of what a container has changed.
///
/// # Errors
/// When the container's files cannot be read, or the store cannot be written.
pub fn commit(store: &Store, container: &Container, wanted: &Committing) -> Result<Loaded, ImageError> {
    let directory = Containers::of(store).place(&container.id);
    minicontainer_images::commit(store, &files(container, &directory), wanted)
}

/// Writes all files that a container sees as one tar archive; returns warnings.
///
/// # Errors
/// When the container's files cannot be read, or the archive cannot be written.
pub fn export(store: &Store, container: &Container, archive: impl Write) -> Result<Vec<String>, ImageError> {
    let directory = Containers::of(store).place(&container.id);
    minicontainer_images::export(store, &files(container, &directory), archive)
}

fn files<'a>(container: &'a Container, directory: &'a std::path::Path) -> ContainerFiles<'a> {
    let config = &container.config;
    ContainerFiles { image_id: &config.image_id, directory, driver: config.driver, command: &config.command }
}

/// The container that uses an image. What cannot be told counts as use.
fn user_of_image(store: &Store, id: &Digest) -> Option<String> {
    let containers = Containers::of(store);
    let unreadable = |error| format!("whose record cannot be read ({error})");
    let listed = containers.damaged().and_then(|damaged| Ok((damaged, containers.list()?)));
    let (damaged, list) = match listed {
        Ok(listed) => listed,
        Err(error) => return Some(unreadable(error)),
    };
    if let Some(user) = list.into_iter().find(|container| container.config.image_id == id.as_str()) {
        return Some(user.name.to_string());
    }
    damaged.into_iter().next().map(|(_, error)| unreadable(error))
}

/// The container that may be reading a layer just now, in words, or is just about to: its files must not change.
pub(crate) fn user_of_layer(store: &Store, diff_id: &Digest) -> Option<String> {
    // The image may be as damaged as the layer; then what is mounted tells.
    let has =
        |id: &str| store.image(id).is_ok_and(|image| image.layers.iter().any(|layer| layer.diff_id == *diff_id));
    // One that was made and not started may be about to start.
    let is_live = |state: &State| match state {
        State::Created { failure } => failure.is_none(),
        State::Starting { .. } | State::Running { .. } | State::Paused { .. } | State::Restarting(_) => true,
        State::Exited(_) | State::Removing { .. } | State::Dead { .. } => false,
    };
    match Containers::of(store).list() {
        Err(error) => Some(format!("the containers cannot be listed ({error})")),
        Ok(containers) => {
            let user = containers
                .into_iter()
                .find(|container| is_live(&container.state) && has(&container.config.image_id))?;
            Some(format!("the container {} uses it: stop or remove it first", user.name))
        }
    }
}
