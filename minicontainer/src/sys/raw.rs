//! The instruction that enters the kernel, for the two architectures that the project supports, see syscall(2). It
//! uses no library, because the launcher, which has none, makes its system calls through this file too.

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("minicontainer makes system calls directly, which is only implemented for x86_64 and aarch64.");

use core::ffi::{c_long, c_void};

use super::{Errno, Result};

/// clone3(2). Calls as new as this have the same number on all architectures.
const CLONE3: isize = 435;

/// Makes the system call `number` with six arguments. The kernel ignores those that the call does not have.
///
/// # Safety
/// The arguments must be what the call expects. In particular, addresses must be valid for what the kernel does with
/// them.
pub(crate) unsafe fn syscall(number: c_long, arguments: [usize; 6]) -> Result<usize> {
    let [a, b, c, d, e, f] = arguments;
    let result: isize;
    // SAFETY: the instruction clobbers rcx and r11 only, as declared; the caller answers for the arguments.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") number as isize => result,
            in("rdi") a, in("rsi") b, in("rdx") c, in("r10") d, in("r8") e, in("r9") f,
            lateout("rcx") _, lateout("r11") _,
            options(nostack),
        );
    }
    // SAFETY: the instruction changes x0 only; the caller answers for the arguments.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "svc 0",
            in("x8") number as isize,
            inlateout("x0") a as isize => result,
            in("x1") b, in("x2") c, in("x3") d, in("x4") e, in("x5") f,
            options(nostack),
        );
    }
    outcome(result)
}

/// Makes the system call clone3(2) for a child that shares this process's memory and has its own stack (see `args`).
/// The child calls `entry` with `argument` on that stack. Returns the child's process id in the parent.
///
/// # Safety
/// `args` must point to `size` bytes of a `struct clone_args` that names a stack. The stack and everything to which
/// `argument` points must stay valid until the child has executed another program or exited. `entry` must not use the
/// thread-local state of the C library or the Rust runtime.
pub(crate) unsafe fn clone3_sharing_memory(
    args: *const c_void,
    size: usize,
    entry: extern "C" fn(*const c_void) -> !,
    argument: *const c_void,
) -> Result<usize> {
    let result: isize;
    // SAFETY: in the parent only the declared registers change; the child never leaves the block, since `entry` does
    // not return. The caller answers for the rest.
    #[cfg(target_arch = "x86_64")]
    unsafe {
        core::arch::asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r8",
            "call r9",
            "ud2",
            "2:",
            inlateout("rax") CLONE3 => result,
            in("rdi") args, in("rsi") size, in("r8") argument, in("r9") entry,
            lateout("rcx") _, lateout("r11") _,
        );
    }
    // SAFETY: as above.
    #[cfg(target_arch = "aarch64")]
    unsafe {
        core::arch::asm!(
            "svc 0",
            "cbnz x0, 2f",
            "mov x29, xzr",
            "mov x0, x9",
            "blr x10",
            "brk 1",
            "2:",
            in("x8") CLONE3,
            inlateout("x0") args => result,
            in("x1") size, in("x9") argument, in("x10") entry,
        );
    }
    outcome(result)
}

/// On failure, the kernel returns the negated errno, which is at most 4095.
fn outcome(result: isize) -> Result<usize> {
    if (-4095..0).contains(&result) { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}
