//! Sources of images: an archive that is read once from front to back, or an OCI layout in a directory.
//!
//! Both provide blobs by name. The names of an archive's entries are used only as keys of a map, and the content is
//! written to staged files with generated names. So an entry `../../etc/passwd` is only a key, and no file is written
//! there.

use std::{
    collections::BTreeMap,
    io::{self, Read},
    path::{Path, PathBuf},
};

use minicontainer::{
    core::Digest,
    store::{Blob, Staging, digest_of},
};
use oci_spec::image::Descriptor;
use tar::EntryType;

use super::{
    ImageError,
    compression::decompress,
    unpack::{Archive, End, Tree},
};

/// The maximum number of files in an image archive, and the maximum length of their names.
const FILE_LIMIT: usize = 20_000;
const NAME_LIMIT: usize = 1024;
/// How many symbolic links in an archive may lead from one name to the next.
const LINK_LIMIT: usize = 8;

/// A source of an image's files by name.
pub(super) enum Source<'a> {
    /// A tar archive, already staged.
    Archive {
        /// Its files.
        files: BTreeMap<String, Blob>,
        /// Its symbolic links: older versions of `docker save` write a layer once and link to it.
        links: BTreeMap<String, String>,
    },
    /// A directory of the host.
    Directory {
        /// Its path, for messages.
        path: PathBuf,
        /// The directory.
        root: Tree,
        /// Where its blobs are copied to.
        staging: &'a Staging,
    },
}

impl<'a> Source<'a> {
    /// Reads a whole archive into the staging directory.
    pub(super) fn archive(content: impl Read, staging: &'a Staging) -> Result<Source<'a>, ImageError> {
        let damaged = |source| ImageError::Archive { source };
        let (mut files, mut links) = (BTreeMap::new(), BTreeMap::new());
        // The documents contain digests of everything, so an archive without an end marker is accepted.
        let mut archive = Archive::new(decompress(content)?, End::Optional);
        while let Some(member) = archive.next().map_err(damaged)? {
            let member = member.without_holes().map_err(damaged)?;
            let Some(name) = key("", &String::from_utf8_lossy(&member.path)) else { continue };
            let (kind, target) = (member.kind(), member.link.unwrap_or_default());
            if files.len() + links.len() == FILE_LIMIT || name.len().max(target.len()) > NAME_LIMIT {
                return Err(damaged(io::Error::other("it has more files, or longer names, than any image archive")));
            }
            match kind {
                EntryType::Regular | EntryType::Continuous => {
                    files.insert(name, staging.blob(&mut archive)?);
                }
                kind @ (EntryType::Symlink | EntryType::Link) => {
                    let target = String::from_utf8_lossy(&target).into_owned();
                    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let base = if kind == EntryType::Link { "" } else { folder };
                    links.extend(key(base, &target).map(|target| (name, target)));
                }
                _ => {}
            }
        }
        Ok(Source::Archive { files, links })
    }

    /// An OCI layout in a directory.
    pub(super) fn directory(path: &Path, staging: &'a Staging) -> Result<Source<'a>, ImageError> {
        let root =
            Tree::open(path).map_err(|source| ImageError::Layout { name: path.display().to_string(), source })?;
        Ok(Source::Directory { path: path.to_owned(), root, staging })
    }

    /// The file of this name as a staged blob; `None` if it does not exist.
    pub(super) fn fetch(&self, name: &str) -> Result<Option<Blob>, ImageError> {
        match self {
            Source::Archive { files, links } => {
                let mut name = name;
                for _ in 0..LINK_LIMIT {
                    match links.get(name) {
                        Some(target) if !files.contains_key(name) => name = target,
                        _ => break,
                    }
                }
                Ok(files.get(name).cloned())
            }
            Source::Directory { path, root, staging } => match root.open_file(Path::new(name)) {
                Ok(file) => Ok(Some(staging.blob(file)?)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(source) => Err(ImageError::Layout { name: path.join(name).display().to_string(), source }),
            },
        }
    }

    /// The blob that a descriptor of an OCI layout names, verified.
    pub(super) fn blob(&self, descriptor: &Descriptor) -> Result<Blob, ImageError> {
        let digest = digest_of(descriptor)?;
        let what = format!("the blob {digest}");
        match self.fetch(&format!("blobs/sha256/{}", digest.hex()))? {
            Some(blob) => Ok(blob.verified(&what, &digest, descriptor.size())?),
            None => Err(ImageError::Missing { what }),
        }
    }
}

/// The normalized name: without empty components and `.`, and with `..` resolved. `None` if it leads out of the root.
fn key(folder: &str, name: &str) -> Option<String> {
    let mut components = Vec::new();
    let start = if name.starts_with('/') { "" } else { folder };
    for component in start.split('/').chain(name.split('/')) {
        match component {
            "" | "." => {}
            ".." => drop(components.pop()?),
            _ => components.push(component),
        }
    }
    Some(components.join("/"))
}

/// The digest in a file's name such as `blobs/sha256/<hex>` or `<hex>.json`, if there is one.
pub(super) fn digest_in_name(name: &str) -> Option<Digest> {
    let last = name.rsplit('/').next()?;
    format!("sha256:{}", last.strip_suffix(".json").unwrap_or(last)).parse().ok()
}
