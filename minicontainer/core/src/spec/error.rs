//! Errors of writing the runtime document.

use std::borrow::Cow;

use crate::{
    diagnostic::{Diagnostic, ErrorKind},
    options::{ByteSize, Cpus},
    plan::userns_ids::NoOwnIds,
};

/// The options conflict or cannot be written as a runtime document.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// The memory limit is below what a process needs to start.
    #[error("memory limit of {bytes} bytes is too small: the minimum is 6m")]
    MemoryTooSmall {
        /// The requested limit.
        bytes: u64,
    },
    /// The sum of memory and swap space is below the memory.
    #[error(
        "`Sandbox::memory_swap` {swap} is less than `Sandbox::memory` {memory}: it is the sum of memory and swap space"
    )]
    SwapBelowMemory {
        /// The requested sum.
        swap: ByteSize,
        /// The requested memory.
        memory: ByteSize,
    },
    /// Two options conflict.
    #[error("conflicting options: {first} and {second}: {reason}")]
    Conflict {
        /// One option.
        first: String,
        /// The other.
        second: String,
        /// Why they conflict.
        reason: &'static str,
    },
    /// Two mounts have one mount point.
    #[error("Duplicate mount point: {target}")]
    DuplicateMount {
        /// The mount point.
        target: String,
    },
    /// More processors than there are.
    #[error(
        "`Sandbox::cpus` {cpus} is too much: range of CPUs is from 0.01 to {available}.00, as there are only \
         {available} CPUs available"
    )]
    TooManyCpus {
        /// The requested number.
        cpus: Cpus,
        /// What the engine may use.
        available: u32,
    },
    /// A limit on swap space is meaningless without a memory limit.
    #[error("`Sandbox::memory_swap` requires `Sandbox::memory`: it is the sum of memory and swap space")]
    SwapWithoutMemory,
    /// A capability was requested by name, but the engine does not have it.
    #[error("cannot add capability {name}: the engine itself does not have it; start the engine with it")]
    CapabilityLacking {
        /// Such as `CAP_SYS_TIME`.
        name: &'static str,
    },
    /// An ordinary user omitted the user namespace.
    #[error(
        "`Sandbox::without(Isolation::User)`: an ordinary user can isolate only inside a user namespace; run as root \
         to try it"
    )]
    UserNamespaceNeeded,
    /// The container cannot have its own ids.
    #[error(transparent)]
    NoOwnIds(#[from] NoOwnIds),
    /// The OCI library rejected a value.
    #[error("cannot write the runtime config: {reason}")]
    Document {
        /// The library's error.
        reason: String,
    },
}

crate::readable_debug!(SpecError);

impl Diagnostic for SpecError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            SpecError::NoOwnIds(error) => Some(error.hint.as_str().into()),
            SpecError::Conflict { .. } => Some("leave one of them out".into()),
            SpecError::DuplicateMount { .. } => {
                Some("leave one of the mounts (`Sandbox::bind`, `Sandbox::tmpfs`) out".into())
            }
            _ => None,
        }
    }
}

impl From<oci_spec::OciSpecError> for SpecError {
    fn from(error: oci_spec::OciSpecError) -> Self {
        SpecError::Document { reason: error.to_string() }
    }
}
