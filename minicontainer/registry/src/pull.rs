//! `pull`: downloads an image into the store.
//!
//! ```text
//! name → index → the platform's manifest → config → layers, three at a time → StagedImage → install
//!                                          └ each: in the store? locked by another? else downloaded, verified
//! ```
//!
//! The image is added to the store only when it is complete: see [`install`](minicontainer_images::install()).

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use minicontainer::{
    Store,
    core::{Digest, Platform, Reference, explain::Message, image::ImageConfig},
    store::{Blob, Image, Staging, StoreError, diff_ids, digest_of},
};
use minicontainer_images::{StagedImage, find as find_image, install_watched, parallel::share_work};
use oci_spec::image::{Descriptor, ImageManifest};

use super::{
    Connection, Event, Progress, ProgressCallback, RegistryError,
    authorization::Scope,
    client::Client,
    download::{DownloadRequest, download},
    download_lock::{DownloadLock, find, forget, share, sweep},
    manifest::{Fetched, fetch},
};

/// How many layers are fetched at once, as Docker does.
const PARALLEL: usize = 3;
/// The size limit of a config.
const CONFIG_LIMIT: u64 = 4 << 20;

/// The result of a pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The digest that the registry has for this name: of the index if there is one, otherwise of the manifest.
    pub digest: Digest,
    /// Whether the store did not have it already.
    pub newer: bool,
    /// Warnings about what could not be kept.
    pub warnings: Vec<Message>,
}

/// Fetches an image into the store. Without a platform it must be one for this machine.
pub fn pull(
    store: &Store,
    reference: &Reference,
    platform: Option<&Platform>,
    connection: &Connection,
    tell: ProgressCallback<'_>,
) -> Result<Pulled, RegistryError> {
    let client = connection.client(reference.registry())?;
    let name = match (reference.digest(), reference.tag()) {
        (Some(digest), _) => digest.as_str(),
        (None, tag) => tag.unwrap_or("latest"),
    };
    let own = Platform::own();
    let wanted = platform.unwrap_or(&own);
    let scope = Scope::pull(reference.path());
    let pull = Pull { store, reference, client: &client, scope: &scope, wanted, tell, stop: AtomicBool::new(false) };
    pull.all(name)
}

/// Whether an image, known by this name, runs on a platform.
///
/// # Errors
/// If it is for another platform.
pub fn check_platform(wanted: &Platform, name: &str, config: &ImageConfig) -> Result<(), RegistryError> {
    let found = Platform::of_config(config);
    if wanted.rank(&found).is_some() {
        return Ok(());
    }
    let (reference, wanted, found) = (name.to_owned(), wanted.to_string(), found.to_string());
    Err(RegistryError::OtherPlatform { reference, wanted, found })
}

/// The state of one pull.
pub(super) struct Pull<'a> {
    pub(super) store: &'a Store,
    pub(super) reference: &'a Reference,
    pub(super) client: &'a Client,
    pub(super) scope: &'a Scope,
    pub(super) wanted: &'a Platform,
    tell: ProgressCallback<'a>,
    stop: AtomicBool,
}

impl Pull<'_> {
    fn all(&self, name: &str) -> Result<Pulled, RegistryError> {
        let top = fetch(self.client, self.reference, name, self.scope)?;
        (self.tell)(Event::Pulling { tag: name, path: self.reference.path() });
        let digest = top.digest.clone();
        let (manifest, fetched) = self.resolve(top)?;
        let familiar = self.reference.familiar();
        let newer = !self.is_there(&digest, &fetched.digest, &manifest)?;
        let mut warnings = Vec::new();
        if newer {
            sweep(self.store);
            warnings = self.add_to_store(&digest, &manifest, &fetched)?;
            for layer in manifest.layers() {
                (self.tell)(Event::Layer { digest: &digest_of(layer)?, progress: Progress::Pulled });
            }
        }
        (self.tell)(Event::Digest { digest: &digest, pushed: None });
        (self.tell)(Event::Pulled { newer, reference: &familiar });
        Ok(Pulled { digest, newer, warnings })
    }

    /// Adds the image to the store, and returns warnings. After a failure, partial downloads are kept only if a later
    /// attempt can resume them.
    fn add_to_store(
        &self,
        top: &Digest,
        manifest: &ImageManifest,
        fetched: &Fetched,
    ) -> Result<Vec<Message>, RegistryError> {
        let staging = self.store.sweep_and_stage()?;
        let incoming = self.stage(&staging, manifest, fetched).map(|mut incoming| {
            incoming.registry_digest = Some(top.clone()).filter(|top| *top != fetched.digest);
            incoming
        });
        let watch = |digest: &Digest, done, total| {
            (self.tell)(Event::Layer { digest, progress: Progress::Extracting { done, total } });
        };
        let taken = incoming.and_then(|incoming| Ok(install_watched(self.store, &staging, &[incoming], &watch)?));
        if taken.as_ref().err().is_none_or(|error| !error.may_be_resumed()) {
            let described = manifest.layers().iter().chain([manifest.config()]);
            let digests = described.map(digest_of).collect::<Result<Vec<Digest>, _>>()?;
            forget(self.store, &digests);
        }
        Ok(taken?.into_iter().flat_map(|loaded| loaded.warnings).collect())
    }

    /// Whether the store already has the same image under this name as the registry, for the requested platform.
    fn is_there(&self, top: &Digest, digest: &Digest, manifest: &ImageManifest) -> Result<bool, RegistryError> {
        let has = |layer: &Descriptor| {
            let file = digest_of(layer).and_then(|digest| self.store.open_blob(&digest)).ok();
            file.and_then(|file| file.metadata().ok()).is_some_and(|file| file.len() == layer.size())
        };
        // A damaged image is fetched again.
        let found = find_image(self.store, &self.reference.to_string()).ok();
        let is_same = |image: &Image| {
            let registry_digest = image.registry_digest.as_ref().unwrap_or(&image.manifest_digest);
            registry_digest == top && image.manifest_digest == *digest
        };
        match found.filter(|image| is_same(image) && manifest.layers().iter().all(has)) {
            Some(image) => check_platform(self.wanted, &self.reference.familiar(), &image.config).map(|()| true),
            None => Ok(false),
        }
    }

    pub(super) fn config(&self, staging: &Staging, manifest: &ImageManifest) -> Result<Blob, RegistryError> {
        let described = manifest.config();
        if described.size() > CONFIG_LIMIT {
            let what = format!("the config of {}", self.reference.familiar());
            return Err(StoreError::DocumentSize { what, limit: CONFIG_LIMIT }.into());
        }
        self.blob(staging, described, &|_| {})
    }

    /// Downloads everything that the image needs into the staging directory.
    fn stage(
        &self,
        staging: &Staging,
        manifest: &ImageManifest,
        fetched: &Fetched,
    ) -> Result<StagedImage, RegistryError> {
        let config = self.config(staging, manifest)?;
        let id = config.digest().clone();
        let parsed: ImageConfig = config.document(&format!("the config {id}"), "image config")?;
        check_platform(self.wanted, &self.reference.familiar(), &parsed)?;
        // Before anything large is fetched.
        diff_ids(&id, manifest.layers().len(), &parsed)?;
        let mut blobs = self.layers(staging, manifest.layers())?;
        let mut layers = Vec::new();
        for layer in manifest.layers() {
            layers.extend(blobs.get_mut(&digest_of(layer)?).cloned());
        }
        let manifest = staging.blob(fetched.bytes.as_slice())?;
        let references = vec![self.reference.clone()];
        Ok(StagedImage { references, registry_digest: None, manifest, config, layers })
    }

    /// Fetches the layers, several at the same time. The first failure stops the others.
    fn layers(&self, staging: &Staging, layers: &[Descriptor]) -> Result<BTreeMap<Digest, Blob>, RegistryError> {
        // An image may have the same layer twice.
        let mut distinct: Vec<(Digest, &Descriptor)> = Vec::new();
        for layer in layers {
            let digest = digest_of(layer)?;
            if !distinct.iter().any(|(other, _)| *other == digest) {
                (self.tell)(Event::Layer { digest: &digest, progress: Progress::Pending });
                distinct.push((digest, layer));
            }
        }
        let next = AtomicUsize::new(0);
        let outcome = Mutex::new(Ok(BTreeMap::new()));
        let work = || {
            while let Some((digest, layer)) = distinct.get(next.fetch_add(1, Ordering::Relaxed)) {
                let tell = |progress: Progress<'_>| (self.tell)(Event::Layer { digest, progress });
                let result = self.blob(staging, layer, &tell);
                let mut outcome = outcome.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                match (result, &mut *outcome) {
                    (Ok(blob), Ok(blobs)) => drop(blobs.insert(digest.clone(), blob)),
                    (Err(error), Ok(_)) => {
                        self.stop.store(true, Ordering::Relaxed);
                        *outcome = Err(error);
                    }
                    (_, Err(_)) => {}
                }
                if outcome.is_err() {
                    return;
                }
            }
        };
        share_work(PARALLEL.min(distinct.len()), work);
        outcome.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// A blob, from the store, another process or the registry.
    fn blob(
        &self,
        staging: &Staging,
        descriptor: &Descriptor,
        tell: &dyn Fn(Progress<'_>),
    ) -> Result<Blob, RegistryError> {
        let digest = digest_of(descriptor)?;
        let size = descriptor.size();
        let what = format!("the blob {digest} of {}", self.reference.familiar());
        let found = || -> Result<Option<Blob>, RegistryError> {
            let found = find(self.store, staging, &digest)?;
            let verified = found.map(|blob| blob.verified(&what, &digest, size)).transpose()?;
            Ok(verified.inspect(|_| tell(Progress::Exists)))
        };
        if let Some(blob) = found()? {
            return Ok(blob);
        }
        let lock = DownloadLock::take(self.store, &digest, &|| tell(Progress::Waiting))?;
        if let Some(blob) = found()? {
            return Ok(blob);
        }
        let wanted = DownloadRequest {
            client: self.client,
            reference: self.reference,
            scope: self.scope,
            digest: &digest,
            size,
            foreign: descriptor.urls().as_ref().is_some_and(|urls| !urls.is_empty()),
            stop: &self.stop,
            tell: &|done| match done {
                Some(done) => tell(Progress::Downloading { done, total: size }),
                None => tell(Progress::Retrying),
            },
        };
        let blob = download(&wanted, &lock, staging)?;
        share(&blob)?;
        tell(Progress::Downloaded);
        Ok(blob)
    }
}
