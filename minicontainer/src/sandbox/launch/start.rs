//! Starting a launch: creates the streams, the writable layer, the cgroup and the process, in this order.
//!
//! **Before this**: [`Launch`] holds the complete plan, and nothing has been created. **Next**:
//! [`process`](crate::process), which clones the container's first process.
//!
//! Each value removes in its `drop` what it has created. So a failure at any point undoes everything before it.

use super::super::running::{RunResources, Running};
use super::{Error, Launch};
use crate::cgroup::Cgroup;
use crate::process::{self, Hooks};

impl Launch {
    /// Creates the container, and returns as soon as its program runs. The hooks run after its first process was
    /// created, and before that process sets up its root file system.
    ///
    /// Streams that are copied (see [`Stdio`](crate::Stdio)) are copied while the caller waits, by [`Running::wait`],
    /// [`Running::wait_with`] or [`Running::poll_with`].
    ///
    /// # Errors
    /// When the program could not be started, or a hook failed. In that case everything already created is removed.
    pub fn start(self, hooks: Hooks<'_>) -> Result<Running, Error> {
        let Launch { plan, root, settings, .. } = self;
        let connected = settings.connect(&plan)?;
        let scratch = root.as_ref().map(|root| root.make()).transpose()?.flatten();
        let group = Cgroup::from_plan(&plan)?;
        let entrance = group.as_ref().map(Cgroup::entrance);
        let request = process::StartRequest {
            plan: &plan,
            standard: connected.standard,
            open_files: process::OpenFiles { mounts: &settings.bind_sources, namespaces: &settings.namespaces },
            cgroup: entrance.as_ref(),
            traced: settings.traced,
            asks_about_calls: settings.traces_denied_calls,
            process_bytes: &settings.process_bytes,
        };
        let started = process::start(request, hooks)?;
        let limits = settings.watched_limits();
        let holdings = RunResources { group, _scratch: scratch };
        Running::new(started, holdings, plan, limits, (connected.ends, connected.streams))
    }
}
