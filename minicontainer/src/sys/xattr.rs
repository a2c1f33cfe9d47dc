//! Extended attributes, see xattr(7): small named values beside a file's content.
//!
//! They are read through `/proc/self/fd`, because fgetxattr(2) refuses a descriptor opened with `O_PATH`. On a file
//! system without extended attributes, reading returns no attributes instead of an error.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::fd::{AsFd, AsRawFd},
    path::PathBuf,
};

use xattr::FileExt;

/// Sets one attribute of an open file, fsetxattr(2).
pub(crate) fn set(file: &File, name: impl AsRef<OsStr>, value: &[u8]) -> io::Result<()> {
    file.set_xattr(name, value)
}

/// Reads one attribute of an open file; `None` if the file has none of that name.
pub(crate) fn get(file: &impl AsFd, name: impl AsRef<OsStr>) -> io::Result<Option<Vec<u8>>> {
    match xattr::get_deref(path_of(file), name) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(None),
        value => value,
    }
}

/// All attributes of an open file that the caller may see.
pub(crate) fn all(file: &impl AsFd) -> io::Result<Vec<(OsString, Vec<u8>)>> {
    let names = match xattr::list_deref(path_of(file)) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(Vec::new()),
        names => names?,
    };
    // An attribute may be removed between the two calls.
    names.filter_map(|name| get(file, &name).map(|value| Some((name, value?))).transpose()).collect()
}

/// A path that leads to an open file even if its name now belongs to another file: see proc(5), `/proc/pid/fd`.
pub(crate) fn path_of(file: &impl AsFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_fd().as_raw_fd()))
}
