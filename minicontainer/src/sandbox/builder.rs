//! The builder methods of a sandbox. Each takes the sandbox and returns it, so that calls can be chained.
//!
//! An invalid value, such as a hostname with a space, is reported when the sandbox is used, as with
//! [`std::process::Command`]. So no method has to return a `Result`.
//!
//! | File | What its methods set |
//! |---|---|
//! | `process` | the program, its arguments, environment, working directory and user |
//! | `limits` | how much it may use |
//! | `files` | mounts, devices, the writable layer |
//! | `isolation` | namespaces, capabilities, sysctls, how strict the profile is |
//! | `streams` | stdin, stdout, stderr, a terminal, and what is recorded |

mod files;
mod isolation;
mod limits;
mod process;
mod streams;

use minicontainer_core::options::RunOptions;

use super::Sandbox;
use super::command::Command;

impl Sandbox {
    /// Replaces all options set so far, including the program and [`init`](Sandbox::init).
    pub fn options(self, options: RunOptions) -> Sandbox {
        self.with(|sandbox| {
            sandbox.options = options;
            sandbox.command = Command::default();
            sandbox.settings.bind_sources.clear();
        })
    }

    fn with(mut self, change: impl FnOnce(&mut Sandbox)) -> Sandbox {
        change(&mut self);
        self
    }

    /// Sets a value. If it is invalid, keeps the first error until the sandbox is used.
    fn parsed<T, E: std::fmt::Display>(
        mut self,
        value: Result<T, E>,
        set: impl FnOnce(&mut RunOptions, T),
    ) -> Sandbox {
        match value {
            Ok(value) => set(&mut self.options, value),
            Err(error) if self.invalid.is_none() => self.invalid = Some(error.to_string()),
            Err(_) => {}
        }
        self
    }
}
