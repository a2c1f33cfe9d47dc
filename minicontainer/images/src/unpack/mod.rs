//! A layer's tar archive becomes a directory tree that overlayfs can stack.
//!
//! A layer is a tar archive of *changes* (OCI image-spec, *layer.md*): files added or modified, and **whiteouts**,
//! empty files whose names say what the layer removes from the layers below. `a/.wh.b` hides `a/b`; `a/.wh..wh..opq`
//! makes `a` **opaque**, hiding the contents that `a` has in the layers below. Overlayfs has its own format: a
//! whiteout is a character device 0:0, an opaque directory has the extended attribute `trusted.overlay.opaque` (an
//! ordinary user's overlay: `user.overlay.opaque`); see the kernel's *overlayfs.rst*. So unpacking converts the one
//! format to the other.
//!
//! The archive is untrusted: it may be made by an attacker who knows this code. There are three rules:
//!
//! 1. **No path of the archive is ever a path of the host.** All are looked up below a descriptor of the layer's root
//!    by openat2(2) with `RESOLVE_IN_ROOT`: the kernel itself treats that directory as `/`, so `..` does not lead
//!    out. The kernel refuses symbolic links (`RESOLVE_NO_SYMLINKS`): the unpacker resolves them first, inside the
//!    root. See [`tree`] and [`parents`].
//! 2. **No existing file is opened for writing.** An existing file at the path is removed first, and the new file is
//!    created with `O_EXCL`, so no write goes through a hard link or a symbolic link.
//! 3. **Overlayfs's marks are not accepted from an archive**: devices 0:0 and `*.overlay.*` attributes in an archive
//!    would hide or redirect files of other layers.
//!
//! Each layer is unpacked by itself, not on top of the others, so it can be shared by all images that have it
//! ([`Whiteouts::Kept`]). The same code can apply a layer to a directory that already contains the layers below; then
//! whiteouts delete ([`Whiteouts::Applied`]). The paths of an archive may lead through directories and symbolic links
//! of the layers below: see [`parents`].
//!
//! Root keeps owners, devices and all attributes. An ordinary user keeps the owners for which there are subordinate
//! ids ([`Owners`](minicontainer::host::Owners)); other files belong to root of the container, with a warning that
//! counts them. Devices are left out with a warning, and so are attributes that need privileges.
//!
//! An archive can also be an attack on memory and time. So there are bounds on headers and sizes ([`archive`]), on
//! paths and attributes ([`entry`]), and on the data that must be kept until the end of an archive ([`unpacker`]).
//! The content of files is never held in memory.

mod archive;
mod entry;
mod error;
mod header;
mod links;
mod metadata;
mod owners;
mod parents;
mod pax;
mod sparse;
#[cfg(test)]
mod tests;
mod tree;
mod unpacker;
mod whiteouts;

use std::{collections::BTreeSet, io::Read, os::unix::ffi::OsStrExt, path::Path};

use minicontainer::core::explain::Message;

use super::extract::{ArchiveOwners, Extracted};
use crate::warning::warning;

pub(super) use archive::{Archive, End};
pub use error::UnpackError;
pub(super) use metadata::Privilege;
pub(super) use parents::Below;
pub(super) use tree::Tree;

/// How a layer's whiteouts are treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whiteouts {
    /// They are kept in the format of overlayfs: the directory is empty at first and becomes a layer.
    Kept,
    /// They delete files at once: the directory contains the layers below.
    Applied,
    /// They are ordinary files: the archive is not a layer.
    Literal,
}

/// The result of unpacking.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unpacked {
    /// The size of its files in bytes.
    pub(super) size: u64,
    /// Warnings about what could not be kept.
    pub(super) warnings: BTreeSet<Message>,
}

/// How many warnings are reported individually.
const WARNING_LIMIT: usize = 100;

impl Unpacked {
    fn warn(&mut self, warnings: Vec<Message>) {
        for found in warnings {
            let is_reported = self.warnings.len() < WARNING_LIMIT;
            self.warnings.insert(if is_reported { found } else { warning("left-out-more", []) });
        }
    }
}

/// Unpacks a tar archive into a directory; returns the reader after the archive's end.
pub(super) fn unpack<R: Read>(
    mut archive: Archive<R>,
    directory: &Path,
    whiteouts: Whiteouts,
    privilege: Privilege,
    below: Below,
) -> Result<(Unpacked, R), UnpackError> {
    let damaged = |source| UnpackError::Archive { source };
    let mut unpacker = unpacker::Unpacker::new(Tree::open(directory).map_err(damaged)?, whiteouts, privilege, below);
    while let Some(member) = archive.next().map_err(damaged)? {
        unpacker.apply(member, &mut archive)?;
    }
    Ok((unpacker.finish()?, archive.into_inner()))
}

/// Where and how an archive is extracted.
pub(super) struct Destination<'a> {
    /// The directory that becomes the root.
    pub(super) directory: &'a Path,
    /// The path in it.
    pub(super) path: &'a Path,
    /// Whether files get the owners in the archive.
    pub(super) owners: ArchiveOwners,
}

/// Extracts a tar archive that is not a layer: see [`extract`](super::extract()).
pub(super) fn extract_below<R: Read>(
    mut archive: Archive<R>,
    into: &Destination<'_>,
    privilege: Privilege,
    below: Below,
) -> Result<(Extracted, R), UnpackError> {
    let damaged = |source| UnpackError::Archive { source };
    let tree = Tree::open(into.directory).map_err(damaged)?;
    let mut unpacker = unpacker::Unpacker::new(tree, Whiteouts::Literal, privilege, below);
    unpacker.destination = entry::EntryPath::parse(into.path.as_os_str().as_bytes())?;
    while let Some(mut member) = archive.next().map_err(damaged)? {
        if into.owners == ArchiveOwners::Ignored {
            (member.uid, member.gid) = (0, 0);
        }
        unpacker.apply(member, &mut archive)?;
    }
    let implied = unpacker.implied.iter().map(|path| path.as_path().to_owned()).collect();
    let warnings = unpacker.finish()?.warnings;
    Ok((Extracted { implied, warnings }, archive.into_inner()))
}
