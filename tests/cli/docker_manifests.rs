//! Images with a manifest of Docker's schema 2, which keep its media type in the store's `index.json`.
//!
//! skopeo finds an image of an OCI layout by its name only if its manifest has OCI's media type
//! (`getManifestDescriptor` in `oci/layout/oci_transport.go` of containers/image). If there is only one image, no
//! name is needed, and the image may have either type. skopeo refuses a manifest whose media type differs from that
//! of its entry, so the entry must have Docker's.

use std::{fs, path::Path};

use minicontainer::core::Digest;
use serde_json::{Value, json};

use crate::{skip, test_env::TestEnv};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const CONFIG: &str = "application/vnd.docker.container.image.v1+json";
const LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Loads the image `mine:1` with a manifest of Docker, as its only image.
fn loaded() -> TestEnv {
    let place = TestEnv::new();
    place.succeed(&["tag", "busybox", "mine:1"]);
    place.succeed(&["save", "-o", "oci.tar", "mine:1"]);
    place.succeed(&["rmi", "busybox", "mine:1"]);
    let unpacked = place.program("sh", &["-c", "mkdir layout && tar -xf oci.tar -C layout"]).status().unwrap();
    assert!(unpacked.success());
    let layout = place.path("layout");
    let mut index = read(&layout.join("index.json"));
    let blob = |digest: &str| layout.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    let mut manifest = read(&blob(index["manifests"][0]["digest"].as_str().unwrap()));
    manifest["mediaType"] = json!(MANIFEST);
    manifest["config"]["mediaType"] = json!(CONFIG);
    for layer in manifest["layers"].as_array_mut().unwrap() {
        layer["mediaType"] = json!(LAYER);
    }
    let bytes = serde_json::to_vec(&manifest).unwrap();
    let digest = Digest::of(&bytes);
    fs::write(blob(digest.as_str()), &bytes).unwrap();
    let entry = &mut index["manifests"][0];
    (entry["mediaType"], entry["digest"], entry["size"]) = (json!(MANIFEST), json!(digest), json!(bytes.len()));
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    assert_eq!(place.succeed(&["load", "-i", "layout"]), "Loaded image: mine:1\n");
    place
}

fn recorded(place: &TestEnv) -> Value {
    read(&place.path("store/images/index.json"))["manifests"][0]["mediaType"].take()
}

#[test]
fn docker_manifest_keeps_its_media_type() {
    let place = loaded();
    assert_eq!(recorded(&place), MANIFEST);
    assert_eq!(place.succeed(&["run", "--rm", "mine:1", "echo", "hello"]), "hello\n");
    // This also holds if the index is lost and rebuilt from the manifests.
    fs::write(place.path("store/images/index.json"), "{").unwrap();
    place.run(&["system", "check", "--repair"]);
    assert_eq!(recorded(&place), MANIFEST);
    assert_eq!(place.run(&["system", "check"]).code, 0);
}

#[test]
fn skopeo_reads_images_with_docker_manifests() {
    let there = std::process::Command::new("skopeo").arg("--version").output().is_ok();
    if !skip::require(there, "skopeo (Debian: the package of that name)") {
        return;
    }
    let place = loaded();
    place.succeed(&["save", "-o", "saved.tar", "mine:1"]);
    let copied = |source: &str| {
        let words = ["--insecure-policy", "--tmpdir", ".", "copy", "-q", source, "oci:copied:mine:1"];
        let output = place.program("skopeo", &words).env("HOME", place.path(".")).output().unwrap();
        let _ = fs::remove_dir_all(place.path("copied"));
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for source in
        ["docker-archive:saved.tar", "docker-archive:saved.tar:mine:1", "oci-archive:saved.tar", "oci:store/images"]
    {
        let (success, stderr) = copied(source);
        assert!(success, "{source}: {stderr}");
    }
}
