//! Fetching and checking manifests and indexes.
//!
//! A manifest and an index are both JSON. They are distinguished by the header `Content-Type` outside of the
//! document, or by the field `mediaType` inside. A document that can be read as both has two meanings under one
//! digest (CVE-2021-41190): a scanner could check the one, while the other is run. So everything that indicates the
//! type must agree.

use minicontainer::{
    core::{Digest, Reference},
    store::{StoreError, is_index},
};
use oci_spec::image::{ImageIndex, ImageManifest, MediaType};
use serde::{Deserialize, Deserializer, de::IgnoredAny};

use super::{
    RegistryError,
    authorization::Scope,
    client::Client,
    exchange::{Answer, Request},
    rate_limit::read_document,
};

/// The size limit of a manifest, the same as in containerd.
const DOCUMENT_LIMIT: u64 = 4 << 20;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The accepted media types.
const ACCEPTED: [&str; 4] = [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST];

/// A manifest or an index.
#[derive(Debug)]
pub(super) enum Document {
    Manifest(Box<ImageManifest>),
    Index(Box<ImageIndex>),
}

/// A document with its original bytes and digest.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) document: Document,
    pub(super) bytes: Vec<u8>,
    pub(super) digest: Digest,
}

/// Fetches the manifest or index of a tag or digest.
pub(super) fn fetch(
    client: &Client,
    reference: &Reference,
    name: &str,
    scope: &Scope,
) -> Result<Fetched, RegistryError> {
    let action = format!("fetch the manifest of {}", reference.familiar());
    let url = client.registry.with_target(&format!("/v2/{}/manifests/{name}", reference.path()));
    let headers = vec![("accept", ACCEPTED.join(", "))];
    let request = Request { headers, ..Request::get(&url, scope, &action) };
    let answer = client.send(&request)?;
    match answer.status {
        200 => {}
        401 | 403 => return Err(denied(client, reference, answer)),
        404 => return Err(RegistryError::UnknownManifest { reference: reference.familiar() }),
        _ => return Err(client.refused(&action, answer)),
    }
    let what = format!("the manifest of {}", reference.familiar());
    let content_type = answer.header("content-type").map(media_type).unwrap_or_default();
    let reported: Option<Digest> = match answer.header("docker-content-digest") {
        Some(text) if text.starts_with("sha256:") => Some(
            text.parse().map_err(|_| client.protocol(&action, "its Docker-Content-Digest header is not a digest"))?,
        ),
        _ => None,
    };
    let broken = |source| RegistryError::Local { action: action.clone(), source };
    let read = read_document(answer.body, DOCUMENT_LIMIT, client.retry_policy.answer).map_err(broken)?;
    let bytes = read.ok_or_else(|| StoreError::DocumentSize { what: what.clone(), limit: DOCUMENT_LIMIT })?;
    let digest = Digest::of(&bytes);
    let wanted: Option<Digest> = name.parse().ok();
    for expected in wanted.into_iter().chain(reported) {
        if expected != digest {
            return Err(StoreError::Digest { what, expected, actual: digest }.into());
        }
    }
    let document = parse(&bytes, &content_type, &what, &reference.familiar())?;
    Ok(Fetched { document, bytes, digest })
}

/// Registries do not tell unauthorized clients whether a repository exists.
pub(super) fn denied(client: &Client, reference: &Reference, answer: Answer) -> RegistryError {
    let (repository, host) = (reference.familiar_repository(), super::familiar_host(reference.registry()));
    RegistryError::PullDenied { repository, host, message: client.words(answer) }
}

/// A media type without its parameters.
fn media_type(header: &str) -> String {
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The fields that indicate the type of a document. The rest is skipped: parsed as a tree of values, it could take
/// fifty times its size in memory.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outline {
    schema_version: Option<u64>,
    media_type: Option<String>,
    #[serde(default, deserialize_with = "is_present")]
    manifests: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "is_present")]
    layers: Option<IgnoredAny>,
    #[serde(default, deserialize_with = "is_present")]
    config: Option<IgnoredAny>,
}

/// A field with the value `null` counts as present.
fn is_present<'de, D: Deserializer<'de>>(value: D) -> Result<Option<IgnoredAny>, D::Error> {
    IgnoredAny::deserialize(value).map(Some)
}

/// Checks that everything that indicates the type agrees, and parses the document.
pub(super) fn parse(
    bytes: &[u8],
    content_type: &str,
    what: &str,
    reference: &str,
) -> Result<Document, RegistryError> {
    let invalid = |kind| move |source| StoreError::Document { what: what.to_owned(), kind, source };
    let ambiguous = |how: String| RegistryError::Ambiguous { what: what.to_owned(), how };
    let outline: Outline = serde_json::from_slice(bytes).map_err(invalid("image manifest"))?;
    if outline.schema_version == Some(1)
        || content_type.starts_with("application/vnd.docker.distribution.manifest.v1+")
    {
        return Err(RegistryError::Schema1 { reference: reference.to_owned() });
    }
    if outline.manifests.is_some() && (outline.layers.is_some() || outline.config.is_some()) {
        return Err(ambiguous("it is an index and a manifest at once".to_owned()));
    }
    if let Some(own) = outline.media_type.filter(|own| own != content_type) {
        let (own, content_type) = (own.escape_debug(), content_type.escape_debug());
        return Err(ambiguous(format!("its mediaType is {own}, but its Content-Type is \"{content_type}\"")));
    }
    if !ACCEPTED.contains(&content_type) {
        return Err(RegistryError::NotAnImage { what: what.to_owned(), media_type: content_type.to_owned() });
    }
    let says_index = is_index(&MediaType::from(content_type));
    if says_index != outline.manifests.is_some() {
        return Err(ambiguous(format!(
            "its Content-Type is {content_type}, but its fields are those of another type"
        )));
    }
    if says_index {
        return Ok(Document::Index(Box::new(serde_json::from_slice(bytes).map_err(invalid("image index"))?)));
    }
    let manifest: ImageManifest = serde_json::from_slice(bytes).map_err(invalid("image manifest"))?;
    check_image(&manifest, what)?;
    Ok(Document::Manifest(Box::new(manifest)))
}

/// Refuses artifacts that are not images, such as charts, signatures and caches.
fn check_image(manifest: &ImageManifest, what: &str) -> Result<(), RegistryError> {
    let not_an_image =
        |media_type: &str| RegistryError::NotAnImage { what: what.to_owned(), media_type: media_type.to_owned() };
    let config = manifest.config().media_type();
    if *config != MediaType::ImageConfig && config.as_ref() != "application/vnd.docker.container.image.v1+json" {
        return Err(not_an_image(manifest.artifact_type().as_ref().unwrap_or(config).as_ref()));
    }
    let known = |media_type: &str| {
        media_type.starts_with("application/vnd.oci.image.layer.")
            || media_type.starts_with("application/vnd.docker.image.rootfs.")
    };
    match manifest.layers().iter().find(|layer| !known(layer.media_type().as_ref())) {
        Some(layer) => Err(not_an_image(layer.media_type().as_ref())),
        None => Ok(()),
    }
}
