//! What can be asked of a sandbox, one method each; all take it and give it back.
//!
//! A value that is none, such as a hostname with a space, is told when the sandbox is used: so the methods can be
//! chained, as with [`std::process::Command`].

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use minicontainer_core::options::{
    Access, ByteSize, Cpus, EnvVar, Hostname, Isolation, MountSpec, Network, PidsLimit, Profile, RunOptions,
    StorageLimit, TimeOffset, UserSpec, WindowSize,
};
use minicontainer_core::plan::Namespace;

use super::{Place, Sandbox, Stdio};
use crate::process::JoinedNamespace;
use crate::rootfs::Driver;

impl Sandbox {
    /// Replaces everything that was asked for so far, [`init`](Sandbox::init) included.
    pub fn options(self, options: RunOptions) -> Sandbox {
        self.with(|sandbox| {
            sandbox.options = options;
            sandbox.settings.held_mounts.clear();
        })
    }

    /// How strictly it is held. [`Profile::Untrusted`] is for programs that nobody has read.
    pub fn profile(self, profile: Profile) -> Sandbox {
        self.with(|sandbox| sandbox.options.profile = profile)
    }

    /// Leaves out those of the profile's own limits that this machine cannot enforce, such as memory where an
    /// ordinary user has no control group; the [`Report`](crate::Report) shows the ones in force. Without this call
    /// each of them is an error there, as a limit that was asked for always is.
    pub fn best_effort(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.best_effort = true)
    }

    /// The program, in place of the image's own command.
    pub fn command(self, program: impl Into<String>) -> Sandbox {
        self.with(|sandbox| sandbox.options.command = vec![program.into()])
    }

    /// One more argument.
    pub fn arg(self, arg: impl Into<String>) -> Sandbox {
        self.with(|sandbox| sandbox.options.command.push(arg.into()))
    }

    /// More arguments.
    pub fn args<A: Into<String>>(self, args: impl IntoIterator<Item = A>) -> Sandbox {
        self.with(|sandbox| sandbox.options.command.extend(args.into_iter().map(Into::into)))
    }

    /// A variable of the environment, beside the image's own.
    pub fn env(self, name: &str, value: &str) -> Sandbox {
        self.parsed(format!("{name}={value}").parse::<EnvVar>(), |options, variable| options.env.push(variable))
    }

    /// The working directory inside, absolute; made when missing.
    pub fn workdir(self, path: impl Into<String>) -> Sandbox {
        self.with(|sandbox| sandbox.options.workdir = Some(path.into()))
    }

    /// Who the program runs as: `uid`, `name`, `uid:gid` or `name:group` of the image's own accounts.
    pub fn user(self, user: &str) -> Sandbox {
        self.parsed(user.parse::<UserSpec>(), |options, user| options.user = Some(user))
    }

    /// The name of the machine inside.
    pub fn hostname(self, name: &str) -> Sandbox {
        self.parsed(name.parse::<Hostname>(), |options, name| options.hostname = Some(name))
    }

    /// Moves a clock of its own: `boottime=24h`, `monotonic=-1.5`, see [`TimeOffset`].
    pub fn time_offset(self, offset: &str) -> Sandbox {
        self.parsed(offset.parse::<TimeOffset>(), |options, offset| options.time_offsets.push(offset))
    }

    /// The most memory that all processes may use together, in bytes.
    pub fn memory(self, bytes: u64) -> Sandbox {
        self.parsed(bytes.to_string().parse::<ByteSize>(), |options, size| options.limits.memory = Some(size))
    }

    /// The most processor time per wall time: 0.5 is half a processor.
    pub fn cpus(self, cpus: f64) -> Sandbox {
        self.parsed(cpus.to_string().parse::<Cpus>(), |options, cpus| options.limits.cpus = Some(cpus))
    }

    /// The most processes and threads at once. The [`init`](Sandbox::init) counts as one.
    pub fn pids(self, count: u64) -> Sandbox {
        self.with(|sandbox| sandbox.options.limits.pids = Some(PidsLimit::AtMost(count)))
    }

    /// The longest that the program may run; then everything in the container is killed.
    pub fn wall_time(self, limit: Duration) -> Sandbox {
        self.with(|sandbox| sandbox.settings.wall_time = Some(limit))
    }

    /// The most processor time that all of it may use; then everything in the container is killed. Without a control
    /// group (an ordinary user's) only its first process and the children that one has waited for are counted
    /// together.
    pub fn cpu_time(self, limit: Duration) -> Sandbox {
        self.with(|sandbox| sandbox.options.limits.cpu_time = Some(limit))
    }

    /// The most bytes that it may write to stdout and stderr together, where these are copied or collected (see
    /// [`Stdio`]); if it writes more, everything in the container is killed.
    pub fn output_limit(self, bytes: u64) -> Sandbox {
        self.with(|sandbox| sandbox.settings.output_limit = Some(bytes))
    }

    /// The most that it may write into its own layer, which then lies in memory. For overlay only, and for a
    /// container that is thrown away.
    pub fn disk_limit(self, limit: StorageLimit) -> Sandbox {
        self.with(|sandbox| sandbox.options.storage = Some(limit))
    }

    /// Nothing can be written but in mounts.
    pub fn read_only(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.root = Access::ReadOnly)
    }

    /// Shows a file or directory of the host (an absolute path) inside.
    pub fn bind(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, "rw")
    }

    /// The same, but nothing can be written through it.
    pub fn bind_ro(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, "ro")
    }

    /// Shows what `source` is open on, such as a directory opened with `O_PATH`: the same file or directory even if
    /// `path`, by which plans and errors name it, leads elsewhere by now. Its owner and group on the host are shown
    /// as root's where the container has ids of its own.
    ///
    /// An ordinary user's engine finds it by the path that the kernel has for it, and checks that it is the same:
    /// so it must have a path, and the start fails while somebody renames it again and again.
    pub fn bind_open(self, source: Arc<File>, path: &Path, target: &str, access: Access) -> Sandbox {
        let owner = source.metadata().map(|metadata| [metadata.uid(), metadata.gid()]);
        let mount = owner.map_err(|error| format!("cannot look at {}: {error}", path.display())).and_then(|owner| {
            let mount =
                MountSpec::bind(&path.display().to_string(), target, access).map_err(|error| error.to_string());
            mount.map(|mount| mount.owned_by(owner))
        });
        let target = mount.as_ref().map(|mount| mount.target().to_owned()).unwrap_or_default();
        self.parsed(mount, |options, mount| options.mounts.push(mount)).with(|sandbox| {
            sandbox.settings.held_mounts.push((target, source));
        })
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
    pub fn network(self, network: Network) -> Sandbox {
        self.with(|sandbox| sandbox.options.network = network)
    }

    /// Has it join the namespace at `path` (for example, `/proc/PID/ns/net`) in place of one of its own. What the
    /// path leads to is opened when the container starts, and must be a namespace of this kind.
    pub fn join(self, namespace: Namespace, path: impl Into<PathBuf>) -> Sandbox {
        let joined = JoinedNamespace { namespace, path: path.into(), file: None };
        self.with(|sandbox| sandbox.settings.namespaces.push(joined))
    }

    /// Has it join the namespace that `file` is open on, whatever `path`, by which plans and errors name it, leads
    /// to.
    pub fn join_open(self, namespace: Namespace, file: Arc<File>, path: impl Into<PathBuf>) -> Sandbox {
        let joined = JoinedNamespace { namespace, path: path.into(), file: Some(file) };
        self.with(|sandbox| sandbox.settings.namespaces.push(joined))
    }

    /// Leaves an isolation out, to see what it was for.
    pub fn without(self, isolation: Isolation) -> Sandbox {
        self.with(|sandbox| {
            sandbox.options.without.insert(isolation);
        })
    }

    /// How the layers become one tree. Without this call: by overlayfs where that works, else by copying.
    pub fn driver(self, driver: Driver) -> Sandbox {
        self.with(|sandbox| sandbox.driver = Some(driver))
    }

    /// Keeps what the container writes in `directory`, under this id, after it is over.
    pub fn kept_in(self, directory: impl Into<PathBuf>, id: impl Into<String>) -> Sandbox {
        self.with(|sandbox| {
            sandbox.place = Place::Kept { directory: directory.into(), id: id.into(), volatile: false }
        })
    }

    /// Says that whoever keeps it ([`kept_in`](Sandbox::kept_in)) will throw it away in the end, so that nothing that
    /// the container writes need reach the disk.
    pub fn volatile(mut self) -> Sandbox {
        if let Place::Kept { volatile, .. } = &mut self.place {
            *volatile = true;
        }
        self
    }

    /// What it reads; without this call, nothing.
    pub fn stdin(self, stdin: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[0] = stdin.into())
    }

    /// Where it writes to; without this call, where the caller does ([`output`](Sandbox::output): it is collected).
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[1] = stdout.into())
    }

    /// Where it writes its messages to; without this call, where the caller does ([`output`](Sandbox::output): they
    /// are collected).
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[2] = stderr.into())
    }

    /// Has stderr go where stdout goes, through the same pipe, so that the order of what is written is kept: `2>&1`.
    pub fn stderr_to_stdout(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.merges_stderr = true)
    }

    /// Has a small process of the engine's, the *init*, be the container's first one: it starts the program as its
    /// child, forwards signals to it and reaps orphaned processes. This is the default of a sandbox.
    ///
    /// Without it the program is process 1 of its pid namespace, and for that process the kernel drops every signal
    /// that has no handler, also those that it sends to itself: `raise(SIGFPE)` and `alarm(1)` do nothing, `abort()`
    /// ends it by SIGSEGV. The [`Report`](crate::Report) would then say how process 1 ended, not how the same program
    /// ends elsewhere.
    pub fn init(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.init = true)
    }

    /// Makes the program the container's first process, as `docker run` does; [`init`](Sandbox::init) says what it
    /// then cannot do. For programs that are an init themselves.
    pub fn without_init(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.init = false)
    }

    /// Ends the container when the *thread* that starts it ends, even by SIGKILL. A caller that starts it in one
    /// thread, and lets that thread end before the container, must not use this.
    pub fn end_with_caller(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.ends_with_caller = true)
    }

    /// Gives it a terminal of its own in place of the three, with so many lines of so many characters (zeros: nobody
    /// knows). The other side of it is [`Running::terminal`](super::Running::terminal).
    pub fn terminal(self, rows: u16, columns: u16) -> Sandbox {
        self.with(|sandbox| sandbox.options.terminal = Some(WindowSize { rows, columns }))
    }

    /// Measures every step of the start, see [`Running::times`](super::Running::times).
    pub fn traced(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.traced = true)
    }

    fn with(mut self, change: impl FnOnce(&mut Sandbox)) -> Sandbox {
        change(&mut self);
        self
    }

    /// Takes a value in, or keeps the first reason why one was none until the sandbox is used.
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
