//! The start of a launch: everything that was decided is made, in the one order that leaves nothing behind on
//! failure.
//!
//! **Before this**: [`Launch`] has decided everything, and made nothing. **Next**: [`process`](crate::process), where
//! one process becomes two.
//!
//! Each value removes in its `drop` what it has made. So a failure at any point undoes all that came before it.

use super::super::running::{Holdings, Running};
use super::{Error, Launch};
use crate::cgroup::Cgroup;
use crate::process::{self, Hooks};

impl Launch {
    /// Makes the container, and returns as soon as its program runs. The hooks run when its first process exists, and
    /// before that process goes on to build its root file system.
    ///
    /// Streams that are copied (see [`Stdio`](crate::Stdio)) are copied while the caller waits, by [`Running::wait`],
    /// [`Running::wait_with`] or [`Running::poll_with`].
    ///
    /// # Errors
    /// When the program could not be started, or a hook failed. Then nothing of it is left.
    pub fn start(self, hooks: Hooks<'_>) -> Result<Running, Error> {
        let Launch { plan, root, settings, .. } = self;
        let connected = settings.connect(&plan)?;
        let scratch = root.as_ref().map(|root| root.make()).transpose()?.flatten();
        let group = Cgroup::from_plan(&plan)?;
        let entrance = group.as_ref().map(Cgroup::entrance);
        let request = process::StartRequest {
            plan: &plan,
            standard: connected.standard,
            held: process::Held { mounts: &settings.held_mounts, namespaces: &settings.namespaces },
            cgroup: entrance.as_ref(),
            traced: settings.traced,
        };
        let started = process::start(request, hooks)?;
        let limits = settings.watched_limits();
        let holdings = Holdings { group, _scratch: scratch };
        Ok(Running::new(started, holdings, plan, limits, (connected.ends, connected.streams)))
    }
}
