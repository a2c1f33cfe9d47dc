//! The process: its program, arguments, environment, working directory, user and init.

use std::ffi::OsStr;
use std::path::Path;

use minicontainer_core::options::{EnvVar, Hostname, TimeOffset, UserSpec};

use crate::sandbox::Sandbox;

impl Sandbox {
    /// The program, in place of the image's entrypoint and command. A name without a slash is searched for in the
    /// directories of `PATH` in the container. [`arg`](Sandbox::arg) and [`args`](Sandbox::args) add its arguments,
    /// before or after this call.
    pub fn command(self, program: impl AsRef<OsStr>) -> Sandbox {
        self.with(|sandbox| sandbox.command.program = Some(program.as_ref().to_owned()))
    }

    /// One more argument. Without a [`command`](Sandbox::command), the arguments are passed to the image's entrypoint
    /// in place of the image's command, as in `docker run IMAGE ARGUMENT`. It is an error if the image has no
    /// entrypoint, so an argument is never run as a program.
    pub fn arg(self, arg: impl AsRef<OsStr>) -> Sandbox {
        self.args([arg])
    }

    /// More arguments, see [`arg`](Sandbox::arg).
    pub fn args<A: AsRef<OsStr>>(self, args: impl IntoIterator<Item = A>) -> Sandbox {
        self.with(|sandbox| {
            sandbox.command.arguments.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        })
    }

    /// An environment variable, in addition to those of the image. The name must be UTF-8, the value need not be.
    pub fn env(self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Sandbox {
        let (name, value) = (name.as_ref(), value.as_ref());
        let variable = match name.to_str() {
            Some(name) => EnvVar::new(name, &value.to_string_lossy()).map_err(|error| error.to_string()),
            None => Err(format!("invalid environment variable name {name:?}: must be UTF-8 (for example, PATH)")),
        };
        let name = name.to_string_lossy();
        self.parsed(variable, |options, variable| options.env.push(variable)).with(|sandbox| {
            sandbox.command.set_variable(&name, value);
        })
    }

    /// More environment variables, see [`env`](Sandbox::env).
    pub fn envs<N: AsRef<OsStr>, V: AsRef<OsStr>>(self, variables: impl IntoIterator<Item = (N, V)>) -> Sandbox {
        variables.into_iter().fold(self, |sandbox, (name, value)| sandbox.env(name, value))
    }

    /// The working directory in the container, an absolute path. It is created if it does not exist.
    pub fn workdir(self, path: impl AsRef<Path>) -> Sandbox {
        let path = path.as_ref();
        self.with(|sandbox| {
            sandbox.options.workdir = Some(path.to_string_lossy().into_owned());
            sandbox.command.set_workdir(path);
        })
    }

    /// The user that the program runs as: `uid`, `name`, `uid:gid` or `name:group`. Names are looked up in the
    /// image's `/etc/passwd` and `/etc/group`.
    pub fn user(self, user: &str) -> Sandbox {
        self.parsed(user.parse::<UserSpec>(), |options, user| options.user = Some(user))
    }

    /// The hostname in the container.
    pub fn hostname(self, name: &str) -> Sandbox {
        self.parsed(name.parse::<Hostname>(), |options, name| options.hostname = Some(name))
    }

    /// Offsets a clock in the container's own time namespace: `boottime=24h`, `monotonic=-1.5`, see [`TimeOffset`].
    pub fn time_offset(self, offset: &str) -> Sandbox {
        self.parsed(offset.parse::<TimeOffset>(), |options, offset| options.time_offsets.push(offset))
    }

    /// Runs a small process of the engine, the *init*, as the container's first process. The init starts the program
    /// as its child, forwards signals to it and reaps orphaned processes. This is the default of a sandbox.
    ///
    /// Without an init, the program is process 1 of its PID namespace. The kernel drops every signal to that process
    /// that has no handler, even those that it sends to itself: `raise(SIGFPE)` and `alarm(1)` do nothing, and
    /// `abort()` ends it by SIGSEGV. The [`Report`](crate::Report) would then show how process 1 ended, which differs
    /// from how the same program ends elsewhere.
    pub fn init(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.init = true)
    }

    /// Runs the program as the container's first process, as `docker run` does. This is for programs that are an init
    /// themselves; [`init`](Sandbox::init) describes what does not work for other programs.
    pub fn without_init(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.init = false)
    }

    /// Kills the container when the *thread* that started it exits, even by SIGKILL. Do not use this if that thread
    /// may exit before the container does.
    pub fn end_with_caller(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.ends_with_caller = true)
    }
}
