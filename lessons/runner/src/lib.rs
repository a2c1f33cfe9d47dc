//! The course's runner: one folder per lesson, and the checks that run a student's work in the real engine.
//!
//! A lesson's folder (`lessons/01-process`, `04-uts`, `09-two-containers`) has an example to run, an exercise to
//! edit, one solution, and three wrong ones that the check must refuse. The runner reads its text, in English and in
//! Portuguese, and the book includes the same text.
//!
//! A check does not rely on the output of a student's program. It passes random values to the program, looks at the
//! running process in proc(5) or at the files in the store, and returns an [`Outcome`]: accepted, or refused with the
//! observed and the expected result.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`lesson`] | the lessons and their texts |
//! | [`refusal`] | why an exercise is refused, in both languages |
//! | [`mod@check`] | the checks (Linux only: they run real containers) |
//!
//! The programs are a package of their own, `lessons/Cargo.toml`. The runner depends on no part of the engine, so it
//! compiles within seconds; it builds a program, and the engine, when they are needed, in the profile in which it was
//! built itself.
//!
//! To add a lesson: create its folder, add it to [`lesson::LESSONS`], add its Rust files to `lessons/Cargo.toml`,
//! write a check and a page in both books. `lessons/runner/tests/checks.rs` and `lessons/runner/tests/book.rs` fail
//! if something is missing.
//!
//! ```
//! let lesson = lessons::lesson::find(4).unwrap();
//! assert_eq!(lesson.text(lessons::Language::Portuguese).title, "Um hostname próprio");
//! ```

// A library never prints: it returns what a caller may print. `println!` panics if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(target_os = "linux")]
pub mod check;
pub mod lesson;
pub mod refusal;

pub use lesson::Lesson;
pub use minicontainer_core::explain::Language;
pub use refusal::{Outcome, Refusal, Refused};
