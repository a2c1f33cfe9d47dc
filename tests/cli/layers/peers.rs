//! The tools whose results are compared, and how each unpacks an image.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    cases::Case,
    tree::{Tree, look},
};
use crate::test_env::TestEnv;

/// The tree, or the reason why the tool refused the image.
pub type Outcome = Result<Tree, String>;

/// A tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Umoci,
    RootlessUmoci,
    /// containers/storage, which podman and buildah use.
    Storage,
    Tar,
}

impl Peer {
    fn program(self) -> &'static str {
        match self {
            Peer::Umoci | Peer::RootlessUmoci => "umoci",
            Peer::Storage => "skopeo",
            Peer::Tar => "tar",
        }
    }

    pub fn is_there(self) -> bool {
        let mut command = Command::new(self.program());
        command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    }

    pub fn requirement(self) -> &'static str {
        match self {
            Peer::Umoci | Peer::RootlessUmoci => "umoci (apt-get install umoci)",
            Peer::Storage => "skopeo (apt-get install skopeo)",
            Peer::Tar => "GNU tar",
        }
    }

    /// The tree that the tool makes of an image.
    pub fn unpack(self, place: &TestEnv, index: usize, case: &Case) -> Outcome {
        match self {
            Peer::Umoci => umoci(place, index, &[]),
            Peer::RootlessUmoci => umoci(place, index, &["--rootless"]),
            Peer::Storage => storage(place, index),
            Peer::Tar => tar(place, index, case),
        }
    }
}

/// Writes an image as an OCI layout, `layout-N`.
pub fn layout(place: &TestEnv, index: usize, case: &Case) {
    let layout = place.path(&format!("layout-{index}"));
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    let blob = |bytes: &[u8]| {
        let digest: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(blobs.join(&digest), bytes).unwrap();
        (format!("sha256:{digest}"), bytes.len())
    };
    let layers = [&case.lower, &case.upper].map(|layer| blob(layer));
    let diff_ids: Vec<&String> = layers.iter().map(|(digest, _)| digest).collect();
    let config = json!({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/x"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = blob(config.to_string().as_bytes());
    let of = |kind: &str, (digest, size): &(String, usize)| json!({"mediaType": format!("application/vnd.oci.image.{kind}"), "digest": digest, "size": size});
    let layers: Vec<Value> = layers.iter().map(|layer| of("layer.v1.tar", layer)).collect();
    let manifest = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": of("config.v1+json", &config), "layers": layers});
    let mut entry = of("manifest.v1+json", &blob(manifest.to_string().as_bytes()));
    entry["annotations"] = json!({"org.opencontainers.image.ref.name": format!("case-{index}:1")});
    fs::write(layout.join("index.json"), json!({"schemaVersion": 2, "manifests": [entry]}).to_string()).unwrap();
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion": "1.0.0"}"#).unwrap();
}

/// A new directory in which every user can write.
fn room(place: &TestEnv, name: &str) -> String {
    let path = place.path(name);
    fs::create_dir(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
    name.to_owned()
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// `load`, and then `spec`, which writes the tree of an image into a directory.
pub fn own(place: &TestEnv, index: usize) -> Outcome {
    run(&mut place.command(&["load", "-i", &format!("layout-{index}")]))?;
    let bundle = room(place, &format!("own-{index}")) + "/bundle";
    run(&mut place.command(&["spec", "-b", &bundle, &format!("case-{index}:1")]))?;
    Ok(look(&place.path(&bundle).join("rootfs")))
}

fn umoci(place: &TestEnv, index: usize, flags: &[&str]) -> Outcome {
    let image = format!("layout-{index}:case-{index}:1");
    let tree = room(place, &format!("umoci-{index}")) + "/tree";
    run(&mut place.program("umoci", &[&["raw", "unpack", "--image", &image], flags, &[&tree]].concat()))?;
    Ok(look(&place.path(&tree)))
}

/// With the driver `vfs`, containers/storage has the tree of an image in a directory.
fn storage(place: &TestEnv, index: usize) -> Outcome {
    let root = place.path(&format!("storage-{index}"));
    let to = format!("containers-storage:[vfs@{}+{}-run]case:1", root.display(), root.display());
    let from = format!("oci:layout-{index}:case-{index}:1");
    run(place.program("skopeo", &["--insecure-policy", "copy", "-q", &from, &to]).env("HOME", place.path("")))?;
    let layers: Value = serde_json::from_slice(&fs::read(root.join("vfs-layers/layers.json")).unwrap()).unwrap();
    let upper = layers.as_array().unwrap().iter().find(|layer| layer.get("parent").is_some()).unwrap();
    Ok(look(&root.join("vfs/dir").join(upper["id"].as_str().unwrap())))
}

/// GNU tar unpacks one archive over the other.
fn tar(place: &TestEnv, index: usize, case: &Case) -> Outcome {
    let tree = room(place, &format!("tar-{index}"));
    for layer in [&case.lower, &case.upper] {
        let file = format!("{tree}.tar");
        fs::write(place.path(&file), layer).unwrap();
        let flags = ["-xpf", &file, "--xattrs", "--xattrs-include=*", "--numeric-owner", "-C", &tree];
        run(&mut place.program("tar", &flags))?;
    }
    Ok(look(&place.path(&tree)))
}
