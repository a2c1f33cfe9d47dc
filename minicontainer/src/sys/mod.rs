//! System calls: thin, typed wrappers that are safe to call between clone3(2) and execve(2).
//!
//! Most programs call the kernel through the C library, which has its own state (`errno`, locks, buffers). The
//! container's first process must not use that state. It starts as a copy of one thread of a program that may have
//! many, and a lock that another thread held at that moment stays locked forever in the copy. So this module makes
//! the calls of that process directly: [`raw`] is the instruction itself, and [`calls`] gives each call its types.
//! Calls that only the parent makes come from the `nix` crate, and those for extended attributes ([`xattr`]) from the
//! `xattr` crate.
//!
//! Terms: a *system call* is a numbered request to the kernel; an *errno* is the number of the error if it fails, see
//! errno(3); a *descriptor* is the number of an open file, see open(2). See also signal-safety(7).

/// Makes a system call with up to six arguments.
macro_rules! call {
    ($number:ident $(, $argument:expr)*) => {{
        let mut arguments = [0usize; 6];
        let given = [$($argument as usize),*];
        arguments[..given.len()].copy_from_slice(&given);
        // SAFETY: numbers are plain values; every address comes from a reference that outlives the call, of the type
        // that the call's manual page gives it.
        unsafe { $crate::sys::raw::syscall(libc::$number, arguments) }
    }};
}

use std::fmt;

pub(crate) mod bpf;
pub(crate) mod calls;
pub(crate) mod clone;
pub(crate) mod descriptors;
pub(crate) mod id_maps;
pub(crate) mod owner_process;
pub(crate) mod raw;
pub(crate) mod removal;
pub(crate) mod seccomp_notify;
pub(crate) mod user_namespace;
pub(crate) mod wait;
pub(crate) mod xattr;

/// The error number of a failed system call, see errno(3). The constants are in the crate `libc`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub i32);

impl Errno {
    /// What the number means, such as "No such file or directory".
    pub fn description(self) -> &'static str {
        nix::errno::Errno::from_raw(self.0).desc()
    }
}

/// The name, such as `ENOENT`.
impl fmt::Debug for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        nix::errno::Errno::from_raw(self.0).fmt(formatter)
    }
}

/// The name and the meaning.
impl fmt::Display for Errno {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}: {}", self.description())
    }
}

impl std::error::Error for Errno {}

impl From<Errno> for std::io::Error {
    fn from(errno: Errno) -> std::io::Error {
        std::io::Error::from_raw_os_error(errno.0)
    }
}

/// Converts the error of a call that is made through nix. Not a `From`, because nix must not be part of the public
/// API.
pub(crate) fn of_nix(errno: nix::errno::Errno) -> Errno {
    Errno(errno as i32)
}

/// The result of a system call.
pub(crate) type Result<T> = core::result::Result<T, Errno>;
