//! What has to be done to the standard streams beside the steps of the plan: pipes of the engine's are given to the
//! program's user, and streams that lead nowhere are connected to the container's null device.

use minicontainer_core::plan::{IdMapping, Plan, Step};

use super::{CompileError, Compiler};
use crate::process::program::Operation;
use crate::process::standard::Stream;

impl Compiler<'_> {
    /// The operation of a step, and behind it what can be done to the streams from this step on.
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
