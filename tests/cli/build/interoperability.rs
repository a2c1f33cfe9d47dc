//! Interoperability: other tools' images run here, other tools accept our images, and buildah builds the same image
//! from the same Dockerfile.
//!
//! `buildah` builds with `--isolation chroot` and the driver `vfs` in its own directory. So it needs no daemon, no
//! network, and no mount that the rest of the machine could see.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;
use xattr::FileExt;

use super::{
    build, project,
    sample_projects::{NAMES, PROJECTS, compiler, config, prepare},
};
use crate::{skip, test_env::TestEnv};

/// The projects that buildah 1.28 cannot build, and why.
const NOT_BUILDAHS: [(&str, &str); 1] = [("database-entrypoint", "it does not support here-documents")];

/// The config fields where buildah 1.28 differs from Docker. Our builds follow Docker.
const SAID_OTHERWISE: [(&str, &str, &str); 1] =
    [("alpine-tools", "Cmd", "it ignores SHELL and uses /bin/sh for a CMD in the shell form")];

/// The empty mount points that buildah leaves in an image after a RUN. Our builds remove them.
const STUBS_OF_BUILDAH: [&str; 3] = ["etc/hostname", "etc/resolv.conf", "etc/hosts"];

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

/// An environment for root, if these programs are installed.
fn place(programs: &[&str]) -> Option<TestEnv> {
    for program in programs {
        if !skip::require(has(program), &format!("{program} (apt-get install {program})")) {
            return None;
        }
    }
    TestEnv::seeded_root()
}

/// A bug in buildah: it seals a copy of its own program in memory, which fails with EBUSY while the kernel still
/// writes one of its pages. This says nothing about the build, so the command is run again.
const FAULT_OF_BUILDAH: &str = "sealing memfd copy: Device or resource busy";

#[track_caller]
fn run(place: &TestEnv, program: &str, arguments: &[&str]) -> String {
    let answer = || place.program(program, arguments).env("HOME", place.path("")).output().unwrap();
    let mut output = answer();
    for _ in 0..3 {
        if String::from_utf8_lossy(&output.stderr).contains(FAULT_OF_BUILDAH) {
            output = answer();
        }
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn buildah(place: &TestEnv, arguments: &[&str]) -> String {
    let (root, runroot) = (place.path("buildah"), place.path("buildah-run"));
    let own = ["--storage-driver", "vfs", "--root", root.to_str().unwrap(), "--runroot", runroot.to_str().unwrap()];
    run(place, "buildah", &[&own, arguments].concat())
}

/// Imports one of our images into buildah.
fn give(place: &TestEnv, name: &str) {
    place.succeed(&["save", "-o", "given.tar", name]);
    buildah(place, &["pull", "-q", "docker-archive:given.tar"]);
    fs::remove_file(place.path("given.tar")).unwrap();
}

/// Imports an image from buildah under a new name.
fn take(place: &TestEnv, name: &str, new: &str) {
    buildah(place, &["push", "-q", name, &format!("docker-archive:taken.tar:{new}")]);
    place.succeed(&["load", "-i", "taken.tar"]);
    fs::remove_file(place.path("taken.tar")).unwrap();
}

/// All files of an image as umoci unpacks them: kind, permissions, owner, content.
fn files(place: &TestEnv, image: &str) -> BTreeMap<String, String> {
    place.succeed(&["save", "-o", "compared.tar", image]);
    run(place, "skopeo", &["--insecure-policy", "copy", "-q", "docker-archive:compared.tar", "oci:compared:it"]);
    run(place, "umoci", &["unpack", "--image", "compared:it", "bundle"]);
    let mut looked = Looked::default();
    looked.look(&place.path("bundle/rootfs"), "");
    for directory in ["compared", "bundle"] {
        fs::remove_dir_all(place.path(directory)).unwrap();
    }
    fs::remove_file(place.path("compared.tar")).unwrap();
    looked.files
}

/// The files that have been read so far.
#[derive(Default)]
struct Looked {
    files: BTreeMap<String, String>,
    /// Contents by device and inode, because busybox has hundreds of hard links to one file.
    contents: HashMap<(u64, u64), String>,
}

impl Looked {
    fn look(&mut self, root: &Path, inside: &str) {
        for entry in fs::read_dir(root.join(inside)).unwrap().flatten() {
            let path = format!("{inside}{}", entry.file_name().to_str().unwrap());
            let metadata = entry.metadata().unwrap();
            let kind = metadata.file_type();
            let content = match () {
                () if kind.is_symlink() => fs::read_link(entry.path()).unwrap().display().to_string(),
                () if kind.is_file() => {
                    let known = self.contents.entry((metadata.dev(), metadata.ino()));
                    known.or_insert_with(|| content(&entry.path(), metadata.nlink())).clone()
                }
                () => String::new(),
            };
            let (mode, uid, gid) = (metadata.mode(), metadata.uid(), metadata.gid());
            self.files.insert(path.clone(), format!("{mode:o} {uid}:{gid} {content}"));
            if kind.is_dir() {
                self.look(root, &format!("{path}/"));
            }
        }
    }
}

fn content(path: &Path, names: u64) -> String {
    let capability = fs::File::open(path).unwrap().get_xattr("security.capability").unwrap_or_default();
    format!("{} {capability:?} {names} names", minicontainer::core::Digest::of(&fs::read(path).unwrap()))
}

/// The fields of a config, without the differences that have no meaning.
fn said(config: &Value) -> BTreeMap<String, Value> {
    let fields = config.as_object().unwrap().iter();
    let mut said: BTreeMap<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(Value::Object(labels)) = said.get_mut("Labels") {
        // buildah adds its version.
        labels.remove("io.buildah.version");
    }
    // The order of variables has no meaning.
    if let Some(Value::Array(variables)) = said.get_mut("Env") {
        variables.sort_by_key(Value::to_string);
    }
    // A tool may omit empty fields. `Hostname` and the like describe a container, and no instruction sets them.
    said.retain(|name, value| {
        let is_empty = match value {
            Value::Null => true,
            Value::Bool(value) => !*value,
            Value::String(value) => value.is_empty(),
            Value::Array(values) => values.is_empty(),
            Value::Object(fields) => fields.is_empty(),
            Value::Number(_) => false,
        };
        !is_empty && !matches!(name.as_str(), "Hostname" | "Domainname" | "Image" | "ArgsEscaped")
    });
    said
}

#[test]
fn same_dockerfile_gives_the_same_image_as_buildah() {
    let Some(place) = place(&["buildah", "skopeo", "umoci"]) else { return };
    prepare(&place);
    let has_compiler = compiler(&place);
    for name in ["busybox", "company/base"].iter().chain(&NAMES) {
        give(&place, name);
    }
    if has_compiler {
        give(&place, "gcc:12");
    }
    let mut compared = 0;
    for project in &PROJECTS {
        if NOT_BUILDAHS.iter().any(|(name, _)| *name == project.name) || (project.name == "c-static" && !has_compiler)
        {
            continue;
        }
        let (own, other) = (format!("own-{}:1", project.name), format!("other-{}:1", project.name));
        build(&place, &[&["-t", &own], project.arguments, &[project.name]].concat());
        let how = [
            "bud",
            "-q",
            "--isolation",
            "chroot",
            "--network",
            "host",
            "--pull-never",
            "--format",
            "docker",
            "-t",
            &other,
        ];
        buildah(&place, &[&how, project.arguments, &[project.name]].concat());
        take(&place, &other, &other);
        let (mut ours, mut theirs) = (said(&config(&place, &own)), said(&config(&place, &other)));
        for (_, field, _) in SAID_OTHERWISE.iter().filter(|(name, _, _)| *name == project.name) {
            assert_ne!(
                ours.remove(*field),
                theirs.remove(*field),
                "{}: buildah no longer differs here",
                project.name
            );
        }
        assert_eq!(ours, theirs, "{}", project.name);
        let (own, other) = (files(&place, &own), files(&place, &other));
        let differ = |(path, file): &(&String, &String)| other.get(*path) != Some(*file);
        let differences: Vec<_> =
            own.iter().filter(differ).map(|(path, file)| (path, file, other.get(path))).collect();
        let more: Vec<_> = other
            .iter()
            .filter(|(path, _)| !own.contains_key(*path) && !STUBS_OF_BUILDAH.contains(&path.as_str()))
            .collect();
        assert!(
            differences.is_empty() && more.is_empty(),
            "{}: different: {differences:#?}, only in buildah's image: {more:#?}",
            project.name
        );
        compared += 1;
    }
    assert!(compared >= 8);
}

/// Each tool imports an image of ours and changes it, and the changed image runs here.
#[test]
fn images_are_exchanged_with_other_tools() {
    let Some(place) = place(&["buildah", "skopeo", "umoci"]) else { return };
    project(&place, "ctx", &[("Dockerfile", "FROM busybox\nRUN echo ours > /who\nCMD [\"cat\", \"/who\"]\n")]);
    build(&place, &["-t", "ours:1", "ctx"]);
    // umoci changes our image.
    place.succeed(&["save", "-o", "ours.tar", "ours:1"]);
    run(&place, "skopeo", &["--insecure-policy", "copy", "-q", "docker-archive:ours.tar", "oci:layout:ours"]);
    run(&place, "umoci", &["unpack", "--image", "layout:ours", "bundle"]);
    assert_eq!(fs::read_to_string(place.path("bundle/rootfs/who")).unwrap(), "ours\n");
    fs::write(place.path("bundle/rootfs/who"), "umoci's\n").unwrap();
    run(&place, "umoci", &["repack", "--image", "layout:changed", "bundle"]);
    run(&place, "umoci", &["config", "--image", "layout:changed", "--config.env", "WHO=umoci"]);
    // Our archive is also an OCI layout, which skopeo can read.
    run(
        &place,
        "skopeo",
        &["--insecure-policy", "copy", "-q", "oci:layout:changed", "oci-archive:changed.tar:changed:1"],
    );
    place.succeed(&["load", "-i", "changed.tar"]);
    assert_eq!(place.succeed(&["run", "--rm", "changed:1", "sh", "-c", "cat /who; echo $WHO"]), "umoci's\numoci\n");
    place.succeed(&["save", "-o", "again.tar", "changed:1"]);
    run(&place, "skopeo", &["--insecure-policy", "copy", "-q", "oci-archive:again.tar", "dir:plain"]);
    // buildah imports the image, changes it without a Dockerfile, and exports it in both formats.
    give(&place, "changed:1");
    let working = buildah(&place, &["from", "--pull-never", "changed:1"]);
    let working = working.trim();
    let how = ["run", "--isolation", "chroot", "--network", "host", working, "sh", "-c", "echo buildah\\'s > /who"];
    buildah(&place, &how);
    buildah(&place, &["config", "--label", "by=buildah", working]);
    for format in ["docker", "oci"] {
        let name = format!("{format}-of-buildah:1");
        buildah(&place, &["commit", "-q", "--format", format, working, &name]);
        take(&place, &name, &name);
        assert_eq!(place.succeed(&["run", "--rm", &name]), "buildah's\n");
        let label = place.succeed(&["image", "inspect", "--format", "{{.Config.Labels.by}}", &name]);
        assert_eq!(label, "buildah\n");
    }
}
