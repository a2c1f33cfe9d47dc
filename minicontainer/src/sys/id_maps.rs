//! The ID maps of a user namespace, written by the parent, see user_namespaces(7).
//!
//! A user can map their own id without help. Other ids are mapped by newuidmap(1) and newgidmap(1), two programs of
//! the system that have the privilege (*set-user-ID*, or file capabilities) and check `/etc/subuid` and `/etc/subgid`
//! first. They are executed by fixed paths and without an environment, because a program or variable chosen by the
//! caller would affect a privileged operation. They also have a time limit, because they may query a directory
//! service that does not answer.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};
use std::{fmt, fs};

use minicontainer_core::plan::IdMapping;

use super::xattr;

/// Where the helpers are installed: on nearly all systems, and on NixOS.
const DIRECTORIES: [&str; 2] = ["/usr/bin", "/run/wrappers/bin"];

/// The time limit of a helper, which normally takes a millisecond or two.
const PATIENCE: Duration = Duration::from_secs(5);

/// The helper of this name, if it is installed with the privilege that it needs.
pub(crate) fn helper(name: &str) -> Option<PathBuf> {
    let powerful = |path: &PathBuf| {
        let set_user_id = fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & libc::S_ISUID != 0);
        set_user_id || has_file_capabilities(path)
    };
    DIRECTORIES.iter().map(|directory| Path::new(directory).join(name)).find(powerful)
}

fn has_file_capabilities(path: &Path) -> bool {
    fs::File::open(path).is_ok_and(|file| matches!(xattr::get(&file, "security.capability"), Ok(Some(_))))
}

/// Why the ids of a user namespace could not be mapped.
#[derive(Debug)]
pub(crate) enum IdMapError {
    /// A file of the process could not be written.
    Write { path: String, source: io::Error },
    /// The helper that maps subordinate ids failed.
    Helper { program: &'static str, reason: String },
}

impl fmt::Display for IdMapError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            IdMapError::Write { path, source } => write!(formatter, "cannot write {path}: {source}"),
            IdMapError::Helper { program, reason } => {
                write!(formatter, "cannot map the container's ids: {program}: {reason}")
            }
        }
    }
}

type Result<T> = std::result::Result<T, IdMapError>;

fn lines(map: &[IdMapping]) -> String {
    map.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.count)).collect()
}

/// Permanently forbids setgroups(2) in the process's user namespace. An ordinary user must do this before writing the
/// map.
pub(crate) fn deny_setgroups(pid: u32) -> Result<()> {
    write(pid, "setgroups", "deny")
}

fn write(pid: u32, file: &str, text: &str) -> Result<()> {
    let path = format!("/proc/{pid}/{file}");
    fs::write(&path, text).map_err(|source| IdMapError::Write { path, source })
}

/// Writes both maps without help.
pub(crate) fn write_maps(pid: u32, uids: &[IdMapping], gids: &[IdMapping]) -> Result<()> {
    write(pid, "gid_map", &lines(gids))?;
    write(pid, "uid_map", &lines(uids))
}

/// Lets the helpers write the maps of a process's user namespace.
pub(crate) fn ask_helpers(pid: u32, uids: &[IdMapping], gids: &[IdMapping]) -> Result<()> {
    [("newgidmap", gids), ("newuidmap", uids)].into_iter().try_for_each(|(program, map)| ask(program, pid, map))
}

fn ask(program: &'static str, pid: u32, map: &[IdMapping]) -> Result<()> {
    let failed = |reason: String| IdMapError::Helper { program, reason };
    let path = helper(program).ok_or_else(|| failed("it is not installed set-user-ID root".to_owned()))?;
    let mut command = Command::new(path);
    command.arg(pid.to_string()).args(lines(map).split_whitespace()).env_clear().current_dir("/");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let status = await_end(&mut child).map_err(failed)?;
    if status.success() {
        return Ok(());
    }
    let mut said = String::new();
    // The output is only for the message, so a read error is ignored.
    let _unread = child.stderr.take().map(|stderr| stderr.take(4096).read_to_string(&mut said));
    Err(failed(format!("{status}: {}", said.trim_end())))
}

/// Waits until the helper exits, and kills it after the time limit.
fn await_end(child: &mut Child) -> std::result::Result<ExitStatus, String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_micros(200)),
            Ok(None) => {
                // The user who started a set-user-ID program may kill it, see kill(2).
                let _reaped = child.kill().and_then(|()| child.wait());
                return Err(format!("it has not ended after {} seconds", PATIENCE.as_secs()));
            }
            Err(error) => return Err(error.to_string()),
        }
    }
}
