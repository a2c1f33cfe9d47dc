//! What has come of creating the child.

use std::os::fd::{AsFd, FromRawFd, OwnedFd};

use minicontainer_core::plan::{Plan, Step};
use nix::errno::Errno;

use super::super::{StartError, StartingProcess};
use super::ends::ParentEnds;
use super::namespaces::clone_step;
use super::report::listen_until_executed;
use crate::sys::{self, calls::Fd, wait::How};

/// The process that clone3(2) has made.
pub(super) struct Child {
    pub pid: i32,
    pub pidfd: OwnedFd,
}

/// What has come of making it.
pub(super) enum Cloned {
    Made(Child),
    /// The kernel made no process.
    Refused(sys::Errno),
    /// The joiner ended in this way and made none; it may have told why through the report pipe.
    JoinerEnded(How),
    /// It could not be tried, or its outcome not be learned.
    Failed(StartError),
}

impl Cloned {
    pub(super) fn of(result: sys::Result<(i32, Fd)>) -> Cloned {
        match result {
            // SAFETY: the kernel has just made this descriptor for us, and nothing else uses it.
            Ok((pid, pidfd)) => Cloned::Made(Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
            Err(errno) => Cloned::Refused(errno),
        }
    }

    /// The child, or why there is none.
    pub(super) fn child(self, plan: &Plan, parent: &ParentEnds) -> Result<Child, StartError> {
        let refused = |source| StartError::Clone { namespaces: clone_step(plan).0, source };
        match self {
            Cloned::Made(child) => Ok(child),
            Cloned::Refused(errno) => Err(refused(Errno::from_raw(errno.0))),
            Cloned::Failed(error) => Err(error),
            Cloned::JoinerEnded(how) => {
                let report = parent.report.try_clone().map_err(|_| StartError::Pipe { source: Errno::EMFILE })?;
                match listen_until_executed(report, || {}).conclude(plan) {
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
