//! Owners and modes of the store's directories and files.
//!
//! The store's own directory is checked whenever it is opened (the library's `store::ownership`). But its entries may
//! have been created by another program, or with `sudo`, and then the store's owner cannot remove them.
//!
//! The files of layers and containers have the owners and modes from their images: they are compared with their
//! blobs, not checked here.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use minicontainer::{Store, store::LAYER_TREE};
use nix::unistd::geteuid;

use super::{Finding, Fix, Outcome, Pass, Severity, SystemError, unused::listed};

/// The entries of a container's directory that have other owners and modes on purpose, or that the container can
/// change.
const CONTAINER_TREES: [&str; 8] = ["upper", "work", "lower", "rootfs", "init", "hosts", "hostname", "resolv.conf"];

/// What other users could read until the store was opened.
pub(super) fn accessible(store: &Store) -> Vec<Finding> {
    let finding = |place: &PathBuf| Finding {
        severity: Severity::Damage,
        what: "open store",
        subject: place.display().to_string(),
        place: place.clone(),
        why: "other users could read it until now".to_owned(),
        fix: Fix::Close,
        outcome: Some(Outcome::Repaired),
    };
    store.restricted_directories().iter().map(finding).collect()
}

impl Pass<'_> {
    /// Checks everything that the engine itself creates.
    pub(super) fn access(&mut self) -> Result<(), SystemError> {
        self.accessible(self.store.root(), 0o077)?;
        // Other users cannot pass it, so modes below it do no harm.
        for directory in self.store.own_directories() {
            for place in listed(&directory)? {
                self.accessible(&place, 0o022)?;
            }
        }
        // The entries with other owners and modes on purpose, by their directory.
        let trees: [(PathBuf, &[&str]); 2] =
            [(self.store.layers_directory(), &[LAYER_TREE]), (self.store.containers_directory(), &CONTAINER_TREES)];
        for (directory, others) in trees {
            for place in listed(&directory)? {
                for inner in if place.is_dir() { listed(&place)? } else { Vec::new() } {
                    let is_of_image = others.iter().any(|other| inner.file_name().is_some_and(|name| name == *other));
                    if !is_of_image {
                        self.accessible(&inner, 0o022)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Checks one file or directory, which must not have these mode bits.
    fn accessible(&mut self, place: &Path, forbidden: u32) -> Result<(), SystemError> {
        let metadata = match fs::symlink_metadata(place) {
            // A container or a staging directory may be removed meanwhile.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            metadata => metadata.map_err(SystemError::io("look at", place))?,
        };
        let subject = place.strip_prefix(self.store.root()).unwrap_or(place);
        let subject = if subject.as_os_str().is_empty() { place } else { subject }.display().to_string();
        let (owner, user) = (metadata.uid(), geteuid().as_raw());
        if owner != user {
            let why = format!("it belongs to user {owner}, and the store to user {user}");
            let fix = Fix::ByHand(format!("`sudo chown -R {user} {}` makes it yours", place.display()));
            self.find("wrong owner", subject.clone(), place.to_owned(), why, fix);
        }
        let mode = metadata.permissions().mode() & 0o7777;
        if !metadata.is_symlink() && mode & forbidden != 0 {
            let why = format!("its mode is {mode:04o}: other users have access");
            self.find("open to others", subject, place.to_owned(), why, Fix::Close);
        }
        Ok(())
    }
}
