//! Whether the store is sound, and its repair: `system check`, `image verify`.
//!
//! A disk forgets bits, people remove files, a machine loses its power. Nothing in the store has to be believed,
//! though: everything names what it should be by its digest, down to the files of a layer, which are what its blob
//! unpacks to.
//!
//! ```text
//! oci-layout, index.json ─▶ manifest ─▶ config ─▶ diff-ids
//!        readable           digest      digest      │ of the blob's content, unpacked once more,
//!                              └▶ layers: blobs ────┴▶ and compared file by file with layers/<diff-id>/fs
//!                                  digest, size
//! containers/<id>/state.json, config.json    readable; its image is there; its name is its own
//! build-cache/*.json                         readable; what it names is there
//! blobs, layers, staging/                    needed by somebody
//! ```
//!
//! What is found is a value, a [`Finding`]: what is wrong, with what, where it lies, why it is held to be wrong, and
//! how it is fixed. *Damage* makes the store unsound. A *leftover* does no harm but takes room: what a killed engine
//! was about to write, a layer that nobody uses.
//!
//! The first look reads everything, which may take minutes, and takes no lock: others go on meanwhile. If it finds
//! something, a second look is taken under the store's lock, and only that one counts, since the first may have seen
//! an image that was just being removed. The second look reads the documents again, but of blobs and layers only
//! those that the first one found broken (`Suspects`).
//!
//! **Repair makes nothing worse.** A layer is unpacked again from its blob, a reference to what is not there is
//! removed so that a pull finds the name free, a blob that is not what its name says goes. What is whole stays; what
//! is in use is let be, and said to be so; and a container whose record cannot be read is left to its owner, who may
//! want what it wrote.

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

/// How closely one looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Documents are read and sizes compared. That takes milliseconds.
    Quick,
    /// All content is read, hashed, and each layer unpacked once more and compared. That takes as long as to load it,
    /// and room for the largest layer.
    Whole,
}

/// Looks at all of the store. No findings: it is sound.
///
/// # Errors
/// When one cannot look, for want of room or permission.
pub fn check(store: &Store, depth: Depth) -> Result<Vec<Finding>, SystemError> {
    let staging = store.stage()?;
    let mut findings = access::closed(store);
    findings.extend(unused::staging(store)?);
    let (first, suspects) = Look::new(store, &staging, depth).all()?;
    if !first.is_empty() {
        let _lock = store.lock()?;
        findings.extend(Look::again(store, &staging, depth, suspects).all()?.0);
    }
    Ok(findings)
}

/// An image, verified.
#[derive(Debug)]
pub struct Verified {
    /// Its name, or how it is known.
    pub name: String,
    /// How many layers it has.
    pub layers: usize,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

/// Verifies images by their names or ids; all of them if there are none.
///
/// # Errors
/// When there is no such image, or one cannot look.
pub fn verify_images(store: &Store, names: &[String]) -> Result<Vec<Verified>, SystemError> {
    let staging = store.stage()?;
    let mut look = Look::new(store, &staging, Depth::Whole);
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
        if !entries.iter().any(|entry| look.is_meant(entry, name)) {
            return Err(store.unknown_image(name).into());
        }
    }
    for entry in entries {
        if !names.is_empty() && !names.iter().any(|name| look.is_meant(&entry, name)) {
            continue;
        }
        let (first, suspects) = Look::new(store, &staging, Depth::Whole).image_alone(&entry)?;
        if first.findings.is_empty() {
            verified.push(first);
            continue;
        }
        // Perhaps the image was being removed. Under the lock it stays, or is gone.
        let _lock = store.lock()?;
        let mut again = Look::again(store, &staging, Depth::Whole, suspects);
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

/// What a look found broken, so that a second one must look at it as closely.
#[derive(Debug, Default)]
struct Suspects {
    blobs: BTreeSet<Digest>,
    layers: BTreeSet<Digest>,
}

/// One look at the store.
struct Look<'a> {
    store: &'a Store,
    staging: &'a Staging,
    depth: Depth,
    /// In a second look: what is looked at so closely, while everything else has been verified before.
    only: Option<Suspects>,
    /// What this look finds broken.
    suspects: Suspects,
    /// What the index lists.
    entries: Vec<Entry>,
    /// What is known of the images whose documents can be read, by the digests of their manifests.
    parts: BTreeMap<Digest, images::Parts>,
    /// Why the others cannot be used.
    unusable: BTreeMap<String, String>,
    /// Blobs and layers, and what is known of them.
    content: Content,
    findings: Vec<Finding>,
}

impl<'a> Look<'a> {
    fn new(store: &'a Store, staging: &'a Staging, depth: Depth) -> Look<'a> {
        Look {
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

    /// A second look, at what a first one found broken.
    fn again(store: &'a Store, staging: &'a Staging, depth: Depth, suspects: Suspects) -> Look<'a> {
        Look { only: Some(suspects), ..Look::new(store, staging, depth) }
    }

    /// How closely to look at a blob.
    fn depth_of_blob(&self, digest: &Digest) -> Depth {
        let is_verified = self.only.as_ref().is_some_and(|only| !only.blobs.contains(digest));
        if is_verified { Depth::Quick } else { self.depth }
    }

    /// How closely to look at a layer.
    fn depth_of_layer(&self, diff_id: &Digest) -> Depth {
        let is_verified = self.only.as_ref().is_some_and(|only| !only.layers.contains(diff_id));
        if is_verified { Depth::Quick } else { self.depth }
    }

    /// Looks at one image, and at nothing else.
    fn image_alone(mut self, entry: &Entry) -> Result<(Verified, Suspects), SystemError> {
        self.entries = vec![entry.clone()];
        self.documents();
        self.contents()?;
        self.judge();
        let layers = self.parts.values().map(|parts| parts.layers.len()).sum();
        Ok((Verified { name: entry.name(), layers, findings: self.findings }, self.suspects))
    }

    fn all(mut self) -> Result<(Vec<Finding>, Suspects), SystemError> {
        self.access()?;
        self.index()?;
        self.documents();
        self.cache()?;
        self.contents()?;
        self.judge();
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

    fn is_meant(&self, entry: &Entry, name: &str) -> bool {
        let digits = name.strip_prefix("sha256:").unwrap_or(name);
        let begins = |digest: &str| !digits.is_empty() && digest.trim_start_matches("sha256:").starts_with(digits);
        let id = entry.digest().and_then(|digest| self.parts.get(&digest)).map(|parts| parts.id.as_str());
        let by_name = name.parse::<Reference>().ok().filter(|name| entry.reference.as_ref() == Some(name));
        by_name.is_some() || begins(&entry.digest_text) || id.is_some_and(begins)
    }

    fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.store.blob_file(digest)
    }

    fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.store.layer_directory(diff_id)
    }
}
