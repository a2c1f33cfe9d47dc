//! What the container sees in its file tree: mounts, devices, and where it may write.

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use minicontainer_core::options::{Access, Device, MountSpec};

use crate::host;
use crate::rootfs::Driver;
use crate::sandbox::{Place, Sandbox};

impl Sandbox {
    /// Makes the root file system read-only. Mounts can still be written to.
    pub fn read_only(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.root = Access::ReadOnly)
    }

    /// Bind-mounts a file or directory of the host in the container. A relative `source` is below the caller's
    /// current directory. `target` is an absolute path in the container.
    pub fn bind(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, Access::ReadWrite)
    }

    /// As [`bind`](Sandbox::bind), but read-only.
    pub fn bind_ro(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, Access::ReadOnly)
    }

    /// Bind-mounts the file or directory that `source` is open on, such as a directory opened with `O_PATH`. It is
    /// that file or directory even if `path` now leads elsewhere; plans and errors name it by `path`. If the
    /// container has its own user ids, the owner and group on the host appear as root in the container.
    ///
    /// For an ordinary user, the engine finds it by the path that the kernel reports for the descriptor, and checks
    /// that the path leads to the same file. So it must have a path, and the start can fail while another process
    /// keeps renaming it.
    pub fn bind_open(self, source: Arc<File>, path: &Path, target: &str, access: Access) -> Sandbox {
        let owner = source.metadata().map(|metadata| [metadata.uid(), metadata.gid()]);
        let mount = owner.map_err(|error| format!("cannot look at {}: {error}", path.display())).and_then(|owner| {
            let mount =
                MountSpec::bind(&path.display().to_string(), target, access).map_err(|error| error.to_string());
            mount.map(|mount| mount.owned_by(owner))
        });
        let target = mount.as_ref().map(|mount| mount.target().to_owned()).unwrap_or_default();
        self.parsed(mount, |options, mount| options.mounts.push(mount)).with(|sandbox| {
            sandbox.settings.bind_sources.push((target, source));
        })
    }

    fn mounted(self, source: &Path, target: &str, access: Access) -> Sandbox {
        let absolute = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
        let mount = match absolute.to_str() {
            Some(source) => MountSpec::bind(source, target, access).map_err(|error| error.to_string()),
            None => Err(format!(
                "cannot mount {source:?}: the path must be UTF-8; open the file, and pass it to `Sandbox::bind_open`"
            )),
        };
        self.parsed(mount, |options, mount| options.mounts.push(mount))
    }

    /// Mounts an empty tmpfs, a file system in memory.
    pub fn tmpfs(self, target: &str) -> Sandbox {
        self.parsed(MountSpec::from_tmpfs(target), |options, mount| options.mounts.push(mount))
    }

    /// Lets the container use a device of the host: `/dev/fuse`, or `PATH:CONTAINER_PATH:PERMISSIONS` with other
    /// permissions than `rwm` (read, write, mknod), as in docker-run(1).
    pub fn device(self, device: &str) -> Sandbox {
        self.parsed(Device::parse(device, host::device_number), |options, device| options.devices.push(device))
    }

    /// How the layers become one tree. Default: overlayfs if it works on this host, otherwise a copy.
    pub fn driver(self, driver: Driver) -> Sandbox {
        self.with(|sandbox| sandbox.driver = Some(driver))
    }

    /// Keeps the writable layer in `directory`, under this ID, after the run.
    pub fn kept_in(self, directory: impl Into<PathBuf>, id: impl Into<String>) -> Sandbox {
        self.with(|sandbox| {
            sandbox.place = Place::Kept { directory: directory.into(), id: id.into(), volatile: false }
        })
    }

    /// Declares that the caller will remove the layer that [`kept_in`](Sandbox::kept_in) keeps. So it need not be
    /// synced to disk.
    pub fn volatile(mut self) -> Sandbox {
        if let Place::Kept { volatile, .. } = &mut self.place {
            *volatile = true;
        }
        self
    }
}
