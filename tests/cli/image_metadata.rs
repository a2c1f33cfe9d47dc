//! Malicious labels, annotations and config values of images: they must not change how a container runs, and must not
//! reach the terminal.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::test_env::TestEnv;

/// Reads a document of an image layout.
fn document(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The path of the blob that a descriptor names.
fn blob(layout: &Path, descriptor: &Value) -> std::path::PathBuf {
    layout.join("blobs").join(descriptor["digest"].as_str().unwrap().replace(':', "/"))
}

/// Writes a document into a layout, and updates the descriptor's digest and size.
fn put(layout: &Path, document: &Value, descriptor: &mut Value) {
    let text = document.to_string();
    let digest = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    descriptor["digest"] = format!("sha256:{digest}").into();
    descriptor["size"] = text.len().into();
    fs::write(blob(layout, descriptor), text).unwrap();
}

/// Loads the image `busybox` again as `name`, with these fields in its config and these annotations in every place
/// that allows annotations.
fn load(place: &TestEnv, name: &str, fields: &Value, annotations: &Value) {
    let layout = place.path(name);
    let copied = place.program("cp", &["-r", place.path("store/images").to_str().unwrap(), name]).status().unwrap();
    assert!(copied.success());
    let mut index = document(&layout.join("index.json"));
    let entry = &mut index["manifests"][0];
    let mut manifest = document(&blob(&layout, entry));
    let mut config = document(&blob(&layout, &manifest["config"]));
    for (key, value) in fields.as_object().unwrap() {
        config["config"][key] = value.clone();
    }
    put(&layout, &config, &mut manifest["config"]);
    manifest["annotations"] = annotations.clone();
    manifest["config"]["annotations"] = annotations.clone();
    manifest["layers"][0]["annotations"] = annotations.clone();
    put(&layout, &manifest, entry);
    entry["annotations"] = annotations.clone();
    entry["annotations"]["org.opencontainers.image.ref.name"] = format!("{name}:latest").into();
    index["annotations"] = annotations.clone();
    fs::write(layout.join("index.json"), index.to_string()).unwrap();
    let archive = format!("{name}.tar");
    assert!(place.program("tar", &["-cf", &archive, "-C", name, "."]).status().unwrap().success());
    place.succeed(&["load", "-i", &archive]);
}

/// Keys that configure this engine and others when a user sets them. In an image they must have no effect.
fn orders() -> Value {
    json!({
        "minicontainer.init": "true",
        "minicontainer.seccomp": "unconfined",
        "io.podman.annotations.privileged": "TRUE",
        "io.podman.annotations.seccomp": "unconfined",
        "run.oci.keep_original_groups": "1",
        "run.oci.handler": "krun",
        "run.oci.mount_context_type": "rootcontext",
        "org.systemd.property.MemoryMax": "infinity",
    })
}

/// Checks that a container of this image has the same plan as one of busybox, and runs.
#[track_caller]
fn check_same(place: &TestEnv, name: &str) {
    let plan = |image: &str| place.succeed(&["explain", "--format", "json", "-h", "same", image, "true"]);
    assert!(plan("busybox") == plan(name), "the plan of {name} differs from that of busybox");
    place.succeed(&["run", "--rm", name, "true"]);
    assert_eq!(place.containers(), 0);
}

#[test]
fn labels_and_annotations_have_no_effect() {
    let places = [Some(TestEnv::new()), TestEnv::seeded_user()];
    for place in places.into_iter().flatten() {
        // Without the list of images that share its layers, because that changes.
        let inspect =
            ["image", "inspect", "-f", "{{.Id}} {{.RepoTags}} {{.RepoDigests}} {{json .Config}}", "busybox"];
        let before = place.succeed(&inspect);
        load(&place, "labelled", &json!({ "Labels": orders() }), &orders());
        check_same(&place, "labelled");
        // The new image must not take over the name of busybox either.
        assert_eq!(place.succeed(&inspect), before);
    }
}

#[test]
fn unusual_config_values_have_no_effect() {
    let place = TestEnv::new();
    let huge = "\u{1b}[2J\r\n".repeat(1 << 15);
    let fields = json!({
        "StopSignal": huge,
        "Healthcheck": { "Test": ["CMD-SHELL", huge], "Interval": -1, "Timeout": 1u64 << 62, "Retries": -5 },
        "ExposedPorts": { "99999999999/tcp": {}, "../../etc/passwd": {}, "-1/\u{1b}[31m": {} },
        "Shell": ["/proc/self/exe", huge],
        "OnBuild": [huge],
        "ArgsEscaped": true,
        "MacAddress": "\u{7}",
    });
    load(&place, "wild", &fields, &json!({}));
    check_same(&place, "wild");
    let begun = Instant::now();
    for words in
        [&["image", "inspect", "wild"][..], &["history", "wild"], &["images"], &["run", "--rm", "wild", "true"]]
    {
        let answer = place.run(words);
        assert_eq!(answer.code, 0, "{words:?}: {}", answer.stderr);
        let is_control = |character: char| character.is_control() && character != '\n';
        assert!(!answer.show().contains(is_control), "{words:?} prints control characters");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}
