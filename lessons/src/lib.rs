//! The course: one folder a lesson, and the checks that try a student's work in the real engine.
//!
//! A lesson's folder (`01-process`, `04-uts`, `09-two-containers`) holds an example to run, an exercise to edit, one
//! solution, and three wrong ones that the check must refuse. Its text, in English and in Portuguese, is read by the
//! runner and included by the book, so that there is one of it.
//!
//! A check never believes what a student's program prints. It hands the program random values, looks at the running
//! process in proc(5) or at what was left in the store, and answers with an [`Outcome`]: accepted, or refused with
//! what was seen and what was expected.
//!
//! | Module | What it holds |
//! |---|---|
//! | [`lesson`] | the lessons and their texts |
//! | [`refusal`] | why an exercise is refused, in both languages |
//! | [`mod@check`] | the checks (Linux only: they run real containers) |
//!
//! To add a lesson: make its folder, name it in [`lesson::LESSONS`], name its Rust files as examples in `Cargo.toml`,
//! give it a check, write a page in both books, and let `tests/checks.rs` and `tests/book.rs` say what is still
//! missing.
//!
//! ```
//! let lesson = lessons::lesson::find(4).unwrap();
//! assert_eq!(lesson.text(lessons::Language::Portuguese).title, "Um hostname só seu");
//! ```

// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be
// written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[cfg(target_os = "linux")]
pub mod check;
pub mod lesson;
pub mod refusal;

pub use lesson::Lesson;
pub use minicontainer_core::explain::Language;
pub use refusal::{Outcome, Refusal};
