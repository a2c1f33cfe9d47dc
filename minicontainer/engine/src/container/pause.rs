//! Pausing a container: none of its processes runs until it is resumed.
//!
//! `commit` copies the files of a running container, and a program that writes meanwhile could leave half a file in
//! the copy. So the container's cgroup is frozen first, see [`Cgroup::freeze`]. If this process ended then, the
//! container would stay paused, so signals that end a process wait until it is resumed. After SIGKILL it stays
//! paused, and `rm -f` removes it.

use std::marker::PhantomData;

use minicontainer::cgroup::Cgroup;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};

use super::{Container, ContainerError};

/// A container that is paused until this is dropped.
#[derive(Debug)]
pub struct Paused {
    group: Cgroup,
    /// The signals that were blocked in this thread before.
    mask: SigSet,
    /// The mask belongs to the thread.
    _stays_in_thread: PhantomData<*const ()>,
}

impl Container {
    /// Pauses the container; `None` if it does not run.
    ///
    /// # Errors
    /// If it has no cgroup, or the kernel cannot freeze it.
    pub fn pause(&self) -> Result<Option<Paused>, ContainerError> {
        if !self.is_running() {
            return Ok(None);
        }
        let group = self.config.cgroup.as_deref().map(Cgroup::open).transpose();
        let group = group.map_err(|source| self.not_paused(source))?.flatten();
        let group = group.ok_or_else(|| ContainerError::NoCgroup { id: self.id.clone() })?;
        let ending = SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGTERM]);
        let mask = ending.thread_swap_mask(SigmaskHow::SIG_BLOCK);
        let mask = mask.map_err(|source| ContainerError::BlockSignals { source })?;
        let paused = Paused { group, mask, _stays_in_thread: PhantomData };
        paused.group.freeze().map_err(|source| self.not_paused(source))?;
        Ok(Some(paused))
    }

    fn not_paused(&self, source: minicontainer::CgroupError) -> ContainerError {
        ContainerError::NotPaused { id: self.id.clone(), source: Box::new(source) }
    }
}

impl Paused {
    /// Resumes the container.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn resume(self) -> Result<(), minicontainer::CgroupError> {
        self.group.thaw()
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // Best effort after another error: `resume` reports its own.
        let _thawed = self.group.thaw();
        // This cannot fail: the mask was returned by the kernel.
        let _restored = self.mask.thread_set_mask();
    }
}
