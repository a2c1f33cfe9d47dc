//! Removing files written by a container, including files that belong to subordinate ids.

use std::io;
use std::path::Path;

use super::accounts::subordinate_maps;
use crate::sys::{removal, user_namespace};

/// Removes a directory with everything in it, including files of the caller's subordinate ids. It is not an error if
/// it does not exist.
///
/// # Errors
/// If a file cannot be removed.
pub fn remove_tree(directory: &Path) -> io::Result<()> {
    match removal::remove_tree(directory) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => match subordinate_maps() {
            Some(maps) => user_namespace::empty(directory, &maps).and_then(|()| removal::remove_tree(directory)),
            None => Err(error),
        },
        removed => removed,
    }
}
