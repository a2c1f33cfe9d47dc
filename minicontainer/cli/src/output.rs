//! Writing to stdout.

use std::io::{self, Write};

use anyhow::Context;

use crate::error::Failure;

/// Writes a text. A reader that has seen enough, such as head(1), closes the pipe, and that is no fault.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("cannot write to stdout")?),
    }
}

/// Writes a text and ends the line.
pub fn print_line(text: &str) -> Result<(), Failure> {
    print(&format!("{text}\n"))
}

/// Writes a value as JSON.
pub fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    print_line(&serde_json::to_string_pretty(value).context("cannot write JSON")?)
}
