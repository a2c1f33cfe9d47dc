//! Which layers images share, and how much disk space that saves.
//!
//! The store has each layer once, even if many images use it. So the sum of the images' sizes is larger than the
//! store: a part of an image's size may be shared with other images, and only the rest is freed when the image is
//! removed.

use std::collections::{BTreeMap, BTreeSet};

use minicontainer::{
    core::Digest,
    store::{Image, Layer},
};

/// Which images use which layers.
#[derive(Clone, Debug, Default)]
pub struct Sharing {
    /// The images of a layer, by its key.
    users: BTreeMap<Digest, BTreeSet<Digest>>,
    /// The names of an image, by its id.
    names: BTreeMap<Digest, BTreeSet<String>>,
}

impl Sharing {
    /// Reads all images of a store. An image with several names may be listed several times.
    pub fn of<'i>(images: impl IntoIterator<Item = &'i Image>) -> Sharing {
        let mut sharing = Sharing::default();
        for image in images {
            for layer in &image.layers {
                sharing.users.entry(layer.key.clone()).or_default().insert(image.id.clone());
            }
            let names = sharing.names.entry(image.id.clone()).or_default();
            names.extend(image.reference.iter().map(|name| name.familiar()));
        }
        sharing
    }

    /// The names of the other images that use a layer of this one; the id of an image without a name.
    pub fn others(&self, image: &Image, layer: &Layer) -> Vec<String> {
        let others = self.users.get(&layer.key).into_iter().flatten().filter(|id| **id != image.id);
        let of_image = |id: &Digest| match self.names.get(id) {
            Some(names) if !names.is_empty() => names.iter().cloned().collect(),
            _ => vec![id.to_string()],
        };
        others.flat_map(of_image).collect()
    }

    /// The size in bytes of an image's layers that other images use too. The others are freed when the image is
    /// removed.
    pub fn shared_size(&self, image: &Image) -> u64 {
        let is_shared = |layer: &&Layer| self.users.get(&layer.key).is_some_and(|users| users.len() > 1);
        image.layers.iter().filter(is_shared).map(|layer| layer.size).sum()
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn image(name: Option<&str>, id: u8, layers: &[(u8, u64)]) -> Image {
        let digest = |number: u8| Digest::of(&[number]);
        let layer = |(number, size): &(u8, u64)| Layer {
            diff_id: digest(*number),
            key: digest(*number),
            directory: PathBuf::new(),
            size: *size,
        };
        Image {
            reference: name.map(|name| name.parse().unwrap()),
            registry_digest: None,
            id: digest(id),
            manifest_digest: digest(id),
            config: Default::default(),
            layers: layers.iter().map(layer).collect(),
            containers: PathBuf::new(),
        }
    }

    #[test]
    fn layers_are_shared_between_images_not_names() {
        let (base, again) = (image(Some("base"), 100, &[(1, 10)]), image(Some("base:2"), 100, &[(1, 10)]));
        let alone = Sharing::of([&base, &again]);
        assert_eq!((alone.shared_size(&base), alone.others(&base, &base.layers[0])), (0, vec![]));
        let site = image(Some("site"), 101, &[(1, 10), (2, 5)]);
        let nameless = image(None, 102, &[(1, 10), (3, 7)]);
        let sharing = Sharing::of([&base, &again, &site, &nameless]);
        assert_eq!(sharing.shared_size(&site), 10);
        assert_eq!(sharing.others(&site, &site.layers[1]), Vec::<String>::new());
        let mut others = sharing.others(&site, &site.layers[0]);
        others.sort();
        assert_eq!(others, ["base:2".to_owned(), "base:latest".to_owned(), nameless.id.to_string()]);
    }
}
