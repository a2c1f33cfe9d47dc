//! Calls for which one kernel version differs from the model and from other versions.
//!
//! **Linux 6.1, an ordinary user's overlay:** a write to a copied-up file with the set-group-ID bit but without
//! execute permission fails with `EOVERFLOW` (seen on Debian's 6.1.0; 6.18 behaves like the model). The kernel tries
//! to clear the bit, but cannot map the file's owner.
//!
//! A sequence with such a call is compared only up to the call before it. Their number is printed at the end.

use std::cell::Cell;

use minicontainer_layers::overlay::Mounter;
use nix::sys::utsname::uname;

use crate::scenario::Result;

/// The quirks of the running kernel, and how often they occurred.
#[derive(Debug, Default)]
pub struct Quirks {
    overflows: bool,
    met: Cell<u32>,
}

impl Quirks {
    /// The quirks of the running kernel.
    pub fn of_kernel(mounter: Mounter) -> Quirks {
        let is_6_1 = uname().is_ok_and(|names| names.release().to_string_lossy().starts_with("6.1."));
        Quirks { overflows: is_6_1 && mounter == Mounter::User, met: Cell::default() }
    }

    /// The first call whose answer is a quirk.
    pub fn first(&self, answered: &Result) -> Option<usize> {
        let at =
            answered.answers.iter().position(|answer| *answer == Err(libc::EOVERFLOW)).filter(|_| self.overflows)?;
        self.met.set(self.met.get() + 1);
        Some(at)
    }

    /// A note about the sequences that were shortened, or an empty text.
    pub fn note(&self) -> String {
        match self.met.get() {
            0 => String::new(),
            met => format!(", {met} times only up to a call where Linux 6.1 differs (EOVERFLOW)"),
        }
    }
}
