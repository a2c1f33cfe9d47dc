//! Hooks: what the engine does to the container's first process between clone3(2) and *go*.
//!
//! **Before this**: [`start`](super::start()) has created the process. **Next**: [`compile`](super::compile), which
//! prepares what the process does after *go*.
//!
//! When the hooks run, the process exists in its new namespaces and waits. Some things can be done only then, and
//! only by another process: writing ID maps, moving one end of a veth pair into its network namespace, running the
//! hooks of an OCI bundle. The ID maps are the library's own hook and come first; the caller can add others.
//!
//! If a hook fails, the start fails: the process exits without having run anything, and the error names the hook.

use std::error::Error;
use std::os::fd::BorrowedFd;
use std::{fmt, fs};

use minicontainer_core::plan::{Plan, Step};

use super::StartError;
use crate::sys::clone::CgroupEntrance;
use crate::sys::id_maps::{self, ask_helpers, write_maps};

/// The container's first process, which waits for *go*.
#[derive(Clone, Copy, Debug)]
pub struct StartingProcess<'a> {
    /// Its process id on the host: `/proc/PID/ns` has its namespaces.
    pub pid: u32,
    /// Its pidfd, which never refers to another process later, see pidfd_open(2).
    pub pidfd: BorrowedFd<'a>,
}

/// Why a hook failed.
pub type HookError = Box<dyn Error + Send + Sync>;

/// The code of a hook.
type Action<'a> = Box<dyn FnOnce(&StartingProcess<'_>) -> Result<(), StartError> + 'a>;

/// The hooks of one start, in the order in which they run.
///
/// ```no_run
/// use minicontainer::{Hooks, Sandbox, Store};
/// use std::fs;
///
/// let image = Store::open_default()?.image("busybox")?;
/// let launch = Sandbox::from_image(&image).command("true").launch()?;
/// let hooks = Hooks::none().and("show its network", |process| {
///     fs::read_link(format!("/proc/{}/ns/net", process.pid)).map(|network| println!("{}", network.display()))
/// });
/// launch.start(hooks)?.wait()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Default)]
pub struct Hooks<'a> {
    actions: Vec<Action<'a>>,
}

impl<'a> Hooks<'a> {
    /// No hooks except the library's own.
    pub fn none() -> Hooks<'a> {
        Hooks::default()
    }

    /// Adds a hook after the existing ones. Errors contain its `name`.
    #[must_use]
    pub fn and<E: Into<HookError>>(
        mut self,
        name: impl Into<String>,
        action: impl FnOnce(&StartingProcess<'_>) -> Result<(), E> + 'a,
    ) -> Hooks<'a> {
        let name = name.into();
        self.actions.push(Box::new(move |process| {
            action(process).map_err(|error| StartError::Hook { name, source: error.into() })
        }));
        self
    }

    /// The library's own hooks: the steps of the plan that the engine carries out on the new process.
    pub(super) fn of_plan(plan: &'a Plan, cgroup: Option<&'a CgroupEntrance>) -> Hooks<'a> {
        let moved = plan.steps.iter().any(|step| matches!(step, Step::MoveIntoCgroup { .. }));
        let mut hooks = Hooks { actions: vec![Box::new(|process| map_ids(plan, process))] };
        if let Some(cgroup) = cgroup.filter(|_| moved) {
            hooks.actions.push(Box::new(|process| move_into_cgroup(cgroup, process)));
        }
        hooks
    }

    /// These hooks, and then the others.
    pub(super) fn followed_by(mut self, others: Hooks<'a>) -> Hooks<'a> {
        self.actions.extend(others.actions);
        self
    }

    /// Runs the hooks in order, and stops at the first that fails.
    pub(super) fn run(self, process: &StartingProcess<'_>) -> Result<(), StartError> {
        self.actions.into_iter().try_for_each(|action| action(process))
    }
}

/// Writes the ID maps of the plan for the new process.
fn map_ids(plan: &Plan, process: &StartingProcess<'_>) -> Result<(), StartError> {
    let pid = process.pid;
    for step in &plan.steps {
        let Step::MapIds { uids, gids, deny_setgroups, helped } = step else { continue };
        match helped {
            true => ask_helpers(pid, uids, gids)?,
            false if *deny_setgroups => id_maps::deny_setgroups(pid).and_then(|()| write_maps(pid, uids, gids))?,
            false => write_maps(pid, uids, gids)?,
        }
    }
    Ok(())
}

fn move_into_cgroup(cgroup: &CgroupEntrance, process: &StartingProcess<'_>) -> Result<(), StartError> {
    cgroup.members.iter().try_for_each(|path| {
        let moved = fs::write(path, process.pid.to_string());
        moved.map_err(|source| StartError::MoveIntoCgroup { path: path.clone(), source })
    })
}

impl fmt::Debug for Hooks<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Hooks").field("count", &self.actions.len()).finish()
    }
}
