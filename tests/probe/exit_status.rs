//! The ways in which a program can exit, by name: it prints `answer` and then exits. A way that does not work, such
//! as a signal to itself that the kernel drops, is reported on stderr, and the program exits with 0.

use std::fs::File;
use std::io::Write;
use std::os::fd::FromRawFd;
use std::process::exit;
use std::ptr;
use std::thread;
use std::time::Duration;

use crate::calls::{call, fork};

/// Exits in this way.
pub fn end(name: &str) -> ! {
    // The Rust runtime ignores SIGPIPE, and handles SIGSEGV and SIGBUS to report stack overflows.
    for signal in [libc::SIGPIPE, libc::SIGSEGV, libc::SIGBUS] {
        // SAFETY: the default action is not a handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    println!("answer");
    match name {
        "exit-0" => exit(0),
        "exit-3" => exit(3),
        "exit-137" => exit(137),
        "raise-fpe" => raise(libc::SIGFPE),
        "kill-segv" => signal_itself(libc::SIGSEGV),
        "kill-term" => signal_itself(libc::SIGTERM),
        "kill-kill" => signal_itself(libc::SIGKILL),
        // SAFETY: ends the process.
        "abort" => unsafe { libc::abort() },
        "alarm" => {
            // SAFETY: asks for SIGALRM.
            unsafe { libc::alarm(1) };
            sleep();
        }
        "file-size" => {
            limit(libc::RLIMIT_FSIZE, 1);
            write_to_memory();
        }
        "cpu-time" => {
            limit(libc::RLIMIT_CPU, 1);
            spin();
        }
        "pipe" => write_to_closed_pipe(),
        "killed-by-child" => killed_by_child(),
        "null-pointer" => read_null(),
        "stack-overflow" => println!("{}", overflow(0)),
        "memory" => fill_memory(),
        "busy" => spin(),
        "sleep" => sleep(),
        "flood" => loop {
            println!("{}", "x".repeat(1000));
        },
        "child-left" => {
            leave_child();
            exit(0);
        }
        "child-left-by-signal" => {
            leave_child();
            raise(libc::SIGFPE);
        }
        "thread-exits" => {
            // exit_group(2) ends the process, whichever thread calls it.
            thread::spawn(|| call(libc::SYS_exit_group, &[5]));
            sleep();
        }
        "stop" => raise(libc::SIGSTOP),
        other => {
            eprintln!("there is no ending {other}");
            exit(2);
        }
    }
    eprintln!("still here after {name}");
    exit(0)
}

fn raise(signal: i32) {
    // SAFETY: sends a signal to this thread.
    unsafe { libc::raise(signal) };
}

fn signal_itself(signal: i32) {
    let _sent = call(libc::SYS_getpid, &[]).and_then(|pid| call(libc::SYS_kill, &[pid, signal as usize]));
}

fn sleep() {
    thread::sleep(Duration::from_secs(1000));
}

fn spin() {
    loop {
        std::hint::spin_loop();
    }
}

/// Sets the soft limit; the hard limit is unchanged.
fn limit(resource: libc::__rlimit_resource_t, value: u64) {
    let mut now = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes to the structure.
    unsafe { libc::getrlimit(resource, &raw mut now) };
    now.rlim_cur = value;
    // SAFETY: reads the structure.
    unsafe { libc::setrlimit(resource, &raw const now) };
}

fn write_to_memory() {
    let name = c"file".as_ptr() as usize;
    let Ok(file) = call(libc::SYS_memfd_create, &[name, 0]) else { return eprintln!("no file in memory") };
    // SAFETY: the kernel has just created this descriptor for us.
    let mut file = unsafe { File::from_raw_fd(file as i32) };
    let _refused = file.write_all(&[0; 4096]);
}

fn write_to_closed_pipe() {
    let mut pipe = [0i32; 2];
    let _made = call(libc::SYS_pipe2, &[&raw mut pipe as usize, 0]);
    let _closed = call(libc::SYS_close, &[pipe[0] as usize]);
    let _refused = call(libc::SYS_write, &[pipe[1] as usize, pipe.as_ptr() as usize, 1]);
}

fn killed_by_child() {
    if fork() == Ok(0) {
        let _sent = call(libc::SYS_getppid, &[]).and_then(|pid| call(libc::SYS_kill, &[pid, libc::SIGKILL as usize]));
        exit(0);
    }
    sleep();
}

fn read_null() {
    // SAFETY: the address is not mapped, which is intended: the kernel sends SIGSEGV.
    let nothing = unsafe { ptr::read_volatile(ptr::without_provenance::<u8>(8)) };
    println!("{nothing}");
}

/// Uses a kilobyte of stack for each call, endlessly.
#[expect(unconditional_recursion, reason = "the stack must overflow")]
fn overflow(depth: u64) -> u64 {
    let frame = std::hint::black_box([depth; 128]);
    overflow(depth + 1) + frame[(depth % 128) as usize]
}

fn fill_memory() {
    let mut all = Vec::new();
    loop {
        all.push(vec![1u8; 1 << 20]);
        std::hint::black_box(&all);
    }
}

fn leave_child() {
    if fork() == Ok(0) {
        sleep();
    }
}
