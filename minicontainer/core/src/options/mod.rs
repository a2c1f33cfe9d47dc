//! What `run` was asked for, each value parsed once into a type that cannot be wrong.
//!
//! A memory limit is not the text `32m` but a [`ByteSize`]; a user is not `"1000:staff"` but a [`UserSpec`]. Text
//! becomes such a value in one place only, its `FromStr`, and the error says what was given, why it cannot be and
//! what would be right. After that no later stage has anything to check again ("parse, don't validate").
//!
//! | Value | Text | Rule from |
//! |---|---|---|
//! | [`ByteSize`] | `32m`, `1.5g`, `4096` | docker-run(1), binary multiples |
//! | [`Cpus`] | `0.5`, `2` | docker-run(1) `--cpus`, at most nine decimals |
//! | [`CpuSet`] | `0-1,3` | cpuset(7), docker-run(1) `--cpuset-cpus` |
//! | [`MemorySwap`] | `96m`, `-1` | docker-run(1) `--memory-swap` |
//! | [`EnvVar`] | `NAME=value` | environ(7) |
//! | [`UserSpec`] | `1000`, `www-data`, `1000:1000` | OCI image config `User` |
//! | [`MountSpec`] | `-v a:/b:ro`, `type=bind,source=a,target=/b`, `--tmpfs /t:size=1m` | docker-run(1) |
//! | [`CapabilityWord`] | `NET_ADMIN`, `ALL` | docker-run(1) `--cap-add` |
//! | [`Device`], [`Ulimit`], [`Sysctl`] | `/dev/fuse`, `nofile=64`, `net.ipv4.ip_forward=1` | docker-run(1) |
//! | [`ContainerName`], [`Hostname`] | `web-1` | Docker's name rule; hostname(7) |
//! | [`StorageLimit`] | `size=64m`, `inodes=1000` | docker-run(1) `--storage-opt` |
//! | [`TimeOffset`] | `boottime=24h`, `monotonic=-1.5` | time_namespaces(7) |
//! | [`Timeout`] | `1`, `1.5s`, `500ms`, `2m30s` | seconds unless a unit stands behind |
//!
//! ```
//! use minicontainer_core::options::{ByteSize, Limits, MountSpec, RunOptions};
//!
//! let options = RunOptions {
//!     command: vec!["sh".into()],
//!     limits: Limits { memory: Some("32m".parse()?), ..Limits::default() },
//!     mounts: vec![MountSpec::from_volume("./data:/data:ro", "/home/ada")?],
//!     ..RunOptions::default()
//! };
//! let wrong = "32 megabytes".parse::<ByteSize>();
//! assert!(wrong.unwrap_err().to_string().contains("such as 32m"));
//! # assert_eq!(options.limits.memory.unwrap().bytes(), 32 << 20);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod capability;
mod cpuset;
mod decimal;
mod device;
mod env;
mod isolation;
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

use std::{collections::BTreeSet, time::Duration};

use oci_spec::runtime::LinuxSeccomp;
use serde::{Deserialize, Serialize};

pub use capability::{CapabilityChanges, CapabilityError, CapabilityWord};
pub use cpuset::{CpuSet, CpuSetError};
pub use device::{Device, DeviceError, DeviceNumber};
pub use env::{EnvError, EnvVar};
pub use isolation::{Isolation, IsolationError};
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
pub use user::{ResolvedUser, UserError, UserSpec, resolve_user};

/// Everything that `run` can be asked for about one container. The default asks for nothing: the image's own
/// command as the image's own user, no limits, no mounts, no network.
///
/// In a document stands only what was asked for, and what is not there was not: so a newer engine, which has more
/// options, understands the documents of an older one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RunOptions {
    /// The program and its arguments; replaces the image's `Cmd` when not empty.
    #[serde(skip_serializing_if = "is_default")]
    pub command: Vec<String>,
    /// Replaces the image's `Entrypoint`, and then the image's `Cmd` no longer counts (as in Docker).
    #[serde(skip_serializing_if = "is_default")]
    pub entrypoint: Option<Vec<String>>,
    /// Variables added to the image's own; a later one of the same name wins.
    #[serde(skip_serializing_if = "is_default")]
    pub env: Vec<EnvVar>,
    /// The working directory inside the container, absolute; made when it is not there.
    #[serde(skip_serializing_if = "is_default")]
    pub workdir: Option<String>,
    /// Who the process runs as; without it, the image's `User`, else root of the container.
    #[serde(skip_serializing_if = "is_default")]
    pub user: Option<UserSpec>,
    /// The name that uname(2) gives inside; without it, the container's short id.
    #[serde(skip_serializing_if = "is_default")]
    pub hostname: Option<Hostname>,
    /// The limits asked for. One that cannot be applied is an error, never a silence.
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
    /// What network the container sees.
    #[serde(skip_serializing_if = "is_default")]
    pub network: Network,
    /// Which system calls may be made.
    #[serde(skip_serializing_if = "is_default")]
    pub seccomp: SeccompChoice,
    /// How strictly it is held.
    #[serde(skip_serializing_if = "is_default")]
    pub profile: Profile,
    /// Whether the profile's own limits are left out where the host cannot enforce them; else that is an error.
    #[serde(skip_serializing_if = "is_default")]
    pub best_effort: bool,
    /// Whether hardly any wall is left standing (`--privileged`).
    #[serde(skip_serializing_if = "is_default")]
    pub privileged: bool,
    /// What is added to and taken from the profile's capabilities.
    #[serde(skip_serializing_if = "is_default")]
    pub capabilities: CapabilityChanges,
    /// Whether programs may gain powers; without it, as the profile says.
    #[serde(skip_serializing_if = "is_default")]
    pub new_privileges: Option<NewPrivileges>,
    /// Whether the kernel files that concern the whole machine are left in reach.
    #[serde(skip_serializing_if = "is_default")]
    pub system_paths_open: bool,
    /// Whether root inside is another user outside; an ordinary user's container has no choice.
    #[serde(skip_serializing_if = "is_default")]
    pub users: Users,
    /// Devices of the host's that it may use.
    #[serde(skip_serializing_if = "is_default")]
    pub devices: Vec<Device>,
    /// Bounds on every single process.
    #[serde(skip_serializing_if = "is_default")]
    pub ulimits: Vec<Ulimit>,
    /// How much `/dev/shm` may hold; without it 64 MiB, as in Docker.
    #[serde(skip_serializing_if = "is_default")]
    pub shm_size: Option<ByteSize>,
    /// Variables of the kernel's that belong to its own namespaces.
    #[serde(skip_serializing_if = "is_default")]
    pub sysctls: Vec<Sysctl>,
    /// How far its clocks are moved; without any it has the machine's.
    #[serde(skip_serializing_if = "is_default")]
    pub time_offsets: Vec<TimeOffset>,
    /// Whether a small process of the engine's, the init, is the container's first one: it starts the program as its
    /// child, forwards signals to it, reaps orphaned processes, and reports how the program ended. Without it the
    /// program is process 1, which its own signals do not end unless it has a handler for them.
    #[serde(skip_serializing_if = "is_default")]
    pub init: bool,
    /// A terminal of the container's own, of this size, for its stdin, stdout and stderr.
    #[serde(skip_serializing_if = "is_default")]
    pub terminal: Option<WindowSize>,
    /// Isolations left out on purpose, to show what then leaks.
    #[serde(skip_serializing_if = "is_default")]
    pub without: BTreeSet<Isolation>,
}

/// Upper bounds that the container is held to, most of them by the kernel's control groups.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Limits {
    /// Memory that all processes of the container may use together, in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub memory: Option<ByteSize>,
    /// Memory and swap space together; without it there is no swap space for a container whose memory is bounded.
    #[serde(skip_serializing_if = "is_default")]
    pub memory_swap: Option<MemorySwap>,
    /// The processors that it may run on.
    #[serde(skip_serializing_if = "is_default")]
    pub cpuset: Option<CpuSet>,
    /// How much processor time per second of wall time, summed over processors.
    #[serde(skip_serializing_if = "is_default")]
    pub cpus: Option<Cpus>,
    /// How many processes and threads may exist at once.
    #[serde(skip_serializing_if = "is_default")]
    pub pids: Option<PidsLimit>,
    /// How much processor time may be used in all. The engine watches over it; the kernel bounds each single process
    /// as well (`RLIMIT_CPU`), a little above.
    #[serde(skip_serializing_if = "is_default")]
    pub cpu_time: Option<Duration>,
}

/// Who root inside is outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Users {
    /// The same user: root of the host when root starts it.
    #[default]
    Same,
    /// Nobody: the container's ids are a range of their own on the host (`--userns auto`).
    Own,
}

/// Whose list of allowed system calls holds, see [`crate::seccomp`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SeccompChoice {
    /// The profile's: our own, stricter than Docker's, or Docker's to the letter.
    #[default]
    Default,
    /// None: every system call may be made.
    Unconfined,
    /// One that was given.
    Profile(Box<LinuxSeccomp>),
}

/// How many characters a terminal shows; zeros where nobody knows, as in `struct winsize` of ioctl_tty(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// The network that a container sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Network {
    /// A network namespace of its own with nothing in it but the loopback interface.
    #[default]
    None,
    /// The host's own interfaces: no network isolation.
    Host,
}

/// Whether nothing was asked for.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
