//! Operations on the standard streams that are not steps of the plan: the engine's pipes are given to the program's
//! user, and unused streams are connected to the container's null device.

use minicontainer_core::plan::{IdMapping, Plan, Step};

use super::{CompileError, Compiler};
use crate::process::program::Operation;
use crate::process::standard_streams::Stream;

impl Compiler<'_> {
    /// Adds to the operation of a step the operations on streams that are possible after this step.
    pub(super) fn with_streams(&self, index: usize, operation: Operation) -> Result<Operation, CompileError> {
        let step = &self.plan.steps[index];
        let which = |kind| self.context.streams.map(|stream| stream == kind);
        let has = |kind| which(kind).contains(&true);
        if let (Step::NewSession, Some(owner), true) = (step, owner(self.plan), has(Stream::Pipe)) {
            return Ok(Operation::GiveStreams { before: Box::new(operation), owner, streams: which(Stream::Pipe) });
        }
        if step.makes_null_device() && has(Stream::Null) {
            let place = self.places.place("/dev/null")?;
            return Ok(Operation::OpenNull { before: Box::new(operation), place, streams: which(Stream::Null) });
        }
        Ok(operation)
    }
}

/// The program's user, as an ID in the namespace of the process at the step `NewSession`. None if it is the engine's
/// own. A program may open `/dev/stdout` again to write to it, and only the owner of the pipe may do that.
fn owner(plan: &Plan) -> Option<u32> {
    let user = plan.steps.iter().find_map(|step| match step {
        Step::SetUser { uid, .. } => Some(*uid),
        _ => None,
    });
    let user = user.unwrap_or_default();
    // This namespace is entered last; until then the process has ids of the host.
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
