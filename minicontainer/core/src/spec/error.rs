//! Why there is no runtime document.

use std::borrow::Cow;

use crate::{
    diagnostic::{Diagnostic, ErrorKind},
    options::ByteSize,
    plan::own_ids::NoOwnIds,
};

/// What was asked for contradicts itself or cannot be written down.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    /// The memory limit is below what a process needs to start.
    #[error("memory limit of {bytes} bytes is too small: the least is 6m")]
    MemoryTooSmall {
        /// What was asked for.
        bytes: u64,
    },
    /// The sum of memory and swap space is below the memory.
    #[error("--memory-swap {swap} is less than --memory {memory}: it is the sum of memory and swap space")]
    SwapBelowMemory {
        /// The sum asked for.
        swap: ByteSize,
        /// The memory asked for.
        memory: ByteSize,
    },
    /// Two options contradict each other.
    #[error("{first} and {second} contradict each other: {reason}")]
    Contradiction {
        /// One option.
        first: String,
        /// The other.
        second: String,
        /// Why they cannot both be.
        reason: &'static str,
    },
    /// A power was asked for by name that the engine itself has not got.
    #[error("--cap-add {name}: the engine lacks it itself, so it has none to give; start the engine with it")]
    CapabilityLacking {
        /// Such as `CAP_SYS_TIME`.
        name: &'static str,
    },
    /// An ordinary user asked to leave the user namespace out.
    #[error(
        "--without user: an ordinary user gets the powers to isolate only from a user namespace; run as root to try it"
    )]
    UserNamespaceNeeded,
    /// The container cannot have ids of its own.
    #[error(transparent)]
    NoOwnIds(#[from] NoOwnIds),
    /// The OCI library refused a value.
    #[error("cannot write the runtime config: {reason}")]
    Document {
        /// What it said.
        reason: String,
    },
}

impl Diagnostic for SpecError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            SpecError::NoOwnIds(error) => Some(error.hint.as_str().into()),
            _ => None,
        }
    }
}

impl From<oci_spec::OciSpecError> for SpecError {
    fn from(error: oci_spec::OciSpecError) -> Self {
        SpecError::Document { reason: error.to_string() }
    }
}
