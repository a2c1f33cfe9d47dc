//! Where a container's root file system comes from, and where its writable layer is stored.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use minicontainer_core::options::{Isolation, RunOptions};
use minicontainer_core::plan::{Host, Overlay, RootFs};

use super::super::running::Scratch;
use super::Error;
use crate::rootfs::{self, Driver, InitLayer};
use crate::store::private;

/// The layers of a root file system, and the directory for its writable layer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RootLocation {
    /// The image's layers, lowest first.
    pub layers: Vec<PathBuf>,
    /// The container's own directory, for its writable layer.
    pub directory: PathBuf,
    /// The directory of the layer that containers share if their image lacks mount points. None: a container then has
    /// a layer of its own.
    pub init_layers: Option<PathBuf>,
    /// How the layers become one tree. None: overlayfs if it works on this host, otherwise a copy.
    pub driver: Option<Driver>,
    /// How long that directory is kept.
    pub lifetime: Lifetime,
}

impl RootLocation {
    /// A container of these layers, lowest first, whose directory is created by its start and removed after the run.
    pub fn new(layers: Vec<PathBuf>, directory: impl Into<PathBuf>) -> RootLocation {
        RootLocation { layers, directory: directory.into(), init_layers: None, driver: None, lifetime: Lifetime::Run }
    }
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
    /// The files that the engine writes into the directory, by name.
    files: Vec<(&'static str, String)>,
    /// The mount points of these files that the image lacks.
    init_layer: Option<InitLayer>,
}

impl Root {
    /// For a container that is started for the first time.
    pub(super) fn new(place: RootLocation, options: &RunOptions, host: &Host) -> Root {
        // Without its own mount namespace, the container cannot have any mount.
        let no_mounts = options.without.contains(&Isolation::Mount);
        let driver = place.driver.unwrap_or(if no_mounts { Driver::Copy } else { best_driver(host) });
        Root { place, driver, stored: false, files: Vec::new(), init_layer: None }
    }

    /// For a container that may have been started before.
    pub(super) fn stored(place: RootLocation, host: &Host) -> Root {
        let driver = place.driver.unwrap_or(best_driver(host));
        Root { place, driver, stored: true, files: Vec::new(), init_layer: None }
    }

    /// Adds files for `/etc` that the start writes, by name.
    pub(super) fn add_files(&mut self, files: Vec<(&'static str, String)>) -> Result<(), Error> {
        if !files.is_empty() {
            self.init_layer = InitLayer::of(&self.place.layers, files.iter().map(|(name, _)| *name))?;
        }
        self.files = files;
        Ok(())
    }

    /// The container's directory.
    pub(super) fn directory(&self) -> &Path {
        &self.place.directory
    }

    pub(super) fn layers(&self) -> &[PathBuf] {
        &self.place.layers
    }

    pub(super) fn driver(&self) -> Driver {
        self.driver
    }

    /// The root file system as a value for the planner. Nothing is created.
    pub(super) fn describe(&self) -> RootFs {
        rootfs::describe(&self.all_layers(), &self.place.directory, self.driver, self.is_volatile())
    }

    /// The image's layers, and the init layer above them.
    fn all_layers(&self) -> Vec<PathBuf> {
        let own = match (self.shared_init_layers(), &self.init_layer) {
            (Some(directory), _) => rootfs::shared_init_layer(directory),
            (None, Some(_)) => rootfs::init_layer(self.directory()),
            (None, None) => return rootfs::with_init_layer(&self.place.layers, self.directory()),
        };
        self.place.layers.iter().cloned().chain([own]).collect()
    }

    /// The directory of the init layer, if it is one that containers share. A copy of the layers has its own, with
    /// which it is compared later.
    fn shared_init_layers(&self) -> Option<&PathBuf> {
        let is_shareable =
            self.driver == Driver::Overlay && self.init_layer.as_ref().is_some_and(InitLayer::is_shareable);
        self.place.init_layers.as_ref().filter(|_| is_shareable)
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
            self.write_files()?;
            rootfs::prepare(&self.all_layers(), directory, self.driver, self.is_volatile())?;
        }
        Ok(scratch)
    }

    /// Writes the files of the engine, and their mount points.
    fn write_files(&self) -> Result<(), Error> {
        for (name, content) in &self.files {
            let path = self.directory().join(name);
            write_readable(&path, content).map_err(|source| Error::Write { path, source })?;
        }
        match (self.shared_init_layers(), &self.init_layer) {
            (Some(directory), _) if !rootfs::shared_init_layer(directory).exists() => {
                let failed = |source| Error::MakeDirectory { path: directory.clone(), source };
                private::make_directory(directory).map_err(failed)?;
                rootfs::create_shared(directory, self.directory())?;
            }
            (Some(_), _) => {}
            (None, Some(layer)) => layer.create(&rootfs::init_layer(self.directory()))?,
            (None, None) => {}
        }
        Ok(())
    }
}

/// Writes a file that every user of the container can read, whatever the caller's umask.
fn write_readable(path: &Path, content: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content.as_bytes())?;
    let readable = Permissions::from_mode(libc::S_IFREG | 0o644);
    if file.metadata()?.permissions() == readable { Ok(()) } else { file.set_permissions(readable) }
}

fn best_driver(host: &Host) -> Driver {
    if host.overlay == Overlay::None { Driver::Copy } else { Driver::Overlay }
}
