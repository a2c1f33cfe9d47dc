//! Attacks on other processes: tracing them, reading their memory and descriptors, signalling them; and privileges
//! that a program file could give.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use nix::errno::Errno;

use crate::calls::{address, call, exit, fork, open, text, wait};
use crate::outcome::{Outcome, done_if, errno, not_live};

/// Runs an attack in a new process, so that its effects on the process end with it.
pub fn apart(attack: impl FnOnce() -> Outcome) -> Outcome {
    let mut pipe = [0i32; 2];
    if let Err(errno) = call(libc::SYS_pipe2, &[&raw mut pipe as usize, libc::O_CLOEXEC as usize]) {
        return not_live(&format!("no pipe: {errno}"));
    }
    let [read, write] = pipe.map(|fd| fd as usize);
    match fork() {
        Err(errno) => not_live(&format!("no process: {errno}")),
        Ok(0) => {
            let line = attack().to_string();
            let _heard = call(libc::SYS_write, &[write, line.as_ptr() as usize, line.len()]);
            exit(0)
        }
        Ok(pid) => {
            let _closed = call(libc::SYS_close, &[write]);
            let mut line = [0u8; 512];
            let length = call(libc::SYS_read, &[read, line.as_mut_ptr() as usize, line.len()]).unwrap_or(0);
            let _closed = call(libc::SYS_close, &[read]);
            let status = wait(pid).unwrap_or(0);
            if length == 0 {
                Outcome::Killed(status & 0x7f)
            } else {
                parse_outcome(&String::from_utf8_lossy(&line[..length]))
            }
        }
    }
}

/// Parses an outcome in its printed form.
fn parse_outcome(line: &str) -> Outcome {
    match line.split_once(' ') {
        None => Outcome::Done,
        Some(("refused", name)) => Outcome::Refused(
            (1..200).map(Errno::from_raw).find(|errno| format!("{errno:?}") == name).unwrap_or(Errno::UnknownErrno),
        ),
        Some(("killed", signal)) => Outcome::Killed(signal.parse().unwrap_or(0)),
        Some((_, reason)) => not_live(reason),
    }
}

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let pid = || -> Result<usize, Errno> {
        arguments.first().and_then(|pid| pid.parse::<i32>().ok()).map(|pid| pid as usize).ok_or(Errno::EINVAL)
    };
    Some(match name {
        "ptrace" => pid().and_then(|pid| call(libc::SYS_ptrace, &[libc::PTRACE_SEIZE as usize, pid, 0, 0])).into(),
        "process-vm-read" => pid().and_then(process_vm_read).into(),
        "pidfd-getfd" => pid().and_then(pidfd_getfd).into(),
        "take-descriptors" => pid().and_then(take_descriptors).into(),
        "proc-mem" => pid().and_then(|pid| open(&format!("/proc/{pid}/mem"), libc::O_RDWR)).into(),
        "proc-root" => pid().and_then(|pid| open(&format!("/proc/{pid}/root"), libc::O_RDONLY)).into(),
        // Signal 0 checks whether a signal could be sent.
        "kill" => pid().and_then(|pid| call(libc::SYS_kill, &[pid, 0])).into(),
        "tgkill" => pid().and_then(|pid| call(libc::SYS_tgkill, &[pid, pid, 0])).into(),
        "pidfd-signal" => pid()
            .and_then(|pid| call(libc::SYS_pidfd_open, &[pid, 0]))
            .and_then(|pidfd| call(libc::SYS_pidfd_send_signal, &[pidfd, 0, 0, 0]))
            .into(),
        "signal-by-owner" => pid().and_then(signal_by_owner).into(),
        "kill-all" => kill_all(),
        "set-user-id" => program_file_powers(|path| {
            fs::set_permissions(path, fs::Permissions::from_mode(0o4755)).map_err(|error| errno(&error))
        }),
        "file-capabilities" => program_file_powers(give_capabilities),
        "effective-root" => done_if(call(libc::SYS_geteuid, &[]) == Ok(0) || has_capabilities(), Errno::EPERM),
        _ => return None,
    })
}

/// Reads one byte of the stack of another process.
fn process_vm_read(pid: usize) -> Result<usize, Errno> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).map_err(|error| errno(&error)).unwrap_or_default();
    let stack = maps.lines().find(|line| line.ends_with("[stack]")).and_then(|line| line.split('-').next());
    let start = stack.and_then(|start| usize::from_str_radix(start, 16).ok()).unwrap_or(0x1000);
    let mut byte = 0u8;
    let local = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
    let remote = libc::iovec { iov_base: start as *mut libc::c_void, iov_len: 1 };
    let (local, remote) = (&raw const local as usize, &raw const remote as usize);
    call(libc::SYS_process_vm_readv, &[pid, local, 1, remote, 1, 0])
}

fn pidfd_getfd(pid: usize) -> Result<usize, Errno> {
    let pidfd = call(libc::SYS_pidfd_open, &[pid, 0])?;
    call(libc::SYS_pidfd_getfd, &[pidfd, 0, 0])
}

/// Takes every descriptor of a process, and writes to each socket what an init reports for a program that exited
/// with 0. It writes to sockets only, because an init that has just started its program may still have the streams
/// of the container open, one of which receives this program's own answer.
fn take_descriptors(pid: usize) -> Result<usize, Errno> {
    let pidfd = call(libc::SYS_pidfd_open, &[pid, 0])?;
    let mut answer = Err(Errno::EBADF);
    for number in 0..1024 {
        match call(libc::SYS_pidfd_getfd, &[pidfd, number, 0]) {
            Ok(taken) => {
                let status = 0i32;
                // It fails with ENOTSOCK for other files.
                let _sent = call(libc::SYS_sendto, &[taken, &raw const status as usize, 4, 0, 0, 0]);
                answer = Ok(taken);
            }
            Err(Errno::EBADF) => {}
            Err(errno) => return Err(errno),
        }
    }
    answer
}

/// Makes the process the receiver of signals about events on a descriptor, see F_SETOWN in fcntl(2).
fn signal_by_owner(pid: usize) -> Result<usize, Errno> {
    let mut pipe = [0i32; 2];
    call(libc::SYS_pipe2, &[&raw mut pipe as usize, 0])?;
    call(libc::SYS_fcntl, &[pipe[0] as usize, libc::F_SETOWN as usize, pid])
}

/// Kills every process that it can, but only in a PID namespace, where it cannot reach the machine's processes.
fn kill_all() -> Outcome {
    if is_initial("pid") {
        return not_live("these would be the machine's processes");
    }
    call(libc::SYS_kill, &[usize::MAX, libc::SIGKILL as usize]).into()
}

/// Whether the process is in the initial namespace; initial namespaces have fixed numbers.
pub fn is_initial(kind: &str) -> bool {
    let initial = match kind {
        "pid" => 0xEFFF_FFFCu32,
        "user" => 0xEFFF_FFFD,
        "uts" => 0xEFFF_FFFE,
        _ => return true,
    };
    fs::read_link(format!("/proc/self/ns/{kind}"))
        .map_or(true, |name| name.to_string_lossy() == format!("{kind}:[{initial}]"))
}

/// Whether an ordinary user gains privileges by executing a copy of this program whose file has some.
fn program_file_powers(give: impl FnOnce(&str) -> Result<(), Errno>) -> Outcome {
    const COPY: &str = "/raised-probe";
    if let Err(error) = fs::copy("/proc/self/exe", COPY) {
        return not_live(&format!("no copy can be made: {error}"));
    }
    if let Err(errno) = fs::set_permissions(COPY, fs::Permissions::from_mode(0o755))
        .map_err(|error| errno(&error))
        .and_then(|()| give(COPY))
    {
        return not_live(&format!("no privileges can be added: {errno}"));
    }
    let outcome = match fork() {
        Err(errno) => not_live(&format!("no process: {errno}")),
        Ok(0) => {
            let become_ordinary =
                call(libc::SYS_setresgid, &[1000, 1000, 1000]).and_then(|_| call(libc::SYS_setresuid, &[1000; 3]));
            if become_ordinary.is_err() {
                exit(3);
            }
            let (path, argument) = (text(COPY), text("effective-root"));
            let arguments = [address(&path), address(&argument), 0];
            let _failed = call(libc::SYS_execve, &[address(&path), arguments.as_ptr() as usize, 0]);
            exit(4)
        }
        Ok(pid) => match wait(pid).map(|status| status >> 8 & 0xff) {
            Ok(0) => Outcome::Done,
            Ok(1) => Outcome::Refused(Errno::EPERM),
            Ok(3) => not_live("no process can become an ordinary user here"),
            other => not_live(&format!("the copy did not run: {other:?}")),
        },
    };
    let _removed = fs::remove_file(COPY);
    outcome
}

/// A file capability, see capabilities(7): version 2, effective, CAP_CHOWN and CAP_SYS_ADMIN in the lower word.
fn give_capabilities(path: &str) -> Result<(), Errno> {
    let mut value = [0u8; 20];
    value[..4].copy_from_slice(&0x0200_0001u32.to_le_bytes());
    value[4..8].copy_from_slice(&1u32.to_le_bytes());
    let (path, name) = (text(path), text("security.capability"));
    call(libc::SYS_setxattr, &[address(&path), address(&name), value.as_ptr() as usize, value.len(), 0]).map(|_| ())
}

fn has_capabilities() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:\t"));
    effective.is_some_and(|set| set.bytes().any(|digit| digit != b'0'))
}
