//! Provides the containers of a build's `RUN`. Like those of judged programs, they have no record.

use std::path::Path;

use minicontainer::{Error, Launch, Report, Running};
use minicontainer_build::{RunContainer, RunContainerError, RunContainers};

use crate::{
    container::{Containers, TemporaryContainer},
    engine::run_to_end,
};

impl RunContainers for Containers {
    fn create(&self) -> Result<Box<dyn RunContainer>, RunContainerError> {
        Ok(Box::new(self.temporary().map_err(RunContainerError::new)?))
    }
}

impl RunContainer for TemporaryContainer {
    fn id(&self) -> &str {
        self.id().as_str()
    }

    fn directory(&self) -> &Path {
        self.path()
    }

    fn run(
        &self,
        launch: Launch,
        started: &mut dyn FnMut(&Running) -> Result<(), Error>,
        output: &mut dyn FnMut(&[u8]),
    ) -> Result<Report, RunContainerError> {
        run_to_end(self, launch, started, &mut |_, bytes| output(bytes)).map_err(RunContainerError::new)
    }
}
