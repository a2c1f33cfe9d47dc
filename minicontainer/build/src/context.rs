//! The build context: the directory given to `build`. A Dockerfile cannot access any other directory of the host.
//!
//! The directory is opened once. Then everything is looked up below descriptors, one name at a time and with
//! `O_NOFOLLOW` ([`files`](super::files)). So replacing a directory by a link to `/etc` during the build has no
//! effect. The descriptor still refers to the original directory. Links are never followed by the kernel, but
//! resolved inside the context. A context that is an archive (`build -`) is first unpacked into a directory of the
//! build.
//!
//! Files excluded by `.dockerignore` are not opened. Only regular files, directories and symbolic links are copied,
//! because reading a FIFO would block, and reading a device might never end.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{Cursor, Read},
    os::{
        fd::{AsFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use minicontainer::store::{Staging, Store, private};
use minicontainer_dockerfile::{Ignore, LARGEST};
use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, open, openat, readlinkat},
    sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, major, minor},
};

use super::{
    BuildError,
    add::is_header,
    files::{Files, Found, Handle, Kind, resolve},
};
use minicontainer_images::{ArchiveOwners, extract};
use xattr::FileExt;

/// An open build context.
#[derive(Clone, Debug)]
pub struct Context {
    root: Arc<OwnedFd>,
    ignore: Ignore,
    /// The files of an unpacked archive. They are removed with the last clone of the context.
    _unpacked: Option<Arc<Staging>>,
}

impl Context {
    /// Opens a directory, without ignore patterns.
    ///
    /// # Errors
    /// If the directory does not exist, cannot be read, or is not a directory.
    pub fn open(directory: &Path) -> Result<Context, BuildError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let root = open(directory, flags, Mode::empty())
            .map_err(|errno| BuildError::Context { path: directory.to_owned(), source: errno.into() })?;
        Ok(Context { root: Arc::new(root), ignore: Ignore::default(), _unpacked: None })
    }

    /// Reads a context from a stream (`build -`). A tar archive, compressed or not, is unpacked into a directory of
    /// the build by the rules of `ADD`. Any other input is returned as a Dockerfile, with an empty context.
    ///
    /// # Errors
    /// If the archive is refused, the Dockerfile is too large, or the store cannot be written.
    pub fn of_stream(store: &Store, mut stream: impl Read) -> Result<(Context, Option<Vec<u8>>), BuildError> {
        let path = PathBuf::from("stdin");
        let failed = |source| BuildError::Read { path: path.clone(), of: "the build".to_owned(), source };
        let mut start = Vec::new();
        stream.by_ref().take(512).read_to_end(&mut start).map_err(failed)?;
        let compressed: [&[u8]; 4] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd], b"\xfd7zXZ", b"BZh"];
        let is_empty_archive = start.len() == 512 && start.iter().all(|byte| *byte == 0);
        if is_header(&start) || is_empty_archive || compressed.iter().any(|magic| start.starts_with(magic)) {
            let wrong = |source| BuildError::ContextArchive { source: Box::new(source) };
            let whole = Cursor::new(start).chain(stream);
            // The owners of files in a context are ignored, so these files can belong to the caller.
            let fill = |place: &Path| extract(whole, place, Path::new("/"), &[], ArchiveOwners::Ignored).map(drop);
            let context = Context::filled(store, |place| fill(place).map_err(wrong))?;
            return Ok((context, None));
        }
        stream.take((LARGEST + 1 - start.len()) as u64).read_to_end(&mut start).map_err(failed)?;
        if start.len() > LARGEST {
            return Err(BuildError::TooLarge { path, limit: LARGEST });
        }
        Ok((Context::filled(store, |_| Ok(()))?, Some(start)))
    }

    /// Creates a context in a new directory of the build, which other users cannot access.
    fn filled(store: &Store, fill: impl FnOnce(&Path) -> Result<(), BuildError>) -> Result<Context, BuildError> {
        let staging = store.stage()?;
        let place = staging.unused_path();
        private::make_new_directory(&place).map_err(|source| BuildError::Make { path: place.clone(), source })?;
        fill(&place)?;
        Ok(Context { _unpacked: Some(Arc::new(staging)), ..Context::open(&place)? })
    }

    /// The same context with these ignore patterns.
    #[must_use]
    pub fn ignoring(mut self, ignore: Ignore) -> Context {
        self.ignore = ignore;
        self
    }

    /// The ignore patterns.
    pub fn ignore(&self) -> &Ignore {
        &self.ignore
    }

    /// The content of a file that the build itself needs, such as the Dockerfile. `None` if it does not exist. Ignore
    /// patterns do not apply. Symbolic links are resolved inside the context.
    ///
    /// # Errors
    /// If the file cannot be read, is too large or not a regular file, or is a dangling link.
    pub fn text(&self, path: &Path) -> Result<Option<Vec<u8>>, BuildError> {
        let whole = Context { ignore: Ignore::default(), ..self.clone() };
        let Some(found) = resolve(&whole, path)?.whole() else {
            return match whole.is_link(path)? {
                true => Err(BuildError::Dangling { path: path.to_owned() }),
                false => Ok(None),
            };
        };
        if found.kind != Kind::File {
            return Err(BuildError::NotAFile { path: path.to_owned(), of: whole.name(), kind: found.kind.words() });
        }
        let mut content = Vec::new();
        let file = whole.open(&found)?;
        let failed = |source| BuildError::Read { path: path.to_owned(), of: whole.name(), source };
        file.take(LARGEST as u64 + 1).read_to_end(&mut content).map_err(failed)?;
        if content.len() > LARGEST {
            return Err(BuildError::TooLarge { path: path.to_owned(), limit: LARGEST });
        }
        Ok(Some(content))
    }

    /// Whether a path's last component is a symbolic link, even a dangling one.
    fn is_link(&self, path: &Path) -> Result<bool, BuildError> {
        let parent = resolve(self, path.parent().unwrap_or(path))?.whole();
        let (Some(parent), Some(name)) = (parent, path.file_name()) else { return Ok(false) };
        Ok(self.child(&parent, name)?.is_some_and(|found| found.kind == Kind::Symlink))
    }

    fn failed<E: Into<std::io::Error>>(&self, path: &Path) -> impl FnOnce(E) -> BuildError {
        let (path, of) = (path.to_owned(), self.name());
        move |error| BuildError::Read { path, of, source: error.into() }
    }

    fn open_below(&self, found: &Found, flags: OFlag) -> Result<OwnedFd, BuildError> {
        let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let opened = match &found.handle {
            Handle::Directory(directory) => openat(directory.as_fd(), ".", flags, Mode::empty()),
            Handle::In(parent, name) => openat(parent.as_fd(), name.as_os_str(), flags, Mode::empty()),
            Handle::EntryPath(_) => Err(Errno::EINVAL),
        };
        opened.map_err(self.failed(&found.path))
    }
}

impl Files for Context {
    fn name(&self) -> String {
        "the build context".to_owned()
    }

    fn root(&self) -> Result<Found, BuildError> {
        let path = PathBuf::from("/");
        let stat = fstat(self.root.as_fd()).map_err(self.failed(&path))?;
        Ok(found(path, &stat, Handle::Directory(self.root.clone())))
    }

    fn child(&self, directory: &Found, name: &OsStr) -> Result<Option<Found>, BuildError> {
        let Handle::Directory(parent) = &directory.handle else { return Ok(None) };
        let path = directory.path.join(name);
        let is_ignored = self.ignore.excludes(&path.to_string_lossy());
        if is_ignored && !self.ignore.has_exceptions() {
            return Ok(None);
        }
        let stat = match fstatat(parent.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(Errno::ENOENT) => return Ok(None),
            stat => stat.map_err(self.failed(&path))?,
        };
        let child = found(path, &stat, Handle::In(parent.clone(), name.to_owned()));
        if child.kind != Kind::Directory {
            return Ok((!is_ignored).then_some(child));
        }
        // An ignored directory may contain exceptions. It is visible only if one of its entries is.
        let opened = Arc::new(self.open_below(&child, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?);
        let child = Found { handle: Handle::Directory(opened), ..child };
        if is_ignored && !self.has_visible_entry(&child)? {
            return Ok(None);
        }
        Ok(Some(child))
    }

    fn names(&self, directory: &Found) -> Result<Vec<OsString>, BuildError> {
        let opened = self.open_below(directory, OFlag::O_RDONLY | OFlag::O_DIRECTORY)?;
        let mut listed = Dir::from_fd(opened).map_err(self.failed(&directory.path))?;
        let mut names = Vec::new();
        for entry in listed.iter() {
            let entry = entry.map_err(self.failed(&directory.path))?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name.to_vec()));
            }
        }
        names.sort_by(|one, other| one.as_bytes().cmp(other.as_bytes()));
        Ok(names)
    }

    fn target(&self, link: &Found) -> Result<PathBuf, BuildError> {
        let Handle::In(parent, name) = &link.handle else { return Ok(PathBuf::new()) };
        readlinkat(parent.as_fd(), name.as_os_str()).map(PathBuf::from).map_err(self.failed(&link.path))
    }

    fn open(&self, file: &Found) -> Result<File, BuildError> {
        let opened = self.open_below(file, OFlag::O_RDONLY)?;
        let stat = fstat(opened.as_fd()).map_err(self.failed(&file.path))?;
        // The file may have been replaced since it was examined.
        match kind(&stat) {
            Kind::File => Ok(File::from(opened)),
            other => Err(BuildError::NotAFile { path: file.path.clone(), of: self.name(), kind: other.words() }),
        }
    }

    fn attributes(&self, file: &Found, opened: &File) -> Result<Vec<(OsString, Vec<u8>)>, BuildError> {
        // On a file system without extended attributes, a file has none.
        let Ok(names) = opened.list_xattr() else { return Ok(Vec::new()) };
        let read = |name: OsString| opened.get_xattr(&name).map(|value| Some((name, value?))).transpose();
        let failed = |source| BuildError::Read { path: file.path.clone(), of: self.name(), source };
        names.filter_map(read).collect::<std::io::Result<_>>().map_err(failed)
    }

    fn has_owners(&self) -> bool {
        false
    }
}

impl Context {
    fn has_visible_entry(&self, directory: &Found) -> Result<bool, BuildError> {
        for name in self.names(directory)? {
            if self.child(directory, &name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn found(path: PathBuf, stat: &FileStat, handle: Handle) -> Found {
    Found {
        path,
        kind: kind(stat),
        mode: stat.st_mode & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        modified: stat.st_mtime,
        size: u64::try_from(stat.st_size).unwrap_or_default(),
        inode: (kind(stat) == Kind::File && stat.st_nlink > 1).then_some((stat.st_dev, stat.st_ino)),
        handle,
    }
}

fn kind(stat: &FileStat) -> Kind {
    let device = |block| Kind::Device { block, major: major(stat.st_rdev), minor: minor(stat.st_rdev) };
    match SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFDIR => Kind::Directory,
        SFlag::S_IFLNK => Kind::Symlink,
        SFlag::S_IFIFO => Kind::Fifo,
        SFlag::S_IFSOCK => Kind::Socket,
        SFlag::S_IFCHR => device(false),
        SFlag::S_IFBLK => device(true),
        _ => Kind::File,
    }
}

impl Kind {
    /// The description for messages.
    pub(super) fn words(self) -> &'static str {
        match self {
            Kind::Directory => "a directory",
            Kind::File => "a file",
            Kind::Symlink => "a symbolic link",
            Kind::Fifo => "a FIFO",
            Kind::Socket => "a socket",
            Kind::Device { .. } => "a device",
        }
    }
}
