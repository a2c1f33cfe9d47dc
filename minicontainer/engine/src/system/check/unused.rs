//! Everything except images: the build cache, containers, and unused objects.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use minicontainer::{
    core::Digest,
    store::{LayerId, Store},
};
use minicontainer_build::{CacheRecord, cache_records};

use super::{Finding, Fix, Pass, Severity, SystemError, content::Blob};
use crate::container::{Containers, State};

/// Staging directories of dead processes.
pub(super) fn staging(store: &Store) -> Result<Vec<Finding>, SystemError> {
    let finding = |place: PathBuf| Finding {
        severity: Severity::Leftover,
        what: "staged files",
        subject: place.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        place,
        why: "the process that wrote it is gone".to_owned(),
        fix: Fix::SweepStaging,
        outcome: None,
    };
    Ok(store.stale_staging()?.into_iter().map(finding).collect())
}

/// Containers of dead processes that have not been removed.
pub(super) fn dead_containers(store: &Store) -> Result<Vec<Finding>, SystemError> {
    let finding = |(place, why): (PathBuf, &str)| Finding {
        severity: Severity::Leftover,
        what: "dead container",
        subject: place.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        place,
        why: why.to_owned(),
        fix: Fix::SweepContainers,
        outcome: None,
    };
    Ok(Containers::of(store).stale()?.into_iter().map(finding).collect())
}

impl Pass<'_> {
    /// Entries of the build cache need their layers and blobs.
    pub(super) fn cache(&mut self) -> Result<(), SystemError> {
        for CacheRecord { place, layer } in cache_records(self.store)? {
            let name = place.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let what = "unusable cache record";
            let Some((diff_id, blob)) = layer else {
                let fix = Fix::RemoveFile(place.clone());
                self.leftover(what, name, place, "it cannot be read, so builds do not use it", fix);
                continue;
            };
            let is_there = self.layer_path(&diff_id).exists() && self.blob(&blob) != Blob::Missing;
            if !is_there {
                let fix = Fix::RemoveFile(place.clone());
                self.leftover(what, name, place, format!("the layer {diff_id} is gone"), fix);
                continue;
            }
            self.content.blobs.insert(blob.clone());
            // A build's own layer does not depend on the layers below.
            let id = LayerId { chain_id: diff_id.clone(), diff_id: diff_id.clone() };
            self.content.use_layer(&diff_id, id, &[], blob);
        }
        Ok(())
    }

    /// Checks containers. Returns whether the images of all are known.
    pub(super) fn containers(&mut self) -> Result<bool, SystemError> {
        let containers = Containers::of(self.store);
        let mut all_known = true;
        for (id, error) in containers.damaged()? {
            all_known = false;
            let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            let fix = format!("`minicontainer rm {}` removes it and everything that it wrote", id.short());
            let place = containers.place(&id).join("state.json");
            self.find("damaged container", id.to_string(), place, why, Fix::ByHand(fix));
        }
        self.findings.extend(dead_containers(self.store)?);
        let mut names: BTreeMap<String, String> = BTreeMap::new();
        for container in containers.list()? {
            let (name, place) = (container.name.to_string(), containers.place(&container.id));
            if let Some(other) = names.insert(name.clone(), container.id.to_string()) {
                let why = format!("the container {other} has the same name");
                let fix = format!("`minicontainer rm {}` removes this one", container.id.short());
                self.find("ambiguous name", name.clone(), place.clone(), why, Fix::ByHand(fix));
            }
            let by_id = |parts: &super::images::Parts| parts.id.as_str() == container.config.image_id;
            if !self.parts.values().any(by_id) {
                all_known = false;
                let why = format!(
                    "its image {} ({}) is not in the store, or unusable",
                    container.config.image, container.config.image_id
                );
                let fix = format!("`minicontainer pull {}` or a load restores it", container.config.image);
                self.find("container without image", name.clone(), place.clone(), why, Fix::ByHand(fix));
            }
            let fix = || Fix::ByHand(format!("`minicontainer rm {name}` removes it and everything that it wrote"));
            if let Err(error) = containers.runtime_config(&container.id) {
                let why = format!("its config.json cannot be read: {error}");
                self.find("damaged container", name.clone(), place.join("config.json"), why, fix());
            }
            if matches!(&container.state, State::Exited(exit) if exit.code.is_none()) {
                let why = "its engine was killed before it could read the exit status";
                self.leftover("dead container", name.clone(), place, why, fix());
            }
        }
        Ok(all_known)
    }

    /// Blobs and layers that are not in use. If the parts of an image are unknown, nothing counts as unused.
    pub(super) fn unused(&mut self) -> Result<(), SystemError> {
        let is_unknown = |finding: &Finding| matches!(finding.fix, Fix::RebuildIndex | Fix::ForgetImage { .. });
        if !self.unusable.is_empty() || self.findings.iter().any(is_unknown) {
            return Ok(());
        }
        let why = "no image, container or build uses it";
        for place in listed(&self.store.blobs_directory())? {
            let Some(digest) = named(&place) else { continue };
            if !self.content.blobs.contains(&digest) && !is_recent(&place) {
                self.leftover("unused blob", digest.to_string(), place.clone(), why, Fix::RemoveFile(place));
            }
        }
        for place in listed(&self.store.layers_directory())? {
            let Some(key) = named(&place) else { continue };
            if !self.content.layers.contains_key(&key) {
                self.leftover("unused layer", key.to_string(), place, why, Fix::RemoveLayer(key));
            }
        }
        Ok(())
    }
}

/// The entries of a directory, sorted by name; a missing directory has none.
pub(super) fn listed(directory: &Path) -> Result<Vec<PathBuf>, SystemError> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(SystemError::io("list", directory))?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path()));
    let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(SystemError::io("list", directory))?;
    paths.sort();
    Ok(paths)
}

/// The digest in a file's name.
fn named(place: &Path) -> Option<Digest> {
    format!("sha256:{}", place.file_name().and_then(OsStr::to_str)?).parse().ok()
}

/// Whether another tool may be about to write the index entry for it: other tools do not use our lock.
fn is_recent(place: &Path) -> bool {
    let changed = fs::symlink_metadata(place).and_then(|metadata| metadata.modified()).ok();
    changed.and_then(|changed| changed.elapsed().ok()).is_none_or(|age| age.as_secs() < 3600)
}
