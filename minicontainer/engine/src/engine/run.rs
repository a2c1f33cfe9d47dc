//! A container without a record, from its launch to its end: a build's `RUN`, a judged program.

use minicontainer::{Error, Hooks, Launch, Report, Running, StandardStream};

use super::EngineError;
use crate::{
    container::TemporaryContainer,
    supervise::{Io, supervise},
};

/// Runs a container in a directory of its own. `started` is called when its program runs, so that the caller can have
/// it killed; `output` gets what it writes. What is left of a container whose supervision fails goes with the
/// directory.
pub(crate) fn run_to_end(
    temporary: &TemporaryContainer,
    launch: Launch,
    started: &mut dyn FnMut(&Running) -> Result<(), Error>,
    output: &mut dyn FnMut(StandardStream, &[u8]),
) -> Result<Report, EngineError> {
    // Before there are any, so that a later sweep removes them if this process is killed.
    temporary.note_groups(launch.plan())?;
    let mut running = launch.start(Hooks::none())?;
    started(&running)?;
    let supervised = supervise(&mut running, Io::PassedOn(output), &mut ())?;
    Ok(supervised.complete()?)
}
