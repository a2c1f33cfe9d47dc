//! The messages of the container's first process to its parent: fixed-size, through the report pipe.
//!
//! The launcher (`src/launcher`) compiles this file too, so it uses only `core`.

/// One table for the calls and for their names, so that a call's number is the index of its name.
macro_rules! calls {
    ($($call:ident = $name:literal,)*) => {
        /// A system call of the container's first process, to report which call failed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u16)]
        #[allow(dead_code, reason = "some are used only by the launcher")]
        pub(crate) enum Call {
            $($call,)*
        }

        /// The names of all calls in section 2 of the manual.
        const NAMES: &[&str] = &[$($name,)*];
    };
}

calls! {
    Capset = "capset",
    Chdir = "chdir",
    Chroot = "chroot",
    Clone = "clone",
    Close = "close_range",
    Dup = "dup3",
    Execve = "execve",
    Execveat = "execveat",
    Fchdir = "fchdir",
    Fchown = "fchown",
    Fcntl = "fcntl",
    Fsconfig = "fsconfig",
    Fsmount = "fsmount",
    Fsopen = "fsopen",
    Fstatfs = "fstatfs",
    Getcwd = "getcwd",
    Ioctl = "ioctl",
    Mkdir = "mkdirat",
    Mknod = "mknodat",
    Mount = "mount",
    MountSetattr = "mount_setattr",
    MoveMount = "move_mount",
    OpenTree = "open_tree",
    Openat = "openat",
    Openat2 = "openat2",
    PivotRoot = "pivot_root",
    Prctl = "prctl",
    Prlimit = "prlimit64",
    Read = "read",
    Readlink = "readlinkat",
    Seccomp = "seccomp",
    Sendmsg = "sendmsg",
    Setgid = "setresgid",
    Setgroups = "setgroups",
    Sethostname = "sethostname",
    Setns = "setns",
    Setsid = "setsid",
    Setuid = "setresuid",
    Sigprocmask = "rt_sigprocmask",
    Socket = "socket",
    Statx = "statx",
    Symlink = "symlinkat",
    Umount = "umount2",
    Unshare = "unshare",
    Write = "write",
}

/// The message that the program's process writes to the init's status socket before it executes the program. The
/// other message on that socket, of four bytes, is the program's wait status.
pub(crate) const PROGRAM_STARTING: u8 = b'p';

/// A decoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A step is done. Sent only if the run is traced.
    Done { step: usize, nanos: u64 },
    /// Everything before execve(2) is done. End of file without this message means that the process was killed.
    Ready,
    /// A step failed, and the process is about to exit.
    Failed { step: usize, call: &'static str, errno: i32 },
}

/// The size of a message in bytes. Writes of this size are atomic, see pipe(7).
pub(crate) const SIZE: usize = 24;

const DONE: u16 = 1;
const READY: u16 = 2;
const FAILED: u16 = 3;

fn encode(kind: u16, call: u16, step: usize, errno: i32, nanos: u64) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    bytes[0..2].copy_from_slice(&kind.to_ne_bytes());
    bytes[2..4].copy_from_slice(&call.to_ne_bytes());
    bytes[4..8].copy_from_slice(&errno.to_ne_bytes());
    bytes[8..16].copy_from_slice(&(step as u64).to_ne_bytes());
    bytes[16..24].copy_from_slice(&nanos.to_ne_bytes());
    bytes
}

pub(crate) fn done(step: usize, nanos: u64) -> [u8; SIZE] {
    encode(DONE, 0, step, 0, nanos)
}

pub(crate) fn ready() -> [u8; SIZE] {
    encode(READY, 0, 0, 0, 0)
}

pub(crate) fn failed(step: usize, call: Call, errno: i32) -> [u8; SIZE] {
    encode(FAILED, call as u16, step, errno, 0)
}

/// Decodes a message. `None` if the kind is unknown, which only a bug could cause.
pub(crate) fn decode(bytes: &[u8; SIZE]) -> Option<Message> {
    let (head, tail) = bytes.split_at(8);
    let [kind, call] = [0, 2].map(|at| u16::from_ne_bytes([head[at], head[at + 1]]));
    let errno = i32::from_ne_bytes(head[4..8].try_into().ok()?);
    let step = usize::try_from(u64::from_ne_bytes(tail[..8].try_into().ok()?)).ok()?;
    let nanos = u64::from_ne_bytes(tail[8..].try_into().ok()?);
    match kind {
        DONE => Some(Message::Done { step, nanos }),
        READY => Some(Message::Ready),
        FAILED => {
            let call = NAMES.get(usize::from(call)).copied().unwrap_or("unknown");
            Some(Message::Failed { step, call, errno })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_round_trip_through_the_pipe() {
        assert_eq!(decode(&done(7, 1234)), Some(Message::Done { step: 7, nanos: 1234 }));
        assert_eq!(decode(&ready()), Some(Message::Ready));
        let failure = Message::Failed { step: 3, call: "pivot_root", errno: 22 };
        assert_eq!(decode(&failed(3, Call::PivotRoot, 22)), Some(failure));
        let later = Message::Failed { step: 3, call: "unknown", errno: 22 };
        assert_eq!(decode(&encode(FAILED, u16::MAX, 3, 22, 0)), Some(later));
        assert_eq!(decode(&[0; SIZE]), None);
    }
}
