//! Compiles a list of allowed system calls to a filter that the kernel runs before each system call.
//!
//! All containers on a machine share one kernel, with some 380 system calls, of which an ordinary program uses some
//! sixty. A bug in any of the others could be used to escape, unless the container cannot call it. So a process can
//! install a *filter*: a small program that gets the number and the arguments of each call and returns an action, see
//! seccomp(2). A filter can never be removed, and children inherit it.
//!
//! | Term | Meaning |
//! |---|---|
//! | profile | the allowed calls, by name: the runtime specification's `linux.seccomp` ([`default_profile`]) |
//! | filter | the compiled profile for one architecture, with numbers instead of names ([`compile`]) |
//! | classic BPF | the language of filters: two registers, jumps forward only, so that every filter terminates |
//! | action | the result for a call: allow it, return an error, or kill the process |
//!
//! Four decisions, each of which prevents a way to bypass the filter:
//!
//! - **Only the machine's own system calls.** An x86_64 kernel also accepts the calls of 32-bit programs (`int
//!   0x80`), under other numbers: 11 is execve there, and munmap here. A process that makes one is killed with
//!   SIGSYS. An error would let a program continue that cannot make a single call, and a second list would double
//!   what must be correct. So the `architectures` of a profile are accepted, but only the machine's own is allowed.
//!   The calls of the x32 interface have bit 30 set in their number and return `ENOSYS`.
//! - **Unknown numbers return `ENOSYS`.** A number above all known ones is a call that is newer than this list.
//!   Programs try a new call and fall back if it returns `ENOSYS`, but treat `EPERM` as a permission error. So for a
//!   known call that is not allowed the filter returns the profile's error, and for any other `ENOSYS`, unless the
//!   profile allows unknown calls.
//! - **All 64 bits of an argument are compared,** in two halves, because filters work with 32 bits. Where the kernel
//!   itself uses only the lower half, the profile must do the same. Otherwise bits in the upper half would turn the
//!   same request into another number. Hence the masks in [`default_profile`].
//! - **Rules with conditions come before rules without,** in the order of the runtime config, and the first that
//!   matches decides. If an argument occurs twice in a rule, each of its conditions becomes a rule, as in runc and
//!   crun.
//!
//! ```
//! use minicontainer_core::seccomp::{Architecture, compile, default_profile};
//!
//! let filter = compile(&default_profile(&["CAP_CHOWN"], false)?, Architecture::X86_64)?;
//! assert!(filter.allowed > 300 && filter.instructions.len() < 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/security-profile.md`.

mod assembler;
mod errno_ret;
mod evaluate;
mod profile;
mod rules;
mod system_calls;
#[cfg(test)]
mod tests;

use oci_spec::runtime::LinuxSeccomp;
use serde::Serialize;

pub use assembler::Instruction;
pub use evaluate::{Call, errno_of, evaluate, with_user_notif};
pub use profile::{architectures, capability_for, default_profile};

/// A processor architecture that the compiler supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    X86_64,
    /// ARM, 64 bits.
    Aarch64,
}

impl Architecture {
    /// Its number in the kernel, `AUDIT_ARCH_*` in linux/audit.h.
    fn audit(self) -> u32 {
        match self {
            Architecture::X86_64 => 0xc000_003e,
            Architecture::Aarch64 => 0xc000_00b7,
        }
    }
}

/// A compiled filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The program, in the kernel's format.
    pub instructions: Vec<Instruction>,
    /// The flags for seccomp(2), `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
    /// How many system calls are allowed, whatever their arguments.
    pub allowed: usize,
    /// For how many the arguments decide.
    pub examined: usize,
    /// How many are refused.
    pub refused: usize,
}

/// A profile cannot be compiled. Ignoring an unsupported part would weaken it.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SeccompError {
    /// Another process would have to decide.
    #[error("{action} is not supported: this engine has no seccomp listener process")]
    Notify {
        /// The action or field.
        action: &'static str,
    },
    /// A flag that requires such a process.
    #[error("the flag {flag} is not supported")]
    Flag {
        /// Its name.
        flag: String,
    },
    /// The profile denies a call with an unknown name, which would stay allowed.
    #[error("unknown system call {name:?}: it cannot be denied, and the profile's default allows it")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A system call has six arguments.
    #[error("invalid argument index {index} of {name}: must be 0 to 5")]
    Argument {
        /// The system call.
        name: String,
        /// What was given.
        index: usize,
    },
    /// The kernel would truncate the number.
    #[error("invalid error number {errno}: must be at most 4095")]
    Errno {
        /// What was given.
        errno: u32,
    },
    /// The filter exceeds the kernel's limit.
    #[error("the filter has {length} instructions, but the kernel accepts at most 4096")]
    TooLong {
        /// How many there are.
        length: usize,
    },
}

crate::plain_diagnostic!(SeccompError: InvalidInput);

/// Compiles a profile for one architecture.
///
/// # Errors
/// When the profile requests something unsupported; see [`SeccompError`].
pub fn compile(profile: &LinuxSeccomp, architecture: Architecture) -> Result<Filter, SeccompError> {
    let flags = rules::flags(profile)?;
    let decisions = rules::decisions(profile, architecture)?;
    let known = system_calls::numbers(architecture);
    let (mut allowed, mut examined, mut refused) = (0, 0, 0);
    for number in known {
        match &decisions[number as usize] {
            rules::Decision { tests, otherwise } if tests.is_empty() && rules::allows(*otherwise) => allowed += 1,
            rules::Decision { tests, .. } if tests.is_empty() => refused += 1,
            _ => examined += 1,
        }
    }
    let instructions = assembler::assemble(&rules::ranges(decisions, profile, architecture), architecture);
    if instructions.len() > 4096 {
        return Err(SeccompError::TooLong { length: instructions.len() });
    }
    Ok(Filter { instructions, flags, allowed, examined, refused })
}
