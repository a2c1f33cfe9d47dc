//! The launcher: the last step from the container's first process to its program, and where the container has an init
//! the process that stays as the first one. A program of its own, for Linux without any library; `build.rs` compiles
//! it, the library carries it along and executes it from sealed memory.
//!
//! **Before this** in the reading path: `process/child_process.rs`, which executes this program. Here it ends: the
//! last call of [`launch`] is the execve(2) of the container's program.
//!
//! **Why it is there.** `/proc/PID/exe` leads to the file that a process executes. Until its first execve(2) the
//! container's first process is a copy of the *caller*, so that an image whose entrypoint begins with
//! `#!/proc/self/exe` would get the caller's own program executed inside, and from there could open it for writing
//! (CVE-2019-5736 was that). So the caller's copy executes this launcher and nothing else: a file without a name,
//! which cannot be changed, holds nothing secret, and is gone when the program runs.
//!
//! **What it is told** stands in front of the program's environment, one string each: the report pipe's descriptor,
//! the step's number, the status socket's descriptor or `program` where there is no init, the files to try in turn,
//! and an empty string as the end. Its arguments are the program's; an init has one more in front, which names it in
//! ps(1).
//!
//! **How it answers.** As the interpreter does that came before it: a message through the report pipe when the
//! program cannot be executed; else execve(2) closes the pipe. An init also writes to the status socket how the
//! program ended.
//!
//! **Why an init.** The kernel drops a signal to the first process of a pid namespace that has no handler for it,
//! also one that the process sends to itself: a program that calls abort(3) there does not die of SIGABRT. So the
//! program is a child of the init, which reports its wait status as the kernel gives it.
//!
//! **Why the program cannot forge that report.** The status socket is closed in the program by execve(2), and the
//! init makes itself *non-dumpable* (PR_SET_DUMPABLE(2const)): without CAP_SYS_PTRACE no process inside can trace it,
//! read its memory or take one of its descriptors. It blocks all signals, and SIGKILL and SIGSTOP from inside its pid
//! namespace are dropped by the kernel.
//!
//! See execve(2), memfd_create(2), pid_namespaces(7), ptrace(2), sigwaitinfo(2), proc_pid_exe(5).
#![no_std]
#![no_main]
// Or the compiler makes calls of a C library out of loops.
#![no_builtins]

#[path = "../process/message.rs"]
#[allow(dead_code)]
mod message;
mod number;
#[path = "../sys/raw.rs"]
#[allow(dead_code)]
mod raw;

use message::Call;

/// The reason why a system call failed, see errno(3).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub i32);

/// The result of a system call.
pub(crate) type Result<T> = core::result::Result<T, Errno>;

/// Makes a system call with up to six arguments.
macro_rules! call {
    ($number:ident $(, $argument:expr)*) => {{
        let mut arguments = [0usize; 6];
        arguments.iter_mut().zip([$($argument as usize),*]).for_each(|(place, given)| *place = given);
        // SAFETY: every address comes from the kernel's own lists or from a value that outlives the call, of the type
        // that the call's manual page gives it.
        unsafe { raw::syscall(number::$number, arguments) }
    }};
}

// The kernel jumps here, with the arguments and the environment on the stack.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl _start", "_start:", "xor ebp, ebp", "mov rdi, rsp", "and rsp, -16", "call {launch}", "ud2",
    launch = sym launch,
);
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl _start", "_start:", "mov x29, xzr", "mov x30, xzr", "mov x0, sp", "bl {launch}", "brk 1",
    launch = sym launch,
);

/// What it ends with when it has told why it could not do its part, as the process before it would.
const FAILED: i32 = 125;

/// What it ends with when nobody told it what to do: "cannot be executed", as shells have it.
const NO_ORDERS: i32 = 126;

const ENOENT: Errno = Errno(2);
const EACCES: Errno = Errno(13);
const ENOTDIR: Errno = Errno(20);
const SIGHUP: usize = 1;
const SIGKILL: usize = 9;
const SIGCHLD: usize = 17;

/// A list of strings as the kernel hands it over: pointers, of which the last is null.
#[derive(Clone, Copy)]
struct List(*const *const u8);

impl Iterator for List {
    type Item = *const u8;

    fn next(&mut self) -> Option<*const u8> {
        // SAFETY: the list has an end, behind which nobody looks.
        let string = unsafe { *self.0 };
        if string.is_null() {
            return None;
        }
        // SAFETY: this was not the end.
        self.0 = unsafe { self.0.add(1) };
        Some(string)
    }
}

/// The string's first byte, which ends it when it is 0.
fn first(string: *const u8) -> u8 {
    // SAFETY: a string has at least its end.
    unsafe { *string }
}

/// A string of decimal digits as a number.
fn number(mut string: *const u8) -> Option<usize> {
    let mut value: usize = 0;
    loop {
        value = match first(string) {
            0 => return Some(value),
            digit @ b'0'..=b'9' => value.checked_mul(10)?.checked_add(usize::from(digit - b'0'))?,
            _ => return None,
        };
        // SAFETY: this byte was not the string's end.
        string = unsafe { string.add(1) };
    }
}

/// What this launcher is told to do.
struct Orders {
    report: usize,
    step: usize,
    /// The status socket, where the launcher stays as the init.
    status: Option<usize>,
    candidates: List,
    args: List,
    env: List,
}

impl Orders {
    /// Reads what the kernel put on the stack: the number of arguments, the arguments, the environment. None if
    /// whoever executed this was no engine.
    fn read(stack: *const *const u8) -> Option<Orders> {
        // SAFETY: the kernel put both lists there; the first begins behind the number of its strings.
        let mut args = List(unsafe { stack.add(1) });
        let mut behind = args;
        behind.by_ref().for_each(drop);
        // SAFETY: the second list begins behind the null pointer that ended the first.
        let mut env = List(unsafe { behind.0.add(1) });
        let (report, step) = (number(env.next()?)?, number(env.next()?)?);
        let status = number(env.next()?);
        let candidates = env;
        env.find(|string| first(*string) == 0)?;
        if status.is_some() {
            args.next()?;
        }
        Some(Orders { report, step, status, candidates, args, env })
    }
}

/// Where the program begins.
extern "C" fn launch(stack: *const *const u8) -> ! {
    let Some(orders) = Orders::read(stack) else {
        let text = b"minicontainer: cannot run /proc/self/exe: it is not a program of the container\n";
        let _unheard = call!(WRITE, 2, text.as_ptr(), text.len());
        exit(NO_ORDERS)
    };
    // FD_CLOEXEC: what the pipe still has to tell is whether execve(2) succeeds.
    let _cannot_fail = call!(FCNTL, orders.report, 2 /* F_SETFD */, 1);
    if let Some(status) = orders.status {
        stay_and_attend(&orders, status);
    }
    become_program(&orders)
}

/// Becomes the first candidate that is there; else says why none could be executed: that one was found but may not be
/// executed tells more than that another was not found.
fn become_program(orders: &Orders) -> ! {
    let mut reason = ENOENT;
    for candidate in orders.candidates.take_while(|string| first(*string) != 0) {
        match call!(EXECVE, candidate, orders.args.0, orders.env.0) {
            Err(errno @ (ENOENT | ENOTDIR)) if reason != EACCES => reason = errno,
            Err(ENOENT | ENOTDIR) | Ok(_) => {}
            Err(EACCES) => reason = EACCES,
            Err(errno) => fail(orders, Call::Execve, errno),
        }
    }
    fail(orders, Call::Execve, reason)
}

fn fail(orders: &Orders, call: Call, errno: Errno) -> ! {
    let message = message::failed(orders.step, call, errno.0);
    let _unheard = call!(WRITE, orders.report, message.as_ptr(), message.len());
    exit(FAILED)
}

fn exit(code: i32) -> ! {
    loop {
        let _never_returns = call!(EXIT_GROUP, code);
    }
}

/// The init: starts the program as a child, forwards signals, reaps orphaned processes, and exits when the program
/// does.
fn stay_and_attend(orders: &Orders, status: usize) -> ! {
    let (all, none) = (u64::MAX, 0u64);
    let set_mask = |mask: &u64| call!(RT_SIGPROCMASK, 2 /* SIG_SETMASK */, &raw const *mask, 0, 8);
    let _cannot_fail = set_mask(&all);
    let _cannot_fail = call!(FCNTL, status, 2 /* F_SETFD */, 1);
    let _cannot_fail = call!(PRCTL, 4 /* PR_SET_DUMPABLE */, 0);
    // Without a pid namespace orphans would go to the host's first process.
    let _cannot_fail = call!(PRCTL, 36 /* PR_SET_CHILD_SUBREAPER */, 1);
    let program = match call!(CLONE, SIGCHLD) {
        Ok(0) => {
            // Nor would the kernel then end the program when it ends this process.
            let _cannot_fail = call!(PRCTL, 1 /* PR_SET_PDEATHSIG */, SIGKILL);
            // The engine learns from the kernel which process sent this.
            let here = [message::PROGRAM_STARTING];
            let _unheard = call!(WRITE, status, here.as_ptr(), here.len());
            let _cannot_fail = set_mask(&none);
            become_program(orders)
        }
        Ok(program) => program,
        Err(errno) => fail(orders, Call::Clone, errno),
    };
    // A reader of the program's output must see the end of it when the program closes it.
    for descriptor in [0, 1, 2, orders.report] {
        let _closed = call!(CLOSE, descriptor);
    }
    loop {
        // siginfo_t: the signal, an errno, where it came from, and more.
        let mut information = [0i32; 32];
        let signal = call!(RT_SIGTIMEDWAIT, &raw const all, information.as_mut_ptr(), 0, 8);
        reap(program, status);
        let from_kernel = information[2] == 0x80 /* SI_KERNEL */;
        match signal {
            // A terminal's Ctrl-C goes to the program as well, which is in the same group; its end only to this
            // process.
            Ok(signal) if signal != SIGCHLD && (!from_kernel || signal == SIGHUP) => {
                let _gone_already = call!(KILL, program, signal);
            }
            _ => {}
        }
    }
}

/// Asks for every child that has ended. When it is the program, this process writes its wait status to the socket,
/// see wait(2), and exits as a shell would: with the program's exit code, or 128+n for a signal n.
fn reap(program: usize, socket: usize) {
    let mut status = 0i32;
    while let Ok(child @ 1..) = call!(WAIT4, -1isize, &raw mut status, 0x4000_0001u32 /* __WALL | WNOHANG */, 0) {
        if child == program {
            let ended = status.to_ne_bytes();
            let _unheard = call!(WRITE, socket, ended.as_ptr(), ended.len());
            let signal = status & 0x7f;
            exit(if signal == 0 { status >> 8 & 0xff } else { 128 + signal });
        }
    }
}

/// Nothing here panics, but the compiler wants to know.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(FAILED)
}
