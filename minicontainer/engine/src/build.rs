//! The containers of a build's `RUN`: without a record, as those of judged programs are.

use std::path::Path;

use minicontainer::core::plan::Plan;
use minicontainer_build::{RunContainer, RunContainerError, RunContainers};

use crate::{Containers, container::Transient};

impl RunContainers for Containers {
    fn create(&self) -> Result<Box<dyn RunContainer>, RunContainerError> {
        Ok(Box::new(self.transient().map_err(RunContainerError::new)?))
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
        self.note_groups(plan).map_err(RunContainerError::new)
    }
}
