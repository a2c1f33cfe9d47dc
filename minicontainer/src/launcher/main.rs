//! The launcher: a small program that the container's first process executes, and that then executes the container's
//! program. If the container has an init, the launcher stays as the init. It is a separate program for Linux without
//! any library. `build.rs` compiles it; the library embeds it and executes it from sealed memory.
//!
//! **Before this** in the reading path: `process/child_process.rs`, which executes this program. Here the path ends:
//! the last call of [`launch`] is the execve(2) of the container's program.
//!
//! **Why it exists.** `/proc/PID/exe` leads to the file that a process executes. Until its first execve(2), the
//! container's first process is a copy of the *caller*. An image whose entrypoint begins with `#!/proc/self/exe`
//! would execute the caller's own program in the container, and could then open that file for writing
//! (CVE-2019-5736). So the copy of the caller executes only this launcher: a file without a name, which cannot be
//! changed, contains no secrets, and is no longer in use when the program runs.
//!
//! **Input.** The instructions come before the program's environment, one string each: the descriptor of the report
//! pipe, the step's index, the descriptor of the status socket or `program` if there is no init, the files to try in
//! turn, and an empty string at the end. The arguments are the program's; an init has one more in front, which ps(1)
//! shows as its name.
//!
//! **Output.** If the program cannot be executed, the launcher sends a message through the report pipe, as the
//! interpreter does; otherwise execve(2) closes the pipe. An init also writes the program's wait status to the status
//! socket.
//!
//! **Why an init.** The kernel drops a signal to the first process of a PID namespace if the process has no handler
//! for it, even if the process sends it to itself. So a program that calls abort(3) as the first process is not
//! killed by SIGABRT. With an init, the program is a child of the init, which reports the wait status from the
//! kernel.
//!
//! **Why the program cannot forge that report.** execve(2) closes the status socket in the program. The init makes
//! itself *non-dumpable* (PR_SET_DUMPABLE(2const)): without CAP_SYS_PTRACE, no process in the container can trace it,
//! read its memory or copy its descriptors. It blocks all signals, and the kernel drops SIGKILL and SIGSTOP from
//! inside its PID namespace.
//!
//! See execve(2), memfd_create(2), pid_namespaces(7), ptrace(2), sigwaitinfo(2), proc_pid_exe(5).
#![no_std]
#![no_main]
// Otherwise the compiler replaces loops by calls to a C library.
#![no_builtins]

#[path = "../process/message.rs"]
#[allow(dead_code)]
mod message;
mod syscall_numbers;
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
        unsafe { raw::syscall(syscall_numbers::$number, arguments) }
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

/// The exit code after a failure was reported, the same as that of the interpreter.
const FAILED: i32 = 125;

/// The exit code without instructions: "cannot be executed", as in shells.
const NO_INSTRUCTIONS: i32 = 126;

const ENOENT: Errno = Errno(2);
const EACCES: Errno = Errno(13);
const ENOTDIR: Errno = Errno(20);
const SIGHUP: usize = 1;
const SIGKILL: usize = 9;
const SIGCHLD: usize = 17;

/// A list of strings from the kernel: an array of pointers that ends with a null pointer.
#[derive(Clone, Copy)]
struct List(*const *const u8);

impl Iterator for List {
    type Item = *const u8;

    fn next(&mut self) -> Option<*const u8> {
        // SAFETY: the list ends with a null pointer, and is not read beyond it.
        let string = unsafe { *self.0 };
        if string.is_null() {
            return None;
        }
        // SAFETY: this was not the null pointer.
        self.0 = unsafe { self.0.add(1) };
        Some(string)
    }
}

/// The first byte of a string; 0 means the end of the string.
fn first(string: *const u8) -> u8 {
    // SAFETY: a string has at least its terminating NUL byte.
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

/// The instructions for this launcher.
struct Instructions {
    report: usize,
    step: usize,
    /// The status socket, if the launcher stays as the init.
    status: Option<usize>,
    candidates: List,
    args: List,
    env: List,
}

impl Instructions {
    /// Reads what the kernel put on the stack: the number of arguments, the arguments, the environment. None if the
    /// launcher was not executed by the engine.
    fn read(stack: *const *const u8) -> Option<Instructions> {
        // SAFETY: the kernel put both lists there; the first begins after the number of its strings.
        let mut args = List(unsafe { stack.add(1) });
        let mut behind = args;
        behind.by_ref().for_each(drop);
        // SAFETY: the second list begins after the null pointer of the first.
        let mut env = List(unsafe { behind.0.add(1) });
        let (report, step) = (number(env.next()?)?, number(env.next()?)?);
        let status = number(env.next()?);
        let candidates = env;
        env.find(|string| first(*string) == 0)?;
        if status.is_some() {
            args.next()?;
        }
        Some(Instructions { report, step, status, candidates, args, env })
    }
}

/// The entry point.
extern "C" fn launch(stack: *const *const u8) -> ! {
    let Some(instructions) = Instructions::read(stack) else {
        let text = b"minicontainer: cannot run /proc/self/exe: it is not a program of the container\n";
        let _best_effort = call!(WRITE, 2, text.as_ptr(), text.len());
        exit(NO_INSTRUCTIONS)
    };
    // FD_CLOEXEC: a successful execve(2) closes the pipe, which tells the parent that it succeeded.
    let _cannot_fail = call!(FCNTL, instructions.report, 2 /* F_SETFD */, 1);
    if let Some(status) = instructions.status {
        run_init(&instructions, status);
    }
    execute_program(&instructions)
}

/// Executes the first candidate that exists. If none can be executed, reports EACCES if there was one, because that
/// is more useful than ENOENT.
fn execute_program(instructions: &Instructions) -> ! {
    let mut reason = ENOENT;
    for candidate in instructions.candidates.take_while(|string| first(*string) != 0) {
        match call!(EXECVE, candidate, instructions.args.0, instructions.env.0) {
            Err(errno @ (ENOENT | ENOTDIR)) if reason != EACCES => reason = errno,
            Err(ENOENT | ENOTDIR) | Ok(_) => {}
            Err(EACCES) => reason = EACCES,
            Err(errno) => fail(instructions, Call::Execve, errno),
        }
    }
    fail(instructions, Call::Execve, reason)
}

fn fail(instructions: &Instructions, call: Call, errno: Errno) -> ! {
    let message = message::failed(instructions.step, call, errno.0);
    let _best_effort = call!(WRITE, instructions.report, message.as_ptr(), message.len());
    exit(FAILED)
}

fn exit(code: i32) -> ! {
    loop {
        let _never_returns = call!(EXIT_GROUP, code);
    }
}

/// The init: starts the program as a child, forwards signals, reaps orphaned processes, and exits when the program
/// does.
fn run_init(instructions: &Instructions, status: usize) -> ! {
    let (all, none) = (u64::MAX, 0u64);
    let set_mask = |mask: &u64| call!(RT_SIGPROCMASK, 2 /* SIG_SETMASK */, &raw const *mask, 0, 8);
    let _cannot_fail = set_mask(&all);
    let _cannot_fail = call!(FCNTL, status, 2 /* F_SETFD */, 1);
    let _cannot_fail = call!(PRCTL, 4 /* PR_SET_DUMPABLE */, 0);
    // Without a PID namespace, the host's first process would inherit orphans.
    let _cannot_fail = call!(PRCTL, 36 /* PR_SET_CHILD_SUBREAPER */, 1);
    let program = match call!(CLONE, SIGCHLD) {
        Ok(0) => {
            // Without a PID namespace, the kernel would not kill the program when this process exits.
            let _cannot_fail = call!(PRCTL, 1 /* PR_SET_PDEATHSIG */, SIGKILL);
            // The engine gets the process id of the sender from the kernel.
            let here = [message::PROGRAM_STARTING];
            let _best_effort = call!(WRITE, status, here.as_ptr(), here.len());
            let _cannot_fail = set_mask(&none);
            execute_program(instructions)
        }
        Ok(program) => program,
        Err(errno) => fail(instructions, Call::Clone, errno),
    };
    // A reader of the program's output must see end of file when the program closes it.
    for descriptor in [0, 1, 2, instructions.report] {
        let _closed = call!(CLOSE, descriptor);
    }
    loop {
        // siginfo_t: the signal, an errno, the code of the sender, and more.
        let mut information = [0i32; 32];
        let signal = call!(RT_SIGTIMEDWAIT, &raw const all, information.as_mut_ptr(), 0, 8);
        reap(program, status);
        let from_kernel = information[2] == 0x80 /* SI_KERNEL */;
        match signal {
            // The kernel sends Ctrl-C of a terminal to the whole process group, so the program has it already. A
            // hangup of the terminal is sent only to this process.
            Ok(signal) if signal != SIGCHLD && (!from_kernel || signal == SIGHUP) => {
                let _gone_already = call!(KILL, program, signal);
            }
            _ => {}
        }
    }
}

/// Reaps every child that has ended. If it is the program, writes its wait status to the socket, see wait(2), and
/// exits as a shell does: with the program's exit code, or 128+n for a signal n.
fn reap(program: usize, socket: usize) {
    let mut status = 0i32;
    while let Ok(child @ 1..) = call!(WAIT4, -1isize, &raw mut status, 0x4000_0001u32 /* __WALL | WNOHANG */, 0) {
        if child == program {
            let ended = status.to_ne_bytes();
            let _best_effort = call!(WRITE, socket, ended.as_ptr(), ended.len());
            let signal = status & 0x7f;
            exit(if signal == 0 { status >> 8 & 0xff } else { 128 + signal });
        }
    }
}

/// Nothing here panics, but the compiler requires a handler.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    exit(FAILED)
}
