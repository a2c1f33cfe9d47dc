//! The descriptors of a start: pipes, sockets and files, with the parent's ends and the child's ends.

use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;

use minicontainer_core::plan::Plan;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::super::child::Pipes;
use super::super::standard_streams::above_standard;
use super::super::{StartError, init_status, launcher};
use crate::sys::calls::Fd;
use crate::sys::{Errno, of_nix};

/// The descriptors that the parent keeps.
pub(super) struct ParentEnds {
    /// Writes *go*.
    pub go: OwnedFd,
    /// Reads the child's reports.
    pub report: OwnedFd,
    /// Receives the container's terminal, if it gets one.
    pub terminal: Option<OwnedFd>,
    /// Receives the program's wait status from the init, if there is one.
    pub status: Option<OwnedFd>,
    /// Receives the listener of the seccomp filter, if the filter asks about refused calls.
    pub listener: Option<OwnedFd>,
}

/// The descriptors of the child. The parent closes its copies as soon as the child exists; otherwise it would never
/// read end of file from a pipe.
pub(super) struct ChildEnds {
    pub go: OwnedFd,
    pub report: OwnedFd,
    pub terminal: Option<OwnedFd>,
    pub status: Option<OwnedFd>,
    pub listener: Option<OwnedFd>,
    /// The launcher, as a file in memory.
    pub launcher: OwnedFd,
    /// The descriptors that become stdin, stdout and stderr.
    pub standard: [Option<OwnedFd>; 3],
}

/// Creates all of them. The child's descriptors are above 2. `listens` says whether the seccomp filter, if there is
/// one, asks about refused calls.
pub(super) fn make(
    plan: &Plan,
    standard: [Option<OwnedFd>; 3],
    listens: bool,
) -> Result<(ParentEnds, ChildEnds), StartError> {
    let (childs_go, go) = pipe()?;
    let (report, childs_report) = pipe()?;
    let launcher = above_standard(launcher::in_memory().map_err(|source| StartError::Launcher { source })?)?;
    let (terminal, childs_terminal) = socket_if(plan.opens_terminal())?.unzip();
    let (listener, childs_listener) = socket_if(listens && plan.has_filter())?.unzip();
    let (status, childs_status) = init_status::pair(plan).map_err(|source| StartError::Pipe { source })?.unzip();
    let [stdin, stdout, stderr] = standard.map(|descriptor| descriptor.map(above_standard).transpose());
    let child = ChildEnds {
        go: childs_go,
        report: childs_report,
        terminal: childs_terminal,
        status: childs_status.map(above_standard).transpose()?,
        listener: childs_listener,
        launcher,
        standard: [stdin?, stdout?, stderr?],
    };
    Ok((ParentEnds { go, report, terminal, status, listener }, child))
}

impl ChildEnds {
    /// The two pipes that the child uses while it carries out the plan.
    pub(super) fn pipes(&self) -> Pipes {
        Pipes { go: self.go.as_raw_fd(), report: self.report.as_raw_fd() }
    }

    /// The descriptors that become stdin, stdout and stderr. The child replaces missing ones later; until then the go
    /// pipe takes their place.
    pub(super) fn standard(&self) -> [Fd; 3] {
        self.standard.each_ref().map(|descriptor| descriptor.as_ref().unwrap_or(&self.go).as_raw_fd())
    }

    /// The descriptors that stay open until the launcher is executed.
    pub(super) fn kept(&self) -> Vec<Fd> {
        let always = [&self.go, &self.report, &self.launcher];
        let optional = self.terminal.iter().chain(&self.status).chain(&self.listener);
        always.into_iter().chain(optional).map(AsRawFd::as_raw_fd).collect()
    }
}

fn pipe() -> Result<(OwnedFd, OwnedFd), StartError> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| StartError::Pipe { source: of_nix(errno) })?;
    Ok((above_standard(read)?, above_standard(write)?))
}

/// A socket through which the child sends a descriptor, if it will have one: the parent's end and the child's end.
fn socket_if(needed: bool) -> Result<Option<(OwnedFd, OwnedFd)>, StartError> {
    let pair = needed.then(UnixStream::pair).transpose();
    let pair = pair.map_err(|error| StartError::Pipe { source: Errno(error.raw_os_error().unwrap_or(0)) })?;
    pair.map(|(receive, send)| Ok((receive.into(), above_standard(send.into())?))).transpose()
}
