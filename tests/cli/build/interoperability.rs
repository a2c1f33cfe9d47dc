//! Other tools beside ours: what they write runs here, they take what we write, and of the same Dockerfile comes the
//! same.
//!
//! `buildah` builds with `--isolation chroot` and the driver `vfs` in a directory of its own: so it needs no daemon,
//! no network of its own and no file system that would be mounted for the machine to see.

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

/// What buildah 1.28 cannot build, and why.
const NOT_BUILDAHS: [(&str, &str); 1] = [("database-entrypoint", "it does not know here-documents")];

/// Where buildah 1.28 says something else than Docker, whose words hold here.
const SAID_OTHERWISE: [(&str, &str, &str); 1] =
    [("alpine-tools", "Cmd", "it takes /bin/sh for a CMD in the shell form, whatever SHELL says")];

/// What buildah leaves in an image of the mounts of a RUN, empty, where the image had nothing; we take such stubs
/// away again.
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

/// A fault of buildah itself: it seals a copy of its own program in memory, which fails with EBUSY while the kernel
/// still writes one of its pages. It is not about what the two build, so the command is run again.
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

/// Gives buildah an image of ours.
fn give(place: &TestEnv, name: &str) {
    place.succeed(&["save", "-o", "given.tar", name]);
    buildah(place, &["pull", "-q", "docker-archive:given.tar"]);
    fs::remove_file(place.path("given.tar")).unwrap();
}

/// Gets an image of buildah's under another name; gives its config.
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

/// What has been looked at so far.
#[derive(Default)]
struct Looked {
    files: BTreeMap<String, String>,
    /// Files by device and inode: busybox has hundreds of names, and one content.
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

/// What a config says, but for what stands there in one tool's way only.
fn said(config: &Value) -> BTreeMap<String, Value> {
    let fields = config.as_object().unwrap().iter();
    let mut said: BTreeMap<String, Value> = fields.map(|(name, value)| (name.clone(), value.clone())).collect();
    if let Some(Value::Object(labels)) = said.get_mut("Labels") {
        // It signs its work.
        labels.remove("io.buildah.version");
    }
    // Of several variables each has one value, wherever it stands.
    if let Some(Value::Array(variables)) = said.get_mut("Env") {
        variables.sort_by_key(Value::to_string);
    }
    // What says nothing may be left out. `Hostname` and the like are of a container, and no instruction sets them.
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
            assert_ne!(ours.remove(*field), theirs.remove(*field), "{}: no difference any more", project.name);
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
        assert!(differences.is_empty() && more.is_empty(), "{}: {differences:#?} and beside {more:#?}", project.name);
        compared += 1;
    }
    assert!(compared >= 8);
}

/// What each tool writes is loaded and run here, and what we write each tool takes: umoci changes it, and it still
/// runs.
#[test]
fn images_are_exchanged_with_other_tools() {
    let Some(place) = place(&["buildah", "skopeo", "umoci"]) else { return };
    project(&place, "ctx", &[("Dockerfile", "FROM busybox\nRUN echo ours > /who\nCMD [\"cat\", \"/who\"]\n")]);
    build(&place, &["-t", "ours:1", "ctx"]);
    // Ours, then changed by umoci.
    place.succeed(&["save", "-o", "ours.tar", "ours:1"]);
    run(&place, "skopeo", &["--insecure-policy", "copy", "-q", "docker-archive:ours.tar", "oci:layout:ours"]);
    run(&place, "umoci", &["unpack", "--image", "layout:ours", "bundle"]);
    assert_eq!(fs::read_to_string(place.path("bundle/rootfs/who")).unwrap(), "ours\n");
    fs::write(place.path("bundle/rootfs/who"), "umoci's\n").unwrap();
    run(&place, "umoci", &["repack", "--image", "layout:changed", "bundle"]);
    run(&place, "umoci", &["config", "--image", "layout:changed", "--config.env", "WHO=umoci"]);
    // The archive is an OCI layout, too, and so is what `skopeo copy … oci:` writes.
    run(
        &place,
        "skopeo",
        &["--insecure-policy", "copy", "-q", "oci:layout:changed", "oci-archive:changed.tar:changed:1"],
    );
    place.succeed(&["load", "-i", "changed.tar"]);
    assert_eq!(place.succeed(&["run", "--rm", "changed:1", "sh", "-c", "cat /who; echo $WHO"]), "umoci's\numoci\n");
    place.succeed(&["save", "-o", "again.tar", "changed:1"]);
    run(&place, "skopeo", &["--insecure-policy", "copy", "-q", "oci-archive:again.tar", "dir:plain"]);
    // buildah takes it, changes it without a Dockerfile, and gives it back in both forms.
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
