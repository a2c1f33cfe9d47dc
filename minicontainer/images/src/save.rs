//! `save`: writes images as an archive.
//!
//! The tar archive has two indexes, as Docker writes them since version 25: `index.json` makes it an OCI image layout
//! (OCI image-spec, *image-layout.md*), and `manifest.json` is for older tools. Both refer to the same `blobs/`. The
//! same images always make the same bytes: there are no times or owners, and blobs are sorted by their digests.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Read, Write},
};

use minicontainer::{
    core::{Digest, Reference},
    store::{Image, Store, StoreError, digest_of},
};
use oci_spec::image::{ImageManifest, MediaType};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::{ImageError, find, hashing::Hashing};

/// An image to be saved, and the names that go with it.
struct Saved {
    image: Image,
    /// The media type of its manifest.
    media_type: MediaType,
    manifest_size: u64,
    layers: Vec<Digest>,
    references: BTreeSet<String>,
    whole_names: BTreeSet<String>,
}

/// Writes images as a tar archive for `docker load`, `podman load`, `skopeo` and [`load`](super::load). An image
/// given by a name is saved with this name; an image given by its ID is saved without a name.
pub fn save(store: &Store, names: &[String], archive: impl Write) -> Result<(), ImageError> {
    let mut images: BTreeMap<Digest, Saved> = BTreeMap::new();
    for name in names {
        let image = find(store, name)?;
        let is_named = name.parse::<Reference>().is_ok_and(|name| image.reference.as_ref() == Some(&name));
        let reference = image.reference.clone().filter(|_| is_named);
        let digest = image.manifest_digest.clone();
        let saved = match images.entry(digest) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(place) => place.insert(prepare(store, image)?),
        };
        saved.references.extend(reference.iter().map(|name| name.familiar()));
        saved.whole_names.extend(reference.iter().map(ToString::to_string));
    }
    write(store, &images, archive)
}

fn prepare(store: &Store, image: Image) -> Result<Saved, ImageError> {
    let mut text = Vec::new();
    store
        .open_blob(&image.manifest_digest)?
        .read_to_end(&mut text)
        .map_err(|source| StoreError::Content { source })?;
    let what = format!("the manifest {}", image.manifest_digest);
    let manifest: ImageManifest = serde_json::from_slice(&text).map_err(|source| StoreError::Document {
        what,
        kind: "image manifest",
        source,
    })?;
    let layers = manifest.layers().iter().map(digest_of).collect::<Result<_, _>>()?;
    let (references, whole_names) = (BTreeSet::new(), BTreeSet::new());
    let media_type = manifest.media_type().clone().unwrap_or(MediaType::ImageManifest);
    Ok(Saved { image, media_type, manifest_size: text.len() as u64, layers, references, whole_names })
}

fn write(store: &Store, images: &BTreeMap<Digest, Saved>, archive: impl Write) -> Result<(), ImageError> {
    let failed = |source| ImageError::Save { source };
    let mut builder = Builder::new(archive);
    let mut blobs: BTreeSet<&Digest> = BTreeSet::new();
    for (manifest, saved) in images {
        blobs.extend(saved.layers.iter().chain([manifest, &saved.image.id]));
    }
    for directory in ["blobs/", "blobs/sha256/"] {
        append(&mut builder, directory, EntryType::Directory, 0, io::empty()).map_err(failed)?;
    }
    for digest in blobs {
        let file = store.open_blob(digest)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut content = Hashing::new(file);
        append(&mut builder, &blob_name(digest), EntryType::Regular, size, &mut content).map_err(failed)?;
        let (what, actual) = (format!("the blob {digest}"), content.finish());
        if actual != *digest {
            return Err(StoreError::Digest { what, expected: digest.clone(), actual }.into());
        }
    }
    let documents = [
        ("index.json", index(images)),
        ("manifest.json", images.values().map(saved_image).collect()),
        ("oci-layout", json!({"imageLayoutVersion": "1.0.0"})),
    ];
    for (name, document) in documents {
        let text = document.to_string();
        append(&mut builder, name, EntryType::Regular, text.len() as u64, text.as_bytes()).map_err(failed)?;
    }
    builder.into_inner().and_then(|mut archive| archive.flush()).map_err(failed)
}

fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// An entry for each name of each image, as containerd writes them.
fn index(images: &BTreeMap<Digest, Saved>) -> Value {
    let mut manifests = Vec::new();
    for (digest, saved) in images {
        let descriptor = json!({
            "mediaType": saved.media_type.to_string(),
            "digest": digest,
            "size": saved.manifest_size,
        });
        for (whole, familiar) in saved.whole_names.iter().zip(&saved.references) {
            let mut named = descriptor.clone();
            let tag = familiar.rsplit_once(':').map_or("latest", |(_, tag)| tag);
            named["annotations"] =
                json!({"io.containerd.image.name": whole, "org.opencontainers.image.ref.name": tag});
            manifests.push(named);
        }
        if saved.references.is_empty() {
            manifests.push(descriptor);
        }
    }
    json!({"schemaVersion": 2, "mediaType": MediaType::ImageIndex.to_string(), "manifests": manifests})
}

/// An entry of `manifest.json`.
fn saved_image(saved: &Saved) -> Value {
    json!({
        "Config": blob_name(&saved.image.id),
        "RepoTags": saved.references,
        "Layers": saved.layers.iter().map(blob_name).collect::<Vec<_>>(),
    })
}

fn append(
    builder: &mut Builder<impl Write>,
    name: &str,
    kind: EntryType,
    size: u64,
    content: impl Read,
) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if kind == EntryType::Directory { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(size);
    builder.append_data(&mut header, name, content.take(size))
}
