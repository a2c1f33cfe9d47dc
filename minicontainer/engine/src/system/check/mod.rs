//! Checks and repairs the store: `system check`, `image verify`.
//!
//! Bits on disks change, users delete files, and machines lose power. The store can be verified, because blobs are
//! named by their digests, and the files of a layer must equal its unpacked blob.
//!
//! ```text
//! oci-layout, index.json ─▶ manifest ─▶ config ─▶ diff-ids
//!        readable           digest      digest      │ of the blob's content, unpacked once more,
//!                              └▶ layers: blobs ────┴▶ and compared file by file with layers/<diff-id>/fs
//!                                  digest, size
//! containers/<id>/state.json, config.json    readable; its image exists; its name is unique
//! build-cache/*.json                         readable; its layers and blobs exist
//! blobs, layers, staging/                    in use
//! ```
//!
//! The result is a list of values, [`Finding`]s: the problem, the affected object, its path, the cause and the fix.
//! *Damage* means that the store is not intact. A *leftover* only takes space: files of a killed engine, or an unused
//! layer.
//!
//! The first pass reads everything, which may take minutes, without a lock, so other commands can continue. If it
//! finds something, a second pass is made under the store's lock, and only that one counts, because the first may
//! have seen an image that was just being removed. The second pass reads all documents again, but only those blobs
//! and layers that the first one found broken (`Suspects`).
//!
//! **A repair does no harm.** A layer is unpacked again from its blob. A reference to a missing object is removed, so
//! that a pull finds the name free. A blob with the wrong content is removed. Intact objects stay. Objects in use are
//! not changed, and reported. A container whose record cannot be read is left to its owner, who may need its files.

mod access;
mod content;
mod finding;
mod images;
mod layers;
mod repair;
#[cfg(test)]
mod tests;
mod unused;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use minicontainer::{
    core::{Digest, Reference},
    store::{Staging, Store, StoreError},
};

use super::SystemError;
use content::Content;
pub use finding::{Finding, Fix, Outcome, Severity};
use images::Entry;
pub use repair::repair;

/// How thorough a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Documents are read and sizes compared. That takes milliseconds.
    Quick,
    /// All content is read and hashed, and each layer is unpacked again and compared. That takes as long as loading
    /// it, and space for the largest layer.
    Whole,
}

/// Checks the whole store. Without findings it is intact.
///
/// # Errors
/// If the check itself fails, for lack of space or permission.
pub fn check(store: &Store, depth: Depth) -> Result<Vec<Finding>, SystemError> {
    let staging = store.stage()?;
    let mut findings = access::accessible(store);
    findings.extend(unused::staging(store)?);
    let (first, suspects) = Pass::new(store, &staging, depth).all()?;
    if !first.is_empty() {
        let _lock = store.lock()?;
        findings.extend(Pass::second(store, &staging, depth, suspects).all()?.0);
    }
    Ok(findings)
}

/// A verified image.
#[derive(Debug)]
pub struct Verified {
    /// Its name, or else its id or digest.
    pub name: String,
    /// How many layers it has.
    pub layers: usize,
    /// Its problems.
    pub findings: Vec<Finding>,
}

/// Verifies images by their names or ids; all images if there are none.
///
/// # Errors
/// If there is no such image, or the check itself fails.
pub fn verify_images(store: &Store, names: &[String]) -> Result<Vec<Verified>, SystemError> {
    let staging = store.stage()?;
    let mut look = Pass::new(store, &staging, Depth::Whole);
    look.index()?;
    look.documents();
    if let Some(finding) = look.findings.drain(..).find(|finding| matches!(finding.fix, Fix::RebuildIndex)) {
        let (what, kind) = (finding.place.display().to_string(), "image index");
        let source = serde::de::Error::custom(finding.why);
        return Err(StoreError::Document { what, kind, source }.into());
    }
    let entries = look.entries.clone();
    let mut verified = Vec::new();
    for name in names {
        if !entries.iter().any(|entry| look.is_selected(entry, name)) {
            return Err(store.unknown_image(name).into());
        }
    }
    for entry in entries {
        if !names.is_empty() && !names.iter().any(|name| look.is_selected(&entry, name)) {
            continue;
        }
        let (first, suspects) = Pass::new(store, &staging, Depth::Whole).image_alone(&entry)?;
        if first.findings.is_empty() {
            verified.push(first);
            continue;
        }
        // The image may have been in removal. Under the lock it exists or does not.
        let _lock = store.lock()?;
        let mut again = Pass::second(store, &staging, Depth::Whole, suspects);
        again.index()?;
        if again
            .entries
            .iter()
            .any(|other| (&other.reference, &other.digest_text) == (&entry.reference, &entry.digest_text))
        {
            again.findings.clear();
            verified.push(again.image_alone(&entry)?.0);
        } else if !names.is_empty() {
            return Err(store.unknown_image(&entry.name()).into());
        }
    }
    Ok(verified)
}

/// What the first pass found broken, which the second must check thoroughly.
#[derive(Debug, Default)]
struct Suspects {
    blobs: BTreeSet<Digest>,
    layers: BTreeSet<Digest>,
}

/// One pass over the store.
struct Pass<'a> {
    store: &'a Store,
    staging: &'a Staging,
    depth: Depth,
    /// In the second pass: what to check thoroughly. The rest has been verified before.
    only: Option<Suspects>,
    /// What this pass finds broken.
    suspects: Suspects,
    /// The entries of the index.
    entries: Vec<Entry>,
    /// The parts of the images with readable documents, by manifest digest.
    parts: BTreeMap<Digest, images::Parts>,
    /// Why the others cannot be used.
    unusable: BTreeMap<String, String>,
    /// Blobs and layers with their states.
    content: Content,
    findings: Vec<Finding>,
}

impl<'a> Pass<'a> {
    fn new(store: &'a Store, staging: &'a Staging, depth: Depth) -> Pass<'a> {
        Pass {
            store,
            staging,
            depth,
            only: None,
            suspects: Suspects::default(),
            entries: Vec::new(),
            parts: BTreeMap::new(),
            unusable: BTreeMap::new(),
            content: Content::default(),
            findings: Vec::new(),
        }
    }

    /// A second pass, over what the first one found broken.
    fn second(store: &'a Store, staging: &'a Staging, depth: Depth, suspects: Suspects) -> Pass<'a> {
        Pass { only: Some(suspects), ..Pass::new(store, staging, depth) }
    }

    /// How thoroughly to check a blob.
    fn depth_of_blob(&self, digest: &Digest) -> Depth {
        let is_verified = self.only.as_ref().is_some_and(|only| !only.blobs.contains(digest));
        if is_verified { Depth::Quick } else { self.depth }
    }

    /// How thoroughly to check a layer.
    fn depth_of_layer(&self, key: &Digest) -> Depth {
        let is_verified = self.only.as_ref().is_some_and(|only| !only.layers.contains(key));
        if is_verified { Depth::Quick } else { self.depth }
    }

    /// Checks one image only.
    fn image_alone(mut self, entry: &Entry) -> Result<(Verified, Suspects), SystemError> {
        self.entries = vec![entry.clone()];
        self.documents();
        self.contents()?;
        self.report_images();
        let layers = self.parts.values().map(|parts| parts.layers.len()).sum();
        Ok((Verified { name: entry.name(), layers, findings: self.findings }, self.suspects))
    }

    fn all(mut self) -> Result<(Vec<Finding>, Suspects), SystemError> {
        self.access()?;
        self.index()?;
        self.documents();
        self.cache()?;
        self.contents()?;
        self.report_images();
        let all_known = self.containers()?;
        if all_known {
            self.unused()?;
        }
        Ok((self.findings, self.suspects))
    }

    fn find(
        &mut self,
        what: &'static str,
        subject: impl Into<String>,
        place: PathBuf,
        why: impl Into<String>,
        fix: Fix,
    ) {
        let (subject, why, severity) = (subject.into(), why.into(), Severity::Damage);
        self.findings.push(Finding { severity, what, subject, place, why, fix, outcome: None });
    }

    fn leftover(
        &mut self,
        what: &'static str,
        subject: impl Into<String>,
        place: PathBuf,
        why: impl Into<String>,
        fix: Fix,
    ) {
        self.find(what, subject, place, why, fix);
        if let Some(finding) = self.findings.last_mut() {
            finding.severity = Severity::Leftover;
        }
    }

    fn is_selected(&self, entry: &Entry, name: &str) -> bool {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        let begins = |digest: &str| !digits.is_empty() && digest.trim_start_matches("sha256:").starts_with(digits);
        let id = entry.digest().and_then(|digest| self.parts.get(&digest)).map(|parts| parts.id.as_str());
        let by_name = name.parse::<Reference>().ok().filter(|name| entry.reference.as_ref() == Some(name));
        by_name.is_some() || begins(&entry.digest_text) || id.is_some_and(begins)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.store.blob_file(digest)
    }

    fn layer_path(&self, key: &Digest) -> PathBuf {
        self.store.layer_directory(key)
    }
}
