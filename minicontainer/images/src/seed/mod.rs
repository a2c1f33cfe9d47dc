//! `image seed`: makes the image `busybox:latest` from programs of this machine, without a network.
//!
//! An image consists of files, and the host has files. If the host has `busybox`, a single program with about two
//! hundred applets, it becomes `/bin/busybox` with a link for each applet. Otherwise the host's own `sh` and core
//! tools are used; these also need their interpreter and shared libraries at the same paths (see [`elf`]). In both
//! cases the result is a tar archive, which is processed as for any other image.
//!
//! The image has two layers, as an example of stacking: the programs, and above them the directories and accounts
//! that programs expect. The same programs always make exactly the same image: entries are sorted, and all times are
//! zero.

mod elf;
#[cfg(test)]
mod tests;
mod tree;

use std::{
    borrow::Cow,
    env,
    ffi::OsStr,
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use minicontainer::{
    core::{
        diagnostic::{Diagnostic, ErrorKind},
        image::{Config, DEFAULT_PATH, History, ImageConfig, RootFs},
    },
    store::{Blob, Image, Staging, Store, StoreError},
};
use oci_spec::image::Arch;

use super::{ImageError, StagedImage, find, import::staged, install};
use tree::FileTree;

/// The name of the image.
const NAME: &str = "busybox:latest";
/// Where programs are searched for in addition to `PATH`.
const PROGRAM_DIRECTORIES: [&str; 5] = ["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"];
/// The programs that are taken from a host without busybox, as far as they exist.
const TOOLS: &str = "awk basename bash cat chgrp chmod chown cp cut date dd df dirname du echo env expr false \
    find free grep head hostname id kill ln ls mkdir mkfifo mknod mktemp mount mv nproc printenv printf ps pwd \
    readlink realpath rm rmdir sed seq sha256sum sleep sort stat stty sync tail tee test timeout touch tr true \
    tty umount uname uniq wc which whoami xargs yes";
const EPOCH: &str = "1970-01-01T00:00:00Z";

/// The image, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeded {
    /// The image.
    pub image: Image,
    /// Where its programs came from.
    pub origin: Origin,
}

/// Where the programs of the image came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An image of this name was in the store already and was left as it is.
    Present,
    /// A busybox of the host.
    Busybox {
        /// The program.
        program: PathBuf,
        /// How many applets it has.
        applets: usize,
    },
    /// The host's own shell and tools with their libraries.
    HostTools {
        /// The shell.
        shell: PathBuf,
        /// How many programs.
        programs: usize,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Present => write!(formatter, "it was in the store already"),
            Origin::Busybox { program, applets } => write!(formatter, "{} with {applets} applets", program.display()),
            Origin::HostTools { shell, programs } => {
                write!(formatter, "this machine's {} and {programs} tools with their libraries", shell.display())
            }
        }
    }
}

/// Why the image could not be made from this machine's programs.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum SeedError {
    /// The machine has neither busybox nor a shell.
    #[error(
        "cannot create the image busybox: this machine has neither busybox nor sh in PATH or in /bin and its like"
    )]
    NoShell,
    /// A program or library could not be read.
    #[error("cannot create the image busybox: cannot {action} {}", path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    /// A library that a program needs was not found.
    #[error("cannot create the image busybox: {} needs the library {library}, which was not found", program.display())]
    NoLibrary { program: PathBuf, library: String },
    /// The image could not be added to the store.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A part of the image could not be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

minicontainer::core::readable_debug!(SeedError);

impl Diagnostic for SeedError {
    fn kind(&self) -> ErrorKind {
        match self {
            SeedError::Image(error) => error.kind(),
            SeedError::Store(error) => error.kind(),
            SeedError::NoShell | SeedError::NoLibrary { .. } => ErrorKind::NotFound,
            SeedError::Io { source, .. } => ErrorKind::of_io(source),
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            SeedError::Image(error) => error.hint(),
            SeedError::Store(error) => error.hint(),
            _ => Some("install a static busybox (Debian: `apt install busybox-static`) and try again".into()),
        }
    }
}

impl SeedError {
    fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SeedError {
        let path = path.to_owned();
        move |source| SeedError::Io { action, path, source }
    }
}

/// The programs from which the image can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProgramSource {
    BusyboxIfThere,
    HostTools,
}

/// Makes the image `busybox:latest` from this machine's programs, without a network. An existing image of that name
/// is not changed. With `MINICONTAINER_SEED=host` in the environment, the host's own tools are used even if it has
/// busybox.
pub fn seed_busybox(store: &Store) -> Result<Seeded, SeedError> {
    let host_only = env::var_os("MINICONTAINER_SEED").as_deref() == Some(OsStr::new("host"));
    seed(store, if host_only { ProgramSource::HostTools } else { ProgramSource::BusyboxIfThere })
}

fn seed(store: &Store, material: ProgramSource) -> Result<Seeded, SeedError> {
    match find(store, NAME) {
        Err(ImageError::Store(StoreError::UnknownImage { .. })) => {}
        image => return Ok(Seeded { image: image?, origin: Origin::Present }),
    }
    let (programs, origin) = programs(material)?;
    let staging = store.sweep_and_stage()?;
    let created_by = [format!("minicontainer image seed: {origin}"), "minicontainer image seed: folders".to_owned()];
    let image = assemble(&staging, [programs, folders()], created_by)?;
    install(store, &staging, &[image])?;
    Ok(Seeded { image: store.image(NAME)?, origin })
}

fn programs(material: ProgramSource) -> Result<(FileTree, Origin), SeedError> {
    let mut tree = FileTree::default();
    if material == ProgramSource::BusyboxIfThere
        && let Some((program, applets)) = find_busybox()
    {
        tree.add_program(&program, "bin/busybox")?;
        for applet in applets.iter().filter(|applet| *applet != "busybox") {
            tree.add_hard_link(&format!("bin/{applet}"), "bin/busybox");
        }
        tree.add_symlink("usr/bin/env", "/bin/env");
        return Ok((tree, Origin::Busybox { program, applets: applets.len() }));
    }
    let shell = ["sh", "dash", "bash"].into_iter().find_map(find_program).ok_or(SeedError::NoShell)?;
    tree.add_host_program(&shell)?;
    if !shell.ends_with("sh") {
        tree.add_symlink("usr/local/bin/sh", &shell.to_string_lossy());
    }
    let tools: Vec<_> = TOOLS.split_whitespace().filter_map(find_program).collect();
    for tool in &tools {
        tree.add_host_program(tool)?;
    }
    Ok((tree, Origin::HostTools { shell, programs: tools.len() }))
}

/// A busybox and the names of its applets. A busybox that cannot list them is skipped.
fn find_busybox() -> Option<(PathBuf, Vec<String>)> {
    let program = find_program("busybox")?;
    let output = Command::new(&program).arg("--list").stdin(Stdio::null()).output().ok()?;
    let applets: Vec<String> = String::from_utf8(output.stdout).ok()?.lines().map(str::to_owned).collect();
    let plain = |name: &String| !name.is_empty() && !name.contains('/') && !name.starts_with('.');
    (output.status.success() && applets.iter().any(|name| name == "sh") && applets.iter().all(plain))
        .then_some((program, applets))
}

fn find_program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let standard = PROGRAM_DIRECTORIES.iter().map(PathBuf::from);
    standard
        .chain(env::split_paths(&path))
        .map(|directory| directory.join(name))
        .find(|path| path.is_absolute() && path.is_file())
}

/// The directories and accounts that programs expect.
fn folders() -> FileTree {
    let mut tree = FileTree::default();
    for directory in ["dev", "etc", "home", "proc", "run", "sys", "usr", "usr/bin", "var"] {
        tree.add_directory(directory, 0o755);
    }
    tree.add_directory("root", 0o700);
    tree.add_directory("tmp", 0o1777);
    tree.add_directory("var/tmp", 0o1777);
    tree.add_file("etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n");
    tree.add_file("etc/group", "root:x:0:\ntty:x:5:\nusers:x:100:\nnogroup:x:65534:\n");
    tree.add_file("etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n");
    tree
}

fn assemble(staging: &Staging, trees: [FileTree; 2], created_by: [String; 2]) -> Result<StagedImage, SeedError> {
    let mut layers = Vec::new();
    for tree in trees {
        let path = staging.unused_path();
        tree.write(&path)?;
        layers.push(staging.blob(File::open(&path).map_err(SeedError::io("open", &path))?)?);
    }
    let config = staged(staging, &config(&layers, created_by))?;
    let reference = NAME.parse().map_err(|source| StoreError::BadReference { name: NAME.to_owned(), source })?;
    Ok(StagedImage::assemble(staging, vec![reference], config, layers)?)
}

/// The image's config. These layers are not compressed, so the digest of the blob is the diff-id.
fn config(layers: &[Blob], created_by: [String; 2]) -> ImageConfig {
    let entry = |created_by| History { created: Some(EPOCH.to_owned()), created_by, ..History::default() };
    ImageConfig {
        created: Some(EPOCH.to_owned()),
        architecture: Arch::default().to_string(),
        os: "linux".to_owned(),
        config: Config { cmd: vec!["sh".to_owned()], env: vec![format!("PATH={DEFAULT_PATH}")], ..Config::default() },
        rootfs: RootFs { diff_ids: layers.iter().map(|layer| layer.digest().clone()).collect(), ..RootFs::default() },
        history: created_by.map(entry).into(),
        ..ImageConfig::default()
    }
}
