//! The numbers of the launcher's system calls for each architecture, see syscalls(2). The library takes them from the
//! `libc` crate, which a program without libraries cannot use.

use core::ffi::c_long;

macro_rules! numbers {
    ($($name:ident $x86_64:literal $aarch64:literal)*) => {
        $(pub(crate) const $name: c_long = if cfg!(target_arch = "x86_64") { $x86_64 } else { $aarch64 };)*
    };
}

numbers! {
    WRITE 1 64
    CLOSE 3 57
    RT_SIGPROCMASK 14 135
    CLONE 56 220
    EXECVE 59 221
    WAIT4 61 260
    KILL 62 129
    FCNTL 72 25
    RT_SIGTIMEDWAIT 128 137
    PRCTL 157 167
    EXIT_GROUP 231 94
}
