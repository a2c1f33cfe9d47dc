//! The one instruction that enters the kernel, for the two processors that the project runs on, see syscall(2). It
//! knows no library, because the launcher, which has none, makes its calls by it too.

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("minicontainer makes its system calls itself and knows how to only on x86_64 and aarch64.");

use core::ffi::{c_long, c_void};

use super::{Errno, Result};

/// clone3(2). Calls as young as this have one number on all processors.
const CLONE3: isize = 435;

/// Makes the system call `number` with six arguments; those that a call does not have are ignored by the kernel.
///
/// # Safety
/// The arguments must be what the call expects: above all, addresses must be valid for what the kernel does with
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

/// Makes the system call clone3(2) for a child that shares this process's memory and has a stack of its own (as
/// `args` says): it calls `entry` with `argument` on that stack. Answers the parent with the child's id.
///
/// # Safety
/// `args` must point to `size` bytes of a `struct clone_args` that names a stack. Until the child has become another
/// program or has ended, the stack and whatever `argument` points to must stay; and `entry` must not touch what the C
/// library or the Rust runtime keep for the calling thread.
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

/// The kernel answers a failure with the negated errno, which is at most 4095.
fn outcome(result: isize) -> Result<usize> {
    if (-4095..0).contains(&result) { Err(Errno(-result as i32)) } else { Ok(result as usize) }
}
