//! Calls for extended attributes, see xattr(7).

use core::ffi::CStr;

use super::path;
use crate::sys::Result;

/// Reads the names of the attributes of the file at a path, each with a NUL byte at its end.
pub(crate) fn list_attributes(name: &CStr, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_listxattr, path(name), buffer.as_mut_ptr(), buffer.len())
}

/// Reads an attribute of the file at a path.
pub(crate) fn get_attribute(name: &CStr, attribute: &CStr, buffer: &mut [u8]) -> Result<usize> {
    call!(SYS_getxattr, path(name), path(attribute), buffer.as_mut_ptr(), buffer.len())
}

/// Sets an attribute of the file at a path.
pub(crate) fn set_attribute(name: &CStr, attribute: &CStr, value: &[u8]) -> Result<usize> {
    call!(SYS_setxattr, path(name), path(attribute), value.as_ptr(), value.len(), 0)
}
