//! The file system of a scenario's directories: a new tmpfs for each scenario, or a directory on a disk that is
//! emptied after each. The disk is for kernels whose tmpfs does not support user attributes (Linux before 6.6).
//! Either is mounted over /tmp, in a mount namespace that no other process sees.

use std::{fs, io, path::Path};

use nix::{
    errno::Errno,
    mount::{MntFlags, MsFlags, mount, umount2},
    unistd::chdir,
};

/// Exists on every system.
const PLACE: &str = "/tmp";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scratch {
    Memory,
    Disk,
}

impl Scratch {
    /// The first file system that supports the attributes that overlay needs, or `None`.
    pub fn that_takes(prefix: &str, disk: &Path) -> io::Result<Option<Scratch>> {
        if Scratch::Memory.takes(prefix)? {
            return Ok(Some(Scratch::Memory));
        }
        mount(Some(disk), PLACE, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        Ok(Scratch::Disk.takes(prefix)?.then_some(Scratch::Disk))
    }

    fn takes(self, prefix: &str) -> io::Result<bool> {
        self.begin()?;
        fs::write("probe", "")?;
        let taken = xattr::set("probe", format!("{prefix}opaque"), b"y").is_ok();
        let taken = taken && xattr::set("probe", "user.x", b"y").is_ok();
        self.end()?;
        Ok(taken)
    }

    /// An additional mount option of overlay. On a disk each unmount would otherwise wait for a sync.
    pub fn option(self) -> &'static str {
        if self == Scratch::Disk { ",volatile" } else { "" }
    }

    /// Prepares an empty directory and makes it the working directory.
    pub fn begin(self) -> io::Result<()> {
        if self == Scratch::Memory {
            mount(Some("tmpfs"), PLACE, Some("tmpfs"), MsFlags::empty(), None::<&str>)?;
        }
        self.enter()
    }

    pub fn enter(self) -> io::Result<()> {
        Ok(chdir(PLACE)?)
    }

    /// Unmounts the overlay and removes all files.
    pub fn end(self) -> io::Result<()> {
        if self == Scratch::Memory {
            return Ok(umount2(PLACE, MntFlags::MNT_DETACH)?);
        }
        self.enter()?;
        match umount2("merged", MntFlags::MNT_DETACH) {
            // No overlay was mounted: there is no such directory, or nothing on it.
            Ok(()) | Err(Errno::ENOENT | Errno::EINVAL) => {}
            Err(errno) => return Err(errno.into()),
        }
        for entry in fs::read_dir(".")? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?
            } else {
                fs::remove_file(entry.path())?
            }
        }
        Ok(())
    }
}
