//! Hostile configs and annotations of images.
//!
//! An invalid value in a config does no harm until something uses it. So `load` accepts most of these images, and
//! `run` refuses the values that it would have to use. It ignores the others.

use std::{collections::BTreeMap, fs, iter};

use serde_json::{Value, json};

use super::{
    Expect::{self, Harmless, Refused},
    bounded, check_answer, check_victim,
    documents::{CONFIG, Layout, MANIFEST, index},
    prepare, store,
};
use crate::test_env::TestEnv;

fn document(place: &TestEnv, name: &str) -> Value {
    serde_json::from_slice(&fs::read(place.path("store/images").join(name)).unwrap()).unwrap()
}

fn blob_of(descriptor: &Value) -> String {
    format!("blobs/sha256/{}", descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap())
}

/// An archive of busybox under another name, in which `change` has edited the config, the manifest and the entry of
/// the index.
fn changed(place: &TestEnv, change: impl Fn(&mut Value, &mut Value, &mut Value)) -> Vec<u8> {
    let mut manifest = document(place, &blob_of(&document(place, "index.json")["manifests"][0]));
    let mut config = document(place, &blob_of(&manifest["config"]));
    let mut entry = json!({"annotations": {"org.opencontainers.image.ref.name": "hostile:1"}});
    change(&mut config, &mut manifest, &mut entry);
    let mut layout = Layout { blobs: BTreeMap::new() };
    for layer in manifest["layers"].as_array().unwrap() {
        layout.add("", &fs::read(place.path("store/images").join(blob_of(layer))).unwrap());
    }
    manifest["config"] = layout.add(CONFIG, config.to_string().as_bytes());
    let descriptor = layout.add(MANIFEST, manifest.to_string().as_bytes());
    for (key, value) in descriptor.as_object().unwrap() {
        entry[key] = value.clone();
    }
    layout.archive(&index(&[entry]))
}

/// Loads and runs an image whose config has this value, and checks the result of both.
#[track_caller]
fn check(place: &TestEnv, key: &str, value: &Value, loaded: Expect, run: Expect) {
    let before = store(place);
    prepare(place);
    let archive = changed(place, |config, _, _| config["config"][key] = value.clone());
    check_answer(&bounded(place, &["load"], &archive), loaded, "", key);
    if let Harmless = loaded {
        let answer = bounded(place, &["run", "--rm", "hostile:1"], b"");
        match run {
            Harmless => assert_eq!((answer.code, answer.stdout.as_str()), (0, "ran\n"), "{key}: {}", answer.stderr),
            Refused(reason) => {
                assert!(matches!(answer.code, 125 | 126), "{key}: {} {}", answer.code, answer.stderr);
                assert!(answer.stderr.contains(reason), "{key}: \"{reason}\" is not in {:.2000}", answer.stderr);
                assert!(answer.stderr.len() < 5000, "{key}: a message of {} bytes", answer.stderr.len());
            }
        }
        place.succeed(&["rmi", "hostile:1"]);
    }
    check_victim(place, key);
    assert_eq!(place.containers(), 0, "{key}");
    assert_eq!(store(place), before, "{key} left something behind");
}

/// Checks that this value changes nothing: the image still runs `echo ran`.
fn check_ignored(place: &TestEnv, key: &str, value: Value) {
    check(place, key, &value, Harmless, Harmless);
}

// H55
#[test]
fn oversized_config_is_refused_when_used() {
    let place = TestEnv::new();
    ready(&place);
    let bad_entry = Refused("cannot use the image's environment entry");
    let many = Refused("at most 32768 are allowed");
    check(&place, "Env", &json!(vec![""; 1_000_000]), many, Harmless);
    check(&place, "Env", &json!(vec!["A="; 700_000]), many, Harmless);
    let distinct: Vec<String> = (0..32_000).map(|number| format!("A{number}=")).collect();
    check(&place, "Env", &json!(distinct), Harmless, Harmless);
    let distinct: Vec<String> = distinct.iter().map(|entry| format!("{entry}{}", "x".repeat(100))).collect();
    check(&place, "Env", &json!(distinct), Harmless, Refused("too long"));
    for entry in ["HOME", "=x", "A\0B=c"] {
        check(&place, "Env", &json!([entry]), Harmless, bad_entry);
    }
    check(&place, "Cmd", &json!(["echo", "x".repeat(3 << 20)]), Harmless, Refused("too long"));
    check(&place, "Cmd", &json!(vec!["x"; 900_000]), many, Harmless);
    check(&place, "Cmd", &json!(["x".repeat(5 << 20)]), Refused("is larger than 4194304 bytes"), Harmless);
    check(&place, "Entrypoint", &json!(["echo\0x"]), Harmless, Refused("it contains a NUL byte"));
    for directory in ["relative", "../..", "a\0b"] {
        check(&place, "WorkingDir", &json!(directory), Harmless, Refused("cannot use working directory"));
    }
    for user in ["0:0:0", "-1", "a\0b"] {
        check(&place, "User", &json!(user), Harmless, Refused("cannot run as the image's user"));
    }
    check(&place, "User", &json!("u".repeat(1 << 20)), Harmless, Refused("unknown user"));
    for (key, value) in [("Env", json!({"A": "b"})), ("Cmd", json!(7)), ("Volumes", json!(["/"]))] {
        check(&place, key, &value, Refused("is not a valid image config"), Harmless);
    }
}

// H55, E65: the engine does not use these values, so they cannot do harm.
#[test]
fn hostile_volumes_ports_and_signals_are_ignored() {
    let place = TestEnv::new();
    ready(&place);
    for path in ["/", "/proc", "../victim", "", "relative", "/dev\0x", "/victim/../.."] {
        check_ignored(&place, "Volumes", json!({path: {}}));
    }
    for port in ["x/../", "0/tcp", "99999/tcp", "80/../../victim", ""] {
        check_ignored(&place, "ExposedPorts", json!({port: {}}));
    }
    for signal in ["SIGWHAT", "-9", "99999999999", "$(reboot)", &"9".repeat(1 << 20)] {
        check_ignored(&place, "StopSignal", json!(signal));
    }
    for health in [
        json!({"Test": ["CMD-SHELL", "touch /tmp/minicontainer-must-not-be"], "Interval": -1, "Retries": -1}),
        json!({"Test": ["CMD", "x".repeat(1 << 20)], "Interval": 1, "Timeout": 1_u64 << 63}),
        json!({"Test": [], "StartPeriod": 1e300}),
        json!("no object"),
    ] {
        check_ignored(&place, "Healthcheck", health);
    }
    check_ignored(&place, "Shell", json!(vec!["x".repeat(1 << 10); 1 << 10]));
    check_ignored(&place, "OnBuild", json!(["RUN touch ../victim/x"]));
    check_ignored(&place, "Labels", json!({"../victim": "x".repeat(1 << 20), "minicontainer.init": "true"}));
}

/// Gives busybox an entry point that prints `ran`.
fn ready(place: &TestEnv) {
    let archive = changed(place, |config, _, entry| {
        config["config"]["Entrypoint"] = json!(["echo", "ran"]);
        config["config"]["Cmd"] = json!([]);
        entry["annotations"]["org.opencontainers.image.ref.name"] = json!("busybox:latest");
    });
    assert_eq!(bounded(place, &["load"], &archive).code, 0);
    place.succeed(&["image", "prune", "-f"]);
    // The first container creates the store's directory for containers, which `store` would report as a change.
    assert_eq!(place.succeed(&["run", "--rm", "busybox"]), "ran\n");
}

// H54
#[test]
fn annotations_are_never_used_as_file_names() {
    let place = TestEnv::new();
    prepare(&place);
    let before = store(&place);
    let titles = ["../../victim/hello", "/etc/minicontainer-must-not-be", "..", ".", "a/b", "\u{1b}[2J", "x\0y"];
    for title in titles.into_iter().chain(iter::once("x".repeat(1 << 16).as_str())) {
        let keys = ["image.title", "image.ref.name", "image.base.name", "image.source"];
        let annotate = |value: &mut Value, keys: &[&str]| {
            for key in keys {
                value["annotations"][format!("org.opencontainers.{key}")] = json!(title);
            }
            value["annotations"]["io.containerd.image.name"] = json!("hostile:1");
        };
        let archive = changed(&place, |config, manifest, entry| {
            annotate(manifest, &keys);
            annotate(&mut manifest["config"], &keys);
            manifest["layers"].as_array_mut().unwrap().iter_mut().for_each(|layer| annotate(layer, &keys));
            annotate(entry, &["image.title", "image.base.name"]);
            config["config"]["Labels"] = json!({"org.opencontainers.image.title": title});
        });
        check_answer(&bounded(&place, &["load"], &archive), Harmless, "", title);
        place.succeed(&["save", "-o", "saved.tar", "hostile:1"]);
        let listed = place.program("tar", &["-tf", "saved.tar"]).output().unwrap();
        for name in String::from_utf8(listed.stdout).unwrap().lines() {
            let is_ours = matches!(name, "oci-layout" | "index.json" | "manifest.json" | "blobs/" | "blobs/sha256/")
                || name.strip_prefix("blobs/sha256/").is_some_and(|digest| digest.len() == 64);
            assert!(is_ours, "{name:?} was written for the annotation {:.100}", title);
        }
        fs::remove_file(place.path("saved.tar")).unwrap();
        place.succeed(&["rmi", "hostile:1"]);
        check_victim(&place, title);
        assert_eq!(store(&place), before, "{:.100} left something behind", title);
    }
}
