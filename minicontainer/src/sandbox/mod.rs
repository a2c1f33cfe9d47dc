//! Running an isolated process: from what was asked for to how it ended.
//!
//! A [`Sandbox`] is a description, like [`std::process::Command`]: it can be built once and run many times, from many
//! threads. [`Sandbox::spawn`] goes through the stages that the crate's front page draws, each consuming the value of
//! the one before:
//!
//! ```text
//! RunOptions + image config ─ spec ─▶ Spec ─ plan ─▶ Launch ─ start ─▶ Running ─ wait ─▶ Report
//! └──────────────── pure, cannot leave anything behind ────┘ └── the kernel's ──────────────┘
//! ```
//!
//! The reading path to execve(2) begins here. Next: [`Launch`].
//!
//! ```no_run
//! use minicontainer::{Sandbox, Store};
//!
//! let store = Store::open_default()?;
//! let image = store.image("busybox")?;
//! let report = Sandbox::from_image(&image).command("true").status()?;
//! println!("{:?} after {:?}", report.verdict, report.wall_time);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod bundle;
mod error;
mod launch;
mod running;
mod stdio;
mod streams;

use std::path::{Path, PathBuf};

use minicontainer_core::image::Config;
use minicontainer_core::options::RunOptions;
use minicontainer_core::plan::Plan;
use oci_spec::runtime::Spec;

use crate::process::Hooks;
use crate::rootfs::Driver;
use crate::store::Image;
use bundle::Bundle;

pub use error::Error;
pub use launch::{Launch, LaunchSettings, Lifetime, RootPlace};
pub use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
pub use running::{Event, Output, Running, Signaller};
pub use stdio::Stdio;
pub use streams::StandardStream;

/// A process to be run in isolation, described but not started.
#[derive(Clone, Debug)]
pub struct Sandbox {
    options: RunOptions,
    source: Source,
    place: Place,
    driver: Option<Driver>,
    settings: LaunchSettings,
    invalid: Option<String>,
}

/// Where the root file system and the process's defaults come from.
#[derive(Clone, Debug)]
enum Source {
    Image { layers: Vec<PathBuf>, defaults: Box<Config> },
    Bundle(Box<Bundle>),
}

/// Where the writable layer lies.
#[derive(Clone, Debug)]
enum Place {
    /// In a directory of its own below this one, removed at the end.
    Below(PathBuf),
    /// In a directory that outlives the call.
    Kept { directory: PathBuf, id: String, volatile: bool },
}

impl Sandbox {
    /// A container of the image. What it writes is gone when it is over.
    pub fn from_image(image: &Image) -> Sandbox {
        let layers = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        let source = Source::Image { layers, defaults: Box::new(image.config.config.clone()) };
        Sandbox::new(source, image.containers.clone())
    }

    /// A container of an OCI runtime bundle: a directory with a `config.json` and the root file system that it names.
    /// The document alone says what is run and how; only streams, time limits and [`traced`](Sandbox::traced) count
    /// beside it.
    ///
    /// # Errors
    /// When there is no `config.json`, or it is not a document of the runtime specification.
    pub fn from_bundle(directory: &Path) -> Result<Sandbox, Error> {
        let bundle = Bundle::read(directory)?;
        Ok(Sandbox::new(Source::Bundle(Box::new(bundle)), directory.to_owned()))
    }

    fn new(source: Source, below: PathBuf) -> Sandbox {
        Sandbox {
            options: RunOptions { init: true, ..RunOptions::default() },
            source,
            place: Place::Below(below),
            driver: None,
            settings: LaunchSettings::default(),
            invalid: None,
        }
    }

    /// Decides everything and makes nothing: what comes back can be looked at, and [started](Launch::start).
    ///
    /// # Errors
    /// When what was asked for cannot be had, see [`Error`].
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
        let settings = self.settings.clone();
        match &self.source {
            Source::Image { layers, defaults } => {
                let place = RootPlace { layers: layers.clone(), directory, driver: self.driver, lifetime };
                Launch::from_options(&self.options, defaults, &id, place, settings)
            }
            Source::Bundle(bundle) => Launch::of_bundle(bundle.as_ref().clone(), &id, settings.within(&self.options)),
        }
    }

    /// The OCI runtime `Spec` of what was asked for. Nothing is made.
    ///
    /// # Errors
    /// When what was asked for cannot be had, see [`Error`].
    pub fn spec(&self) -> Result<Spec, Error> {
        Ok(self.launch()?.spec().clone())
    }

    /// The plan, which [`explain`](minicontainer_core::explain) puts into words. Nothing is made.
    ///
    /// # Errors
    /// When what was asked for cannot be had, see [`Error`].
    pub fn plan(&self) -> Result<Plan, Error> {
        Ok(self.launch()?.plan().clone())
    }

    /// Starts the process and returns as soon as the program runs. Streams that are copied (see [`Stdio`]) are copied
    /// in a thread.
    ///
    /// # Errors
    /// When the program could not be started. Then nothing of it is left.
    pub fn spawn(&self) -> Result<Running, Error> {
        let mut running = self.launch()?.start(Hooks::none())?;
        running.copy_in_background()?;
        Ok(running)
    }
}
