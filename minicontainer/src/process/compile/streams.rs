//! What has to be done to the standard streams beside the steps of the plan: pipes of the engine's are given to the
//! program's user, and streams that lead nowhere are connected to the container's null device.

use minicontainer_core::plan::{IdMapping, Plan, Step};

use super::places::Places;
use super::{CompileError, Context};
use crate::process::program::Operation;
use crate::process::standard::Stream;

/// The operation of a step, and behind it what can be done to the streams from this step on.
pub(super) fn with_streams(
    step: &Step,
    operation: Operation,
    plan: &Plan,
    places: &Places,
    context: &Context,
) -> Result<Operation, CompileError> {
    let which = |kind| context.streams.map(|stream| stream == kind);
    let operation = Box::new(operation);
    Ok(match (step, owner(plan)) {
        (Step::NewSession, Some(owner)) if which(Stream::Pipe).contains(&true) => {
            Operation::GiveStreams { before: operation, owner, streams: which(Stream::Pipe) }
        }
        (step, _) if step.makes_null_device() && which(Stream::Null).contains(&true) => {
            Operation::OpenNull { before: operation, place: places.place("/dev/null")?, streams: which(Stream::Null) }
        }
        _ => *operation,
    })
}

/// The program's user as the process knows it when it begins its session, if that is not the engine's own: a program
/// opens `/dev/stdout` again to write there, which only the pipe's owner may.
fn owner(plan: &Plan) -> Option<u32> {
    let user = plan.steps.iter().find_map(|step| match step {
        Step::SetUser { uid, .. } => Some(*uid),
        _ => None,
    });
    let user = user.unwrap_or_default();
    // A namespace that is entered last: until then the process has the ids of the host.
    let later = plan.steps.iter().find_map(|step| match step {
        Step::MakeUserNamespace { uids, .. } => Some(uids),
        _ => None,
    });
    match later {
        Some(lines) => lines.iter().find_map(|line| outside(line, user)),
        None => Some(user).filter(|user| *user != 0),
    }
}

fn outside(line: &IdMapping, id: u32) -> Option<u32> {
    let place = id.checked_sub(line.inside).filter(|place| *place < line.count)?;
    line.outside.checked_add(place)
}
