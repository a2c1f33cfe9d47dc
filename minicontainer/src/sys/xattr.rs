//! Extended attributes, see xattr(7): small named values beside a file's content.
//!
//! A file system without them is no error to whoever reads: it has none of any name.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
};

use xattr::FileExt;

/// Sets one attribute of an open file, fsetxattr(2).
pub(crate) fn set(file: &File, name: impl AsRef<OsStr>, value: &[u8]) -> io::Result<()> {
    file.set_xattr(name, value)
}

/// Reads one attribute of an open file, fgetxattr(2); `None` if the file has none of that name.
pub(crate) fn get(file: &File, name: impl AsRef<OsStr>) -> io::Result<Option<Vec<u8>>> {
    match file.get_xattr(name) {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(None),
        value => value,
    }
}

/// The names of all attributes of an open file that the caller may see, flistxattr(2).
pub(crate) fn names(file: &File) -> io::Result<Vec<OsString>> {
    match file.list_xattr() {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => Ok(Vec::new()),
        names => names.map(Iterator::collect),
    }
}
