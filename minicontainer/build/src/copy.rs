//! `COPY` and `ADD`: write files into a layer.
//!
//! The destination is looked up in the image: if `/lib` is a link to `/usr/lib`, `COPY x /lib/y` writes to
//! `/usr/lib/y`. Files are written to the layer's archive, never to a directory of the image, so no link in the image
//! can redirect a write.
//!
//! | The source is | The destination is | Result |
//! |---|---|---|
//! | a file | a directory, or ends with a slash | `destination/name` |
//! | a file | anything else | `destination` |
//! | a directory | | its contents, in `destination` |
//! | an archive (`ADD`) | | its contents, in `destination` |

use std::path::{Path, PathBuf};

use minicontainer::{
    core::{
        Digest,
        explain::Message,
        options::{UserSpec, resolve_user},
    },
    rootfs::read_files,
    store::Staging,
};
use minicontainer_dockerfile::{Ignore, plan::CopyFiles};

use super::{
    BuildError,
    archive::{Clock, LayerArchive, Meta, layer, owned},
    copy_conflicts::DestinationEntries,
    files::{Files, Found, Kind, Resolved, resolve},
    layers::Layers,
    select::{Fingerprint, FingerprintReader, Selected, attributes, each, select},
    warning::warning,
};
use minicontainer_images::PackedLayer;

/// The maximum size of an image's `/etc/passwd` or `/etc/group`.
const ACCOUNT_FILE_LIMIT: u64 = 1024 * 1024;

/// The stage that files are copied into.
pub(super) struct Target<'a> {
    /// The stage's files, merged from its layers.
    pub(super) files: &'a Layers,
    /// The directories of the stage's layers, the lowest first.
    pub(super) directories: &'a [PathBuf],
}

/// The patterns of `--exclude`.
pub(super) fn excluded(files: &CopyFiles) -> Result<Ignore, BuildError> {
    Ignore::from_patterns(files.exclude.iter().map(String::as_str))
        .map_err(|reason| BuildError::Exclude { reason: reason.to_string() })
}

/// Creates the layer. `contents` are the fingerprints of the sources; they must still match during the copy. Also
/// returns warnings about skipped files.
pub(super) fn copy(
    copying: &CopyFiles,
    from: &dyn Files,
    target: &Target,
    contents: &[Digest],
    staging: &Staging,
    clock: Clock,
) -> Result<(PackedLayer, Vec<Message>), BuildError> {
    let owner = copying.chown.as_deref().map(|user| account(user, target.directories)).transpose()?;
    let exclude = excluded(copying)?;
    let sources = copying.sources.iter().map(|source| select(from, source)).collect::<Result<Vec<_>, _>>()?;
    let count = sources.iter().map(Vec::len).sum::<usize>() + copying.inline.len();
    layer(staging, clock, |archive| {
        if count == 0 {
            // As in BuildKit, not even the destination is created.
            return Ok(vec![warning("nothing-matches", [("sources", copying.sources.join(", ").into())])]);
        }
        let way = resolve(target.files, Path::new(&copying.destination))?;
        let is_directory = way.missing.is_empty() && way.found.kind == Kind::Directory;
        let into = copying.into_directory || is_directory;
        if count > 1 && !into {
            return Err(BuildError::ManySources { destination: copying.destination.clone() });
        }
        let mut copy = Copy {
            copying,
            from,
            target,
            staging,
            owner,
            way,
            into,
            is_one_tree: count == 1,
            existing: DestinationEntries::default(),
            archive,
            clock,
            warnings: copying.link.then(|| warning("link-is-copy", [])).into_iter().collect(),
        };
        for ((selected, source), expected) in sources.iter().zip(&copying.sources).zip(contents) {
            let mut print = Fingerprint::new();
            for one in selected {
                copy.copy_one(one, &exclude, &mut print)?;
            }
            if print.finish() != *expected {
                return Err(BuildError::Changed { path: PathBuf::from(source), of: from.name() });
            }
        }
        copying.inline.iter().try_for_each(|file| copy.inline(&file.name, file.content.as_bytes()))?;
        Ok(copy.warnings)
    })
}

/// The ids of `user[:group]`, looked up in the stage's `/etc/passwd` and `/etc/group`.
pub(super) fn account(user: &str, layers: &[PathBuf]) -> Result<(u32, u32), BuildError> {
    let failed = |source| BuildError::User { user: user.to_owned(), source: Box::new(source) };
    let spec: UserSpec = user.parse().map_err(failed)?;
    let files = read_files(layers, ["/etc/passwd", "/etc/group"], ACCOUNT_FILE_LIMIT)?;
    let [passwd, group] = files.map(Option::unwrap_or_default);
    let found = resolve_user(&spec, &passwd, &group).map_err(failed)?;
    Ok((found.uid, found.gid))
}

pub(super) struct Copy<'a, 'b> {
    copying: &'a CopyFiles,
    pub(super) from: &'a dyn Files,
    pub(super) target: &'a Target<'a>,
    pub(super) staging: &'a Staging,
    owner: Option<(u32, u32)>,
    way: Resolved,
    into: bool,
    is_one_tree: bool,
    existing: DestinationEntries,
    pub(super) archive: &'b mut LayerArchive,
    clock: Clock,
    pub(super) warnings: Vec<Message>,
}

impl Copy<'_, '_> {
    fn copy_one(&mut self, selected: &Selected, exclude: &Ignore, print: &mut Fingerprint) -> Result<(), BuildError> {
        print.add(self.from, Path::new(&selected.name), &selected.found)?;
        let is_directory = selected.found.kind == Kind::Directory;
        if !is_directory && self.copying.unpack && self.unpack(selected, exclude, print)? {
            return Ok(());
        }
        let place = match is_directory || self.into {
            true => self.directory()?,
            false => self.destination_parent()?,
        };
        let from = self.from;
        each(from, selected, exclude, &mut |relative, found| {
            print.add(from, relative, found)?;
            if is_directory && self.is_left_out(found) {
                return Ok(());
            }
            let path = if is_directory || self.into { place.join(relative) } else { place.clone() };
            let meta = self.meta_of(from, found);
            self.entry(&path, found, meta, print)
        })
    }

    /// Whether to skip a file of a copied directory: sockets always, FIFOs and devices of the context. They belong to
    /// a process or to this machine. Naming one explicitly is an error.
    fn is_left_out(&mut self, found: &Found) -> bool {
        let kind = match found.kind {
            Kind::Socket => "socket",
            Kind::Fifo if !self.from.has_owners() => "fifo",
            Kind::Device { .. } if !self.from.has_owners() => "device",
            Kind::Fifo | Kind::Device { .. } | Kind::File | Kind::Directory | Kind::Symlink => return false,
        };
        let path = found.path.to_string_lossy().escape_debug().to_string();
        self.warnings.push(warning("left-out-file", [("path", path.into()), ("kind", kind.into())]));
        true
    }

    /// The attributes of the copy, with the owner of `--chown` and the mode of `--chmod`.
    fn meta_of(&self, from: &dyn Files, found: &Found) -> Meta {
        let own = self.with_owner(owned(from, found));
        let chmod = self.copying.chmod.as_ref();
        let mode = chmod.map_or(own.mode, |chmod| chmod.apply(own.mode, found.kind == Kind::Directory));
        Meta { mode, ..own }
    }

    /// The attributes with the owner of `--chown`.
    pub(super) fn with_owner(&self, own: Meta) -> Meta {
        let (uid, gid) = self.owner.unwrap_or((own.uid, own.gid));
        Meta { uid, gid, ..own }
    }

    fn entry(&mut self, path: &Path, found: &Found, meta: Meta, print: &mut Fingerprint) -> Result<(), BuildError> {
        // A destination that does not exist has no entries that could be replaced.
        if self.way.missing.is_empty() {
            self.existing.refuse_replacement(self.target.files, path, found)?;
        }
        let refused =
            || BuildError::NotAFile { path: found.path.clone(), of: self.from.name(), kind: found.kind.words() };
        match found.kind {
            Kind::Directory => self.archive.directory(path, meta),
            Kind::Symlink => self.archive.symlink(path, meta, self.from.target(found)?.as_os_str()),
            Kind::File => {
                let content = self.from.open(found)?;
                let failed = |source| BuildError::Read { path: found.path.clone(), of: self.from.name(), source };
                let attributes = attributes(self.from, found, &content)?;
                print.add_attributes(&attributes);
                let mut content = FingerprintReader::new(content, found.size, print);
                // Hard links are kept only for a single source. With several, a later file may have replaced the
                // target of the link.
                let inode = found.inode.filter(|_| self.is_one_tree);
                if self.archive.link(path, meta, inode)? {
                    return std::io::copy(&mut content, &mut std::io::sink()).map(drop).map_err(failed);
                }
                self.archive.file_with(path, meta, &attributes, found.size, content)
            }
            // They are allowed in an image, but not in a context.
            Kind::Fifo | Kind::Device { .. } if self.from.has_owners() => {
                self.archive.special(path, meta, found.kind)
            }
            Kind::Fifo | Kind::Device { .. } | Kind::Socket => Err(refused()),
        }
    }

    fn inline(&mut self, name: &str, content: &[u8]) -> Result<(), BuildError> {
        let path = match self.into {
            true => self.directory()?.join(name),
            false => self.destination_parent()?,
        };
        let (uid, gid) = self.owner.unwrap_or((0, 0));
        let mode = self.copying.chmod.as_ref().map_or(0o644, |chmod| chmod.apply(0o644, false));
        let meta = Meta { mode, uid, gid, modified: self.clock.now };
        self.archive.file(&path, meta, content.len() as u64, content)
    }

    /// Creates the destination as a directory.
    pub(super) fn directory(&mut self) -> Result<PathBuf, BuildError> {
        let (uid, gid) = self.owner.unwrap_or((0, 0));
        self.archive.directories(self.target.files, &self.way, uid, gid)?;
        Ok(self.way.path())
    }

    /// Creates the directory that contains the destination.
    fn destination_parent(&mut self) -> Result<PathBuf, BuildError> {
        let path = self.way.path();
        let (uid, gid) = self.owner.unwrap_or((0, 0));
        let mut parent = self.way.clone();
        if parent.missing.pop().is_none() {
            // The destination exists and is not a directory. Its path contains no symbolic links any more.
            parent = resolve(self.target.files, path.parent().unwrap_or(Path::new("/")))?;
        }
        self.archive.directories(self.target.files, &parent, uid, gid)?;
        Ok(path)
    }
}
