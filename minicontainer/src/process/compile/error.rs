//! Errors of compiling a step.

use minicontainer_core::plan::Step;

/// A step could not be compiled.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum CompileError {
    /// A text with a NUL byte. The kernel would read only the part before it.
    #[error("invalid text {text:?}: a path, argument or variable cannot contain a NUL byte")]
    Nul {
        /// The text.
        text: String,
    },
    /// mount(2) accepts at most one page of options.
    #[error(
        "{count} layers do not fit into one mount(2) call on this kernel: use Linux 6.5 or newer, or the copy driver"
    )]
    TooManyLayers {
        /// How many there are.
        count: usize,
    },
    /// The layers are in different directories, so their paths cannot be shortened for mount(2).
    #[error("cannot mount the layers {first} and {second}: they must be in the same directory")]
    ScatteredLayers {
        /// One layer.
        first: String,
        /// Another.
        second: String,
    },
    /// This library cannot carry out the step. It is not left out, because that would weaken the container.
    #[error("cannot carry out the step {step}: its inputs were not prepared")]
    NoOperation {
        /// The step.
        step: String,
    },
    /// A resource limit with an unknown name.
    #[error("unknown resource {name}: see getrlimit(2) for the names")]
    UnknownResource {
        /// The name.
        name: String,
    },
}

minicontainer_core::plain_diagnostic!(CompileError: InvalidInput);

impl CompileError {
    pub(super) fn no_operation(step: &Step) -> CompileError {
        CompileError::NoOperation { step: format!("{step:?}") }
    }
}
