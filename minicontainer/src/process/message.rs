//! What the container's first process tells its parent: fixed-size messages through the report pipe. The launcher
//! (`src/launcher`) compiles this file too, so it needs nothing but the language itself.

/// A system call of the container's first process, so that a failure can be told by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Call {
    Capset,
    Chdir,
    Chroot,
    Clone,
    Close,
    Dup,
    Execve,
    Execveat,
    Fchdir,
    Fchown,
    Fcntl,
    Fsconfig,
    Fsmount,
    Fsopen,
    Fstatfs,
    Getcwd,
    Ioctl,
    Mkdir,
    Mknod,
    Mount,
    MountSetattr,
    MoveMount,
    OpenTree,
    Openat2,
    PivotRoot,
    Prctl,
    Prlimit,
    Read,
    Seccomp,
    Sendmsg,
    Setgid,
    Setgroups,
    Sethostname,
    Setns,
    Setsid,
    Setuid,
    Sigprocmask,
    Socket,
    Statx,
    Symlink,
    Umount,
    Unshare,
    Write,
}

impl Call {
    /// Every call with its name in section 2 of the manual; a call's place is its number.
    const NAMES: &[(Call, &'static str)] = &[
        (Call::Capset, "capset"),
        (Call::Chdir, "chdir"),
        (Call::Chroot, "chroot"),
        (Call::Clone, "clone"),
        (Call::Close, "close_range"),
        (Call::Dup, "dup3"),
        (Call::Execve, "execve"),
        (Call::Execveat, "execveat"),
        (Call::Fchdir, "fchdir"),
        (Call::Fchown, "fchown"),
        (Call::Fcntl, "fcntl"),
        (Call::Fsconfig, "fsconfig"),
        (Call::Fsmount, "fsmount"),
        (Call::Fsopen, "fsopen"),
        (Call::Fstatfs, "fstatfs"),
        (Call::Getcwd, "getcwd"),
        (Call::Ioctl, "ioctl"),
        (Call::Mkdir, "mkdirat"),
        (Call::Mknod, "mknodat"),
        (Call::Mount, "mount"),
        (Call::MountSetattr, "mount_setattr"),
        (Call::MoveMount, "move_mount"),
        (Call::OpenTree, "open_tree"),
        (Call::Openat2, "openat2"),
        (Call::PivotRoot, "pivot_root"),
        (Call::Prctl, "prctl"),
        (Call::Prlimit, "prlimit64"),
        (Call::Read, "read"),
        (Call::Seccomp, "seccomp"),
        (Call::Sendmsg, "sendmsg"),
        (Call::Setgid, "setresgid"),
        (Call::Setgroups, "setgroups"),
        (Call::Sethostname, "sethostname"),
        (Call::Setns, "setns"),
        (Call::Setsid, "setsid"),
        (Call::Setuid, "setresuid"),
        (Call::Sigprocmask, "rt_sigprocmask"),
        (Call::Socket, "socket"),
        (Call::Statx, "statx"),
        (Call::Symlink, "symlinkat"),
        (Call::Umount, "umount2"),
        (Call::Unshare, "unshare"),
        (Call::Write, "write"),
    ];

    fn name(number: u16) -> &'static str {
        Call::NAMES.get(usize::from(number)).map_or("unknown", |(_, name)| name)
    }
}

/// What a message says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// A step is done; sent only when the run is traced.
    Done { step: usize, nanos: u64 },
    /// Everything before execve(2) is done. Without this message, an end of file means that the process was killed.
    Ready,
    /// A step failed, and the process is about to exit.
    Failed { step: usize, call: &'static str, errno: i32 },
}

/// How many bytes a message has. Writes of so few are atomic, see pipe(7).
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

/// Reads a message back; `None` if it is none, which only a bug could cause.
pub(crate) fn decode(bytes: &[u8; SIZE]) -> Option<Message> {
    let (head, tail) = bytes.split_at(8);
    let [kind, call] = [0, 2].map(|at| u16::from_ne_bytes([head[at], head[at + 1]]));
    let errno = i32::from_ne_bytes(head[4..8].try_into().ok()?);
    let step = usize::try_from(u64::from_ne_bytes(tail[..8].try_into().ok()?)).ok()?;
    let nanos = u64::from_ne_bytes(tail[8..].try_into().ok()?);
    match kind {
        DONE => Some(Message::Done { step, nanos }),
        READY => Some(Message::Ready),
        FAILED => Some(Message::Failed { step, call: Call::name(call), errno }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_pipe() {
        assert_eq!(decode(&done(7, 1234)), Some(Message::Done { step: 7, nanos: 1234 }));
        assert_eq!(decode(&ready()), Some(Message::Ready));
        let failure = Message::Failed { step: 3, call: "pivot_root", errno: 22 };
        assert_eq!(decode(&failed(3, Call::PivotRoot, 22)), Some(failure));
        assert_eq!(decode(&[0; SIZE]), None);
    }

    #[test]
    fn every_call_stands_at_its_number() {
        for (place, (call, name)) in Call::NAMES.iter().enumerate() {
            assert_eq!(*call as usize, place, "{name}");
        }
    }
}
