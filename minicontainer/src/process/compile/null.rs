//! The null device, to which streams are connected as soon as it is there.

use minicontainer_core::plan::Step;

use super::places::Places;
use super::{CompileError, Context};
use crate::process::program::Operation;

/// The operation of a step; for the one that makes the null device, also what opens it for the streams that need it.
pub(super) fn with_null_streams(
    step: &Step,
    operation: Operation,
    places: &Places,
    context: &Context,
) -> Result<Operation, CompileError> {
    match step.makes_null_device() && context.null.contains(&true) {
        true => Ok(Operation::OpenNull {
            device: Box::new(operation),
            place: places.place("/dev/null")?,
            streams: context.null,
        }),
        false => Ok(operation),
    }
}
