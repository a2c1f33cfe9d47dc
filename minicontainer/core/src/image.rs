//! What an image says of how to run it, and what the user says otherwise.
//!
//! An image is layers and a *config*, a JSON document (OCI image-spec, *config.md*) whose `config` object holds
//! defaults: `Entrypoint`, `Cmd`, `Env`, `WorkingDir`, `User`. [`resolve_process`] lays the user's options over
//! them by Docker's rules:
//!
//! | The user gives | What runs |
//! |---|---|
//! | nothing | image's `Entrypoint` + image's `Cmd` |
//! | a command | image's `Entrypoint` + the command |
//! | `--entrypoint` | that alone: the image's `Cmd` was meant for the image's `Entrypoint` |
//! | `--entrypoint` and a command | `--entrypoint` + the command |
//!
//! An image comes from strangers. So its `Env` must be `NAME=value` (an entry `HOME` alone would, in some engines,
//! pass the *host's* variable in), and its `User` goes through the same parser as the user's own.
//!
//! ```
//! use minicontainer_core::RunOptions;
//! use minicontainer_core::image::{Config, resolve_process};
//!
//! let image = Config { cmd: vec!["sh".to_owned()], ..Config::default() };
//!
//! assert_eq!(resolve_process(&RunOptions::default(), &image)?.args, ["sh"]);
//! let options = RunOptions { command: vec!["echo".into(), "hi".into()], ..RunOptions::default() };
//! assert_eq!(resolve_process(&options, &image)?.args, ["echo", "hi"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, btree_map::Entry};

pub use self::config::{Config, HealthConfig, History, ImageConfig, Member, RootFs};
use crate::options::{EnvError, EnvVar, RunOptions, UserError, UserSpec};

/// Where programs are looked for when neither image nor user says: Docker's default.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is to run, as whom, where, and with what environment: nothing left open but what only the image's files know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessSettings {
    /// The program and its arguments, at least one.
    pub args: Vec<String>,
    /// The environment, `NAME=value` each, no name twice.
    pub env: Vec<String>,
    /// The working directory, absolute.
    pub workdir: String,
    /// Who the program runs as.
    pub user: UserSpec,
}

impl ProcessSettings {
    /// The environment with `HOSTNAME`, `HOME` and, where there is a terminal, `TERM` as well, unless the image or
    /// the user chose their own. Docker's `xterm` is what nearly every terminal understands.
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

/// Who said it: told in errors, since the fix differs.
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

/// Image and options together do not say what to run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    /// Neither has a command.
    #[error("no command specified: the image has none of its own; write one behind the image's name, such as sh")]
    NoCommand,
    /// An argument that the kernel would cut.
    #[error(
        "cannot run with the argument {argument:?} of {origin}: it holds a NUL byte, at which the kernel would cut it"
    )]
    Argument {
        /// The argument.
        argument: String,
        /// Who said it.
        origin: Origin,
    },
    /// A broken entry of the image's `Env`.
    #[error("cannot use the image's environment entry {entry:?}; the image must be built again with NAME=value")]
    Env {
        /// The entry.
        entry: String,
        /// What is wrong with it.
        #[source]
        source: EnvError,
    },
    /// A working directory that is not absolute.
    #[error(
        "cannot work in directory {workdir:?} of {origin}: it must be absolute and hold no NUL byte; choose one \
         with -w, such as -w /"
    )]
    Workdir {
        /// The directory.
        workdir: String,
        /// Who said it.
        origin: Origin,
    },
    /// The image's `User` cannot be read.
    #[error("cannot run as the image's user {user:?}; choose one with -u, such as -u 1000:1000")]
    User {
        /// The user.
        user: String,
        /// What is wrong with it.
        #[source]
        source: UserError,
    },
}

/// Lays the options over the image's defaults.
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
        // `--entrypoint ""` only takes the image's away, as in Docker.
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

/// `PATH`'s default first, then the image's entries, then the user's: a later one of the same name takes the earlier
/// one's place.
fn env(options: &RunOptions, defaults: &Config) -> Result<Vec<String>, ImageError> {
    // A stranger's config may have a million entries, so each is looked up, not searched for.
    let mut places = BTreeMap::from([("PATH".to_owned(), 0)]);
    let mut env = vec![format!("PATH={DEFAULT_PATH}")];
    let mut put = |variable: &EnvVar| match places.entry(variable.name().to_owned()) {
        Entry::Occupied(place) => env[*place.get()] = variable.to_string(),
        Entry::Vacant(place) => {
            place.insert(env.len());
            env.push(variable.to_string());
        }
    };
    for entry in &defaults.env {
        put(&entry.parse().map_err(|source| ImageError::Env { entry: entry.clone(), source })?);
    }
    options.env.iter().for_each(put);
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
#[cfg(test)]
mod tests;
