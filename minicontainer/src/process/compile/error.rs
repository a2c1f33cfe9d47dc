//! Why a step could not be compiled.

use minicontainer_core::plan::Step;

/// A step could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A text from which the kernel would read only the first part.
    #[error("{text:?} has a NUL byte in it, which no path, argument or variable can have")]
    Nul {
        /// The text.
        text: String,
    },
    /// The older mount(2) takes no more than a page of options.
    #[error(
        "{count} layers do not fit into one mount(2) call on this kernel: use Linux 6.5 or newer, or the copy driver"
    )]
    TooManyLayers {
        /// How many there are.
        count: usize,
    },
    /// The layers lie in different directories, which the older mount(2) cannot say shortly.
    #[error("the layers {first} and {second} do not lie side by side")]
    ScatteredLayers {
        /// One layer.
        first: String,
        /// Another.
        second: String,
    },
    /// A step that this library cannot carry out as it is: to leave it out would weaken the container.
    #[error("cannot carry out the step {step}: what it needs was not prepared")]
    NoOperation {
        /// The step.
        step: String,
    },
    /// A resource whose number is not known.
    #[error("unknown resource {name}: see getrlimit(2) for the names")]
    UnknownResource {
        /// The name.
        name: String,
    },
}

impl CompileError {
    pub(super) fn no_operation(step: &Step) -> CompileError {
        CompileError::NoOperation { step: format!("{step:?}") }
    }
}
