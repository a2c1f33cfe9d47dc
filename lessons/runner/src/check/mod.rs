//! The checks: each runs a student's work and inspects the kernel's or the store's view of it.
//!
//! The values passed to a student's program (a name, a word, an exit code) are random. The evidence does not come
//! from its output, but from `/proc/PID` (see proc(5)) or from the writable layers in a store created for this check.

mod process;
mod program;
mod two_containers;
mod uts;

use std::{
    fs::File,
    hash::{BuildHasher, Hasher, RandomState},
    io::{Read, Seek},
    path::Path,
};

use anyhow::{Result, bail};

use crate::{Lesson, Outcome};

pub use program::{Built, Unbuildable, build_exercise, minicontainer, package_variables};

/// Checks a file against a lesson. An error means that the check itself failed.
pub fn check(lesson: &Lesson, file: &Path) -> Result<Outcome> {
    match lesson.number {
        1 => process::check(&build_exercise(file)?.path),
        4 => uts::check(&build_exercise(file)?.path),
        9 => two_containers::check(file),
        number => bail!("lesson {number} has no check"),
    }
}

/// What a program has written to a file.
fn text_of(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A word that cannot be guessed.
fn random_word(start: &str) -> String {
    format!("{start}-{:06x}", random_number() & 0xff_ffff)
}

/// The standard library's hasher is seeded by the kernel, which is random enough for an exercise.
fn random_number() -> u64 {
    RandomState::new().build_hasher().finish()
}
