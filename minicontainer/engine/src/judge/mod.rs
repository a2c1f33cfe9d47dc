//! Judging programs: every program of a folder is given every test's input, and its answer compared.
//!
//! This is what a teacher does with a class's homework and what contests do with submissions. The programs are
//! untrusted: one may be wrong, slow or greedy, and one may attack. So each pair of program and test runs in a fresh
//! container of the profile `untrusted` that is thrown away, sees nothing but itself and its input, and has limits of
//! its own. An init is its first process, so that a program ends by a signal as it does anywhere else.
//!
//! ```text
//! FOLDER/tests/NAME.in, NAME.out        what is read from stdin, and what should be written to stdout
//! FOLDER/programs/STUDENT               a program, or a folder with a program `run` in it
//! FOLDER/judge.toml                     limits, image, comparison (see `Settings`); need not be there
//! ```
//!
//! | Verdict | Meaning |
//! |---|---|
//! | AC | accepted: the answer is as expected |
//! | WA | wrong answer |
//! | TLE | a limit of time was exceeded, on the wall or of processors |
//! | MLE | the memory limit was exceeded |
//! | OLE | it wrote more than it may |
//! | DLE | it failed with its disk full |
//! | RE | it ended with an error: an exit code, a signal, or it cannot be executed; also an entry that is not a program |
//! | IE | the engine could not do its part; nothing is said of the program |
//!
//! The deciding (`compare`, [`Settings`], `outcome`, [`junit`]) is pure; `run` starts the containers.
//!
//! ```
//! use minicontainer_engine::judge::{Comparison, Settings};
//!
//! let settings = Settings::parse("memory = \"64m\"\ncomparison = \"tokens\"")?;
//! assert_eq!(settings.comparison, Comparison::Tokens);
//! # Ok::<(), minicontainer_engine::judge::JudgeError>(())
//! ```

mod compare;
mod folder;
mod junit;
mod outcome;
mod run;
mod settings;
#[cfg(test)]
mod tests;

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{Diagnostic, ErrorKind};

pub use compare::{Comparer, Comparison, difference};
pub use folder::{Folder, Program, Source, Test, Unusable};
pub use junit::junit;
pub use outcome::{Code, Judged, Outcome, outcome};
pub use run::Judging;
pub use settings::{Bound, Settings};

/// The folder cannot be judged. How a program fared is never here.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum JudgeError {
    /// A file or directory could not be read.
    #[error("cannot read {}: {source}", .path.display())]
    Read { path: PathBuf, source: io::Error },
    /// A test lacks one half.
    #[error("the test {name} has no {missing}: a test is a pair of files, NAME.in and NAME.out")]
    HalfATest { name: String, missing: String },
    /// There is nothing to do.
    #[error("there is nothing in {}: tests are pairs NAME.in and NAME.out in tests/, programs lie in programs/", .path.display())]
    Empty { path: PathBuf },
    /// A test's name that could not be shown.
    #[error("invalid name of a test \"{name}\": only letters, digits and . _ - + @ are allowed")]
    Name { name: String },
    /// A link could lead anywhere on this machine, and what it leads to would be shown to the program.
    #[error("cannot use {}: it is not a file, and links are not followed", .path.display())]
    NotAFile { path: PathBuf },
    /// The settings are not understood.
    #[error("cannot read judge.toml: {reason}")]
    Settings { reason: String },
}

impl Diagnostic for JudgeError {
    fn kind(&self) -> ErrorKind {
        match self {
            JudgeError::Read { source, .. } => ErrorKind::of_io(source),
            _ => ErrorKind::InvalidInput,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            JudgeError::Read { .. } | JudgeError::HalfATest { .. } | JudgeError::Empty { .. } => {
                Some("minicontainer judge --help draws the folder".into())
            }
            JudgeError::Settings { .. } => Some("minicontainer judge --help lists the settings".into()),
            JudgeError::Name { .. } | JudgeError::NotAFile { .. } => None,
        }
    }
}
