//! `spec`: writes an OCI bundle for other runtimes.
//!
//! A *bundle* is a directory with a `config.json`, which the runtime specification defines, and the root file system
//! that it names (OCI runtime-spec, *bundle.md*). That file has the whole configuration of the container, so any
//! runtime can run the bundle: `runc run --bundle DIR ID`.

use std::{fs, io, path::PathBuf, process::ExitCode};

use clap::Args;
use minicontainer::{
    rootfs::{self, Driver},
    store::private,
};

use super::{
    find_image,
    options::{ContainerArguments, OPTIONS},
};
use crate::commands::open_store;
use crate::{
    error::{Context, Failure},
    output,
};

/// Write an OCI bundle (config.json and rootfs) for runc, crun and other runtimes
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
#[command(override_usage = "minicontainer spec --bundle DIR [OPTIONS] IMAGE [COMMAND] [ARG...]")]
#[command(after_help = "Examples:
  minicontainer spec --bundle /tmp/bundle busybox echo hi
  runc run --bundle /tmp/bundle hi
  crun run --bundle /tmp/bundle hi")]
pub struct SpecArguments {
    /// Write the bundle to this directory, created if missing
    #[arg(short, long, value_name = "DIR")]
    bundle: PathBuf,

    #[command(flatten)]
    container: ContainerArguments,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help, help_heading = OPTIONS)]
    help: Option<bool>,
}

/// Runs `spec`.
pub fn execute(arguments: &SpecArguments) -> Result<ExitCode, Failure> {
    if arguments.container.driver.is_some() {
        let message =
            "a bundle contains its root file system as plain files, so it is always a copy: --driver has no effect";
        return Err(Failure::new(message).hint("leave --driver out"));
    }
    let options = arguments.container.options()?;
    let store = open_store()?;
    let image = find_image(&store, arguments.container.image())?;
    let config = arguments.container.sandbox(&image, &options).driver(Driver::Copy).spec()?;
    let config = serde_json::to_string_pretty(&config).context("cannot write the config as JSON")?;

    let bundle = &arguments.bundle;
    let made = private::make_directory(bundle);
    made.with_context(|| format!("cannot create the directory {}", bundle.display()))?;
    for taken in [bundle.join("rootfs"), bundle.join("config.json")] {
        if fs::symlink_metadata(&taken).map_or_else(|error| error.kind() != io::ErrorKind::NotFound, |_| true) {
            let message = format!("cannot write the bundle: {} already exists", taken.display());
            return Err(Failure::new(message).hint("remove it, or choose another directory with --bundle"));
        }
    }
    let layers: Vec<PathBuf> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
    if let Err(error) = rootfs::prepare(&layers, bundle, Driver::Copy, false) {
        rootfs::remove(&bundle.join("rootfs"))?;
        return Err(error.into());
    }
    let path = bundle.join("config.json");
    fs::write(&path, config + "\n").with_context(|| format!("cannot write {}", path.display()))?;
    output::print_line(&bundle.display().to_string())?;
    Ok(ExitCode::SUCCESS)
}
