//! Where a container's root file system comes from, and where what the container writes lies.

use std::path::{Path, PathBuf};

use minicontainer_core::options::{Isolation, RunOptions};
use minicontainer_core::plan::{Host, Overlay, RootFs};

use super::super::running::Scratch;
use super::Error;
use crate::rootfs::{self, Driver};
use crate::store::private;

/// Where a root file system comes from and lies.
#[derive(Clone, Debug)]
pub struct RootPlace {
    /// The image's layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// The container's own directory, for its writable layer.
    pub directory: PathBuf,
    /// How the layers become one tree; none: by overlayfs where that works, else by copying.
    pub driver: Option<Driver>,
    /// How long that directory lives.
    pub lifetime: Lifetime,
}

/// How long the directory of a container lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// It is made by the start, and removed when the [`Running`](crate::Running) is dropped.
    Run,
    /// It is the caller's, who removes it soon: nothing that the container writes need reach the disk.
    Volatile,
    /// It is the caller's, and stays.
    Kept,
}

/// The same, decided.
#[derive(Debug)]
pub(super) struct Root {
    place: RootPlace,
    driver: Driver,
    /// Whether a start before may have made what lies there.
    stored: bool,
}

impl Root {
    /// For a container that is started for the first time.
    pub(super) fn new(place: RootPlace, options: &RunOptions, host: &Host) -> Root {
        // Without a mount namespace of its own the container cannot have a mount at all.
        let no_mounts = options.without.contains(&Isolation::Mount);
        let driver = place.driver.unwrap_or(if no_mounts { Driver::Copy } else { best_driver(host) });
        Root { place, driver, stored: false }
    }

    /// For a container that may have been started before.
    pub(super) fn stored(place: RootPlace, host: &Host) -> Root {
        let driver = place.driver.unwrap_or(best_driver(host));
        Root { place, driver, stored: true }
    }

    pub(super) fn layers(&self) -> &[PathBuf] {
        &self.place.layers
    }

    pub(super) fn driver(&self) -> Driver {
        self.driver
    }

    /// The root file system as a value for the planner. Nothing is made.
    pub(super) fn describe(&self) -> RootFs {
        rootfs::describe(&self.place.layers, &self.place.directory, self.driver, self.is_volatile())
    }

    fn is_volatile(&self) -> bool {
        self.place.lifetime != Lifetime::Kept
    }

    /// Makes the writable layer, or the copy. What comes back removes it in the end, where it lives no longer than
    /// the run.
    pub(super) fn make(&self) -> Result<Option<Scratch>, Error> {
        let directory: &Path = &self.place.directory;
        let scratch = match self.place.lifetime {
            Lifetime::Kept | Lifetime::Volatile => None,
            Lifetime::Run => {
                let made = |source| Error::MakeDirectory { path: directory.to_owned(), source };
                private::make_directory(directory).map_err(made)?;
                Some(Scratch { directory: directory.to_owned() })
            }
        };
        let is_prepared = self.stored && rootfs::is_prepared(directory, self.driver)?;
        if !is_prepared {
            rootfs::prepare(&self.place.layers, directory, self.driver, self.is_volatile())?;
        }
        Ok(scratch)
    }
}

fn best_driver(host: &Host) -> Driver {
    if host.overlay == Overlay::None { Driver::Copy } else { Driver::Overlay }
}
