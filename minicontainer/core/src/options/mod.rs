//! The options of `run`, each value parsed once into a type that is always valid.
//!
//! A memory limit is not the text `32m` but a [`ByteSize`]; a user is not `"1000:staff"` but a [`UserSpec`]. Text
//! becomes such a value in one place only, its `FromStr`. The error contains the given text, the reason and an
//! example of a valid value. Later stages need not check the value again ("parse, don't validate").
//!
//! | Value | Text | Rule from |
//! |---|---|---|
//! | [`ByteSize`] | `32m`, `1.5g`, `4096` | docker-run(1), binary multiples |
//! | [`Cpus`] | `0.5`, `2` | docker-run(1) `--cpus`, at most nine decimals |
//! | [`CpuSet`] | `0-1,3` | cpuset(7), docker-run(1) `--cpuset-cpus` |
//! | [`MemorySwap`] | `96m`, `-1` | docker-run(1) `--memory-swap` |
//! | [`EnvVar`] | `NAME=value` | environ(7) |
//! | [`UserSpec`] | `1000`, `www-data`, `1000:1000` | OCI image config `User` |
//! | [`Label`], [`key_value_file`] | `course=networks`; lines of them | docker-run(1) `--label`, `--env-file` |
//! | [`MountSpec`] | `-v a:/b:ro`, `type=bind,source=a,target=/b`, `--tmpfs /t:size=1m` | docker-run(1) |
//! | [`CapabilityName`] | `NET_ADMIN`, `ALL` | docker-run(1) `--cap-add` |
//! | [`Device`], [`Ulimit`], [`Sysctl`] | `/dev/fuse`, `nofile=64`, `net.ipv4.ip_forward=1` | docker-run(1) |
//! | [`AddedHost`], [`Dns`] | `db:10.0.0.2` | docker-run(1) `--add-host`, `--dns`; hosts(5), resolv.conf(5) |
//! | [`ContainerName`], [`Hostname`] | `web-1` | Docker's name rule; hostname(7) |
//! | [`StorageLimit`] | `size=64m`, `inodes=1000` | docker-run(1) `--storage-opt` |
//! | [`TimeOffset`] | `boottime=24h`, `monotonic=-1.5` | time_namespaces(7) |
//! | [`Timeout`] | `1`, `1.5s`, `500ms`, `2m30s` | seconds unless there is a unit |
//!
//! ```
//! use minicontainer_core::options::{ByteSize, MountSpec, RunOptions};
//!
//! let mut options = RunOptions::with(|options| options.command = vec!["sh".into()]);
//! options.limits.memory = Some("32m".parse()?);
//! options.mounts = vec![MountSpec::from_volume("./data:/data:ro", "/home/ada")?];
//! let wrong = "32 megabytes".parse::<ByteSize>();
//! assert!(wrong.unwrap_err().to_string().contains("for example, 32m"));
//! # assert_eq!(options.limits.memory.unwrap().bytes(), 32 << 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod boolean;
mod capability;
mod cpuset;
mod decimal;
mod device;
mod dns;
mod env;
mod isolation;
pub mod key_value_file;
mod label;
mod mount;
mod name;
mod security;
mod size;
mod storage;
mod swap;
mod sysctl;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod time_offset;
mod ulimit;
mod user;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use oci_spec::runtime::LinuxSeccomp;
use serde::{Deserialize, Serialize};

pub use boolean::parse_bool;
pub use capability::{CapabilityChanges, CapabilityError, CapabilityName};
pub use cpuset::{CpuSet, CpuSetError};
pub use device::{Device, DeviceError, DeviceNumber};
pub use dns::{AddedHost, Dns, DnsError};
pub use env::{EnvError, EnvVar};
pub use isolation::{Isolation, IsolationError};
pub use label::{Label, LabelError};
pub use mount::{Access, MountError, MountSpec};
pub use name::{ContainerName, Hostname, NameError};
pub use security::{Bounds, NewPrivileges, Profile, Weakening};
pub use size::{ByteSize, Cpus, PidsLimit, SizeError};
pub use storage::{StorageError, StorageLimit};
pub use swap::MemorySwap;
pub use sysctl::{Sysctl, SysctlError, SysctlOwner};
pub use time::{Timeout, TimeoutError};
pub use time_offset::{Clock, TimeOffset, TimeOffsetError};
pub use ulimit::{Ulimit, UlimitError};
pub use user::{GroupSpec, ResolvedUser, UserError, UserSpec, resolve_group, resolve_user};

/// All options of `run` for one container. The default is the image's own command as the image's own user, without
/// limits, mounts or a network. Other crates make options by [`RunOptions::with`], because there will be more.
///
/// A document contains only the options that were set. So a newer engine with more options can read the documents of
/// an older one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct RunOptions {
    /// The program and its arguments; replaces the image's `Cmd` when not empty.
    #[serde(skip_serializing_if = "is_default")]
    pub command: Vec<String>,
    /// Replaces the image's `Entrypoint`, and then the image's `Cmd` is ignored (as in Docker).
    #[serde(skip_serializing_if = "is_default")]
    pub entrypoint: Option<Vec<String>>,
    /// Variables added to the image's own; a later one of the same name wins.
    #[serde(skip_serializing_if = "is_default")]
    pub env: Vec<EnvVar>,
    /// The names of variables of the image that the program does not get.
    #[serde(skip_serializing_if = "is_default")]
    pub removed_env: BTreeSet<String>,
    /// The working directory inside the container, absolute; created if it does not exist.
    #[serde(skip_serializing_if = "is_default")]
    pub workdir: Option<String>,
    /// The user that the process runs as; by default the image's `User`, otherwise root of the container.
    #[serde(skip_serializing_if = "is_default")]
    pub user: Option<UserSpec>,
    /// Supplementary groups of the program, in addition to those of its user.
    #[serde(skip_serializing_if = "is_default")]
    pub added_groups: Vec<GroupSpec>,
    /// Labels, by name. They have no effect.
    #[serde(skip_serializing_if = "is_default")]
    pub labels: BTreeMap<String, String>,
    /// The hostname inside, as uname(2) returns it; by default the container's short id.
    #[serde(skip_serializing_if = "is_default")]
    pub hostname: Option<Hostname>,
    /// The requested limits. A limit that cannot be applied is an error, and is never ignored.
    #[serde(skip_serializing_if = "is_default")]
    pub limits: Limits,
    /// The most that the container may write into its own layer.
    #[serde(skip_serializing_if = "is_default")]
    pub storage: Option<StorageLimit>,
    /// Whether the container's root file system can be written.
    #[serde(skip_serializing_if = "is_default")]
    pub root: Access,
    /// Bind mounts and tmpfs mounts, in the order given.
    #[serde(skip_serializing_if = "is_default")]
    pub mounts: Vec<MountSpec>,
    /// The container's network.
    #[serde(skip_serializing_if = "is_default")]
    pub network: Network,
    /// Names with their addresses that are added to `/etc/hosts`.
    #[serde(skip_serializing_if = "is_default")]
    pub added_hosts: Vec<AddedHost>,
    /// What replaces the resolvers of the host.
    #[serde(skip_serializing_if = "is_default")]
    pub dns: Dns,
    /// Which system calls may be made.
    #[serde(skip_serializing_if = "is_default")]
    pub seccomp: SeccompChoice,
    /// How strictly the container is isolated.
    #[serde(skip_serializing_if = "is_default")]
    pub profile: Profile,
    /// Whether the profile's own limits are omitted if the host cannot enforce them. Otherwise that is an error.
    #[serde(skip_serializing_if = "is_default")]
    pub best_effort: bool,
    /// Whether nearly all isolation is turned off (`--privileged`).
    #[serde(skip_serializing_if = "is_default")]
    pub privileged: bool,
    /// The changes to the profile's capabilities.
    #[serde(skip_serializing_if = "is_default")]
    pub capabilities: CapabilityChanges,
    /// Whether programs may gain privileges; by default the profile decides.
    #[serde(skip_serializing_if = "is_default")]
    pub new_privileges: Option<NewPrivileges>,
    /// Whether the kernel files that concern the whole machine are accessible.
    #[serde(skip_serializing_if = "is_default")]
    pub system_paths_open: bool,
    /// Whether root's container has its own user namespace. An ordinary user's container always has one.
    #[serde(skip_serializing_if = "is_default")]
    pub users: Users,
    /// Devices of the host that the container may use.
    #[serde(skip_serializing_if = "is_default")]
    pub devices: Vec<Device>,
    /// Limits of each single process.
    #[serde(skip_serializing_if = "is_default")]
    pub ulimits: Vec<Ulimit>,
    /// The size of `/dev/shm`; 64 MiB by default, as in Docker.
    #[serde(skip_serializing_if = "is_default")]
    pub shm_size: Option<ByteSize>,
    /// Sysctls of the container's own namespaces.
    #[serde(skip_serializing_if = "is_default")]
    pub sysctls: Vec<Sysctl>,
    /// How far the container's clocks are moved. Without any it has the host's clocks.
    #[serde(skip_serializing_if = "is_default")]
    pub time_offsets: Vec<TimeOffset>,
    /// Whether the engine's small init process is the container's first one: it starts the program as its child,
    /// forwards signals to it, reaps orphaned processes, and reports how the program exited. Without it the program
    /// is process 1, which is not killed by signals from inside the container unless it has a handler for them.
    #[serde(skip_serializing_if = "is_default")]
    pub init: bool,
    /// Whether the program's stdin is connected to the caller's.
    #[serde(skip_serializing_if = "is_default")]
    pub interactive: bool,
    /// The container gets its own terminal of this size, for its stdin, stdout and stderr.
    #[serde(skip_serializing_if = "is_default")]
    pub terminal: Option<WindowSize>,
    /// Kinds of isolation that are omitted on purpose, to show what then leaks.
    #[serde(skip_serializing_if = "is_default")]
    pub without: BTreeSet<Isolation>,
}

/// Limits of the whole container. The kernel's cgroups enforce most of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[non_exhaustive]
pub struct Limits {
    /// Memory that all processes of the container may use together, in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory: Option<ByteSize>,
    /// Memory and swap space together. By default a container with a memory limit has no swap space.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_swap: Option<MemorySwap>,
    /// The processors that the container may run on.
    #[serde(skip_serializing_if = "is_default")]
    pub cpuset: Option<CpuSet>,
    /// How much processor time per second of wall time, summed over processors.
    #[serde(skip_serializing_if = "is_default")]
    pub cpus: Option<Cpus>,
    /// How many processes and threads may exist at once.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: Option<PidsLimit>,
    /// The total processor time. The engine enforces this limit; the kernel also enforces a slightly higher one on
    /// each single process (`RLIMIT_CPU`).
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_time: Option<Duration>,
}

impl RunOptions {
    /// The default options, changed by `change`.
    ///
    /// ```
    /// use minicontainer_core::options::{Profile, RunOptions};
    ///
    /// let options = RunOptions::with(|options| options.profile = Profile::Untrusted);
    /// assert_eq!(options.profile, Profile::Untrusted);
    /// ```
    pub fn with(change: impl FnOnce(&mut RunOptions)) -> RunOptions {
        let mut options = RunOptions::default();
        change(&mut options);
        options
    }
}

impl Limits {
    /// No limits, changed by `change`.
    pub fn with(change: impl FnOnce(&mut Limits)) -> Limits {
        let mut limits = Limits::default();
        change(&mut limits);
        limits
    }
}

/// Which user of the host the container's root maps to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Users {
    /// The same user: root of the host if root starts the container.
    #[default]
    Same,
    /// An unprivileged id: the container's ids map to an unused range of the host (`--userns auto`).
    Own,
}

/// The seccomp profile to use, see [`crate::seccomp`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeccompChoice {
    /// The default of the container's [`Profile`]: our own, stricter than Docker's, or exactly Docker's.
    #[default]
    Default,
    /// None: every system call is allowed.
    Unconfined,
    /// The given profile.
    Profile(Box<LinuxSeccomp>),
}

/// The size of a terminal; zeros if unknown, as in `struct winsize` of ioctl_tty(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// The network of a container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// The container's own network namespace, with only the loopback interface.
    #[default]
    None,
    /// The host's own interfaces: no network isolation.
    Host,
}

/// Whether the option was not set.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
