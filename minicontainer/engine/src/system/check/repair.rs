//! Repair: executes the fixes of findings, unless the object is in use.

use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use minicontainer::{
    core::Digest,
    store::{Flushed, Lock, StagedLayer, Staging, Store, StoreError, Transaction, private},
};
use oci_spec::image::{ImageManifest, MediaType};
use serde_json::{Value, json};

use super::{
    super::SystemError,
    Depth, Finding, Fix, Outcome, Pass, Severity,
    access::accessible,
    unused::{dead_containers, listed, staging},
};
use crate::{container::Containers, images::user_of_layer};
use minicontainer_images::{ImageError, move_layer_away, unpack_beside};

/// A rebuilt index lists images that have not been checked yet.
const ROUNDS: usize = 3;

/// Checks the whole store, fixes what can be fixed, and returns the findings with the results.
///
/// # Errors
/// If something cannot be read or written.
pub fn repair(store: &Store, depth: Depth) -> Result<Vec<Finding>, SystemError> {
    let staging = store.stage()?;
    let mut reported = accessible(store);
    reported.extend(sweep(store)?);
    for round in 0..ROUNDS {
        let (first, suspects) = Pass::new(store, &staging, depth).all()?;
        if first.is_empty() {
            break;
        }
        // All slow work is done before the lock: reading everything, and unpacking the replacements.
        let fresh = unpack_again(store, &staging, &first)?;
        let flushed = staging.flush()?;
        let lock = store.lock()?;
        let mut repair = Repair { store, staging: &staging, flushed, lock: &lock, fresh };
        let (mut findings, _) = Pass::second(store, &staging, depth, suspects).all()?;
        // A later pull can use the data that a repair leaves unused.
        findings.retain(|finding| round == 0 || finding.severity == Severity::Damage);
        findings.retain(|finding| !reported.iter().any(|other| is_same(finding, other)));
        let mut fixed = false;
        for finding in &mut findings {
            if finding.fix.is_repair() {
                let outcome = repair.fix(finding)?;
                fixed |= outcome == Outcome::Repaired;
                finding.outcome = Some(outcome);
            }
        }
        reported.extend(findings);
        if !fixed {
            break;
        }
    }
    Ok(reported)
}

/// Removes what killed operations left, and reports it. This may take long and needs no lock.
fn sweep(store: &Store) -> Result<Vec<Finding>, SystemError> {
    let (mut staged, mut containers) = (staging(store)?, dead_containers(store)?);
    let outcomes = |findings: &mut [Finding], refusal: Option<String>| {
        for finding in findings {
            let is_there = fs::symlink_metadata(&finding.place).is_ok();
            let why = || refusal.clone().unwrap_or_else(|| "it cannot be removed now".to_owned());
            finding.outcome = Some(if is_there { Outcome::Refused(why()) } else { Outcome::Repaired });
        }
    };
    outcomes(&mut staged, store.sweep_staging().err().map(|error| error.to_string()));
    if !containers.is_empty() {
        outcomes(&mut containers, Containers::of(store).sweep().err().map(|error| error.to_string()));
    }
    staged.append(&mut containers);
    Ok(staged)
}

/// Unpacks damaged layers again, in the staging directory.
fn unpack_again(
    store: &Store,
    staging: &Staging,
    findings: &[Finding],
) -> Result<BTreeMap<Digest, StagedLayer>, SystemError> {
    let mut fresh = BTreeMap::new();
    for finding in findings {
        let Fix::UnpackAgain { key, from } = &finding.fix else { continue };
        match unpack_beside(store, staging, from) {
            Ok(layer) => drop(fresh.insert(key.clone(), layer.layer)),
            // Its image was removed meanwhile, so the second pass will not find it.
            Err(ImageError::Store(StoreError::Missing { .. })) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(fresh)
}

fn is_same(one: &Finding, other: &Finding) -> bool {
    (one.what, &one.subject, &one.place) == (other.what, &other.subject, &other.place)
}

struct Repair<'a> {
    store: &'a Store,
    staging: &'a Staging,
    flushed: Flushed<'a>,
    lock: &'a Lock,
    /// The replacements of damaged layers.
    fresh: BTreeMap<Digest, StagedLayer>,
}

impl Repair<'_> {
    fn fix(&mut self, finding: &Finding) -> Result<Outcome, SystemError> {
        let store = self.store;
        match &finding.fix {
            Fix::ByHand(_) => return Ok(Outcome::Refused("it must be fixed manually".to_owned())),
            // The older ones were removed before the lock was taken.
            Fix::SweepStaging | Fix::SweepContainers => {
                return Ok(Outcome::Refused("its process has just exited: try again".to_owned()));
            }
            Fix::Close => {
                let mode = if finding.place.is_dir() { 0o700 } else { 0o600 };
                let restricted = fs::set_permissions(&finding.place, Permissions::from_mode(mode));
                restricted.map_err(SystemError::io("close", &finding.place))?;
            }
            Fix::RewriteLayout => {
                self.replace(&finding.place, &json!({"imageLayoutVersion": "1.0.0"}))?;
            }
            Fix::RebuildIndex => self.replace(&finding.place, &self.index_of_existing_manifests()?)?,
            Fix::ForgetImage { manifest, .. } => self.forget(&finding.place, manifest)?,
            Fix::RemoveBlob(_) | Fix::RemoveFile(_) => remove_file(&finding.place)?,
            Fix::UnpackAgain { key, .. } => {
                let Some(fresh) = self.fresh.remove(key) else {
                    return Ok(Outcome::Refused("it has been damaged just now: try again".to_owned()));
                };
                if let Some(user) = self.move_layer_away(key)? {
                    return Ok(Outcome::Refused(user));
                }
                store.add(self.lock, &self.flushed, Transaction { layers: vec![fresh], ..Transaction::default() })?;
            }
            Fix::RemoveLayer(key) => {
                if let Some(user) = self.move_layer_away(key)? {
                    return Ok(Outcome::Refused(user));
                }
            }
        }
        Ok(Outcome::Repaired)
    }

    /// Renames a layer away atomically; its files are removed with the staging directory. Or returns who uses it.
    fn move_layer_away(&self, key: &Digest) -> Result<Option<String>, SystemError> {
        if let Some(user) = user_of_layer(self.store, key) {
            return Ok(Some(user));
        }
        match move_layer_away(self.store, self.lock, self.staging, key) {
            Err(ImageError::LayerInUse { user, .. }) => Ok(Some(user)),
            done => Ok(done.map(|()| None)?),
        }
    }

    /// Removes every entry of this manifest from the index, and leaves the rest unchanged.
    fn forget(&self, path: &Path, manifest: &str) -> Result<(), SystemError> {
        let text = fs::read(path).map_err(SystemError::io("read", path))?;
        let mut index: Value =
            serde_json::from_slice(&text).map_err(io::Error::from).map_err(SystemError::io("read", path))?;
        if let Some(entries) = index.get_mut("manifests").and_then(Value::as_array_mut) {
            entries.retain(|entry| entry.get("digest").and_then(Value::as_str) != Some(manifest));
        }
        self.replace(path, &index)
    }

    /// An index of all existing manifests, without names.
    fn index_of_existing_manifests(&self) -> Result<Value, SystemError> {
        let mut manifests = Vec::new();
        for path in listed(&self.store.blobs_directory())? {
            let small = fs::symlink_metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= 4 << 20);
            let Some(bytes) = small.then(|| fs::read(&path).ok()).flatten() else { continue };
            let digest = Digest::of(&bytes);
            let Ok(manifest) = serde_json::from_slice::<ImageManifest>(&bytes) else { continue };
            if path.file_name().is_some_and(|name| name == digest.hex()) {
                // A Docker manifest must have the field `mediaType`, so its entry gets this type.
                let media_type = manifest.media_type().clone().unwrap_or(MediaType::ImageManifest).to_string();
                manifests.push(json!({"mediaType": media_type, "digest": digest, "size": bytes.len()}));
            }
        }
        let media_type = MediaType::ImageIndex.to_string();
        Ok(json!({"schemaVersion": 2, "mediaType": media_type, "manifests": manifests}))
    }

    /// Writes a document so that readers see the old one or the new one.
    fn replace(&self, path: &Path, document: &Value) -> Result<(), SystemError> {
        let staged = self.staging.unused_path();
        let written = || -> io::Result<()> {
            let mut file = private::create(&staged)?;
            file.write_all(document.to_string().as_bytes())?;
            file.sync_all()?;
            fs::rename(&staged, path)?;
            File::open(path.parent().unwrap_or(path))?.sync_all()
        };
        written().map_err(SystemError::io("write", path))
    }
}

fn remove_file(path: &Path) -> Result<(), SystemError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        // A directory does not belong here.
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            minicontainer::host::remove_tree(path).map_err(SystemError::io("remove", path))
        }
        removed => removed.map_err(SystemError::io("remove", path)),
    }
}
