//! `push`: uploads an image of the store to a registry, first its blobs, then the manifest that refers to them.
//!
//! A registry does not accept a manifest without its blobs, so images there are complete. A blob that the registry
//! has is not sent. It is looked up in the repository itself (`HEAD`), or *mounted* from another repository of the
//! same registry if an image of the store suggests that it may be there. If a registry does not support mounting, it
//! answers with an ordinary upload session ([`upload`](super::upload)).

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use minicontainer::{
    Store,
    core::{Digest, Reference},
    store::{StoreError, digest_of},
};
use minicontainer_images::{find, parallel::share_work};
use oci_spec::image::{ImageManifest, MediaType};
use ureq::http::Method;

use super::{
    Connection, Event, Progress, ProgressCallback, RegistryError,
    authorization::Scope,
    client::Client,
    exchange::{Answer, Content, Request},
    familiar_host,
    upload::Upload,
    url::Url,
};

/// How many blobs are sent at the same time.
const PARALLEL: usize = 3;

/// The result of a push.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// The manifest's digest, by which the registry now identifies the image.
    pub digest: Digest,
    /// The manifest's size in bytes.
    pub size: u64,
}

/// Sends an image of the store to the registry and tag in its name.
pub fn push(
    store: &Store,
    reference: &Reference,
    connection: &Connection,
    tell: ProgressCallback<'_>,
) -> Result<Pushed, RegistryError> {
    let tag = reference.tag().filter(|_| reference.digest().is_none());
    let tag = tag.ok_or_else(|| RegistryError::NoTag { reference: reference.familiar() })?;
    let image = find(store, &reference.to_string())?;
    let client = connection.client(reference.registry())?;
    let digest = image.manifest_digest;
    let bytes = read(store, &digest)?;
    let what = || format!("the blob {digest}");
    let parsed = serde_json::from_slice::<ImageManifest>(&bytes);
    let manifest = parsed.map_err(|source| StoreError::Document { what: what(), kind: "image manifest", source })?;
    let scope = Scope::push(reference.path());
    let mount_candidates = mount_candidates(store, reference)?;
    let push = Push { store, reference, client: &client, scope: &scope, mount_candidates: &mount_candidates, tell };
    tell(Event::Pushing { repository: &reference.repository() });
    push.blobs(&manifest)?;
    push.manifest(tag, &manifest, &bytes, &digest)?;
    let size = bytes.len() as u64;
    tell(Event::Digest { digest: &digest, pushed: Some((tag, size)) });
    Ok(Pushed { digest, size })
}

fn read(store: &Store, digest: &Digest) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut store.open_blob(digest)?, &mut bytes)
        .map_err(|source| RegistryError::Local { action: format!("read the blob {digest}"), source })?;
    Ok(bytes)
}

/// The repositories of the same registry in which blobs of the store's images may be.
fn mount_candidates(store: &Store, reference: &Reference) -> Result<BTreeMap<Digest, String>, RegistryError> {
    let mut mount_candidates = BTreeMap::new();
    for image in store.images()?.into_iter().flatten() {
        let Some(other) = image.reference.filter(|other| other.registry() == reference.registry()) else { continue };
        if other.path() == reference.path() {
            continue;
        }
        let Ok(manifest) = serde_json::from_slice::<ImageManifest>(&read(store, &image.manifest_digest)?) else {
            continue;
        };
        for layer in manifest.layers() {
            mount_candidates.insert(digest_of(layer)?, other.path().to_owned());
        }
    }
    Ok(mount_candidates)
}

struct Push<'a> {
    store: &'a Store,
    reference: &'a Reference,
    client: &'a Client,
    scope: &'a Scope,
    mount_candidates: &'a BTreeMap<Digest, String>,
    tell: ProgressCallback<'a>,
}

impl Push<'_> {
    /// Sends the layers, several at the same time, then the config.
    fn blobs(&self, manifest: &ImageManifest) -> Result<(), RegistryError> {
        let mut distinct: Vec<(Digest, u64)> = Vec::new();
        for layer in manifest.layers() {
            let digest = digest_of(layer)?;
            if !distinct.iter().any(|(other, _)| *other == digest) {
                (self.tell)(Event::Layer { digest: &digest, progress: Progress::Preparing });
                distinct.push((digest, layer.size()));
            }
        }
        let next = AtomicUsize::new(0);
        let failure = Mutex::new(None);
        let work = || {
            while let Some((digest, size)) = distinct.get(next.fetch_add(1, Ordering::Relaxed)) {
                let tell = |progress: Progress<'_>| (self.tell)(Event::Layer { digest, progress });
                if let Err(error) = self.blob(digest, *size, &tell) {
                    next.store(distinct.len(), Ordering::Relaxed);
                    failure.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get_or_insert(error);
                }
            }
        };
        share_work(PARALLEL.min(distinct.len()), work);
        match failure.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()) {
            Some(error) => Err(error),
            None => self.blob(&digest_of(manifest.config())?, manifest.config().size(), &|_| {}),
        }
    }

    fn blob(&self, digest: &Digest, size: u64, tell: &dyn Fn(Progress<'_>)) -> Result<(), RegistryError> {
        let file = self.store.open_blob(digest)?;
        let local = |source| RegistryError::Local { action: format!("read the blob {digest}"), source };
        let actual = file.metadata().map_err(local)?.len();
        if actual != size {
            return Err(StoreError::Size { what: format!("the blob {digest}"), expected: size, actual }.into());
        }
        let url = self.target(&format!("blobs/{digest}"));
        let action = format!("ask for the blob {digest}");
        let answer = self.ask(Method::HEAD, &url, self.scope, Content::None, &action)?;
        match answer.status {
            200 => {
                tell(Progress::ExistsThere);
                return Ok(());
            }
            401 | 403 => return Err(self.denied(answer)),
            404 => {}
            // The answer to a HEAD has no body. The answer to a GET has one, for example the message that TLS is
            // required.
            400 => {
                let answer = self.ask(Method::GET, &url, self.scope, Content::None, &action)?;
                return Err(self.client.refused(&action, answer));
            }
            _ => return Err(self.client.refused(&action, answer)),
        }
        if let Some(from) = self.mount_candidates.get(digest)
            && self.mount(digest, from)?
        {
            tell(Progress::Mounted { from });
            return Ok(());
        }
        let begin = self.target("blobs/uploads/");
        let action = format!("upload the blob {digest}");
        let upload =
            Upload { client: self.client, scope: self.scope, action, begin, digest, file: &file, size, tell };
        if let Some(answer) = upload.send()? {
            return Err(self.denied(answer));
        }
        tell(Progress::Pushed);
        Ok(())
    }

    /// Tries to mount a blob from another repository of the registry; returns whether that succeeded.
    fn mount(&self, digest: &Digest, from: &str) -> Result<bool, RegistryError> {
        let url = self.target("blobs/uploads/").with_query("mount", digest.as_str()).with_query("from", from);
        let scope = Scope::mount(self.reference.path(), from);
        let answer = self.ask(Method::POST, &url, &scope, Content::Bytes(b""), "mount a blob")?;
        // With any other answer, an upload is tried, which reports the error if it fails too.
        Ok(answer.status == 201)
    }

    fn manifest(
        &self,
        tag: &str,
        manifest: &ImageManifest,
        bytes: &[u8],
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let media_type = manifest.media_type().clone().unwrap_or(MediaType::ImageManifest).to_string();
        let url = self.target(&format!("manifests/{tag}"));
        let action = format!("push the manifest of {}", self.reference.familiar());
        let request = Request {
            method: Method::PUT,
            url: &url,
            headers: vec![("content-type", media_type)],
            body: Content::Bytes(bytes),
            scope: self.scope,
            action: &action,
        };
        let answer = self.client.send(&request)?;
        match answer.status {
            // The specification says 201; registries also answer 200, 202 and 204, and Docker accepts them.
            200..=299 => {}
            401 | 403 => return Err(self.denied(answer)),
            _ => return Err(self.client.refused(&action, answer)),
        }
        match answer.header("docker-content-digest") {
            Some(reported) if reported.starts_with("sha256:") && reported != digest.as_str() => Err(self
                .client
                .protocol(&action, "its digest of the manifest is not the digest of the manifest's content")),
            _ => Ok(()),
        }
    }

    fn target(&self, rest: &str) -> Url {
        self.client.registry.with_target(&format!("/v2/{}/{rest}", self.reference.path()))
    }

    fn ask(
        &self,
        method: Method,
        url: &Url,
        scope: &Scope,
        body: Content<'_>,
        action: &str,
    ) -> Result<Answer, RegistryError> {
        self.client.send(&Request { method, url, headers: Vec::new(), body, scope, action })
    }

    fn denied(&self, answer: Answer) -> RegistryError {
        let (repository, host) = (self.reference.familiar_repository(), familiar_host(self.reference.registry()));
        RegistryError::PushDenied { repository, host, message: self.client.words(answer) }
    }
}
