//! The pure half of builds: it parses Dockerfiles and plans builds, but builds nothing.
//!
//! A Dockerfile is a list of instructions; a build turns it into layers and a config. This crate parses the file,
//! reports errors with their position, and plans the build: **a build is a plan, and the plan is a value**, like a
//! container. It does no I/O, so the same code serves the engine and the tests, and compiles to WebAssembly.
//!
//! ```text
//! bytes ── parse ──▶ Dockerfile ── plan (with the configs of base images) ──▶ BuildPlan ──▶ the engine builds
//!                        │                                                        │
//!                        ├─ dump: JSON     ├─ explain: in words                   ├─ key: when a layer may be taken
//!                        └─ Display: text  └─ warnings                            │  from the cache
//!                                                                                 └─ image: the config at the end
//! ```
//!
//! | Module | What it contains |
//! |---|---|
//! | [`parse()`], [`instruction`] | from bytes to [`Dockerfile`]: every instruction of [Docker's reference][1], each word with its position |
//! | [`expand`] | variables in words, as in `${NAME:-default}` |
//! | [`plan`](mod@plan) | stages, steps, the image's config and history, cache keys |
//! | [`mount`], [`path`] | `RUN --mount`, paths of an image |
//! | [`ignore`] | `.dockerignore`, `--exclude`, wildcards in sources |
//! | [`error`], [`check`], [`suggest`] | errors with a caret and a hint; warnings; suggestions for misspelled words |
//! | [`explain`] | every instruction in English and Portuguese: layers, metadata, cache |
//!
//! Unsupported features of Docker are errors with a reason: frontends from images (`# syntax=` with another name than
//! Docker's own), `ADD` from URLs and git, `RUN --security=insecure`, `RUN --device`, `RUN --mount=type=ssh`.
//!
//! [1]: https://docs.docker.com/reference/dockerfile/
#![forbid(unsafe_code)]
// A library never prints: it returns what a caller may print, and `println!` panics if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod boolean;
pub mod check;
pub mod error;
pub mod expand;
pub mod explain;
mod hint;
pub mod ignore;
pub mod instruction;
mod keyword;
mod line;
pub mod mount;
mod parse;
pub mod path;
pub mod plan;
mod position;
mod print;
pub mod suggest;

pub use check::{Check, Warning};
pub use error::{DockerfileError, DockerfileErrorKind};
pub use ignore::{Ignore, IgnoreError};
pub use instruction::Dockerfile;
pub use keyword::Keyword;
pub use parse::{LARGEST, MOST_INSTRUCTIONS, parse};
pub use plan::{BuildOptions, BuildPlan, plan};
pub use position::{Position, Span, Word};

#[cfg(test)]
mod tests;
