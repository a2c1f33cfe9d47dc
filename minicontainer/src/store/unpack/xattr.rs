//! Extended attributes, see xattr(7): small named values beside a file's content.

use std::{ffi::CStr, fs::File, os::fd::AsRawFd};

use nix::errno::Errno;

/// Sets one attribute of an open file, fsetxattr(2).
pub(super) fn set(file: &File, name: &CStr, value: &[u8]) -> nix::Result<()> {
    // SAFETY: the descriptor is open while `file` lives, the name ends in NUL, and the kernel reads exactly
    // `value.len()` bytes of the value and keeps no pointer.
    let result = unsafe { libc::fsetxattr(file.as_raw_fd(), name.as_ptr(), value.as_ptr().cast(), value.len(), 0) };
    Errno::result(result).map(drop)
}

/// Reads one attribute of an open file.
#[cfg(test)]
pub(super) fn get(file: &File, name: &CStr) -> Option<Vec<u8>> {
    let mut value = vec![0; 1024];
    // SAFETY: as above; the kernel writes at most `value.len()` bytes.
    let result = unsafe { libc::fgetxattr(file.as_raw_fd(), name.as_ptr(), value.as_mut_ptr().cast(), value.len()) };
    value.truncate(usize::try_from(result).ok()?);
    Some(value)
}
