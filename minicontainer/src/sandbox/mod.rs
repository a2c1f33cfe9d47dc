//! Running an isolated process, from the request to the exit status.
//!
//! A [`Sandbox`] is a description, like [`std::process::Command`]: it can be built once and run many times, from many
//! threads. [`Sandbox::spawn`] goes through the stages below. Each stage consumes the value of the stage before:
//!
//! ```text
//! RunOptions + image config ─ spec ─▶ Spec ─ plan ─▶ Launch ─ start ─▶ Running ─ wait ─▶ Report
//! └──────────────── pure, cannot leave anything behind ────┘ └── makes system calls ────────┘
//! ```
//!
//! The reading path to execve(2) begins here. Next: [`Launch`].
//!
//! The stages can be used one by one:
//!
//! ```
//! use minicontainer::Sandbox;
//!
//! let root = tempfile::tempdir()?;
//! let launch = Sandbox::from_rootfs(root.path(), "sh").hostname("attic").launch()?; // nothing is created yet
//! assert_eq!(launch.spec().hostname().as_deref(), Some("attic"));
//! assert!(launch.plan().steps.len() > 10);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod bundle;
mod command;
mod error;
mod launch;
mod running;
mod stdio;
mod streams;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use minicontainer_core::image::Config;
use minicontainer_core::options::RunOptions;
use minicontainer_core::plan::Plan;
use oci_spec::runtime::Spec;

use crate::process::Hooks;
use crate::rootfs::Driver;
use crate::store::Image;
use bundle::Bundle;
use command::Command;

pub use error::Error;
pub use launch::{Launch, LaunchSettings, Lifetime, RootLocation};
pub use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
pub use running::{Event, Output, Running, Signaller};
pub use stdio::Stdio;
pub use streams::StandardStream;

/// The description of a process to run in isolation. Nothing is started yet.
#[derive(Clone, Debug)]
pub struct Sandbox {
    options: RunOptions,
    command: Command,
    source: Source,
    place: Place,
    driver: Option<Driver>,
    settings: LaunchSettings,
    invalid: Option<String>,
}

/// Where the root file system and the process's defaults come from.
#[derive(Clone, Debug)]
enum Source {
    Image { layers: Vec<PathBuf>, init_layers: PathBuf, defaults: Box<Config> },
    Rootfs(PathBuf),
    Bundle(Box<Bundle>),
}

/// Where the writable layer is stored.
#[derive(Clone, Debug)]
enum Place {
    /// In a directory of its own below this one, removed after the run.
    Below(PathBuf),
    /// In a directory that outlives the call.
    Kept { directory: PathBuf, id: String, volatile: bool },
}

impl Sandbox {
    /// A container of the image. Its writable layer is removed after the run. [`command`](Sandbox::command) names the
    /// program; without that call, the image's own is run.
    pub fn from_image(image: &Image) -> Sandbox {
        let layers = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        let init_layers = image.containers.with_file_name("init");
        let source = Source::Image { layers, init_layers, defaults: Box::new(image.config.config.clone()) };
        Sandbox::new(source, image.containers.clone())
    }

    /// A container whose root is a plain directory, such as an unpacked archive of a root file system, and the
    /// program to run in it. There are no layers: what the container writes below its root stays in the directory, as
    /// with chroot(1). [`read_only`](Sandbox::read_only) prevents that, and allows several containers to share it.
    ///
    /// The container's `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` are those of the directory. Missing mount
    /// points such as `/proc` are created. A relative path is below the caller's current directory.
    pub fn from_rootfs(path: impl AsRef<Path>, program: impl AsRef<OsStr>) -> Sandbox {
        let path = path.as_ref().to_owned();
        Sandbox::new(Source::Rootfs(path.clone()), path).command(program)
    }

    /// A container of an OCI runtime bundle: a directory with a `config.json` and the root file system that it names.
    /// The runtime config alone defines the container. Of the methods of this type, only those for streams and time
    /// limits, and [`traced`](Sandbox::traced), have an effect.
    ///
    /// # Errors
    /// When there is no `config.json`, or it does not follow the runtime specification.
    pub fn from_bundle(directory: &Path) -> Result<Sandbox, Error> {
        let bundle = Bundle::read(directory)?;
        Ok(Sandbox::new(Source::Bundle(Box::new(bundle)), directory.to_owned()))
    }

    fn new(source: Source, below: PathBuf) -> Sandbox {
        Sandbox {
            options: RunOptions::with(|options| options.init = true),
            command: Command::default(),
            source,
            place: Place::Below(below),
            driver: None,
            settings: LaunchSettings::default(),
            invalid: None,
        }
    }

    /// Plans the start without creating anything. The result can be inspected, and [started](Launch::start).
    ///
    /// # Errors
    /// When the request is invalid or this host cannot satisfy it, see [`Error`].
    pub fn launch(&self) -> Result<Launch, Error> {
        if let Some(reason) = &self.invalid {
            return Err(Error::Invalid { reason: reason.clone() });
        }
        let (directory, id, lifetime) = match &self.place {
            Place::Kept { directory, id, volatile: true } => (directory.clone(), id.clone(), Lifetime::Volatile),
            Place::Kept { directory, id, volatile: false } => (directory.clone(), id.clone(), Lifetime::Kept),
            Place::Below(parent) => {
                let id = launch::new_id()?;
                (parent.join(&id), id, Lifetime::Run)
            }
        };
        let mut settings = self.settings.clone();
        match &self.source {
            Source::Image { layers, init_layers, defaults } => {
                let options;
                (options, settings.process_bytes) = self.command.applied_to(&self.options, &defaults.entrypoint)?;
                if lifetime == Lifetime::Kept {
                    describable(&settings)?;
                }
                let (layers, init_layers) = (layers.clone(), Some(init_layers.clone()));
                let place = RootLocation { layers, directory, init_layers, driver: self.driver, lifetime };
                Launch::from_options(&options, defaults, &id, place, settings)
            }
            Source::Rootfs(path) => {
                let options;
                (options, settings.process_bytes) = self.command.applied_to(&self.options, &[])?;
                if lifetime != Lifetime::Run || self.driver.is_some() {
                    let reason = "cannot choose a driver or a directory for the writable layer of a container in a \
                                  plain directory: it has no layers";
                    return Err(Error::Invalid { reason: reason.to_owned() });
                }
                Launch::of_rootfs(&options, path, &id, settings)
            }
            Source::Bundle(bundle) => Launch::of_bundle(bundle.as_ref().clone(), &id, settings.within(&self.options)),
        }
    }

    /// The OCI runtime `Spec` of the container, for a bundle. Nothing is created. It has no mounts for `/etc/hosts`,
    /// `/etc/hostname` and `/etc/resolv.conf`, because the engine writes these files when it creates a container.
    ///
    /// # Errors
    /// When the request is invalid or this host cannot satisfy it, see [`Error`].
    pub fn spec(&self) -> Result<Spec, Error> {
        let launch = self.clone().without_network_files().launch()?;
        describable(launch.settings())?;
        Ok(launch.spec().clone())
    }

    /// The plan, which [`explain`](minicontainer_core::explain) describes in words. Nothing is created.
    ///
    /// # Errors
    /// When the request is invalid or this host cannot satisfy it, see [`Error`].
    pub fn plan(&self) -> Result<Plan, Error> {
        Ok(self.launch()?.plan().clone())
    }

    /// Starts the process and returns as soon as the program runs. A background thread copies the streams that have
    /// to be copied (see [`Stdio`]). The time limits are enforced while the caller waits: by [`Running::wait`],
    /// [`Running::wait_timeout`], or each call of [`Running::try_wait`].
    ///
    /// # Errors
    /// When the program could not be started. In that case everything already created is removed.
    pub fn spawn(&self) -> Result<Running, Error> {
        let mut running = self.launch()?.start(Hooks::none())?;
        running.copy_in_background()?;
        Ok(running)
    }
}

/// Whether a runtime config describes the process exactly, for a container that is started from it again.
fn describable(settings: &LaunchSettings) -> Result<(), Error> {
    match settings.process_bytes.is_empty() {
        true => Ok(()),
        false => Err(Error::Invalid {
            reason: "cannot write an OCI runtime config for this process: an argument, a variable or the working \
                     directory is not UTF-8"
                .to_owned(),
        }),
    }
}
