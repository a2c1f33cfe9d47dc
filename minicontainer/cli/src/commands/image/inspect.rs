//! `inspect` of an image: Docker's document, plus the other images that share its layers.

use std::{collections::BTreeSet, io::Read};

use minicontainer::{Store, store::Image};
use minicontainer_images::{Sharing, list as list_images};
use serde_json::{Value, json};

use minicontainer_engine::container::document::NEVER;

use crate::error::{Context, Failure};

/// The maximum size of an image's config. The store has checked it before.
const DOCUMENT_LIMIT: u64 = 4 << 20;

/// The defaults for containers of an image, from its config.
const SETTINGS: [&str; 13] = [
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Healthcheck",
    "ArgsEscaped",
    "Volumes",
    "WorkingDir",
    "OnBuild",
    "Labels",
    "StopSignal",
    "Shell",
];

/// The document of an image.
pub fn document(store: &Store, image: &Image) -> Result<Value, Failure> {
    // Read as JSON, because Docker adds fields to the config that the OCI type does not have.
    let config = read(store, &image.id)?;
    let manifest = read(store, &image.manifest_digest)?;
    let manifest_size =
        store.open_blob(&image.manifest_digest)?.metadata().context("cannot read the size of the manifest")?.len();
    let all: Vec<Image> = list_images(store)?.into_iter().flatten().collect();
    let same = || all.iter().filter(|other| other.id == image.id);
    let tags: BTreeSet<String> = same()
        .flat_map(|other| &other.reference)
        .filter(|name| name.tag().is_some())
        .map(|name| name.familiar())
        .collect();
    let digests: BTreeSet<String> = same().filter_map(repository_digest).collect();
    let directories: Vec<_> = image.layers.iter().rev().map(|layer| layer.directory.display().to_string()).collect();
    let text = |field: &str| config.get(field).and_then(Value::as_str).unwrap_or_default();
    let comment = config.pointer("/history").and_then(Value::as_array).and_then(|history| history.last());
    Ok(json!({
        "Id": image.id,
        "RepoTags": tags,
        "RepoDigests": digests,
        // Images have no hidden parent images here.
        "Parent": "",
        "Comment": comment.and_then(|entry| entry.get("comment")).and_then(Value::as_str).unwrap_or_default(),
        "Created": image.config.created.as_deref().unwrap_or_default(),
        "DockerVersion": "",
        "Author": text("author"),
        "Config": settings(config.get("config")),
        "Architecture": text("architecture"),
        "Variant": text("variant"),
        "Os": text("os"),
        "OsVersion": text("os.version"),
        "Size": image.size(),
        "GraphDriver": {"Name": "overlay", "Data": {"LowerDir": directories.join(":")}},
        "RootFS": {"Type": "layers", "Layers": image.layers.iter().map(|layer| &layer.diff_id).collect::<Vec<_>>()},
        // The store's index follows the OCI specification, which has no times.
        "Metadata": {"LastTagTime": NEVER},
        "Descriptor": {
            "mediaType": manifest.get("mediaType").and_then(Value::as_str).unwrap_or("application/vnd.oci.image.manifest.v1+json"),
            "digest": image.manifest_digest,
            "size": manifest_size,
        },
        "Sharing": sharing(image, &Sharing::of(&all)),
    }))
}

/// The image's name with a digest, as registries use it.
fn repository_digest(image: &Image) -> Option<String> {
    let name = image.reference.as_ref()?;
    let digest = name.digest().or(image.registry_digest.as_ref()).unwrap_or(&image.manifest_digest);
    Some(format!("{}@{digest}", name.familiar_repository()))
}

fn read(store: &Store, digest: &minicontainer::core::Digest) -> Result<Value, Failure> {
    let mut text = Vec::new();
    let file = store.open_blob(digest)?;
    file.take(DOCUMENT_LIMIT).read_to_end(&mut text).with_context(|| format!("cannot read the blob {digest}"))?;
    serde_json::from_slice(&text).with_context(|| format!("cannot parse the blob {digest} as JSON"))
}

/// The settings for containers. All fields are present, so a template can use each of them. As in Docker, missing lists
/// and maps are shown as empty ones.
fn settings(config: Option<&Value>) -> Value {
    let otherwise = |name: &str| match name {
        "User" | "WorkingDir" | "StopSignal" => "".into(),
        "ArgsEscaped" => false.into(),
        "Env" | "Entrypoint" | "Cmd" | "OnBuild" | "Shell" => json!([]),
        "ExposedPorts" | "Volumes" | "Labels" => json!({}),
        _ => Value::Null,
    };
    let of_image = |name: &str| config.and_then(|config| config.get(name)).filter(|value| !value.is_null()).cloned();
    let setting = |name: &str| (name.to_owned(), of_image(name).unwrap_or_else(|| otherwise(name)));
    Value::Object(SETTINGS.into_iter().map(setting).collect())
}

/// An addition to Docker's document: the other images that have the same layers.
fn sharing(image: &Image, sharing: &Sharing) -> Value {
    let shared = sharing.shared_size(image);
    let layers = image.layers.iter().map(
        |layer| json!({"DiffID": layer.diff_id, "Size": layer.size, "SharedWith": sharing.others(image, layer)}),
    );
    json!({
        "SharedSize": shared,
        "UniqueSize": image.size() - shared,
        "Layers": layers.collect::<Vec<_>>(),
    })
}
