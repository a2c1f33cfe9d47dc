//! Reading the child's reports until it has executed the program or exited.

use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::time::Duration;

use minicontainer_core::plan::Plan;

use super::super::message::{self, Message};
use super::super::{StartError, StepTime};
use crate::sys::Errno;

/// What the child reported until the end of the report pipe.
pub(super) struct ChildReport {
    ready: bool,
    failed: Option<(usize, &'static str, i32)>,
    times: Vec<StepTime>,
}

/// Reads messages until the pipe is closed, by execve(2) or because the process exited.
pub(super) fn read_reports(pipe: OwnedFd, mut when_ready: impl FnMut()) -> ChildReport {
    let mut report = ChildReport { ready: false, failed: None, times: Vec::new() };
    let mut pipe = File::from(pipe);
    let mut bytes = [0; message::SIZE];
    while pipe.read_exact(&mut bytes).is_ok() {
        match message::decode(&bytes) {
            Some(Message::Done { step, nanos }) => {
                report.times.push(StepTime { step, took: Duration::from_nanos(nanos) });
            }
            Some(Message::Ready) => {
                report.ready = true;
                when_ready();
            }
            Some(Message::Failed { step, call, errno }) => report.failed = Some((step, call, errno)),
            None => {}
        }
    }
    report
}

impl ChildReport {
    /// How long each step took, if the program runs; otherwise the step that failed.
    pub(super) fn conclude(self, plan: &Plan) -> Result<Vec<StepTime>, StartError> {
        match self.failed {
            Some((index, call, errno)) => {
                let step = plan.steps.get(index).cloned().map(Box::new);
                let step = step.ok_or(StartError::EndedEarly { ended: "an unknown step failed".to_owned() })?;
                Err(StartError::Step { step, index, call, errno: Errno(errno) })
            }
            None if self.ready => Ok(self.times),
            None => Err(StartError::EndedEarly { ended: String::new() }),
        }
    }
}
