//! Creating directories of mode 0700 and files of mode 0600, independently of the caller's umask.
//!
//! A umask can only remove permissions, so other users never have access, not even briefly. But a umask such as 0777
//! removes the owner's permissions as well, and then an ordinary user could not read the new file. So the mode is set
//! again after creation.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::Path,
};

const DIRECTORY: u32 = 0o700;
const FILE: u32 = 0o600;

/// Creates a directory and its missing parents. An existing directory is not changed.
///
/// # Errors
/// Those of mkdir(2).
pub fn make_directory(path: &Path) -> io::Result<()> {
    match make_new_directory(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_directory(path.parent().filter(|parent| !parent.as_os_str().is_empty()).ok_or(error)?)?;
            make_directory(path)
        }
        made => made,
    }
}

/// Creates a directory, which must not exist yet.
///
/// # Errors
/// Those of mkdir(2).
pub fn make_new_directory(path: &Path) -> io::Result<()> {
    DirBuilder::new().mode(DIRECTORY).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(DIRECTORY))
}

/// Creates a file, which must not exist yet, and opens it for writing.
///
/// # Errors
/// Those of open(2).
pub fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create_new(true).mode(FILE).open(path)?;
    file.set_permissions(Permissions::from_mode(FILE))?;
    Ok(file)
}

/// Writes a new file.
///
/// # Errors
/// Those of open(2) and write(2).
pub fn write(path: &Path, content: impl AsRef<[u8]>) -> io::Result<()> {
    create(path)?.write_all(content.as_ref())
}

/// Reads a regular file of at most `limit` bytes. Does not follow a symbolic link, and does not block on a FIFO.
///
/// # Errors
/// Those of open(2) and read(2), and [`InvalidData`](io::ErrorKind::InvalidData) if it is not a regular file or is
/// larger.
pub fn read(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let flags = libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is not a regular file"));
    }
    let mut content = Vec::new();
    file.take(limit + 1).read_to_end(&mut content)?;
    match content.len() as u64 > limit {
        true => Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is larger than {limit} bytes"))),
        false => Ok(content),
    }
}

/// Opens a file for reading and writing, and creates it if it does not exist: a lock, or a download to resume.
///
/// # Errors
/// Those of open(2).
pub fn open(path: &Path) -> io::Result<File> {
    loop {
        match OpenOptions::new().read(true).write(true).open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match create(path) {
            // Another process was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => drop(made?),
        }
    }
}
