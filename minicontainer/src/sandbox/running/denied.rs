//! Records the system calls that a container's seccomp filter refuses, so that users see why a program fails.
//!
//! The filter itself only returns an error to the program. When calls are traced, the kernel notifies this process of
//! each call that the filter would refuse (`SECCOMP_RET_USER_NOTIF`, seccomp_unotify(2)). A thread here evaluates the
//! original filter on the call, records the result, and returns the same error to the program. This needs no
//! privilege, unlike the kernel's log. The call is never executed: if this process exits first, the kernel returns
//! ENOSYS.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use minicontainer_core::plan::{Plan, Step};
use minicontainer_core::report::DeniedCall;
use minicontainer_core::seccomp::{self, Call, Instruction};

use super::Error;
use crate::host;
use crate::sys::seccomp_notify;

/// How often each call was refused, by its name and error.
type Counts = BTreeMap<(&'static str, u32), u64>;

/// The name of calls that this engine does not know.
const UNKNOWN: &str = "unknown";

/// The refused calls of a container so far.
#[derive(Debug)]
pub(super) struct DeniedCalls {
    counts: Arc<Mutex<Counts>>,
}

impl DeniedCalls {
    /// Starts the thread. It ends when no process has the filter any more.
    pub(super) fn start(listener: OwnedFd, plan: &Plan) -> Result<DeniedCalls, Error> {
        let filter = plan.steps.iter().find_map(|step| match step {
            Step::InstallSeccomp { instructions, .. } => Some(instructions.clone()),
            _ => None,
        });
        let counts = Arc::new(Mutex::new(Counts::new()));
        let (filter, shared) = (filter.unwrap_or_default(), Arc::clone(&counts));
        thread::Builder::new()
            .name("denied-calls".to_owned())
            .spawn(move || answer_all(&listener, &filter, &shared))
            .map_err(|source| Error::Stream { source })?;
        Ok(DeniedCalls { counts })
    }

    /// All refused calls, sorted by name.
    pub(super) fn list(&self) -> Vec<DeniedCall> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let list = counts.iter();
        list.map(|((name, errno), count)| DeniedCall::new(*name, *errno, *count)).collect()
    }
}

fn answer_all(listener: &OwnedFd, filter: &[Instruction], counts: &Mutex<Counts>) {
    while let Ok(Some(asked)) = seccomp_notify::next(listener.as_fd()) {
        let call =
            Call { number: asked.data.nr.cast_unsigned(), architecture: asked.data.arch, arguments: asked.data.args };
        // All unknown numbers count together: a program may try billions of them.
        let name = call.name(host::ARCHITECTURE).unwrap_or(UNKNOWN);
        let errno = seccomp::errno_of(seccomp::evaluate(filter, &call)).unwrap_or(libc::ENOSYS.cast_unsigned());
        // Recorded first: a program that has got its error may exit, and then the list must be complete.
        *counts.lock().unwrap_or_else(PoisonError::into_inner).entry((name, errno)).or_default() += 1;
        if seccomp_notify::refuse(listener.as_fd(), asked.id, errno.cast_signed()).is_err() {
            return;
        }
    }
}
