//! Runs a container without a record, for a build's `RUN` or a judged program.

use minicontainer::{Error, Hooks, Launch, Report, Running, StandardStream};

use super::EngineError;
use crate::{
    container::TemporaryContainer,
    supervise::{Io, supervise},
};

/// Runs a container in its own directory. `started` is called when its program runs, so that the caller can have it
/// killed; `output` gets what it writes. If the supervision fails, the rest of the container is removed with the
/// directory.
pub(crate) fn run_to_end(
    temporary: &TemporaryContainer,
    launch: Launch,
    started: &mut dyn FnMut(&Running) -> Result<(), Error>,
    output: &mut dyn FnMut(StandardStream, &[u8]),
) -> Result<Report, EngineError> {
    // Recorded before the cgroups are created, so that a later sweep removes them if this process is killed.
    temporary.record_cgroups(launch.plan())?;
    let mut running = launch.start(Hooks::none())?;
    started(&running)?;
    let supervised = supervise(&mut running, Io::Callback(output), &mut ())?;
    Ok(supervised.complete()?)
}
