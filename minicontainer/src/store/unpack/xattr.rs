//! Extended attributes, see xattr(7): small named values beside a file's content.

use std::{
    ffi::{CStr, CString},
    fs::File,
    os::fd::AsRawFd,
};

use nix::errno::Errno;

/// The longest value and the longest list of names that Linux lets an attribute have, see limits.h.
const LONGEST: usize = 65536;

/// Sets one attribute of an open file, fsetxattr(2).
pub(crate) fn set(file: &File, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: the descriptor is open while `file` lives, the name ends in NUL, and the kernel reads exactly
    // `value.len()` bytes of the value and keeps no pointer.
    let result = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    Errno::result(result).map(drop)
}

/// Reads one attribute of an open file, fgetxattr(2); `None` if the file has none of that name.
pub(crate) fn get(file: &File, name: &CStr) -> nix::Result<Option<Vec<u8>>> {
    let mut value = vec![0; LONGEST];
    // SAFETY: as above; the kernel writes at most `value.len()` bytes.
    let length = unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    match Errno::result(length) {
        // A file system without attributes has none of that name either.
        Err(Errno::ENODATA | Errno::EOPNOTSUPP) => Ok(None),
        length => {
            value.truncate(length?.unsigned_abs());
            Ok(Some(value))
        }
    }
}

/// The names of all attributes of an open file that the caller may see, flistxattr(2).
pub(crate) fn names(file: &File) -> nix::Result<Vec<CString>> {
    let mut list = vec![0_u8; LONGEST];
    // SAFETY: the descriptor is open while `file` lives, and the kernel writes at most `list.len()` bytes.
    let length = unsafe { libc::flistxattr(file.as_raw_fd(), list.as_mut_ptr().cast(), list.len()) };
    match Errno::result(length) {
        Err(Errno::EOPNOTSUPP) => return Ok(Vec::new()),
        length => list.truncate(length?.unsigned_abs()),
    }
    let names = list.split_inclusive(|byte| *byte == 0).map(CStr::from_bytes_with_nul);
    Ok(names.filter_map(Result::ok).map(CStr::to_owned).collect())
}
