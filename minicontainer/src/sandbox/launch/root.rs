//! Where a container's root file system comes from, and where its writable layer is stored.

use std::path::{Path, PathBuf};

use minicontainer_core::options::{Isolation, RunOptions};
use minicontainer_core::plan::{Host, Overlay, RootFs};

use super::super::running::Scratch;
use super::Error;
use crate::rootfs::{self, Driver};
use crate::store::private;

/// The layers of a root file system, and the directory for its writable layer.
#[derive(Clone, Debug)]
pub struct RootLocation {
    /// The image's layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// The container's own directory, for its writable layer.
    pub directory: PathBuf,
    /// How the layers become one tree. None: overlayfs if it works on this host, otherwise a copy.
    pub driver: Option<Driver>,
    /// How long that directory is kept.
    pub lifetime: Lifetime,
}

/// How long the directory of a container is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// The start creates it, and it is removed when the [`Running`](crate::Running) is dropped.
    Run,
    /// The caller owns it and will remove it soon, so it need not be synced to disk.
    Volatile,
    /// The caller owns it and keeps it.
    Kept,
}

/// A [`RootLocation`] with the chosen driver.
#[derive(Debug)]
pub(super) struct Root {
    place: RootLocation,
    driver: Driver,
    /// Whether an earlier start may already have prepared the directory.
    stored: bool,
}

impl Root {
    /// For a container that is started for the first time.
    pub(super) fn new(place: RootLocation, options: &RunOptions, host: &Host) -> Root {
        // Without its own mount namespace, the container cannot have any mount.
        let no_mounts = options.without.contains(&Isolation::Mount);
        let driver = place.driver.unwrap_or(if no_mounts { Driver::Copy } else { best_driver(host) });
        Root { place, driver, stored: false }
    }

    /// For a container that may have been started before.
    pub(super) fn stored(place: RootLocation, host: &Host) -> Root {
        let driver = place.driver.unwrap_or(best_driver(host));
        Root { place, driver, stored: true }
    }

    pub(super) fn layers(&self) -> &[PathBuf] {
        &self.place.layers
    }

    pub(super) fn driver(&self) -> Driver {
        self.driver
    }

    /// The root file system as a value for the planner. Nothing is created.
    pub(super) fn describe(&self) -> RootFs {
        rootfs::describe(&self.place.layers, &self.place.directory, self.driver, self.is_volatile())
    }

    fn is_volatile(&self) -> bool {
        self.place.lifetime != Lifetime::Kept
    }

    /// Creates the writable layer, or the copy. Dropping the returned value removes it, if its lifetime is the run.
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
