//! Hostile documents: an image's index, manifest or config is malformed, or does not match the blobs.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt, os::unix::process::CommandExt, process::Command};

use serde_json::{Value, json};

use super::{
    Expect::{self, Harmless, Refused},
    bounded, check_answer, digest, saved, store,
    tar::{Head, Tar, head},
};
use crate::test_env::TestEnv;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(super) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(super) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// The blobs of an image layout.
#[derive(Default)]
pub(super) struct Layout {
    pub(super) blobs: BTreeMap<String, Vec<u8>>,
}

impl Layout {
    pub(super) fn add(&mut self, media_type: &str, content: &[u8]) -> Value {
        let digest = digest(content);
        self.blobs.insert(digest.clone(), content.to_vec());
        json!({"mediaType": media_type, "digest": format!("sha256:{digest}"), "size": content.len()})
    }

    /// An image with one layer. `change` edits its config in the first call, and its manifest in the second one.
    fn image(&mut self, media_type: &str, layer: &[u8], change: impl Fn(&mut Value, &mut Value)) -> Value {
        let rootfs = json!({"type": "layers", "diff_ids": [format!("sha256:{}", digest(layer))]});
        let mut config = json!({"architecture": "amd64", "os": "linux", "rootfs": rootfs});
        change(&mut config, &mut json!({}));
        let config = self.add(CONFIG, config.to_string().as_bytes());
        let layers = [self.add(media_type, layer)];
        let mut manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers});
        change(&mut json!({}), &mut manifest);
        self.add(MANIFEST, manifest.to_string().as_bytes())
    }

    /// The archive of the blobs with this index.
    pub(super) fn archive(&self, index: &[u8]) -> Vec<u8> {
        let version = Tar::new().file("oci-layout", r#"{"imageLayoutVersion":"1.0.0"}"#);
        let content = |tar: Tar, name: &str, bytes: &[u8]| {
            tar.member(Head { size: bytes.len() as u64, ..head(b'0', name) }, bytes)
        };
        let tar = content(version, "index.json", index);
        self.blobs.iter().fold(tar, |tar, (name, bytes)| content(tar, &format!("blobs/sha256/{name}"), bytes)).end()
    }
}

pub(super) fn index(manifests: &[Value]) -> Vec<u8> {
    json!({"schemaVersion": 2, "manifests": manifests}).to_string().into_bytes()
}

fn layer() -> Vec<u8> {
    Tar::new().file("x", "content").end()
}

/// An archive of one image, whose config and manifest `change` has edited.
fn changed(change: impl Fn(&mut Value, &mut Value)) -> Vec<u8> {
    let mut layout = Layout::default();
    let image = layout.image(LAYER, &layer(), change);
    layout.archive(&index(&[image]))
}

#[track_caller]
fn check(place: &TestEnv, archive: &[u8], expect: Expect) -> String {
    let before = store(place);
    let answer = bounded(place, &["load"], archive);
    check_answer(&answer, expect, "", "a document");
    place.succeed(&["image", "prune", "-f"]);
    assert_eq!(store(place), before, "something was left behind");
    answer.stderr
}

// H36
#[test]
fn compression_is_detected_from_content() {
    let place = TestEnv::new();
    let mut layout = Layout::default();
    let image = layout.image(&format!("{LAYER}+gzip"), &layer(), |_, _| {});
    check(&place, &layout.archive(&index(&[image])), Harmless);
    for (bytes, expect) in [
        (b"\x28\xb5\x2f\xfd\x00\x00".as_slice(), Refused("its tar archive is damaged")),
        (b"\xfd7zXZ\x00", Refused("its tar archive is damaged")),
        (b"BZh91A", Refused("its tar archive is damaged")),
    ] {
        let mut layout = Layout::default();
        let image = layout.image(&format!("{LAYER}+gzip"), bytes, |_, _| {});
        check(&place, &layout.archive(&index(&[image])), expect);
    }
}

// H38
#[test]
fn descriptor_size_must_match() {
    let place = TestEnv::new();
    for size in [json!(1), json!(9_999_999), json!(1_u64 << 62)] {
        let of_config = changed(|_, manifest| {
            if manifest["config"].is_object() {
                manifest["config"]["size"] = size.clone();
            }
        });
        check(&place, &of_config, Refused("bytes, but its descriptor says"));
    }
    for size in [json!(-1), json!(null), json!("12"), json!(1e300)] {
        let of_layer = changed(|_, manifest| {
            if manifest["layers"].is_array() {
                manifest["layers"][0]["size"] = size.clone();
            }
        });
        check(&place, &of_layer, Refused("is not a valid image manifest"));
    }
}

// H40
#[test]
fn index_depth_and_width_are_limited() {
    let place = TestEnv::new();
    let mut layout = Layout::default();
    let mut deep = layout.image(LAYER, &layer(), |_, _| {});
    for _ in 0..10 {
        deep = layout.add(INDEX, &index(&[deep]));
    }
    check(&place, &layout.archive(&index(&[deep])), Refused("nested more than 4 deep"));
    // An index cannot contain its own digest, so it names a blob that does not match its digest.
    let mut layout = Layout::default();
    let claimed = json!({"mediaType": INDEX, "digest": format!("sha256:{}", "1".repeat(64)), "size": 10});
    let own = index(&[claimed]);
    layout.blobs.insert("1".repeat(64), own.clone());
    check(&place, &layout.archive(&own), Refused("but its descriptor says"));
    let mut layout = Layout::default();
    let image = layout.image(LAYER, &layer(), |_, _| {});
    check(&place, &layout.archive(&index(&vec![image.clone(); 20_000])), Refused("more than 1000 images"));
    check(&place, &layout.archive(&index(&vec![image; 100_000])), Refused("is larger than 4194304 bytes"));
}

// H44
#[test]
fn documents_must_be_valid_json() {
    let place = TestEnv::new();
    let deep = format!(r#"{{"schemaVersion":2,"manifests":[],"x":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    // An unknown field is skipped, however deeply it is nested.
    check(&place, &Layout::default().archive(deep.as_bytes()), Harmless);
    let of_config = changed(|config, _| config["rootfs"] = (0..100).fold(json!([]), |inner, _| json!([inner])));
    check(&place, &of_config, Refused("is not a valid image config"));
    let invalid: [&[u8]; 7] = [
        br#"{"schemaVersion":2,"manifests":[],"manifests":[]}"#,
        br#"{"schemaVersion":1e308,"manifests":[]}"#,
        b"\xef\xbb\xbf{\"schemaVersion\":2,\"manifests\":[]}",
        b"{\"schemaVersion\":2,\"mediaType\":\"\xff\",\"manifests\":[]}",
        br#"{"schemaVersion":2,"manifests":null}"#,
        br#"{"schemaversion":2,"Manifests":[]}"#,
        b"",
    ];
    for text in invalid {
        let archive = Layout::default().archive(text);
        let answer = bounded(&place, &["load"], &archive);
        assert_eq!(answer.code, 1, "{} was accepted", text[..text.len().min(80)].escape_ascii());
        check(&place, &archive, Refused("is not a valid image index"));
    }
}

// H53
#[test]
fn layout_version_and_names_are_validated() {
    let place = TestEnv::new();
    let mut layout = Layout::default();
    let mut image = layout.image(LAYER, &layer(), |_, _| {});
    image["annotations"] = json!({"org.opencontainers.image.ref.name": "../x:1"});
    check(&place, &layout.archive(&index(&[image])), Harmless);
    let with = |member: Tar| member.file("readme", "").end();
    let none = Refused("this is not an image archive");
    check(&place, &with(Tar::new().member(head(b'6', "index.json"), b"")), none);
    check(&place, &with(Tar::new().symlink("index.json", "/etc/passwd")), none);
    check(&place, &with(Tar::new().symlink("index.json", "index.json")), none);
    for version in [r#"{"imageLayoutVersion":"2.0.0"}"#, r#"{"imageLayoutVersion":"../1"}"#] {
        let archive =
            Tar::new().file("oci-layout", version).file("index.json", r#"{"schemaVersion":2,"manifests":[]}"#);
        check(&place, &archive.end(), Refused("layout of version"));
    }
}

// H56
#[test]
fn image_for_another_platform_is_reported() {
    let place = TestEnv::new();
    let other = changed(|config, _| config["architecture"] = "s390x".into());
    let printed = check(&place, &other, Harmless);
    assert!(printed.contains("the image is for s390x processors"), "{printed}");
    check(&place, &changed(|config, _| config["os"] = "windows".into()), Refused("it is for windows"));
    let entry = json!({"created_by": "one", "comment": "\u{1b}[2J"});
    let too_long = changed(|config, _| config["history"] = vec![entry.clone(); 50].into());
    assert_eq!(bounded(&place, &["load"], &too_long).code, 0);
    let id =
        String::from_utf8(place.command(&["images", "-q", "-f", "dangling=true"]).output().unwrap().stdout).unwrap();
    let history = place.succeed(&["history", "--format", "{{.Size}} {{.Comment}}", id.trim()]);
    assert_eq!(history.lines().filter(|line| line.starts_with("0B")).count(), 49, "{history}");
    assert!(!history.contains('\u{1b}'));
}

// H19
#[test]
fn set_user_id_files_are_unreachable_on_the_host() {
    let place = TestEnv::new();
    let layer = Tar::new().member(Head { mode: 0o6755, ..head(b'0', "su") }, b"").end();
    assert_eq!(bounded(&place, &["load"], &saved(&[&layer], &[digest(&layer)])).code, 0);
    let file = place.path("store/layers").join(digest(&layer)).join("fs/su");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o6755, "the file keeps its mode");
    for directory in ["store".into(), format!("store/layers/{}", digest(&layer))] {
        assert_eq!(fs::metadata(place.path(&directory)).unwrap().permissions().mode() & 0o777, 0o700, "{directory}");
    }
    let reaches = |user: u32| {
        let mut command = Command::new("/usr/bin/test");
        command.arg("-e").arg(&file);
        let command = if nix::unistd::geteuid().is_root() { command.uid(user).gid(user) } else { &mut command };
        command.status().unwrap().success()
    };
    assert!(reaches(nix::unistd::geteuid().as_raw()), "the control: the store's owner can reach the file");
    if nix::unistd::geteuid().is_root() {
        assert!(!reaches(54321));
    }
}
