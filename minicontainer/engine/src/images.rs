//! The operations on images that depend on containers.
//!
//! The crate `minicontainer-images` has no containers. This module looks up in their records what it needs: the
//! container that uses an image, and the place of a container's files.

use std::io::Write;

use minicontainer::{
    core::{Digest, explain::Message},
    store::{Removed, Store, StoreError},
};
use minicontainer_images::{CommitOptions, ContainerFiles, ImageError, Loaded, Names, PruneOptions, Pruned};
use minicontainer_registry::discard_downloads;

use crate::{Container, Containers, State};

/// Removes a name of an image, or the image, unless a container or a build uses it.
///
/// # Errors
/// Those of [`minicontainer_images::remove`].
pub fn remove(store: &Store, name: &str, names: Names) -> Result<Vec<Removed>, StoreError> {
    minicontainer_images::remove(store, name, names, &|id| user_of_image(store, id))
}

/// Removes the images that no container and no build uses, and the leftovers of interrupted downloads and killed
/// operations.
///
/// # Errors
/// If the store cannot be read or written. An image that is in use or has just been removed is not an error.
pub fn prune(store: &Store, options: &PruneOptions) -> Result<Pruned, StoreError> {
    store.sweep_staging()?;
    // An interrupted download is not an image yet, but takes space.
    let downloads = discard_downloads(store);
    let mut pruned = minicontainer_images::prune(store, options, &|id| user_of_image(store, id))?;
    pruned.reclaimed += downloads;
    Ok(pruned)
}

/// Creates an image from a container's changes.
///
/// # Errors
/// If the container's files cannot be read, or the store cannot be written.
pub fn commit(store: &Store, container: &Container, wanted: &CommitOptions) -> Result<Loaded, ImageError> {
    let directory = Containers::of(store).place(&container.id);
    minicontainer_images::commit(store, &files(container, &directory), wanted)
}

/// Writes a container's file system as one tar archive. Returns warnings.
///
/// # Errors
/// If the container's files cannot be read, or the archive cannot be written.
pub fn export(store: &Store, container: &Container, archive: impl Write) -> Result<Vec<Message>, ImageError> {
    let directory = Containers::of(store).place(&container.id);
    minicontainer_images::export(store, &files(container, &directory), archive)
}

fn files<'a>(container: &'a Container, directory: &'a std::path::Path) -> ContainerFiles<'a> {
    let config = &container.config;
    ContainerFiles { image_id: &config.image_id, directory, driver: config.driver, options: &config.options }
}

/// The container that uses an image. A container with an unreadable record counts as a user.
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

/// The container that may be reading a layer or is about to, in words. The layer's files must not change then.
pub(crate) fn user_of_layer(store: &Store, key: &Digest) -> Option<String> {
    // The image may be damaged like the layer, so this also checks what is mounted.
    let has = |id: &str| store.image(id).is_ok_and(|image| image.layers.iter().any(|layer| layer.key == *key));
    // A created container may be about to start.
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
