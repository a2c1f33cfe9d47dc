//! What one kernel does otherwise than the model, and than the kernels before and after it.
//!
//! **Linux 6.1, an ordinary user's overlay:** a write to a file that was copied up and has the set-group-ID bit
//! without the right to execute is answered with `EOVERFLOW` (seen on Debian's 6.1.0; 6.18 answers as the model
//! does). When the kernel takes that bit away it finds that it does not know the file's owner.
//!
//! A sequence that meets such a thing is compared up to the call before it; how many there were is told at the end.

use std::cell::Cell;

use minicontainer_layers::overlay::Mounter;
use nix::sys::utsname::uname;

use crate::scenario::Result;

/// What is known of the kernel that runs.
#[derive(Debug, Default)]
pub struct Quirks {
    overflows: bool,
    met: Cell<u32>,
}

impl Quirks {
    /// Those of the running kernel.
    pub fn of_kernel(mounter: Mounter) -> Quirks {
        let is_6_1 = uname().is_ok_and(|names| names.release().to_string_lossy().starts_with("6.1."));
        Quirks { overflows: is_6_1 && mounter == Mounter::User, met: Cell::default() }
    }

    /// The first call whose answer is such a thing.
    pub fn first(&self, answered: &Result) -> Option<usize> {
        let at =
            answered.answers.iter().position(|answer| *answer == Err(libc::EOVERFLOW)).filter(|_| self.overflows)?;
        self.met.set(self.met.get() + 1);
        Some(at)
    }

    /// What was left out, in words; nothing, if nothing was.
    pub fn told(&self) -> String {
        match self.met.get() {
            0 => String::new(),
            met => format!(", {met} times only up to what Linux 6.1 does otherwise (EOVERFLOW)"),
        }
    }
}
