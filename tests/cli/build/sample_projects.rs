//! Typical projects (`tests/dockerfiles`): each is parsed, planned, built and run.

use std::{
    collections::BTreeSet,
    fmt::Write,
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    process::Command,
};

use minicontainer::core::image::ImageConfig;
use minicontainer_dockerfile::{
    BuildOptions,
    plan::{Action, Base, BaseImage, Bases, Outcome, plan},
};

use super::{build, project};
use crate::{skip, test_env::TestEnv};

/// A project, its additional arguments for `build`, and the output of its container.
pub struct Project {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    prints: Option<&'static str>,
    /// Whether its container runs as a user other than root. That requires subordinate ids.
    has_users: bool,
}

const fn of(name: &'static str, arguments: &'static [&'static str], prints: Option<&'static str>) -> Project {
    Project { name, arguments, prints, has_users: false }
}

pub const PROJECTS: [Project; 10] = [
    Project { has_users: true, ..of("c-static", &[], Some("hello, world\n")) },
    Project { has_users: true, ..of("go-service", &["--build-arg", "VERSION=2.1"], Some("serving 2.1\n")) },
    Project {
        has_users: true,
        ..of("python-flask", &[], Some("app as 1000, with flask==3.0.3\ngunicorn==22.0.0\n"))
    },
    of("web-nginx", &[], Some("nginx -g daemon off;: <h1>site</h1>\n")),
    of(
        "database-entrypoint",
        &[],
        Some(
            "running /docker-entrypoint-initdb.d/data.sql: INSERT INTO things VALUES ('/var/lib/postgresql/data');\n\
             running /docker-entrypoint-initdb.d/schema.sql: CREATE TABLE things (name text);\nready\n",
        ),
    ),
    of("onbuild-app", &["--build-arg", "STAGE=test"], Some("built for test\n")),
    of("java-jar", &[], Some("java -Xms64m -Xmx256m -jar /app.jar: PK service\n")),
    of("alpine-tools", &[], Some("the tool 1.4\n")),
    of("rootfs-tarball", &[], None),
    of("dev-and-prod", &["--target", "prod", "--build-arg", "REVISION=abc"], Some("debug= revision=abc\n")),
];

/// Shell scripts that replace the programs of the base images. They do only what the projects need.
const PROGRAMS: [(&str, &str); 7] = [
    (
        "go",
        "#!/bin/sh\nset -e\ncase $1 in\nmod) mkdir -p /go/pkg/mod && cp go.sum /go/pkg/mod/go.sum ;;\ntest) grep -q example.com go.mod ;;\n\
         build)\n  while [ $# -gt 0 ]; do\n    case $1 in -o) out=$2 ;; -ldflags=*) version=${1##*=} ;; esac\n    shift\n  done\n\
         \x20 mkdir -p \"${out%/*}\" && echo object > /root/.cache/go-build/object && test -s /go/pkg/mod/go.sum\n\
         \x20 printf '#!/bin/sh\\necho serving %s\\n' \"$version\" > \"$out\" && chmod 755 \"$out\" ;;\nesac\n",
    ),
    ("pip", "#!/bin/sh\nset -e\nmkdir -p /usr/lib/python\ncp \"$3\" /usr/lib/python/packages\n"),
    ("python", "#!/bin/sh\nexec sh \"$@\"\n"),
    (
        "npm",
        "#!/bin/sh\nset -e\ncase $1 in\nci) mkdir node_modules && cp package.json node_modules/.package-lock.json ;;\n\
         run) test -d node_modules && mkdir dist && cp *.html dist/ ;;\nesac\n",
    ),
    ("nginx", "#!/bin/sh\necho \"nginx $*: $(cat /usr/share/nginx/html/index.html)\"\n"),
    ("java", "#!/bin/sh\necho \"java $*: $(cat /app.jar)\"\n"),
    (
        "adduser",
        "#!/bin/sh\nset -e\nid=1000\nwhile [ $# -gt 1 ]; do\n  case $1 in -u) id=$2; shift ;; -h) shift ;; esac\n  shift\ndone\n\
         echo \"$1:x:$id:$id::/:/bin/sh\" >> /etc/passwd\necho \"$1:x:$id:\" >> /etc/group\n",
    ),
];

/// The base images of the projects. In the tests they are all the same image, with the scripts above.
pub const NAMES: [&str; 7] = [
    "golang:1.22-alpine",
    "python:3.12-slim",
    "node:20-alpine",
    "nginx:1.27-alpine",
    "eclipse-temurin:21-jre",
    "alpine:3.20",
    "gcr.io/distroless/static:nonroot",
];

/// Copies the projects and builds their base images.
pub fn prepare(place: &TestEnv) {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/dockerfiles");
    for project in &PROJECTS {
        copy(place, &own.join(project.name), project.name);
    }
    let mut files = vec![(
        "Dockerfile",
        "FROM busybox\nCOPY --chmod=755 bin/ /usr/bin/\nRUN test -e /bin/ash || ln -s sh /bin/ash\n",
    )];
    let names: Vec<String> = PROGRAMS.iter().map(|(name, _)| format!("bin/{name}")).collect();
    files.extend(names.iter().zip(&PROGRAMS).map(|(name, (_, text))| (name.as_str(), *text)));
    project(place, "tools", &files);
    let named: Vec<&str> = NAMES.iter().flat_map(|name| ["-t", name]).collect();
    build(place, &[&named, &["tools"][..]].concat());
    build(place, &["-t", "company/base", "-f", "onbuild-app/base.Dockerfile", "onbuild-app"]);
    project(place, "tree", &[("etc/hostname", "box\n"), ("bin/program", "#!/bin/sh\n"), ("tmp/.keep", "")]);
    fs::set_permissions(place.path("tree/tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::hard_link(place.path("tree/bin/program"), place.path("tree/bin/other-name")).unwrap();
    std::os::unix::fs::symlink("program", place.path("tree/bin/sh")).unwrap();
    // The files belong to the user that runs the tests, which may not be the user that builds.
    tar(
        &["--owner=0", "--group=0", "-czf"],
        &place.path("rootfs-tarball/rootfs.tar.gz"),
        &["-C", &text(&place.path("tree")), "."],
    );
    fs::set_permissions(place.path("rootfs-tarball/rootfs.tar.gz"), fs::Permissions::from_mode(0o644)).unwrap();
}

fn copy(place: &TestEnv, from: &Path, to: &str) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let name = format!("{to}/{}", entry.file_name().to_str().unwrap());
        match entry.file_type().unwrap().is_dir() {
            true => copy(place, &entry.path(), &name),
            false => project(place, ".", &[(&name, &fs::read_to_string(entry.path()).unwrap())]),
        }
    }
}

fn tar(before: &[&str], archive: &Path, behind: &[&str]) {
    let status =
        Command::new("tar").args(before).arg(archive).args(behind).stderr(std::process::Stdio::null()).status();
    assert!(status.unwrap().success(), "{behind:?}");
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Builds the image `gcc:12` from this machine's compiler and the files that it needs. False if there is none.
pub fn compiler(place: &TestEnv) -> bool {
    let asked = |arguments: &[&str]| {
        let output = Command::new("gcc").args(arguments).output().ok().filter(|output| output.status.success());
        output.map(|output| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    if !skip::require(asked(&["--version"]).is_some(), "gcc (apt-get install gcc libc6-dev)") {
        return false;
    }
    let mut files = BTreeSet::from([PathBuf::from("/usr/bin/gcc")]);
    let found = |text: Option<String>| text.map(PathBuf::from).filter(|path| path.is_absolute());
    for program in ["cc1", "collect2"] {
        files.extend(found(asked(&[&format!("-print-prog-name={program}")])));
    }
    files.extend(["as", "ld"].map(|program| Path::new("/usr/bin").join(program)));
    let parts = [
        "crt1.o",
        "crti.o",
        "crtn.o",
        "crtbeginT.o",
        "crtend.o",
        "libgcc.a",
        "libgcc_eh.a",
        "libc.a",
        "liblto_plugin.so",
    ];
    for part in parts {
        // gcc prints paths with `..`, which an archive must not contain.
        files.extend(found(asked(&[&format!("-print-file-name={part}")])).and_then(|path| path.canonicalize().ok()));
    }
    let source = text(&place.path("c-static/greet.c"));
    let headers = asked(&["-M", &source]).unwrap_or_default();
    files.extend(headers.split_whitespace().filter(|word| word.starts_with("/usr/")).map(PathBuf::from));
    let programs: Vec<PathBuf> =
        files.iter().filter(|path| path.extension().is_none_or(|end| end == "so")).cloned().collect();
    for program in programs {
        let listed = Command::new("ldd").arg(&program).output().unwrap();
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        files.extend(listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from));
    }
    // The archive has files in place of symlinks, under the names by which the compiler opens them.
    let names: Vec<String> = files.iter().map(|path| text(path)).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    project(place, "toolchain", &[("Dockerfile", "FROM busybox\nADD toolchain.tar /\n")]);
    let archive = place.path("toolchain/toolchain.tar");
    tar(&["--dereference", "--owner=0", "--group=0", "-cf"], &archive, &names);
    fs::set_permissions(&archive, fs::Permissions::from_mode(0o644)).unwrap();
    build(place, &["-t", "gcc:12", "toolchain"]);
    true
}

/// The parsed Dockerfile without positions, one instruction per line.
fn parsed(place: &TestEnv, project: &Project) -> String {
    let dumped = place.succeed(&["build", "--dump", project.name]);
    let mut dumped: serde_json::Value = serde_json::from_str(&dumped).unwrap();
    placeless(&mut dumped);
    let instructions = dumped["instructions"].as_array_mut().map(std::mem::take).unwrap_or_default();
    let lines: Vec<String> = [dumped].iter().chain(&instructions).map(serde_json::Value::to_string).collect();
    lines.join("\n") + "\n"
}

fn placeless(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.retain(|name, _| name != "span");
            fields.values_mut().for_each(placeless);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(placeless),
        _ => {}
    }
}

/// The config from its blob, because `inspect` does not show all of its fields.
pub fn config(place: &TestEnv, image: &str) -> serde_json::Value {
    let output = place.command(&["image", "inspect", "--format", "{{.Id}}", image]).output().unwrap();
    let id = String::from_utf8(output.stdout).unwrap();
    let blob = place.path("store/images/blobs/sha256").join(id.trim().trim_start_matches("sha256:"));
    let mut document: serde_json::Value = serde_json::from_slice(&fs::read(blob).unwrap()).unwrap();
    document["config"].take()
}

/// The stages and steps of the plan, as text.
fn planned(place: &TestEnv, project: &Project) -> String {
    let file = fs::read(place.path(project.name).join("Dockerfile")).unwrap();
    let file = minicontainer_dockerfile::parse(&file).unwrap();
    let pairs = project.arguments.chunks(2);
    let of = |flag: &str| pairs.clone().filter(|pair| pair[0] == flag).map(|pair| pair[1]).collect::<Vec<_>>();
    let options = BuildOptions {
        target: of("--target").first().map(|target| (*target).to_owned()),
        build_args: of("--build-arg")
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        ..BuildOptions::default()
    };
    let mut bases = Bases::new();
    let planned = loop {
        match plan(&file, &options, &bases).unwrap() {
            Outcome::Plan(plan) => break plan,
            Outcome::Needs(images) => bases.extend(images.into_iter().map(|request| {
                let mut config = ImageConfig::default();
                if request.reference.contains("company/base") {
                    config.config.on_build = vec![
                        "ARG STAGE=production".into(),
                        "ENV STAGE=$STAGE".into(),
                        "COPY app.sh .".into(),
                        "RUN sh app.sh > built".into(),
                    ];
                }
                (request, BaseImage { digest: minicontainer::core::Digest::of(b"base"), config })
            })),
        }
    };
    let mut printed = String::new();
    for stage in &planned.stages {
        let base = match &stage.base {
            Base::Scratch => "scratch".to_owned(),
            Base::Image { request, .. } => request.reference.clone(),
            Base::Stage(index) => format!("stage {index}"),
        };
        writeln!(printed, "stage {} {:?} upon {base}, needs {:?}", stage.index, stage.name, stage.needs).unwrap();
        for step in &stage.steps {
            let trigger = if step.is_trigger { "trigger, " } else { "" };
            let what = match &step.action {
                Action::Nothing => "config".to_owned(),
                Action::MakeDirectory { path, .. } => format!("directory {path}"),
                Action::Copy(copy) => format!("layer: {:?} {:?} -> {}", copy.from, copy.sources, copy.destination),
                Action::Run(run) => format!("layer: {:?} in {}", run.argv, run.workdir),
            };
            writeln!(printed, "  {} ({trigger}{what})", step.keyword).unwrap();
        }
    }
    for warning in &planned.warnings {
        writeln!(printed, "warning: {warning:?}").unwrap();
    }
    printed
}

/// The files in the layers that the build created, lowest layer first.
fn layers(place: &TestEnv, image: &str, bases: &[&str]) -> String {
    let diff_ids = |image: &str| -> Vec<String> {
        let format = ["image", "inspect", "--format", "{{json .RootFS.Layers}}", image];
        let output = place.command(&format).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    };
    let of_bases: BTreeSet<String> = bases.iter().flat_map(|base| diff_ids(base)).collect();
    let mut printed = String::new();
    for diff_id in diff_ids(image).iter().filter(|diff_id| !of_bases.contains(*diff_id)) {
        printed += "layer\n";
        let directory = place.path("store/layers").join(diff_id.trim_start_matches("sha256:")).join("fs");
        entries(&directory, Path::new(""), &mut printed);
    }
    printed
}

fn entries(directory: &Path, inside: &Path, printed: &mut String) {
    let mut names: Vec<_> =
        fs::read_dir(directory.join(inside)).unwrap().flatten().map(|entry| entry.file_name()).collect();
    names.sort();
    for name in names {
        let path = inside.join(name);
        let metadata = fs::symlink_metadata(directory.join(&path)).unwrap();
        let kind = metadata.file_type();
        let (sign, behind) = match () {
            () if kind.is_dir() => ('d', String::new()),
            () if kind.is_symlink() => {
                ('l', format!(" -> {}", fs::read_link(directory.join(&path)).unwrap().display()))
            }
            () if kind.is_file() && metadata.nlink() > 1 => ('-', " (several names)".to_owned()),
            () if kind.is_file() => ('-', String::new()),
            () => ('c', " (whiteout)".to_owned()),
        };
        let mode = if kind.is_symlink() { String::new() } else { format!("{:o} ", metadata.mode() & 0o7777) };
        writeln!(printed, "  {sign} {mode}{}{behind}", path.display()).unwrap();
        if kind.is_dir() {
            entries(directory, &path, printed);
        }
    }
}

/// Redacts the architecture, because machines differ.
fn anywhere(text: &str) -> String {
    let here = oci_spec::image::Arch::default().to_string();
    text.replace(&format!("={here}"), "=[ARCHITECTURE]").replace("=amd64", "=[ARCHITECTURE]")
}

fn check(place: &TestEnv, project: &Project) {
    let image = format!("real-{}", project.name);
    build(place, &[&["-t", &image], project.arguments, &[project.name]].concat());
    if let Some(expect) = project.prints
        && (nix::unistd::geteuid().is_root() || !project.has_users)
    {
        assert_eq!(place.succeed(&["run", "--rm", &image]), expect, "{}", project.name);
    }
}

#[test]
fn sample_projects_are_built_and_run() {
    let Some(place) = TestEnv::seeded_root() else { return };
    prepare(&place);
    let has_compiler = compiler(&place);
    for project in PROJECTS.iter().filter(|project| has_compiler || project.name != "c-static") {
        check(&place, project);
        let image = format!("real-{}", project.name);
        let bases: Vec<&str> = [&NAMES[..], &["busybox", "company/base", "gcc:12"]].concat();
        let printed = format!(
            "# parsed\n{}\n# plan\n{}\n# layers\n{}\n# config\n{:#}\n",
            parsed(&place, project),
            planned(&place, project),
            layers(&place, &image, &bases),
            config(&place, &image)
        );
        insta::assert_snapshot!(project.name, anywhere(&printed));
        // A second build takes every step from the cache.
        let again = build(&place, &[project.arguments, &[project.name]].concat());
        assert!(super::step_results(&again).iter().all(|result| result.ends_with("CACHED")), "{again}");
    }
}

#[test]
fn sample_projects_are_built_and_run_rootless() {
    let Some(place) = TestEnv::seeded_user() else { return };
    prepare(&place);
    for project in PROJECTS.iter().filter(|project| !project.has_users) {
        let image = format!("real-{}", project.name);
        build(&place, &[&["-t", &image], project.arguments, &[project.name]].concat());
        if let Some(expect) = project.prints {
            assert_eq!(place.succeed(&["run", "--rm", &image]), expect, "{}", project.name);
        }
    }
}
