//! `--cidfile`: the container's id in a file, for scripts.
//!
//! The rules are Docker's (`cidFile` of its package `container`). An existing file is refused, because another
//! container may still be in use under its id. The file stays when the container is removed. It is only removed if no
//! container was created.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{
    error::{Context, Failure, warn},
    messages::message,
};

/// The file, before the container is created.
pub struct CidFile {
    path: PathBuf,
    file: File,
    is_written: bool,
}

impl CidFile {
    /// Creates the file.
    pub fn create(path: &Path) -> Result<CidFile, Failure> {
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => Ok(CidFile { path: path.to_owned(), file, is_written: false }),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let message = "container ID file found, make sure the other container isn't running or delete";
                let path = path.display();
                Err(Failure::new(format!("{message} {path}")).hint(format!("rm {path}, or choose another file")))
            }
            Err(error) => {
                Err(error).with_context(|| format!("cannot create the container ID file {}", path.display()))
            }
        }
    }

    /// Writes the id.
    pub fn write(mut self, id: &str) -> Result<(), Failure> {
        let written = self.file.write_all(id.as_bytes());
        self.is_written = written.is_ok();
        written.with_context(|| format!("cannot write the container ID file {}", self.path.display()))
    }
}

impl Drop for CidFile {
    fn drop(&mut self) {
        if !self.is_written
            && let Err(error) = fs::remove_file(&self.path)
        {
            let path = self.path.display().to_string();
            warn(&message("container-id-file-left", [("path", path.into())]).because(error));
        }
    }
}
