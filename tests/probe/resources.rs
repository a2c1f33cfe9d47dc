//! Attacks that exhaust resources: memory of every kind, threads, resources that are counted for each user.
//!
//! Nothing is released before the process exits.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;

use crate::calls::{address, call, open, text};
use crate::outcome::{Outcome, errno, not_live};

const MIB: usize = 1 << 20;
const PAGE: usize = 4096;

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match (name, words.as_slice()) {
        ("fill", [kind, mebibytes]) => match mebibytes.parse::<usize>() {
            Ok(mebibytes) => fill(kind, mebibytes * MIB),
            Err(_) => not_live("no number given"),
        },
        ("threads", [most]) => match most.parse() {
            Ok(most) => (0..most).try_for_each(|_| sleeper()).into(),
            Err(_) => not_live("no number given"),
        },
        _ => return None,
    })
}

/// Creates threads endlessly, and reports when no more can be created.
pub fn thread_bomb() -> ! {
    let mut has_reported = false;
    loop {
        if sleeper().is_err() && !has_reported {
            println!("no more threads");
            has_reported = true;
        }
    }
}

fn sleeper() -> Result<(), Errno> {
    let sleep = || thread::sleep(Duration::from_secs(1000));
    thread::Builder::new().stack_size(16 * 1024).spawn(sleep).map(drop).map_err(|error| errno(&error))
}

/// Allocates as many as possible of a resource that the kernel counts for each user, prints their number, and keeps
/// them until its input ends.
pub fn hold_all(kind: &str) {
    let take: fn(usize) -> Result<usize, Errno> = match kind {
        "inotify" => |_| call(libc::SYS_inotify_init1, &[0]),
        "queues" => queue,
        "signals" => |_| signal_to_itself(),
        "pipes" => |_| large_pipe(),
        _ => |_| Err(Errno::EINVAL),
    };
    let everything = nix::sys::signal::SigSet::all();
    everything.thread_block().expect("signals can be blocked");
    let held = (0..1_000_000).take_while(|number| take(*number).is_ok()).count();
    println!("{held}");
    let _ended = std::io::stdin().read(&mut [0]);
}

/// A message queue of the maximum size. It remains when no process has it open.
fn queue(number: usize) -> Result<usize, Errno> {
    let name = text(&format!("queue-{number}"));
    // struct mq_attr: flags, maximum number of messages, bytes in each, current number of messages.
    let room = [0_i64, 10, 8192, 0, 0, 0, 0, 0];
    let flags = (libc::O_CREAT | libc::O_EXCL | libc::O_RDWR) as usize;
    call(libc::SYS_mq_open, &[address(&name), flags, 0o600, room.as_ptr().addr()])
}

/// A signal with a value, which is queued until it is received.
fn signal_to_itself() -> Result<usize, Errno> {
    let value = libc::sigval { sival_ptr: std::ptr::null_mut() };
    let itself = std::process::id() as i32;
    // SAFETY: sends a signal that this process blocks to this process.
    match unsafe { libc::sigqueue(itself, libc::SIGRTMIN(), value) } {
        0 => Ok(0),
        _ => Err(Errno::last()),
    }
}

/// A pipe with a buffer of half a mebibyte. This is refused when the user has too many pages in pipes, see pipe(7).
fn large_pipe() -> Result<usize, Errno> {
    let mut ends = [0_i32; 2];
    call(libc::SYS_pipe2, &[ends.as_mut_ptr().addr(), 0])?;
    call(libc::SYS_fcntl, &[ends[0] as usize, libc::F_SETPIPE_SZ as usize, MIB / 2])
}

fn fill(kind: &str, bytes: usize) -> Outcome {
    match kind {
        "private" => map(libc::MAP_PRIVATE, bytes, PAGE).into(),
        "shared" => map(libc::MAP_SHARED, bytes, PAGE).into(),
        // Reads map the kernel's single page of zeros, so only the page tables use memory.
        "page-tables" => map(libc::MAP_PRIVATE, bytes / PAGE * 2 * MIB, 2 * MIB).into(),
        "system-v" => system_v(bytes).into(),
        "memfd" => {
            let name = text("fill");
            call(libc::SYS_memfd_create, &[address(&name), 0]).and_then(|file| write_all(file, bytes)).into()
        }
        "file" => create("/dev/shm/fill").and_then(|file| write_all(file, bytes)).into(),
        "page-cache" => create("/root/fill").and_then(|file| write_all(file, bytes)).into(),
        "pipes" => pipes(bytes).into(),
        "sockets" => sockets(bytes).into(),
        _ => not_live("no such kind of memory"),
    }
}

fn create(path: &str) -> Result<usize, Errno> {
    open(path, libc::O_WRONLY | libc::O_CREAT).map(|file| file as usize)
}

/// Maps memory and touches it in steps: writes to each page, or only reads if the steps are larger.
fn map(sharing: i32, bytes: usize, step: usize) -> Result<(), Errno> {
    let flags = (sharing | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE) as usize;
    let access = (libc::PROT_READ | libc::PROT_WRITE) as usize;
    let start = call(libc::SYS_mmap, &[0, bytes, access, flags, usize::MAX, 0])?;
    touch(start, bytes, step);
    Ok(())
}

fn touch(start: usize, bytes: usize, step: usize) {
    for place in (start..start + bytes).step_by(step) {
        let byte = place as *mut u8;
        if step == PAGE {
            // SAFETY: the address is in memory that was mapped only for this.
            unsafe { byte.write_volatile(1) };
        } else {
            // SAFETY: as above.
            unsafe { byte.read_volatile() };
        }
    }
}

fn system_v(bytes: usize) -> Result<(), Errno> {
    let segment = call(libc::SYS_shmget, &[0, bytes, libc::IPC_CREAT as usize | 0o600])?;
    let start = call(libc::SYS_shmat, &[segment, 0, 0])?;
    touch(start, bytes, PAGE);
    Ok(())
}

fn write_all(file: usize, bytes: usize) -> Result<(), Errno> {
    // SAFETY: the descriptor was opened only for this.
    let mut file = std::mem::ManuallyDrop::new(unsafe { File::from_raw_fd(file as i32) });
    let block = vec![1; MIB];
    (0..bytes / MIB).try_for_each(|_| file.write_all(&block)).map_err(|error| errno(&error))
}

/// Writes until no space is left, and prints the number of bytes.
fn stuff(file: usize) -> Result<usize, Errno> {
    let block = [1u8; 64 * 1024];
    let mut written = 0;
    loop {
        match call(libc::SYS_write, &[file, block.as_ptr() as usize, block.len()]) {
            Ok(count) => written += count,
            Err(Errno::EAGAIN) => return Ok(written),
            Err(errno) => return Err(errno),
        }
    }
}

fn pipes(bytes: usize) -> Result<(), Errno> {
    let mut written = 0;
    while written < bytes {
        let mut pipe = [0i32; 2];
        call(libc::SYS_pipe2, &[&raw mut pipe as usize, libc::O_NONBLOCK as usize])?;
        let write = pipe[1] as usize;
        // This fails for a user who already has many large pipes.
        let _larger = call(libc::SYS_fcntl, &[write, libc::F_SETPIPE_SZ as usize, MIB]);
        written += stuff(write)?;
    }
    Ok(())
}

fn sockets(bytes: usize) -> Result<(), Errno> {
    let mut written = 0;
    while written < bytes {
        let mut pair = [0i32; 2];
        let kind = (libc::SOCK_STREAM | libc::SOCK_NONBLOCK) as usize;
        call(libc::SYS_socketpair, &[libc::AF_UNIX as usize, kind, 0, &raw mut pair as usize])?;
        written += stuff(pair[0] as usize)?;
    }
    Ok(())
}
