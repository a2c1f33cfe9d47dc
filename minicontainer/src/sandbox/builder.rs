//! What can be asked of a sandbox, one method each; all take it and give it back.
//!
//! A value that is none, such as a hostname with a space, is told when the sandbox is used: so the methods can be chained,
//! as with [`std::process::Command`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use minicontainer_core::options::{
    Access, ByteSize, Cpus, EnvVar, Hostname, Isolation, MountSpec, Network, PidsLimit, Profile, RunOptions,
    StorageLimit, UserSpec, WindowSize,
};

use super::{Place, Sandbox, Stdio};
use crate::rootfs::Driver;

impl Sandbox {
    /// Replaces everything that was asked for so far.
    pub fn options(mut self, options: RunOptions) -> Sandbox {
        self.options = options;
        self
    }

    /// How strictly it is held. [`Profile::Untrusted`] is for programs that nobody has read.
    pub fn profile(mut self, profile: Profile) -> Sandbox {
        self.options.profile = profile;
        self
    }

    /// The program, in place of the image's own command.
    pub fn command(mut self, program: impl Into<String>) -> Sandbox {
        self.options.command = vec![program.into()];
        self
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl Into<String>) -> Sandbox {
        self.options.command.push(arg.into());
        self
    }

    /// More arguments.
    pub fn args<A: Into<String>>(mut self, args: impl IntoIterator<Item = A>) -> Sandbox {
        self.options.command.extend(args.into_iter().map(Into::into));
        self
    }

    /// A variable of the environment, beside the image's own.
    pub fn env(self, name: &str, value: &str) -> Sandbox {
        self.parsed(format!("{name}={value}").parse::<EnvVar>(), |options, variable| options.env.push(variable))
    }

    /// The working directory inside, absolute; made when missing.
    pub fn workdir(mut self, path: impl Into<String>) -> Sandbox {
        self.options.workdir = Some(path.into());
        self
    }

    /// Who the program runs as: `uid`, `name`, `uid:gid` or `name:group` of the image's own accounts.
    pub fn user(self, user: &str) -> Sandbox {
        self.parsed(user.parse::<UserSpec>(), |options, user| options.user = Some(user))
    }

    /// The name of the machine inside.
    pub fn hostname(self, name: &str) -> Sandbox {
        self.parsed(name.parse::<Hostname>(), |options, name| options.hostname = Some(name))
    }

    /// The most memory that all processes may use together, in bytes.
    pub fn memory(self, bytes: u64) -> Sandbox {
        self.parsed(bytes.to_string().parse::<ByteSize>(), |options, size| options.limits.memory = Some(size))
    }

    /// The most processor time per wall time: 0.5 is half a processor.
    pub fn cpus(self, cpus: f64) -> Sandbox {
        self.parsed(cpus.to_string().parse::<Cpus>(), |options, cpus| options.limits.cpus = Some(cpus))
    }

    /// The most processes and threads at once.
    pub fn pids(mut self, count: u64) -> Sandbox {
        self.options.limits.pids = Some(PidsLimit::AtMost(count));
        self
    }

    /// The longest that the program may run; then everything in the container is killed.
    pub fn wall_time(mut self, limit: Duration) -> Sandbox {
        self.wall_time = Some(limit);
        self
    }

    /// The most processor time that all of it may use; then everything in the container is killed. Without a control
    /// group (an ordinary user's) only its first process and the children that one has waited for are counted together.
    pub fn cpu_time(mut self, limit: Duration) -> Sandbox {
        self.options.limits.cpu_time = Some(limit);
        self
    }

    /// The most bytes that [`output`](Sandbox::output) collects of stdout and stderr together; who writes more is killed.
    pub fn output_limit(mut self, bytes: u64) -> Sandbox {
        self.output_limit = Some(bytes);
        self
    }

    /// The most that it may write into its own layer, which then lies in memory. For overlay only, and for a container
    /// that is thrown away.
    pub fn disk_limit(mut self, limit: StorageLimit) -> Sandbox {
        self.options.storage = Some(limit);
        self
    }

    /// Nothing can be written but in mounts.
    pub fn read_only(mut self) -> Sandbox {
        self.options.root = Access::ReadOnly;
        self
    }

    /// Shows a file or directory of the host (an absolute path) inside.
    pub fn bind(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, "rw")
    }

    /// The same, but nothing can be written through it.
    pub fn bind_ro(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, "ro")
    }

    fn mounted(self, source: &Path, target: &str, access: &str) -> Sandbox {
        let absolute = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
        let text = format!("{}:{target}:{access}", absolute.display());
        self.parsed(MountSpec::from_volume(&text, "/"), |options, mount| options.mounts.push(mount))
    }

    /// An empty file system in memory.
    pub fn tmpfs(self, target: &str) -> Sandbox {
        self.parsed(MountSpec::from_tmpfs(target), |options, mount| options.mounts.push(mount))
    }

    /// The network that it sees; without this call, none.
    pub fn network(mut self, network: Network) -> Sandbox {
        self.options.network = network;
        self
    }

    /// Leaves an isolation out, to see what it was for.
    pub fn without(mut self, isolation: Isolation) -> Sandbox {
        self.options.without.insert(isolation);
        self
    }

    /// How the layers become one tree. Without this call: by overlayfs where that works, else by copying.
    pub fn driver(mut self, driver: Driver) -> Sandbox {
        self.driver = Some(driver);
        self
    }

    /// Keeps what the container writes in `directory`, under this id, after it is over.
    pub fn kept_in(mut self, directory: impl Into<PathBuf>, id: impl Into<String>) -> Sandbox {
        self.place = Place::Kept { directory: directory.into(), id: id.into(), volatile: false };
        self
    }

    /// Says that whoever keeps it ([`kept_in`](Sandbox::kept_in)) will throw it away in the end, so that nothing that
    /// the container writes need reach the disk.
    pub fn volatile(mut self) -> Sandbox {
        if let Place::Kept { volatile, .. } = &mut self.place {
            *volatile = true;
        }
        self
    }

    /// What it reads; without this call, what the caller reads ([`output`](Sandbox::output): nothing).
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Sandbox {
        self.stdio[0] = stdin.into();
        self
    }

    /// Where it writes to.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Sandbox {
        self.stdio[1] = stdout.into();
        self
    }

    /// Where it writes its complaints to.
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Sandbox {
        self.stdio[2] = stderr.into();
        self
    }

    /// Has a small process of the engine's stay as the container's first one: it starts the program as its child, hands
    /// signals on to it and buries orphans, which few programs do that were not written to be the first.
    pub fn init(mut self) -> Sandbox {
        self.options.init = true;
        self
    }

    /// Ends the container when the calling *thread* ends, even by SIGKILL: whoever calls [`start`](Sandbox::start) in one
    /// thread and lets that end before the container does not want this.
    pub fn end_with_caller(mut self) -> Sandbox {
        self.ends_with_caller = true;
        self
    }

    /// Gives it a terminal of its own in place of the three, with so many lines of so many characters (zeros: nobody
    /// knows). The other side of it is [`Running::terminal`](super::Running::terminal).
    pub fn terminal(mut self, rows: u16, columns: u16) -> Sandbox {
        self.options.terminal = Some(WindowSize { rows, columns });
        self
    }

    /// Measures every step of the start, see [`Running::times`](super::Running::times).
    pub fn traced(mut self) -> Sandbox {
        self.traced = true;
        self
    }

    /// Takes a value in, or keeps the first reason why one was none until the sandbox is used.
    fn parsed<T, E: std::fmt::Display>(mut self, value: Result<T, E>, set: impl FnOnce(&mut RunOptions, T)) -> Sandbox {
        match value {
            Ok(value) => set(&mut self.options, value),
            Err(error) if self.invalid.is_none() => self.invalid = Some(error.to_string()),
            Err(_) => {}
        }
        self
    }
}
