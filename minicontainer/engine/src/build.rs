//! The containers of a build's `RUN`: without a record, as those of judged programs are.

use std::path::Path;

use minicontainer::core::plan::Plan;
use minicontainer_build::{RunContainer, RunContainerError, RunContainers};

use crate::{ContainerError, Containers, container::Transient};

impl RunContainers for Containers {
    fn create(&self) -> Result<Box<dyn RunContainer>, RunContainerError> {
        Ok(Box::new(self.transient().map_err(error)?))
    }
}

impl RunContainer for Transient {
    fn id(&self) -> &str {
        self.id().as_str()
    }

    fn directory(&self) -> &Path {
        self.path()
    }

    fn record_groups(&self, plan: &Plan) -> Result<(), RunContainerError> {
        self.note_groups(plan).map_err(error)
    }
}

fn error(error: ContainerError) -> RunContainerError {
    let hint = error.hint().unwrap_or_default();
    RunContainerError::new(error, hint)
}
