//! A list of allowed system calls becomes a program that the kernel runs before each of them.
//!
//! Every container on a machine talks to the same kernel, by some 380 system calls, of which an ordinary program uses
//! some sixty. Whatever is wrong in the others can be used to get out; who may not call them cannot use it. So a
//! process can hand the kernel a *filter*, a little program that sees the number and the arguments of each call and
//! answers what shall become of it, see seccomp(2). A filter can never be taken off again, and children inherit it.
//!
//! | Term | Meaning |
//! |---|---|
//! | profile | who may call what, by name: the runtime specification's `linux.seccomp` ([`default_profile`]) |
//! | filter | the same for one processor, written in numbers: what [`compile`] makes of it |
//! | classic BPF | the language of filters: two registers, jumps forward only, so that every filter comes to its end |
//! | action | what becomes of a call: let through, answered with an error, or the process killed |
//!
//! Four decisions, each of which closes a way around a filter:
//!
//! - **Only the machine's own system calls.** An x86_64 kernel also takes the calls of 32-bit programs (`int 0x80`),
//!   under other numbers: 11 is execve there, and munmap here. Whoever makes one is killed with SIGSYS. An error
//!   would leave a program that cannot make a single call running; a list of its own would double what has to be
//!   right. So the `architectures` of a profile are accepted, but none beside the machine's own is let in. The calls
//!   of the x32 interface have bit 30 set in their number and do not exist (`ENOSYS`).
//! - **What has no name does not exist.** A number above all known ones is a call that is younger than this list.
//!   Programs try a new call and do without when it answers `ENOSYS`; `EPERM` they take for a refusal of what they
//!   wanted. So a known call that is not allowed is answered as the profile says, and any other with `ENOSYS`, unless
//!   the profile allows what it does not name.
//! - **All 64 bits of an argument are compared,** in two halves, since the kernel's filters know 32 bits only. Where
//!   the kernel itself looks at the lower half alone, the profile must too, or set bits in the upper half would make
//!   another number of the same request: hence the masks in [`default_profile`].
//! - **Rules with conditions come before rules without,** in the order of the document, and the first that fits
//!   decides. A condition on an argument that occurs twice in a rule makes two rules, as runc and crun have it.
//!
//! ```
//! use minicontainer_core::seccomp::{Architecture, compile, default_profile};
//!
//! let filter = compile(&default_profile(&["CAP_CHOWN"], false)?, Architecture::X86_64)?;
//! assert!(filter.allowed > 300 && filter.instructions.len() < 200);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assembler;
mod profile;
mod rules;
mod system_calls;
#[cfg(test)]
mod tests;

use oci_spec::runtime::LinuxSeccomp;
use serde::Serialize;

pub use assembler::Instruction;
pub use profile::{architectures, default_profile};

/// A processor whose system calls the compiler knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Architecture {
    /// Intel and AMD, 64 bits.
    X86_64,
    /// ARM, 64 bits.
    Aarch64,
}

impl Architecture {
    /// What the kernel calls it, `AUDIT_ARCH_*` in linux/audit.h.
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
    /// The program, as the kernel takes it.
    pub instructions: Vec<Instruction>,
    /// The flags for seccomp(2), `SECCOMP_FILTER_FLAG_*`.
    pub flags: u32,
    /// How many system calls are let through, whatever their arguments.
    pub allowed: usize,
    /// For how many the arguments decide.
    pub examined: usize,
    /// How many are refused.
    pub refused: usize,
}

/// A profile cannot be compiled: to leave out what is not understood would be to weaken it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SeccompError {
    /// Another process shall decide, and there is none.
    #[error("{action} asks another process to decide, which this engine does not offer")]
    Notify {
        /// The action or field.
        action: &'static str,
    },
    /// A flag that only makes sense with such a process.
    #[error("the flag {flag} is not supported")]
    Flag {
        /// Its name.
        flag: String,
    },
    /// A call by a name that is not known here would stay allowed against the profile's will.
    #[error("the system call {name:?} is not known, and the profile allows what it does not name")]
    UnknownName {
        /// The name.
        name: String,
    },
    /// A system call has six arguments.
    #[error("{name} has no argument {index}: they are numbered from 0 to 5")]
    Argument {
        /// The system call.
        name: String,
        /// What was given.
        index: usize,
    },
    /// The kernel would cut the number down to one that it knows.
    #[error("{errno} is no error number: they go up to 4095")]
    Errno {
        /// What was given.
        errno: u32,
    },
    /// The kernel takes no longer one.
    #[error("the filter has {length} instructions, and the kernel takes at most 4096")]
    TooLong {
        /// How many there are.
        length: usize,
    },
}

/// Compiles a profile for one architecture.
///
/// # Errors
/// When the profile asks for what cannot be carried out; see [`SeccompError`].
pub fn compile(profile: &LinuxSeccomp, architecture: Architecture) -> Result<Filter, SeccompError> {
    let flags = rules::flags(profile)?;
    let decisions = rules::decisions(profile, architecture)?;
    let known = system_calls::numbers(architecture);
    let (mut allowed, mut examined, mut refused) = (0, 0, 0);
    for number in known {
        match &decisions[number as usize] {
            rules::Decision { tests, otherwise } if tests.is_empty() && rules::lets_through(*otherwise) => {
                allowed += 1
            }
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
