//! How to run an image: its config, and the user's options that override it.
//!
//! An image is layers and a *config*, a JSON document (OCI image-spec, *config.md*) whose `config` object contains
//! defaults: `Entrypoint`, `Cmd`, `Env`, `WorkingDir`, `User`. [`resolve_process`] overrides them with the user's
//! options by Docker's rules:
//!
//! | The user gives | What runs |
//! |---|---|
//! | nothing | image's `Entrypoint` + image's `Cmd` |
//! | a command | image's `Entrypoint` + the command |
//! | `--entrypoint` | only that: the image's `Cmd` is meant for the image's `Entrypoint` |
//! | `--entrypoint` and a command | `--entrypoint` + the command |
//!
//! An image is untrusted. So its `Env` entries must be `NAME=value` (in some engines an entry `HOME` without a value
//! passes the *host's* variable in), and its `User` is parsed in the same way as the user's option.
//!
//! ```
//! use minicontainer_core::RunOptions;
//! use minicontainer_core::image::{Config, resolve_process};
//!
//! let image = Config { cmd: vec!["sh".to_owned()], ..Config::default() };
//!
//! assert_eq!(resolve_process(&RunOptions::default(), &image)?.args, ["sh"]);
//! let options = RunOptions::with(|options| options.command = vec!["echo".into(), "hi".into()]);
//! assert_eq!(resolve_process(&options, &image)?.args, ["echo", "hi"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, btree_map::Entry};

pub use self::{
    config::{Config, HealthConfig, History, ImageConfig, Member, RootFs},
    merge::{Entrypoint, config_of_container},
};
use crate::options::{EnvError, EnvVar, RunOptions, UserError, UserSpec};

/// The default of `PATH`, if neither the image nor the user sets it: Docker's.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The program to run, its environment, working directory and user. Only the user's numeric id is missing: it depends
/// on the image's files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSettings {
    /// The program and its arguments, at least one.
    pub args: Vec<String>,
    /// The environment, `NAME=value` each, without duplicate names.
    pub env: Vec<String>,
    /// The working directory, absolute.
    pub workdir: String,
    /// The user that the program runs as.
    pub user: UserSpec,
}

impl ProcessSettings {
    /// The environment, with `HOSTNAME`, `HOME` and, if there is a terminal, `TERM` added unless the image or the
    /// user sets them. `TERM` is Docker's `xterm`, which nearly every terminal understands.
    pub fn env_of(&self, hostname: &str, home: &str, terminal: bool) -> Vec<String> {
        let mut env = self.env.clone();
        for (name, value) in [("HOSTNAME", hostname), ("HOME", home), ("TERM", "xterm")] {
            if name == "TERM" && !terminal {
                continue;
            }
            if !self.env.iter().any(|entry| entry.split_once('=').is_some_and(|(taken, _)| taken == name)) {
                env.push(format!("{name}={value}"));
            }
        }
        env
    }
}

/// Where a value comes from. Errors include it, because the fix differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The image's config.
    Image,
    /// The user's options.
    Options,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Origin::Image => "the image's config",
            Origin::Options => "the options",
        })
    }
}

/// The image and the options cannot be combined into a process.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// Neither has a command.
    #[error("no command specified: the image has none; name one with `Sandbox::command` (for example, sh)")]
    NoCommand,
    /// An argument with a NUL byte, at which the kernel would truncate it.
    #[error(
        "cannot run with the argument {argument:?} of {origin}: it contains a NUL byte, where the kernel would \
         truncate it"
    )]
    Argument {
        /// The argument.
        argument: String,
        /// Where it comes from.
        origin: Origin,
    },
    /// An invalid entry of the image's `Env`.
    #[error("cannot use the image's environment entry {entry:?}; rebuild the image with NAME=value")]
    Env {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        #[source]
        source: EnvError,
    },
    /// A working directory that is not absolute.
    #[error(
        "cannot use working directory {workdir:?} of {origin}: must be absolute, without NUL bytes; choose one with \
         `Sandbox::workdir` (for example, /)"
    )]
    Workdir {
        /// The directory.
        workdir: String,
        /// Where it comes from.
        origin: Origin,
    },
    /// The image's `User` is invalid.
    #[error("cannot run as the image's user {user:?}; choose one with `Sandbox::user` (for example, 1000:1000)")]
    User {
        /// The user.
        user: String,
        /// What is wrong with it.
        #[source]
        source: UserError,
    },
}

crate::plain_diagnostic!(ImageError: InvalidInput);

/// Combines the options and the image's defaults.
pub fn resolve_process(options: &RunOptions, defaults: &Config) -> Result<ProcessSettings, ImageError> {
    Ok(ProcessSettings {
        args: args(options, defaults)?,
        env: env(options, defaults)?,
        workdir: workdir(options, defaults)?,
        user: user(options, defaults)?,
    })
}

fn args(options: &RunOptions, defaults: &Config) -> Result<Vec<String>, ImageError> {
    let (entrypoint, entrypoint_origin) = match options.entrypoint.as_deref() {
        // `--entrypoint ""` only clears the image's entrypoint, as in Docker.
        Some([empty]) if empty.is_empty() => (Vec::new(), Origin::Options),
        Some(entrypoint) => (entrypoint.to_vec(), Origin::Options),
        None => (defaults.entrypoint.clone(), Origin::Image),
    };
    let (command, command_origin) = match options.command.is_empty() && options.entrypoint.is_none() {
        true => (defaults.cmd.clone(), Origin::Image),
        false => (options.command.clone(), Origin::Options),
    };
    for (list, origin) in [(&entrypoint, entrypoint_origin), (&command, command_origin)] {
        if let Some(argument) = list.iter().find(|argument| argument.contains('\0')) {
            return Err(ImageError::Argument { argument: argument.clone(), origin });
        }
    }
    let args = [entrypoint, command].concat();
    match args.is_empty() {
        true => Err(ImageError::NoCommand),
        false => Ok(args),
    }
}

/// Whether the options remove this variable, which is written `NAME=value`.
fn removes(options: &RunOptions, entry: &str) -> bool {
    options.removed_env.contains(entry.split('=').next().unwrap_or(entry))
}

/// The default `PATH`, then the image's variables, then the user's, without the removed ones. A later variable
/// replaces an earlier one of the same name.
fn env(options: &RunOptions, defaults: &Config) -> Result<Vec<String>, ImageError> {
    // An untrusted config may have a million entries, so the index avoids a linear search for each of them.
    let mut indexes = BTreeMap::from([("PATH".to_owned(), 0)]);
    let mut env = vec![format!("PATH={DEFAULT_PATH}")];
    let mut put = |variable: &EnvVar| match indexes.entry(variable.name().to_owned()) {
        Entry::Occupied(index) => env[*index.get()] = variable.to_string(),
        Entry::Vacant(index) => {
            index.insert(env.len());
            env.push(variable.to_string());
        }
    };
    for entry in &defaults.env {
        put(&entry.parse().map_err(|source| ImageError::Env { entry: entry.clone(), source })?);
    }
    options.env.iter().for_each(put);
    env.retain(|entry| !removes(options, entry));
    Ok(env)
}

fn workdir(options: &RunOptions, defaults: &Config) -> Result<String, ImageError> {
    let (workdir, origin) = match (options.workdir.as_deref(), defaults.working_dir.as_str()) {
        (Some(workdir), _) => (workdir, Origin::Options),
        (None, "") => ("/", Origin::Image),
        (None, workdir) => (workdir, Origin::Image),
    };
    match workdir.starts_with('/') && !workdir.contains('\0') {
        true => Ok(workdir.to_owned()),
        false => Err(ImageError::Workdir { workdir: workdir.to_owned(), origin }),
    }
}

fn user(options: &RunOptions, defaults: &Config) -> Result<UserSpec, ImageError> {
    match (&options.user, defaults.user.as_str()) {
        (Some(user), _) => Ok(user.clone()),
        (None, "") => Ok(UserSpec::default()),
        (None, user) => user.parse().map_err(|source| ImageError::User { user: user.to_owned(), source }),
    }
}

mod config;
mod merge;
#[cfg(test)]
mod tests;
