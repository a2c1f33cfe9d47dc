//! Covert channels between two containers, or a container and the host: keys, shared memory, queues, locks. Also
//! calls with many known flaws: io_uring, userfaultfd, memory that no other process can see.
//!
//! A channel is probed from both ends: `… leave NAME` in one container, `… find NAME` in the other.

use std::fs;

use nix::errno::Errno;

use crate::calls::{address, call, open, text};
use crate::outcome::{Outcome, done_if, not_live};

/// KEY_SPEC_USER_KEYRING, the keyring of all processes of one user, see keyrings(7).
const USER_KEYRING: usize = -4isize as usize;

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match (name, words.as_slice()) {
        ("key", ["leave", name]) => add_key(name).into(),
        ("key", ["find", name]) => find_key(name).into(),
        ("key", ["remove", name]) => {
            find_key(name).and_then(|key| call(libc::SYS_keyctl, &[9, key, USER_KEYRING])).into()
        }
        ("shared-memory", ["leave", key]) => shared_memory(key, libc::IPC_CREAT | 0o666),
        ("shared-memory", ["find", key]) => shared_memory(key, 0),
        ("message-queue", ["leave", name]) => message_queue(name, libc::O_RDWR | libc::O_CREAT).into(),
        ("message-queue", ["find", name]) => message_queue(name, libc::O_RDWR).into(),
        ("shm-file", ["leave", name]) => open(&format!("/dev/shm/{name}"), libc::O_WRONLY | libc::O_CREAT).into(),
        ("shm-file", ["find", name]) => open(&format!("/dev/shm/{name}"), libc::O_RDONLY).into(),
        // EAGAIN means that another process holds the lock.
        ("lock", [path]) => open(path, libc::O_RDONLY)
            .and_then(|file| call(libc::SYS_flock, &[file as usize, (libc::LOCK_EX | libc::LOCK_NB) as usize]))
            .into(),
        // The same with a lease, see fcntl(2): F_SETLEASE of F_RDLCK.
        ("lease", ["leave", path]) => {
            open(path, libc::O_RDONLY).and_then(|file| call(libc::SYS_fcntl, &[file as usize, 1024, 0])).into()
        }
        // For an exclusive lease, F_WRLCK, EAGAIN means that another process has the file open.
        ("lease", ["find", path]) => {
            open(path, libc::O_RDONLY).and_then(|file| call(libc::SYS_fcntl, &[file as usize, 1024, 1])).into()
        }
        ("io-uring", []) => io_uring().into(),
        ("userfaultfd", []) => call(libc::SYS_userfaultfd, &[libc::O_CLOEXEC as usize | 1]).into(),
        ("memfd-secret", []) => call(libc::SYS_memfd_secret, &[0]).into(),
        ("bpf-map", []) => bpf_map().into(),
        ("performance-counter", []) => performance_counter().into(),
        ("inotify", [most]) => inotify(most),
        ("keys-listed", []) => {
            done_if(fs::read_to_string("/proc/keys").is_ok_and(|keys| !keys.is_empty()), Errno::ENODATA)
        }
        _ => return None,
    })
}

fn add_key(name: &str) -> Result<usize, Errno> {
    let (kind, name, secret) = (text("user"), text(name), text("a message"));
    call(libc::SYS_add_key, &[address(&kind), address(&name), address(&secret), 9, USER_KEYRING])
}

/// KEYCTL_SEARCH.
fn find_key(name: &str) -> Result<usize, Errno> {
    let (kind, name) = (text("user"), text(name));
    call(libc::SYS_keyctl, &[10, USER_KEYRING, address(&kind), address(&name), 0])
}

fn shared_memory(key: &str, flags: i32) -> Outcome {
    match key.parse::<i32>() {
        Ok(key) => call(libc::SYS_shmget, &[key as usize, 4096, flags as usize]).into(),
        Err(_) => not_live("no key given"),
    }
}

/// The kernel expects the name without its slash.
fn message_queue(name: &str, flags: i32) -> Result<usize, Errno> {
    let name = text(name);
    call(libc::SYS_mq_open, &[address(&name), flags as usize, 0o666, 0])
}

fn io_uring() -> Result<usize, Errno> {
    let mut parameters = [0u8; 120];
    call(libc::SYS_io_uring_setup, &[1, parameters.as_mut_ptr() as usize])
}

/// BPF_MAP_CREATE of an array of one number.
fn bpf_map() -> Result<usize, Errno> {
    let attributes: [u32; 18] = [2, 4, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    call(libc::SYS_bpf, &[0, attributes.as_ptr() as usize, 72])
}

/// Counts this process's own processor time in user mode.
fn performance_counter() -> Result<usize, Errno> {
    let mut attributes = [0u64; 16];
    // Type PERF_TYPE_SOFTWARE and the structure's size; then what is not counted: kernel and hypervisor.
    attributes[0] = 1 | 128 << 32;
    attributes[5] = 1 << 5 | 1 << 6;
    call(libc::SYS_perf_event_open, &[attributes.as_ptr() as usize, 0, usize::MAX, usize::MAX, 0])
}

/// Allocates this many instances of inotify.
fn inotify(most: &str) -> Outcome {
    let Ok(most) = most.parse::<usize>() else { return not_live("no number given") };
    (0..most).try_for_each(|_| call(libc::SYS_inotify_init1, &[0]).map(|_| ())).into()
}
