//! `load`, `save`, `import` and `check-layer`: images and layers as files.

use std::{
    fs::{self, File},
    io::{self, BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Args;
use minicontainer::{
    Store,
    core::{Digest, Reference},
};
use minicontainer_images::{self as images, ImageError, ImportOptions};

use super::{super::registry::has_tag, creation_time, new_name, warn_of};
use crate::commands::open_store;
use crate::{
    error::{Context, Failure},
    output,
    progress::{Stream, TransferProgress},
};

/// Load images from a tar archive
///
/// The archive has the format of `docker save`, or is an OCI image layout. It may be compressed with gzip, zstd, bzip2
/// or xz.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  docker save alpine | minicontainer load
  minicontainer load -i alpine.tar")]
pub struct LoadArguments {
    /// Read this file, or this directory with an OCI image layout, instead of stdin
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,

    /// Print only ids
    #[arg(short, long)]
    quiet: bool,
}

/// Save images to a tar archive that `load`, Docker, Podman and other tools can load
///
/// The archive is both in the format of `docker save` and an OCI image layout.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer save -o busybox.tar busybox:latest
  minicontainer save busybox | docker load

A name without a tag means all tags that it has here.")]
pub struct SaveArguments {
    /// Write to this file instead of stdout
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Names, ids, or id prefixes
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,
}

/// Create an image from a tar archive of files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer export web | minicontainer import - web:flat
  minicontainer import -c 'CMD [\"sh\"]' rootfs.tar.gz mine:1.0")]
pub struct ImportArguments {
    /// Apply a Dockerfile instruction to the image's config
    #[arg(short, long, value_name = "INSTRUCTION")]
    change: Vec<String>,

    /// Comment in the image's history
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// The archive, optionally compressed with gzip, zstd, bzip2 or xz; - reads stdin
    #[arg(value_name = "FILE|-")]
    archive: PathBuf,

    /// The new image's name
    #[arg(value_name = "REPOSITORY[:TAG]")]
    name: Option<String>,
}

/// Apply one layer from stdin to a directory, to try out an archive
///
/// The layer is a tar archive, optionally compressed with gzip, zstd, bzip2 or xz. The directory contains the files
/// below the layer, and whiteouts in the layer delete them. Nothing outside the directory is changed, whatever the
/// archive contains. If an entry is refused, the entries before it stay in the directory.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  mkdir tree && minicontainer image check-layer tree < layer.tar")]
pub struct CheckLayerArguments {
    /// The directory
    directory: PathBuf,
}

/// Runs `load`.
pub fn load(arguments: &LoadArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let shown = TransferProgress::new(Stream::Stdout, arguments.quiet);
    let watch = |layer: &Digest, done, total| shown.loading(layer, done, total);
    let loaded = match &arguments.input {
        Some(path) if path.is_dir() => images::load_layout_watched(&store, path, &watch)?,
        Some(path) => images::load_watched(&store, open(path)?, &watch)?,
        None => images::load_watched(&store, piped("load", "`minicontainer load -i FILE`")?, &watch)?,
    };
    // The loaded images are listed below the lines of the layers.
    shown.finish()?;
    for image in loaded {
        warn_of(&image.warnings);
        output::print_line(&match image.reference {
            _ if arguments.quiet => image.id.to_string(),
            Some(name) => format!("Loaded image: {}", name.familiar()),
            None => format!("Loaded image ID: {}", image.id),
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `save`.
pub fn save(arguments: &SaveArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let mut names = Vec::new();
    for name in &arguments.images {
        names.extend(all_tags(&store, name)?);
    }
    write_to(arguments.output.as_deref(), "save", |archive| images::save(&store, &names, archive))
}

/// All tags of a repository if the name has no tag, as with Docker.
fn all_tags(store: &Store, name: &str) -> Result<Vec<String>, Failure> {
    let Some(wanted) = name.parse::<Reference>().ok().filter(|_| !has_tag(name)) else {
        return Ok(vec![name.to_owned()]);
    };
    let images = images::list(store)?.into_iter().flatten();
    let same = images.filter_map(|image| image.reference).filter(|name| name.repository() == wanted.repository());
    let tags: Vec<String> = same.map(|name| name.familiar()).collect();
    Ok(if tags.is_empty() { vec![name.to_owned()] } else { tags })
}

/// Runs `import`.
pub fn import(arguments: &ImportArguments) -> Result<ExitCode, Failure> {
    let name = arguments.name.as_deref().map(new_name).transpose()?;
    let source = arguments.archive.display().to_string();
    if source.starts_with("http://") || source.starts_with("https://") {
        let failure = Failure::new(format!("cannot import {source}: URLs are not supported"));
        return Err(failure.hint("pipe it in: `curl -L URL | minicontainer import - NAME`"));
    }
    let comment = arguments.message.clone().unwrap_or_else(|| format!("Imported from {source}"));
    let (created, _) = creation_time()?;
    let changes = arguments.change.clone();
    let wanted = ImportOptions { reference: name, comment, changes, created };
    let store = open_store()?;
    let imported = match source.as_str() {
        "-" => images::import(&store, piped("import", "`minicontainer import FILE`")?, &wanted)?,
        _ => images::import(&store, open(&arguments.archive)?, &wanted)?,
    };
    warn_of(&imported.warnings);
    output::print_line(imported.id.as_str())?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `image check-layer`.
pub fn check_layer(arguments: &CheckLayerArguments) -> Result<ExitCode, Failure> {
    let layer = piped("a layer", "`minicontainer image check-layer DIRECTORY < layer.tar`")?;
    let applied = images::check_layer(layer, &arguments.directory)?;
    warn_of(&applied.warnings);
    output::print_line(&format!("Applied layer: {} ({} bytes)", applied.diff_id, applied.size))?;
    Ok(ExitCode::SUCCESS)
}

fn open(path: &Path) -> Result<File, Failure> {
    File::open(path).with_context(|| format!("cannot open {}", path.display()))
}

/// Stdin, if it is not a terminal.
fn piped(what: &str, instead: &str) -> Result<impl Read, Failure> {
    match io::stdin().is_terminal() {
        true => {
            let failure = Failure::new(format!("requested {what} from stdin, but stdin is empty"));
            Err(failure.hint(format!("pipe an archive in, or name one: {instead}")))
        }
        false => Ok(io::stdin().lock()),
    }
}

/// Writes an archive to a file or to stdout. The file is created completely or not at all.
pub fn write_to(
    path: Option<&Path>,
    what: &str,
    write: impl FnOnce(&mut dyn Write) -> Result<(), ImageError>,
) -> Result<ExitCode, Failure> {
    let Some(path) = path else {
        if io::stdout().is_terminal() {
            let failure = Failure::new(format!("cowardly refusing to {what} to a terminal"));
            return Err(failure.hint("use -o FILE, or redirect stdout"));
        }
        write(&mut BufWriter::with_capacity(1 << 16, io::stdout().lock()))?;
        return Ok(ExitCode::SUCCESS);
    };
    // A device or a pipe is written directly.
    let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = if is_special { path.to_owned() } else { path.with_file_name(name) };
    // The file must be new, so that nothing is written through another user's symbolic link.
    let opened = File::options().write(true).create_new(!is_special).open(&part);
    let file = opened.with_context(|| format!("cannot create {}", part.display()))?;
    let written = write(&mut BufWriter::with_capacity(1 << 16, file)).map_err(Failure::from);
    if is_special {
        return written.map(|()| ExitCode::SUCCESS);
    }
    let placed = written.and_then(|()| {
        fs::rename(&part, path).with_context(|| format!("cannot move the archive to {}", path.display()))
    });
    if placed.is_err() {
        // Best effort: the caller reports the error, and the incomplete file is of no use.
        let _ = fs::remove_file(&part);
    }
    placed.map(|()| ExitCode::SUCCESS)
}
