//! System calls by number, without libraries: the ways into the kernel that a hostile program can use.
//!
//! A filter checks the number and the *architecture* of a call. On x86-64 there are three ways in: the ordinary one,
//! `int 0x80` with the numbers of 32-bit programs, and x32, which is the ordinary one with a bit added to the number.

use std::ffi::CString;
use std::os::fd::RawFd;

use nix::errno::Errno;

/// Arguments of a call; pointers are addresses.
pub type Arguments = [usize; 6];

/// Makes a system call.
pub fn call(number: i64, arguments: &[usize]) -> Result<usize, Errno> {
    let mut all: Arguments = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, f] = all;
    // SAFETY: the caller passes pointers to its own memory that the call may use, or none that are valid.
    let result = unsafe { libc::syscall(number, a, b, c, d, e, f) };
    if result == -1 { Err(Errno::last()) } else { Ok(result as usize) }
}

/// Makes a system call as a 32-bit program would. Pointers must be below 4 GiB, as this program's own statics are.
#[cfg(target_arch = "x86_64")]
pub fn call_32(number: i64, arguments: &[usize]) -> Result<usize, Errno> {
    let mut all: Arguments = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    let [a, b, c, d, e, _] = all;
    let result: i64;
    // SAFETY: as for `call`. The compiler reserves rbx, so it is saved and restored; the kernel clobbers r8 to r11 in
    // this entry path.
    unsafe {
        std::arch::asm!(
            "xchg {first}, rbx",
            "int 0x80",
            "xchg {first}, rbx",
            first = inout(reg) a => _,
            inlateout("rax") number => result,
            in("rcx") b, in("rdx") c, in("rsi") d, in("rdi") e,
            lateout("r8") _, lateout("r9") _, lateout("r10") _, lateout("r11") _,
        );
    }
    // A 32-bit result: error numbers are the largest values.
    let result = result as i32;
    if (-4095..0).contains(&result) { Err(Errno::from_raw(-result)) } else { Ok(result as usize) }
}

#[cfg(not(target_arch = "x86_64"))]
pub fn call_32(_: i64, _: &[usize]) -> Result<usize, Errno> {
    Err(Errno::ENOSYS)
}

/// A C string for the kernel.
pub fn text(text: &str) -> CString {
    CString::new(text).expect("an argument has no NUL byte in it")
}

/// The address of a C string.
pub fn address(text: &CString) -> usize {
    text.as_ptr() as usize
}

/// Opens a file; the descriptor stays open until the process exits.
pub fn open(path: &str, flags: i32) -> Result<RawFd, Errno> {
    let path = text(path);
    let at = libc::AT_FDCWD as usize;
    call(libc::SYS_openat, &[at, address(&path), (flags | libc::O_CLOEXEC) as usize, 0o600]).map(|fd| fd as RawFd)
}

/// mount(2).
pub fn mount(source: &str, target: &str, kind: &str, flags: u64) -> Result<usize, Errno> {
    let (source, target, kind) = (text(source), text(target), text(kind));
    call(libc::SYS_mount, &[address(&source), address(&target), address(&kind), flags as usize, 0])
}

/// A new process, as with fork(2): returns 0 in the child.
pub fn fork() -> Result<i32, Errno> {
    clone(0)
}

/// A new process in new namespaces: returns 0 in the child.
pub fn clone(flags: i32) -> Result<i32, Errno> {
    // This program has one thread, so the child may do anything.
    call(libc::SYS_clone, &[flags as usize | libc::SIGCHLD as usize, 0, 0, 0, 0]).map(|pid| pid as i32)
}

/// Waits for a child and returns its status in the format of waitpid(2).
pub fn wait(pid: i32) -> Result<i32, Errno> {
    let mut status = 0i32;
    call(libc::SYS_wait4, &[pid as usize, &raw mut status as usize, 0, 0])?;
    Ok(status)
}

/// Exits at once.
pub fn exit(code: u8) -> ! {
    // SAFETY: exits the process.
    unsafe { libc::_exit(i32::from(code)) }
}
