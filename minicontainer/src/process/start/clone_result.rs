//! The result of creating the child.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use minicontainer_core::plan::{Plan, Step};

use super::super::{StartError, StartingProcess};
use super::descriptors::ParentEnds;
use super::namespaces::clone_step;
use super::report::read_reports;
use crate::sys::{self, Errno, calls::Fd, wait::How};

/// The process that clone3(2) has created.
pub(super) struct Child {
    pub pid: i32,
    pub pidfd: OwnedFd,
}

/// The result of creating the child.
pub(super) enum Cloned {
    Made(Child),
    /// clone3(2) failed.
    Refused(Errno),
    /// The joiner exited in this way without creating a process. It may have reported the reason through the pipe.
    JoinerEnded(How),
    /// Something before or after clone3(2) failed.
    Failed(StartError),
}

impl Cloned {
    pub(super) fn of(result: sys::Result<(i32, Fd)>) -> Cloned {
        match result {
            // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
            Ok((pid, pidfd)) => Cloned::Made(Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
            Err(errno) => Cloned::Refused(errno),
        }
    }

    /// The child, or the error.
    pub(super) fn child(self, plan: &Plan, parent: &ParentEnds) -> Result<Child, StartError> {
        let refused = |source| StartError::Clone { namespaces: clone_step(plan).0, source };
        match self {
            Cloned::Made(child) => Ok(child),
            Cloned::Refused(errno) => Err(refused(errno)),
            Cloned::Failed(error) => Err(error),
            Cloned::JoinerEnded(how) => {
                let report =
                    parent.report.try_clone().map_err(|_| StartError::Pipe { source: Errno(libc::EMFILE) })?;
                match read_reports(report, || {}).conclude(plan) {
                    Err(StartError::Step { step, errno, .. }) if matches!(*step, Step::Clone { .. }) => {
                        Err(refused(errno))
                    }
                    Err(failure @ StartError::Step { .. }) => Err(failure),
                    Ok(_) | Err(_) => Err(StartError::EndedEarly { ended: how.to_string() }),
                }
            }
        }
    }
}

impl Child {
    pub(super) fn as_starting(&self) -> StartingProcess<'_> {
        StartingProcess { pid: self.pid.unsigned_abs(), pidfd: self.pidfd.as_fd() }
    }
}
