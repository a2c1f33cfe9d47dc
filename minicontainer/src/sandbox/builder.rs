//! The builder methods of a sandbox. Each takes the sandbox and returns it, so that calls can be chained.
//!
//! An invalid value, such as a hostname with a space, is reported when the sandbox is used, as with
//! [`std::process::Command`]. So no method has to return a `Result`.

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
    /// Replaces all options set so far, including [`init`](Sandbox::init).
    pub fn options(self, options: RunOptions) -> Sandbox {
        self.with(|sandbox| {
            sandbox.options = options;
            sandbox.settings.bind_sources.clear();
        })
    }

    /// How strictly the container is isolated. [`Profile::Untrusted`] is for untrusted programs.
    pub fn profile(self, profile: Profile) -> Sandbox {
        self.with(|sandbox| sandbox.options.profile = profile)
    }

    /// Leaves out those limits of the profile that this machine cannot enforce, such as memory if an ordinary user
    /// has no cgroup. The [`Report`](crate::Report) shows the limits in force. Without this call, a limit that
    /// cannot be enforced is an error. A limit requested explicitly is an error in any case.
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

    /// An environment variable, in addition to those of the image.
    pub fn env(self, name: &str, value: &str) -> Sandbox {
        self.parsed(format!("{name}={value}").parse::<EnvVar>(), |options, variable| options.env.push(variable))
    }

    /// The working directory in the container, an absolute path. It is created if it does not exist.
    pub fn workdir(self, path: impl Into<String>) -> Sandbox {
        self.with(|sandbox| sandbox.options.workdir = Some(path.into()))
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

    /// The memory limit of all processes together, in bytes.
    pub fn memory(self, bytes: u64) -> Sandbox {
        self.parsed(bytes.to_string().parse::<ByteSize>(), |options, size| options.limits.memory = Some(size))
    }

    /// The CPU limit: 0.5 is half of one CPU.
    pub fn cpus(self, cpus: f64) -> Sandbox {
        self.parsed(cpus.to_string().parse::<Cpus>(), |options, cpus| options.limits.cpus = Some(cpus))
    }

    /// The maximum number of processes and threads at the same time. The [`init`](Sandbox::init) counts as one.
    pub fn pids(self, count: u64) -> Sandbox {
        self.with(|sandbox| sandbox.options.limits.pids = Some(PidsLimit::AtMost(count)))
    }

    /// The time limit of the program. When it is exceeded, everything in the container is killed.
    pub fn wall_time(self, limit: Duration) -> Sandbox {
        self.with(|sandbox| sandbox.settings.wall_time = Some(limit))
    }

    /// The limit on the CPU time of the whole container. When it is exceeded, everything in the container is killed.
    /// Without a cgroup (as for some ordinary users), only the first process and the children that it has
    /// waited for are counted.
    pub fn cpu_time(self, limit: Duration) -> Sandbox {
        self.with(|sandbox| sandbox.options.limits.cpu_time = Some(limit))
    }

    /// The limit in bytes on what it writes to stdout and stderr together, if these are copied or collected (see
    /// [`Stdio`]). When it is exceeded, everything in the container is killed.
    pub fn output_limit(self, bytes: u64) -> Sandbox {
        self.with(|sandbox| sandbox.settings.output_limit = Some(bytes))
    }

    /// The size limit of the writable layer, which is then kept in memory. Only for overlayfs, and for a container
    /// that is removed after the run.
    pub fn disk_limit(self, limit: StorageLimit) -> Sandbox {
        self.with(|sandbox| sandbox.options.storage = Some(limit))
    }

    /// Makes the root file system read-only. Mounts can still be written to.
    pub fn read_only(self) -> Sandbox {
        self.with(|sandbox| sandbox.options.root = Access::ReadOnly)
    }

    /// Bind-mounts a file or directory of the host (an absolute path) in the container.
    pub fn bind(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, "rw")
    }

    /// As [`bind`](Sandbox::bind), but read-only.
    pub fn bind_ro(self, source: impl AsRef<Path>, target: &str) -> Sandbox {
        self.mounted(source.as_ref(), target, "ro")
    }

    /// Bind-mounts the file or directory that `source` is open on, such as a directory opened with `O_PATH`. It is
    /// that file or directory even if `path` now leads elsewhere; plans and errors name it by `path`. If the
    /// container has its own user ids, the owner and group on the host appear as root in the container.
    ///
    /// For an ordinary user, the engine finds it by the path that the kernel reports for the descriptor, and checks
    /// that the path leads to the same file. So it must have a path, and the start can fail while another process
    /// keeps renaming it.
    pub fn bind_open(self, source: Arc<File>, path: &Path, target: &str, access: Access) -> Sandbox {
        let owner = source.metadata().map(|metadata| [metadata.uid(), metadata.gid()]);
        let mount = owner.map_err(|error| format!("cannot look at {}: {error}", path.display())).and_then(|owner| {
            let mount =
                MountSpec::bind(&path.display().to_string(), target, access).map_err(|error| error.to_string());
            mount.map(|mount| mount.owned_by(owner))
        });
        let target = mount.as_ref().map(|mount| mount.target().to_owned()).unwrap_or_default();
        self.parsed(mount, |options, mount| options.mounts.push(mount)).with(|sandbox| {
            sandbox.settings.bind_sources.push((target, source));
        })
    }

    fn mounted(self, source: &Path, target: &str, access: &str) -> Sandbox {
        let absolute = std::path::absolute(source).unwrap_or_else(|_| source.to_owned());
        let text = format!("{}:{target}:{access}", absolute.display());
        self.parsed(MountSpec::from_volume(&text, "/"), |options, mount| options.mounts.push(mount))
    }

    /// Mounts an empty tmpfs, a file system in memory.
    pub fn tmpfs(self, target: &str) -> Sandbox {
        self.parsed(MountSpec::from_tmpfs(target), |options, mount| options.mounts.push(mount))
    }

    /// The network of the container. Default: none.
    pub fn network(self, network: Network) -> Sandbox {
        self.with(|sandbox| sandbox.options.network = network)
    }

    /// Leaves the image's own `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` in place. Without this call the
    /// container has files of its own there, see [`network_files`](minicontainer_core::network_files).
    pub fn without_network_files(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.network_files = false)
    }

    /// Joins the namespace at `path` (for example, `/proc/PID/ns/net`) instead of creating a new one. The path is
    /// opened when the container starts, and must lead to a namespace of this kind.
    pub fn join(self, namespace: Namespace, path: impl Into<PathBuf>) -> Sandbox {
        let joined = JoinedNamespace { namespace, path: path.into(), file: None };
        self.with(|sandbox| sandbox.settings.namespaces.push(joined))
    }

    /// Joins the namespace that `file` is open on, even if `path` leads elsewhere. Plans and errors name it by
    /// `path`.
    pub fn join_open(self, namespace: Namespace, file: Arc<File>, path: impl Into<PathBuf>) -> Sandbox {
        let joined = JoinedNamespace { namespace, path: path.into(), file: Some(file) };
        self.with(|sandbox| sandbox.settings.namespaces.push(joined))
    }

    /// Leaves out one kind of isolation, to see what it was for.
    pub fn without(self, isolation: Isolation) -> Sandbox {
        self.with(|sandbox| {
            sandbox.options.without.insert(isolation);
        })
    }

    /// How the layers become one tree. Default: overlayfs if it works on this host, otherwise a copy.
    pub fn driver(self, driver: Driver) -> Sandbox {
        self.with(|sandbox| sandbox.driver = Some(driver))
    }

    /// Keeps the writable layer in `directory`, under this ID, after the run.
    pub fn kept_in(self, directory: impl Into<PathBuf>, id: impl Into<String>) -> Sandbox {
        self.with(|sandbox| {
            sandbox.place = Place::Kept { directory: directory.into(), id: id.into(), volatile: false }
        })
    }

    /// Declares that the caller will remove the layer that [`kept_in`](Sandbox::kept_in) keeps. So it need not be
    /// synced to disk.
    pub fn volatile(mut self) -> Sandbox {
        if let Place::Kept { volatile, .. } = &mut self.place {
            *volatile = true;
        }
        self
    }

    /// Where its stdin comes from. Default: empty.
    pub fn stdin(self, stdin: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[0] = stdin.into())
    }

    /// Where its stdout goes. Default: the caller's stdout ([`output`](Sandbox::output) collects it instead).
    pub fn stdout(self, stdout: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[1] = stdout.into())
    }

    /// Where its stderr goes. Default: the caller's stderr ([`output`](Sandbox::output) collects it instead).
    pub fn stderr(self, stderr: impl Into<Stdio>) -> Sandbox {
        self.with(|sandbox| sandbox.settings.stdio[2] = stderr.into())
    }

    /// Sends stderr to the same pipe as stdout, so that the order of what is written is kept: `2>&1`.
    pub fn stderr_to_stdout(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.merges_stderr = true)
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

    /// Gives it a terminal instead of the three streams, with this number of rows and columns (zeros: unknown).
    /// [`Running::terminal`](super::Running::terminal) is the other side.
    pub fn terminal(self, rows: u16, columns: u16) -> Sandbox {
        self.with(|sandbox| sandbox.options.terminal = Some(WindowSize { rows, columns }))
    }

    /// Measures the time of every step of the start, see [`Running::times`](super::Running::times).
    pub fn traced(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.traced = true)
    }

    /// Records the system calls that the seccomp filter refuses, see [`Report::denied_calls`](crate::Report). It
    /// slows down those calls only. Requires Linux 5.0.
    pub fn trace_denied_calls(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.traces_denied_calls = true)
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
