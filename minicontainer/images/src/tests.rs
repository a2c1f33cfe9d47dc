//! Loading archives and layouts that are built here.

use std::{
    collections::BTreeMap,
    fs,
    io::{Cursor, Write},
    os::unix::fs::symlink,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use minicontainer::{
    Store,
    core::{Digest, Reference},
    store::StoreError,
};
use serde_json::{Value, json};
use tar::{Builder, EntryType, Header};

use super::*;

mod locks;
mod stacks;
#[path = "../../../tests/test_store.rs"]
mod test_store;

use test_store::{StoreEnv, config, env, files};

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// An archive in the format of `docker save`.
fn saved(name: &str, layers: &[&[u8]]) -> Vec<u8> {
    let config = config(layers);
    let config_name = format!("{}.json", Digest::of(&config).hex());
    let names: Vec<_> = (0..layers.len()).map(|number| format!("{number}/layer.tar")).collect();
    let manifest = json!([{"Config": config_name, "RepoTags": [name], "Layers": names}]).to_string();
    let mut files: Vec<(&str, &[u8])> = vec![(&config_name, &config), ("manifest.json", manifest.as_bytes())];
    files.extend(names.iter().map(String::as_str).zip(layers.iter().copied()));
    tar(&files)
}

/// An OCI layout under construction: its blobs, and the entries of index.json.
#[derive(Default)]
struct LayoutFiles {
    blobs: BTreeMap<String, Vec<u8>>,
}

impl LayoutFiles {
    fn add(&mut self, media_type: &str, content: &[u8]) -> Value {
        let digest = Digest::of(content);
        self.blobs.insert(format!("blobs/sha256/{}", digest.hex()), content.to_vec());
        json!({"mediaType": media_type, "digest": digest, "size": content.len()})
    }

    fn add_image(&mut self, layers: &[&[u8]]) -> Value {
        let config = self.add("application/vnd.oci.image.config.v1+json", &config(layers));
        let compressed =
            layers.iter().map(|layer| self.add("application/vnd.oci.image.layer.v1.tar+gzip", &gzip(layer)));
        let layers: Vec<_> = compressed.collect();
        let manifest = json!({"schemaVersion": 2, "config": config, "layers": layers}).to_string();
        self.add("application/vnd.oci.image.manifest.v1+json", manifest.as_bytes())
    }

    fn index(manifests: &[Value]) -> Vec<u8> {
        json!({"schemaVersion": 2, "manifests": manifests}).to_string().into_bytes()
    }

    fn tar(&self, manifests: &[Value]) -> Vec<u8> {
        let index = Self::index(manifests);
        let mut files: Vec<(&str, &[u8])> =
            vec![("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#), ("./index.json", &index)];
        files.extend(self.blobs.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
        tar(&files)
    }

    fn write(&self, directory: &Path, manifests: &[Value]) {
        fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
        fs::write(directory.join("index.json"), Self::index(manifests)).unwrap();
        for (name, content) in &self.blobs {
            fs::write(directory.join(name), content).unwrap();
        }
    }
}

fn named(mut descriptor: Value, key: &str, name: &str) -> Value {
    descriptor["annotations"] = json!({ key: name });
    descriptor
}

const REF_NAME: &str = "org.opencontainers.image.ref.name";

fn names(store: &Store) -> Vec<String> {
    let names = store
        .images()
        .unwrap()
        .into_iter()
        .map(|image| image.unwrap().reference.map_or("<none>".into(), |name| name.familiar()));
    let mut names: Vec<_> = names.collect();
    names.sort();
    names
}

/// Checks that loading the archive fails with this message and leaves the store unchanged.
#[track_caller]
fn check_refused(archive: &[u8], expect: &str) {
    let StoreEnv { store, directory: _directory } = env();
    let before = files(&store);
    let error = load(&store, Cursor::new(archive)).expect_err("it should have been refused");
    let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    assert_eq!(format!("{error}{cause}"), expect);
    assert_eq!(files(&store), before, "something was left behind");
}

#[test]
fn docker_save_archives_share_their_base_layer() {
    let StoreEnv { store, directory: _directory } = env();
    let (base, top) = (tar(&[("base", b"12345")]), tar(&[("top", b"123")]));
    let loaded = load(&store, Cursor::new(saved("one:1", &[&base]))).unwrap();
    assert_eq!(loaded[0].reference.as_ref().map(Reference::familiar).as_deref(), Some("one:1"));
    load(&store, Cursor::new(gzip(&saved("two:2", &[&base, &top])))).unwrap();
    assert_eq!(names(&store), ["one:1", "two:2"]);
    let (one, two) = (store.image("one:1").unwrap(), store.image("two:2").unwrap());
    assert_eq!(one.layers[0], two.layers[0], "one directory for both");
    assert_eq!((one.size(), two.size()), (5, 8));
    assert_eq!(one.config.created.as_deref(), Some("2026-01-02T03:04:05Z"));
    assert_eq!(fs::read(two.layers[1].directory.join("top")).unwrap(), b"123");
    assert_eq!(fs::read_dir(store.layers_directory()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(store.staging_directory()).unwrap().count(), 0);
}

#[test]
fn oci_layout_loads_as_archive_and_directory() {
    let layer = tar(&[("x", b"content")]);
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[&layer]);
    let manifests =
        [named(image.clone(), REF_NAME, "tag"), named(image, "io.containerd.image.name", "docker.io/library/x:1")];
    let StoreEnv { store, directory } = env();
    let loaded = load(&store, Cursor::new(layout.tar(&manifests))).unwrap();
    let references: Vec<_> = loaded.iter().map(|loaded| loaded.reference.as_ref().map(Reference::familiar)).collect();
    assert_eq!(references, [None, Some("x:1".to_owned())], "a bare word is not a repository");
    assert_eq!(names(&store), ["x:1"], "no nameless entry beside the named one");
    let other = Store::open(directory.path().join("other")).unwrap();
    layout.write(&directory.path().join("layout"), &manifests);
    assert_eq!(load_layout(&other, &directory.path().join("layout")).unwrap(), loaded);
    assert_eq!(other.image("x:1").unwrap().id, store.image("x:1").unwrap().id);
}

#[test]
fn nested_index_selects_own_platform() {
    let (mine, other, late) = (tar(&[("mine", b"")]), tar(&[("other", b"")]), tar(&[("attestation", b"")]));
    let mut layout = LayoutFiles::default();
    let (mut mine, mut other) = (layout.add_image(&[&mine]), layout.add_image(&[&other]));
    // BuildKit's attestations and images without a platform are considered last.
    let (mut attestation, nameless) = (layout.add_image(&[&late]), layout.add_image(&[&late]));
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    mine["platform"] = json!({"os": "linux", "architecture": oci_spec::image::Arch::default().to_string()});
    other["platform"] = json!({"os": "linux", "architecture": "mips"});
    let index = layout.add(
        "application/vnd.oci.image.index.v1+json",
        &LayoutFiles::index(&[other.clone(), attestation, nameless, mine]),
    );
    let StoreEnv { store, directory: _directory } = env();
    load(&store, Cursor::new(layout.tar(&[named(index, REF_NAME, "app:1")]))).unwrap();
    assert!(store.image("app:1").unwrap().layers[0].directory.join("mine").exists());
    let platform = format!("linux/{}", oci_spec::image::Arch::default());
    check_refused(&layout.tar(&[other]), &format!("the image index.json has no variant for {platform}"));
}

#[test]
fn same_image_loads_from_docker_and_oci_archives() {
    let StoreEnv { store, directory: _directory } = env();
    let layer = tar(&[("x", b"")]);
    let empty = files(&store);
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[&layer]);
    load(&store, Cursor::new(saved("plain:1", &[&layer]))).unwrap();
    let plain = files(&store);
    load(&store, Cursor::new(layout.tar(&[named(image, REF_NAME, "gzip:1")]))).unwrap();
    let id = store.image("plain:1").unwrap().id;
    assert_eq!(store.image("gzip:1").unwrap().id, id);
    load(&store, Cursor::new(saved("other:1", &[]))).unwrap();
    store.tag("plain:1", &"again:1".parse().unwrap()).unwrap();
    assert_eq!(store.image(id.short()).unwrap().id, id, "one image, whatever stands between its entries");
    for name in ["other:1", "again:1"] {
        store.remove_image(name, &|_| None).unwrap();
    }
    store.remove_image("gzip:1", &|_| None).unwrap();
    assert_eq!(files(&store), plain, "the blobs of the other wrapping stay, its own go");
    store.remove_image("plain:1", &|_| None).unwrap();
    assert_eq!(files(&store), empty);
}

// H36: the bytes determine the compression.
#[test]
fn damaged_compression_is_reported() {
    check_refused(b"\xfd7zXZ\0", "cannot read the image archive: premature eof");
    check_refused(b"garbage that is not a tar archive", "cannot read the image archive: it is truncated");
    check_refused(
        &tar(&[("readme", b"")]),
        "this is not an image archive: it has neither an index.json (OCI image layout) nor a manifest.json (docker save)",
    );
}

// H37, H38
#[test]
fn content_with_wrong_size_or_digest_is_refused() {
    let layer = tar(&[("x", b"")]);
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[&layer]);
    let digest = image["digest"].as_str().unwrap().to_owned();
    let mut short = image.clone();
    short["size"] = json!(1);
    let size = image["size"].as_u64().unwrap();
    check_refused(&layout.tar(&[short]), &format!("the blob {digest} has {size} bytes, but its descriptor says 1"));
    let place = format!("blobs/sha256/{}", &digest[7..]);
    let forged = String::from_utf8(layout.blobs[&place].clone()).unwrap().replace("sha256", "sha257");
    let actual = Digest::of(forged.as_bytes());
    layout.blobs.insert(place.clone(), forged.into_bytes());
    check_refused(
        &layout.tar(std::slice::from_ref(&image)),
        &format!("the blob {digest} does not match its digest: expected {digest}, found {actual}"),
    );
    layout.blobs.remove(&place);
    check_refused(&layout.tar(&[image]), &format!("the blob {digest} is missing"));
}

#[test]
fn layers_must_match_the_config() {
    let (real, other) = (tar(&[("x", b"")]), tar(&[("y", b"")]));
    let manifest = |layers: &str| format!(r#"[{{"Config":"c.json","RepoTags":null,"Layers":[{layers}]}}]"#);
    let config = config(&[&real]);
    let build =
        |manifest: &str| tar(&[("c.json", &config), ("l.tar", &other), ("manifest.json", manifest.as_bytes())]);
    let (real, other, id) = (Digest::of(&real), Digest::of(&other), Digest::of(&config));
    check_refused(
        &build(&manifest(r#""l.tar""#)),
        &format!("cannot unpack layer {real}: its content has the diff-id {other}"),
    );
    let count = format!("the image {} is inconsistent: 2 layers in its manifest, 1 in its config", id.short());
    check_refused(&build(&manifest(r#""l.tar","l.tar""#)), &count);
}

// H52: member names are keys, never paths of the host.
#[test]
fn archive_member_names_never_reach_the_host() {
    let manifest = br#"[{"Config":"../../../../etc/passwd","RepoTags":["x"],"Layers":[]}]"#;
    check_refused(&tar(&[("manifest.json", manifest)]), "\"../../../../etc/passwd\" of the archive is missing");
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "c.json", "/etc/passwd").unwrap();
    let manifest = br#"[{"Config":"c.json","RepoTags":["x"],"Layers":[]}]"#;
    let mut header = Header::new_gnu();
    header.set_size(manifest.len() as u64);
    builder.append_data(&mut header, "manifest.json", manifest.as_slice()).unwrap();
    check_refused(&builder.into_inner().unwrap(), "\"c.json\" of the archive is missing");
}

// H53
#[test]
fn layout_links_and_fifos_are_refused() {
    let StoreEnv { store, directory } = env();
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[]);
    let path = directory.path().join("layout");
    layout.write(&path, &[image]);
    fs::rename(path.join("blobs"), directory.path().join("outside")).unwrap();
    symlink(directory.path().join("outside"), path.join("blobs")).unwrap();
    assert!(matches!(load_layout(&store, &path).unwrap_err(), ImageError::Missing { .. }));
    fs::remove_file(path.join("index.json")).unwrap();
    nix::unistd::mkfifo(&path.join("index.json"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let error = load_layout(&store, &path).unwrap_err();
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("not a regular file"), "{error}");
}

#[test]
fn oversized_document_is_not_read() {
    let huge = vec![b' '; 5 << 20];
    check_refused(
        &tar(&[("index.json", &huge)]),
        "index.json is larger than 4194304 bytes, the limit for the documents of an image",
    );
}

#[test]
fn images_can_be_loaded_concurrently() {
    let StoreEnv { store, directory: _directory } = env();
    let layer = tar(&[("x", b"content")]);
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (store, layer) = (&store, &layer);
            scope.spawn(move || load(store, Cursor::new(saved(&format!("x:{}", number % 4), &[layer]))).unwrap());
        }
    });
    assert_eq!(names(&store), ["x:0", "x:1", "x:2", "x:3"]);
    assert_eq!(fs::read_dir(store.layers_directory()).unwrap().count(), 1);
}

#[test]
fn foreign_layers_are_unpacked_on_first_use() {
    let StoreEnv { store, directory: _directory } = env();
    let (base, top) = (tar(&[("base", b"content")]), tar(&[("top", b"")]));
    let mut layout = LayoutFiles::default();
    let image = layout.add_image(&[&base, &top]);
    layout.write(&store.images_directory(), &[named(image, REF_NAME, "foreign:1")]);
    let error = store.image("foreign:1").unwrap_err();
    assert!(matches!(error, StoreError::NotUnpacked { .. }), "the library unpacks nothing: {error}");
    let image = find(&store, "foreign:1").unwrap();
    assert_eq!(fs::read(image.layers[0].directory.join("base")).unwrap(), b"content");
    assert!(image.layers[1].directory.join("top").exists());
    assert_eq!(store.image("foreign:1").unwrap(), image);
    assert_eq!(fs::read_dir(store.staging_directory()).unwrap().count(), 0);
}

#[test]
fn foreign_images_are_listed_beside_damaged_ones() {
    let StoreEnv { store, directory: _directory } = env();
    let (good, bad) = (tar(&[("x", b"content")]), b"no archive at all");
    let mut layout = LayoutFiles::default();
    let (good, bad) = (layout.add_image(&[&good]), layout.add_image(&[bad]));
    let manifests = [named(bad, REF_NAME, "bad:1"), named(good, REF_NAME, "good:1")];
    layout.write(&store.images_directory(), &manifests);
    let listed = list(&store).unwrap();
    let [Err(damaged), Ok(good)] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!(damaged.reference, "bad:1".parse().ok());
    assert!(matches!(damaged.error, ImageError::Unpack { .. }), "{}", damaged.error);
    assert_eq!(good.size(), 7);
}
