//! Selects the manifest of one platform.
//!
//! The name of an image leads to a manifest, or to an index. An index lists manifests with their platforms, and may
//! contain other indexes.

use std::collections::BTreeSet;

use minicontainer::{
    core::{Platform, image::ImageConfig},
    store::{StoreError, digest_of},
};
use oci_spec::image::{Descriptor, ImageIndex, ImageManifest};

use super::{
    RegistryError,
    manifest::{Document, Fetched, fetch},
    pull::Pull,
};

/// The maximum depth of nested indexes.
const NESTING_LIMIT: usize = 4;
/// The maximum number of entries without a platform whose configs are fetched.
const SILENT_LIMIT: usize = 16;

impl Pull<'_> {
    /// Follows indexes to the manifest for the requested platform.
    pub(super) fn resolve(&self, mut fetched: Fetched) -> Result<(ImageManifest, Fetched), RegistryError> {
        let reference = self.reference.familiar();
        for _ in 0..NESTING_LIMIT {
            let index = match fetched.document {
                Document::Manifest(ref manifest) => return Ok(((**manifest).clone(), fetched)),
                Document::Index(index) => index,
            };
            let chosen = match self.wanted.choose(&index) {
                Some(entry) => Some(self.fetch(entry)?),
                None => self.choose_by_config(&index)?,
            };
            fetched = chosen.ok_or_else(|| RegistryError::NoPlatform {
                reference: reference.clone(),
                wanted: self.wanted.to_string(),
                offered: offered(&index),
            })?;
        }
        Err(RegistryError::Nesting { reference, limit: NESTING_LIMIT })
    }

    /// The first usable entry among those without a platform: a nested index, or an image whose config has the
    /// requested platform. As in containerd (images.Manifest), the config determines the platform if the index does
    /// not.
    fn choose_by_config(&self, index: &ImageIndex) -> Result<Option<Fetched>, RegistryError> {
        let silent: Vec<&Descriptor> =
            index.manifests().iter().filter(|entry| entry.platform().is_none()).take(SILENT_LIMIT).collect();
        let staging = self.store.stage()?;
        for entry in &silent {
            let fetched = self.fetch(entry)?;
            let Document::Manifest(manifest) = &fetched.document else { return Ok(Some(fetched)) };
            // A single entry is used without a check: a wrong platform is reported when the image is staged.
            if silent.len() == 1 {
                return Ok(Some(fetched));
            }
            let config: ImageConfig = self.config(&staging, manifest)?.document("a config", "image config")?;
            if self.wanted.rank(&Platform::of_config(&config)).is_some() {
                return Ok(Some(fetched));
            }
        }
        Ok(None)
    }

    /// Fetches the document to which an entry of an index refers.
    fn fetch(&self, entry: &Descriptor) -> Result<Fetched, RegistryError> {
        let digest = digest_of(entry)?;
        let fetched = fetch(self.client, self.reference, digest.as_str(), self.scope)?;
        let (expected, actual) = (entry.size(), fetched.bytes.len() as u64);
        if actual == expected {
            return Ok(fetched);
        }
        let what = format!("the manifest {digest} of {}", self.reference.familiar());
        Err(StoreError::Size { what, expected, actual }.into())
    }
}

/// The platforms of an index, for a message. Those of attestations, which are `unknown`, are left out.
fn offered(index: &ImageIndex) -> String {
    let platforms = index.manifests().iter().filter_map(Platform::of_descriptor).map(|platform| platform.to_string());
    let platforms: BTreeSet<String> = platforms.filter(|platform| platform != "unknown/unknown").collect();
    match platforms.is_empty() {
        true => "no platform at all".to_owned(),
        false => platforms.into_iter().collect::<Vec<_>>().join(", "),
    }
}
