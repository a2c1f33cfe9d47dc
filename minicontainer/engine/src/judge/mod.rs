//! Judging programs: every program of a folder gets every test's input, and its output is compared.
//!
//! Teachers do this with a class's homework, and contests with submissions. The programs are untrusted: they may be
//! wrong, slow, greedy or hostile. So each pair of program and test runs in a fresh container of the profile
//! `untrusted`, which sees only the program and its input, has its own limits, and is removed afterwards. An init is
//! its first process, so that signals end a program as usual.
//!
//! ```text
//! FOLDER/tests/NAME.in, NAME.out        the content of stdin, and the expected content of stdout
//! FOLDER/programs/STUDENT               a program, or a folder with a program `run` in it
//! FOLDER/judge.toml                     limits, image, comparison (see `Settings`); optional
//! ```
//!
//! | Verdict | Meaning |
//! |---|---|
//! | AC | accepted: the answer is as expected |
//! | WA | wrong answer |
//! | TLE | a limit of wall time or processor time was exceeded |
//! | MLE | the memory limit was exceeded |
//! | OLE | the output limit was exceeded |
//! | DLE | it failed with a full disk |
//! | RE | it failed: an exit code, a signal, or it cannot be executed; also an entry that is not a program |
//! | IE | the engine failed, so there is no result |
//!
//! If one program fails, even before it starts, that is a verdict of this program, and the others are still judged.
//!
//! The decisions (`compare`, [`Settings`], `outcome`, [`junit`]) are pure; `run` starts the containers.
//!
//! ```
//! use minicontainer_engine::judge::{Comparison, Settings};
//!
//! let settings = Settings::parse("memory = \"64m\"\ncomparison = \"tokens\"")?;
//! assert_eq!(settings.comparison, Comparison::Tokens);
//! # Ok::<(), minicontainer_engine::judge::JudgeError>(())
//! ```
//!
//! Decisions: `minicontainer/decisions/judge.md`.

mod compare;
mod folder;
mod junit;
mod outcome;
mod reason;
mod run;
mod settings;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, io, ops::Range, path::PathBuf};

use minicontainer::{Diagnostic, ErrorKind};

pub use compare::{Comparer, Comparison, difference};
use folder::NAME_RULE;
pub use folder::{Folder, Program, Source, Test, Unusable};
pub use junit::junit;
pub use outcome::{JudgeVerdict, Judged, Outcome, outcome};
pub use run::JudgeRun;
pub use settings::{Bound, Settings};

/// The folder cannot be judged. Failures of a program are not errors.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum JudgeError {
    /// A file or directory could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// One file of a test is missing.
    #[error("the test {name} has no {missing}: a test is a pair of files, NAME.in and NAME.out")]
    IncompleteTest { name: String, missing: String },
    /// There are no tests or no programs.
    #[error("nothing to judge in {}: tests are pairs NAME.in and NAME.out in tests/, programs are in programs/", .path.display())]
    Empty { path: PathBuf },
    /// A test's name that cannot be shown.
    #[error("invalid test name \"{name}\": only {NAME_RULE} are allowed")]
    Name { name: String },
    /// A link could lead anywhere on this machine, and the program would get the content as its input.
    #[error("cannot use {}: it is not a file, and links are not followed", .path.display())]
    NotAFile { path: PathBuf },
    /// The settings cannot be parsed. `text` is the content of the file, and `span` the range of the invalid bytes.
    #[error("cannot read judge.toml: {reason}")]
    Settings { reason: String, text: String, span: Range<usize> },
}

minicontainer::core::readable_debug!(JudgeError);

impl Diagnostic for JudgeError {
    fn kind(&self) -> ErrorKind {
        match self {
            JudgeError::Read { source, .. } => ErrorKind::of_io(source),
            _ => ErrorKind::InvalidInput,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            JudgeError::Read { .. } | JudgeError::IncompleteTest { .. } | JudgeError::Empty { .. } => {
                Some("`minicontainer judge --help` shows the layout of the folder".into())
            }
            JudgeError::Settings { .. } => Some("`minicontainer judge --help` lists the settings".into()),
            JudgeError::Name { .. } | JudgeError::NotAFile { .. } => None,
        }
    }
}
