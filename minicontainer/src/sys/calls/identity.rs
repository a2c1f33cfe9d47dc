//! The identity and the current path of an open file.

use core::ffi::CStr;

use super::attributes::statx;
use super::{CURRENT_DIRECTORY, Fd, fd};
use crate::sys::{Errno, Result};

/// The device and inode of an open file, which together identify it.
pub(crate) fn identity(descriptor: Fd) -> Result<[u64; 2]> {
    let status = statx(descriptor, libc::STATX_INO)?;
    Ok([u64::from(status.stx_dev_major) << 32 | u64::from(status.stx_dev_minor), status.stx_ino])
}

/// The current path of an open file according to the kernel, see proc_pid_fd(5). None if it is longer than the
/// buffer.
pub(crate) fn path_of(descriptor: Fd, buffer: &mut [u8]) -> Result<Option<&CStr>> {
    let mut name = *b"/proc/self/fd/\0\0\0\0\0\0\0\0\0\0\0";
    let mut digits = [0u8; 10];
    let mut rest = u32::try_from(descriptor).map_err(|_| Errno(libc::EBADF))?;
    let mut count = 0;
    while let Some(digit) = digits.get_mut(count).filter(|_| rest > 0 || count == 0) {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        count += 1;
    }
    let places = name.iter_mut().skip(b"/proc/self/fd/".len());
    places.zip(digits.iter().take(count).rev()).for_each(|(place, digit)| *place = *digit);
    let length = call!(SYS_readlinkat, fd(CURRENT_DIRECTORY), name.as_ptr(), buffer.as_mut_ptr(), buffer.len())?;
    // The kernel does not write a NUL byte, but the buffer was all NUL before.
    Ok(buffer.get(..=length).and_then(|path| CStr::from_bytes_with_nul(path).ok()))
}
