//! Manifests and indexes, valid and invalid.

use super::*;

/// A registry that serves this document, with this type, as tag `1`.
fn serving(media_type: &str, document: &Value) -> Server {
    let mut shelf = Shelf::with_image(&[layer("file", 10)]);
    shelf.manifest("1", media_type, document);
    shelf.serve()
}

fn manifest() -> Value {
    Shelf::default().image(&[layer("file", 10)])
}

fn with(field: &str, value: Value) -> Value {
    let mut document = manifest();
    document[field] = value;
    document
}

/// Row H41 of the hostile corpus: at most four mebibytes of a manifest are read, whatever length is announced.
#[test]
fn manifest_size_is_limited() {
    for size in [5 << 20, 64 << 20] {
        let server = Server::start(move |_| Reply::new(200, vec![b' '; size]).header("Content-Type", MANIFEST));
        RegistryEnv::new().check_refused(&server, "larger than 4194304 bytes");
    }
    // The size announces a tebibyte; the body is sent until the client disconnects.
    let server = Server::start(|_| {
        let length = (1_u64 << 40).to_string();
        Reply::new(200, vec![b' '; 8 << 20]).header("Content-Type", MANIFEST).header("Content-Length", length)
    });
    RegistryEnv::new().check_refused(&server, "larger than 4194304 bytes");
    let mut document = manifest();
    document["config"]["size"] = json!(5 << 20);
    RegistryEnv::new().check_refused(&serving(MANIFEST, &document), "larger than 4194304 bytes");
}

/// Row H42 of the hostile corpus (CVE-2021-41190).
#[test]
fn ambiguous_documents_are_refused() {
    RegistryEnv::new()
        .check_refused(&serving(MANIFEST, &with("manifests", json!([]))), "an index and a manifest at once");
    let mut index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": []});
    index["config"] = manifest()["config"].clone();
    RegistryEnv::new().check_refused(&serving(INDEX, &index), "an index and a manifest at once");
    RegistryEnv::new().check_refused(&serving(INDEX, &manifest()), "its mediaType is");
    let mut nameless = manifest();
    nameless.as_object_mut().unwrap().remove("mediaType");
    RegistryEnv::new().check_refused(&serving(INDEX, &nameless), "its fields are those of another type");
    RegistryEnv::new().check_refused(&serving("text/html", &nameless), "its media type is \"text/html\"");
    RegistryEnv::new()
        .pull(&serving(MANIFEST, &nameless))
        .expect("without a type of its own the registry's word holds");
}

/// Row H43 of the hostile corpus.
#[test]
fn artifacts_that_are_not_images_are_refused() {
    RegistryEnv::new().check_refused(&serving(MANIFEST, &with("schemaVersion", json!(1))), "schema version 1");
    let signed = "application/vnd.docker.distribution.manifest.v1+prettyjws";
    RegistryEnv::new()
        .check_refused(&serving(signed, &json!({"schemaVersion": 1, "fsLayers": []})), "schema version 1");
    for (field, media_type) in [
        ("config", "application/vnd.cncf.helm.config.v1+json"),
        ("config", "application/vnd.oci.empty.v1+json"),
        ("config", "application/octet-stream"),
        ("layer", "application/vnd.in-toto+json"),
    ] {
        let mut document = manifest();
        match field {
            "config" => document["config"]["mediaType"] = json!(media_type),
            _ => document["layers"][0]["mediaType"] = json!(media_type),
        }
        RegistryEnv::new().check_refused(&serving(MANIFEST, &document), media_type);
    }
    RegistryEnv::new().check_refused(&serving(MANIFEST, &json!("text")), "is not a valid image manifest");
    RegistryEnv::new().check_refused(&serving(MANIFEST, &with("layers", json!([]))), "is inconsistent");
}

/// Row H45 of the hostile corpus (CVE-2020-15157): only the registry is contacted.
#[test]
fn foreign_layer_is_not_fetched_from_its_url() {
    let elsewhere = Server::start(|_| Reply::new(200, layer("file", 10)));
    let mut document = manifest();
    document["layers"][0]["urls"] = json!([format!("{}/layer", elsewhere.url())]);
    document["layers"][0]["digest"] = json!(Digest::of(b"not in the registry").to_string());
    let server = serving(MANIFEST, &document);
    let env = RegistryEnv::with_login(&server, "user", SECRET);
    env.check_refused(&server, "refers to another server, which is not supported");
    assert_eq!(elsewhere.requests().len(), 0);
    // If the registry has the layer, its `urls` do no harm.
    let mut document = manifest();
    document["layers"][0]["urls"] = json!([format!("{}/layer", elsewhere.url())]);
    RegistryEnv::new().pull(&serving(MANIFEST, &document)).unwrap();
    assert_eq!(elsewhere.requests().len(), 0);
}

#[test]
fn platform_is_selected_and_reported() {
    let mut shelf = Shelf::default();
    let mut entries = Vec::new();
    for (number, platform) in ["linux/mips64le", &Platform::own().to_string()].iter().enumerate() {
        let manifest = shelf.image(&[layer("file", 10 + number)]);
        let digest = shelf.manifest("hidden", MANIFEST, &manifest);
        let size = shelf.manifests[&digest].1.len();
        let (os, architecture) = platform.split_once('/').unwrap();
        let platform = json!({"os": os, "architecture": architecture});
        entries.push(json!({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform}));
    }
    let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let digest = shelf.manifest("1", INDEX, &index);
    shelf.manifest("foreign", INDEX, &json!({"schemaVersion": 2, "manifests": [entries[0]]}));
    let mut short = entries[1].clone();
    short["size"] = json!(7);
    shelf.manifest("lie", INDEX, &json!({"schemaVersion": 2, "manifests": [short]}));
    let server = shelf.serve();
    let env = RegistryEnv::new();
    let pulled = env.pull(&server).unwrap();
    assert_eq!(pulled.digest.to_string(), digest, "the reported digest is that of the index");
    let image = env.store.image(&format!("{}/app:1", server.name())).unwrap();
    assert_eq!(image.size(), 11);
    let name = |tag: &str| format!("{}/app{tag}", server.name());
    let error = env.pull_name(&name(":foreign")).unwrap_err().to_string();
    assert!(error.contains("no matching manifest for") && error.contains("linux/mips64le"), "{error}");
    assert!(env.pull_name(&name(":lie")).unwrap_err().to_string().contains("but its descriptor says 7"));
    assert!(env.pull_name(&name(":none")).unwrap_err().to_string().contains("not found: manifest unknown"));
    env.pull_name(&name(&format!("@{digest}"))).unwrap();
    env.store.image(&name(&format!("@{digest}"))).expect("an image is found by the digest that it was pulled by");
    let other: Platform = "linux/mips64le".parse().unwrap();
    let reference = name(":1").parse().unwrap();
    let wrong = pull(&env.store, &reference, Some(&other), &env.connection, &|_| {}).unwrap_err().to_string();
    assert!(wrong.contains("not for linux/mips64le"), "its config says otherwise: {wrong}");
}

/// containerd, images.Manifest: an entry without a platform matches, and then the config's platform counts.
#[test]
fn config_has_the_platform_that_the_index_lacks() {
    let mut shelf = Shelf::default();
    let mut entries = Vec::new();
    for architecture in ["mips64le", Platform::own().architecture()] {
        let mut manifest = shelf.image(&[layer(architecture, 10)]);
        let digest = manifest["config"]["digest"].as_str().unwrap().to_owned();
        let mut config: Value = serde_json::from_slice(&shelf.blobs[&digest]).unwrap();
        config["architecture"] = json!(architecture);
        let config = serde_json::to_vec(&config).unwrap();
        manifest["config"]["size"] = json!(config.len());
        manifest["config"]["digest"] = json!(shelf.blob(&config));
        let digest = shelf.manifest("hidden", MANIFEST, &manifest);
        entries.push(json!({"mediaType": MANIFEST, "digest": digest, "size": shelf.manifests[&digest].1.len()}));
    }
    let index = |entries: &[Value]| json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
    let inner = shelf.manifest("1", INDEX, &index(&entries));
    let size = shelf.manifests[&inner].1.len();
    // An index in an index often has no platform either.
    shelf.manifest("nested", INDEX, &index(&[json!({"mediaType": INDEX, "digest": inner, "size": size})]));
    shelf.manifest("foreign", INDEX, &index(&entries[..1]));
    let server = shelf.serve();
    let env = RegistryEnv::new();
    let name = |tag: &str| format!("{}/app:{tag}", server.name());
    for tag in ["1", "nested"] {
        env.pull_name(&name(tag)).unwrap();
        let image = env.store.image(&name(tag)).unwrap();
        assert_eq!(image.manifest_digest.as_str(), entries[1]["digest"], "{tag}");
    }
    let error = env.pull_name(&name("foreign")).unwrap_err().to_string();
    assert!(error.contains("mips64le"), "{error}");
}

/// Docker: RepoDigests and `docker images --digests` show the digest that `docker pull` printed, which is the index's.
#[test]
fn digest_of_the_index_is_kept_for_its_repository() {
    let mut shelf = Shelf::default();
    let manifest = shelf.image(&[layer("file", 10)]);
    let own = shelf.manifest("hidden", MANIFEST, &manifest);
    let index = |size: usize| {
        let entry = json!({"mediaType": MANIFEST, "digest": own, "size": size});
        json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry], "annotations": {"a": "b"}})
    };
    let size = shelf.manifests[&own].1.len();
    let digest = shelf.manifest("1", INDEX, &index(size));
    let server = shelf.serve();
    let env = RegistryEnv::new();
    assert!(env.pull(&server).unwrap().newer);
    assert!(!env.pull(&server).unwrap().newer, "it is up to date");
    let name = |end: &str| format!("{}/app{end}", server.name());
    let digest_of = |name: &str| {
        let image = env.store.image(name).unwrap();
        (image.manifest_digest.to_string(), image.registry_digest.map(|digest| digest.to_string()))
    };
    assert_eq!(digest_of(&name(":1")), (own.clone(), Some(digest.clone())));
    assert_eq!(digest_of(&name(&format!("@{digest}"))).0, own, "it is found by the index's digest");
    // The digest of the index is kept for a tag in the same repository, but not in another one, which may not have
    // this index.
    for (tagged, expected) in [(name(":2"), Some(digest.clone())), ("other:1".to_owned(), None)] {
        env.store.tag(&name(":1"), &tagged.parse().unwrap()).unwrap();
        assert_eq!(digest_of(&tagged), (own.clone(), expected), "{tagged}");
    }
    // If the image is pulled by the digest of its manifest, there is no index.
    let env = RegistryEnv::new();
    env.pull_name(&name(&format!("@{own}"))).unwrap();
    let image = env.store.image(&name(&format!("@{own}"))).unwrap();
    assert_eq!(image.registry_digest, None);
}

#[test]
fn content_must_match_the_requested_digest() {
    let digest = Digest::of(b"another document");
    let mut shelf = Shelf::with_image(&[layer("file", 10)]);
    let content = shelf.manifests["1"].clone();
    shelf.manifests.insert(digest.to_string(), content);
    let server = shelf.serve_but(move |request, reply| match request.target.ends_with("/1") {
        true => reply.header("Docker-Content-Digest", digest.to_string()),
        false => reply,
    });
    let env = RegistryEnv::new();
    env.check_refused(&server, "does not match its digest");
    let by_digest = format!("{}/app@{}", server.name(), Digest::of(b"another document"));
    assert!(env.pull_name(&by_digest).unwrap_err().to_string().contains("does not match its digest"));
}
