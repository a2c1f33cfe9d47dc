//! The digests of an image, each computed over a document that contains those below it.
//!
//! A layer's digest is in the config (as diff-id) and in the manifest. The config's digest, which Docker calls the
//! image id, is in the manifest as well. So the manifest's digest pins every byte of the image, see OCI image-spec,
//! *manifest.md* and *config.md*. Layers here are plain texts instead of tar archives, so that the digest of a layer
//! is the one that `printf %s … | sha256sum` prints.

use std::error::Error;

use minicontainer_core::Digest;
use oci_spec::image::{
    Arch, Descriptor, ImageConfigurationBuilder, ImageManifestBuilder, MediaType, Os, RootFsBuilder, Sha256Digest,
};
use serde::Serialize;

/// The documents of an image with their digests.
#[derive(Serialize)]
pub(crate) struct Image {
    layers: Vec<Layer>,
    config: Document,
    manifest: Document,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Layer {
    digest: Digest,
    /// Identifies the layer together with all below it, see OCI image-spec, *config.md*, "Layer ChainID".
    chain_id: Digest,
    size: usize,
}

#[derive(Serialize)]
struct Document {
    digest: Digest,
    size: usize,
    text: String,
}

impl Document {
    fn new(text: String) -> Document {
        Document { digest: Digest::of(text.as_bytes()), size: text.len(), text }
    }
}

/// Creates the documents of an image whose layers contain these texts, the lowest first.
pub(crate) fn image(texts: &[String]) -> Result<Image, Box<dyn Error>> {
    let mut layers: Vec<Layer> = Vec::new();
    for text in texts {
        let digest = Digest::of(text.as_bytes());
        let chain_id = match layers.last() {
            Some(below) => Digest::of(format!("{} {digest}", below.chain_id).as_bytes()),
            None => digest.clone(),
        };
        layers.push(Layer { digest, chain_id, size: text.len() });
    }
    let diff_ids: Vec<String> = layers.iter().map(|layer| layer.digest.to_string()).collect();
    let root = RootFsBuilder::default().typ("layers").diff_ids(diff_ids).build()?;
    let config = ImageConfigurationBuilder::default().architecture(Arch::Amd64).os(Os::Linux).rootfs(root).build()?;
    let config = Document::new(config.to_string_pretty()?);
    let descriptors: Result<Vec<Descriptor>, _> =
        layers.iter().map(|layer| descriptor(MediaType::ImageLayer, layer.size, &layer.digest)).collect();
    let manifest = ImageManifestBuilder::default()
        .schema_version(2u32)
        .media_type(MediaType::ImageManifest)
        .config(descriptor(MediaType::ImageConfig, config.size, &config.digest)?)
        .layers(descriptors?)
        .build()?;
    let manifest = Document::new(manifest.to_string_pretty()?);
    Ok(Image { layers, config, manifest })
}

fn descriptor(media_type: MediaType, size: usize, digest: &Digest) -> Result<Descriptor, Box<dyn Error>> {
    let digest: Sha256Digest = digest.hex().parse()?;
    Ok(Descriptor::new(media_type, u64::try_from(size)?, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image_of(texts: &[&str]) -> Image {
        image(&texts.iter().map(ToString::to_string).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn same_content_has_the_same_digests() {
        assert_eq!(image_of(&["a", "b"]).manifest.digest, image_of(&["a", "b"]).manifest.digest);
    }

    #[test]
    fn changed_byte_changes_only_dependent_digests() {
        let (before, after) = (image_of(&["a", "b", "c"]), image_of(&["a", "B", "c"]));
        assert_eq!(before.layers[0].chain_id, after.layers[0].chain_id);
        assert_eq!(before.layers[2].digest, after.layers[2].digest);
        assert_ne!(before.layers[2].chain_id, after.layers[2].chain_id);
        assert_ne!(before.config.digest, after.config.digest);
        assert_ne!(before.manifest.digest, after.manifest.digest);
    }

    #[test]
    fn manifest_names_config_and_layers() {
        let image = image_of(&["a"]);
        assert!(image.manifest.text.contains(image.config.digest.as_str()));
        assert!(image.manifest.text.contains(image.layers[0].digest.as_str()));
        assert!(image.config.text.contains(image.layers[0].digest.as_str()));
    }
}
