//! The flags that configure a container, shared by `run`, `explain` and `spec`.
//!
//! [`ContainerArguments::options`] parses the text of each flag with its parser in core. The errors name the flag.

use std::{collections::BTreeSet, env, error::Error};

use clap::{Args, ValueEnum};
use minicontainer::{
    Sandbox,
    core::{
        RunOptions,
        options::{Access, ByteSize, Cpus, Isolation, Limits, MemorySwap, MountSpec, Network, WindowSize},
    },
    rootfs::Driver,
    store::Image,
};

use super::{
    dns::DnsArguments, metadata::MetadataArguments, namespaces::NamespaceArguments, security::SecurityArguments,
    unsupported::UnsupportedFlags,
};
use crate::error::{Context, Failure};

/// The headings of groups of flags in the help.
/// A group that was flattened leaves its heading to what follows, so these flags return to the first one.
pub(super) const OPTIONS: Option<&str> = None;
pub(super) const FILES: &str = "Files and mounts";
pub(super) const ISOLATION: &str = "Isolation and privileges";
pub(super) const LIMITS: &str = "Limits";
pub(super) const NETWORK: &str = "Network and names";

/// The flags that configure a container.
#[derive(Debug, Args)]
pub struct ContainerArguments {
    /// Allocate a terminal; with -i it is connected to yours
    #[arg(short, long, help_heading = OPTIONS)]
    pub tty: bool,

    #[command(flatten)]
    metadata: MetadataArguments,

    /// Working directory inside; created if missing [default: the image's]
    #[arg(short, long, value_name = "DIR", help_heading = OPTIONS)]
    pub workdir: Option<String>,

    /// Run as this user of the image: NAME or ID, optionally with :GROUP [default: the image's, else root]
    #[arg(short, long, value_name = "USER", help_heading = OPTIONS)]
    pub user: Option<String>,

    /// Add a supplementary group of the image: NAME or ID
    #[arg(long, value_name = "GROUP", help_heading = OPTIONS)]
    group_add: Vec<String>,

    /// Host name inside [default: the container's short id]
    #[arg(short = 'h', long, value_name = "NAME", help_heading = NETWORK)]
    pub hostname: Option<String>,

    /// Run this program instead of the image's entrypoint [default: the image's]
    #[arg(long, value_name = "PROGRAM", help_heading = OPTIONS)]
    pub entrypoint: Option<String>,

    /// Memory limit for all processes together, such as 64m [default: unlimited; 512m with --profile=untrusted]
    #[arg(short, long, value_name = "SIZE", help_heading = LIMITS)]
    pub memory: Option<String>,

    /// Limit of memory and swap together, or -1 for unlimited swap [default: no swap]
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true, help_heading = LIMITS)]
    pub memory_swap: Option<String>,

    /// Run on these processors only, such as 0-1 [default: all]
    #[arg(long, value_name = "LIST", help_heading = LIMITS)]
    pub cpuset_cpus: Option<String>,

    /// Limit of processor time, such as 0.5 for half a processor [default: unlimited; 1 with --profile=untrusted]
    #[arg(long, value_name = "NUMBER", help_heading = LIMITS)]
    pub cpus: Option<String>,

    /// Limit of processes and threads, or -1 for unlimited [default: 512; 128 with --profile=untrusted]
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true, help_heading = LIMITS)]
    pub pids_limit: Option<String>,

    /// Make the root file system read-only; mounts stay writable
    #[arg(long, help_heading = FILES)]
    pub read_only: bool,

    /// Mount an empty file system in memory, such as /tmp:size=16m
    #[arg(long, value_name = "DIR[:OPTIONS]", help_heading = FILES)]
    pub tmpfs: Vec<String>,

    /// Mount a file or directory of the host; the option ro makes it read-only
    #[arg(short, long, value_name = "SOURCE:DIR[:OPTIONS]", help_heading = FILES)]
    pub volume: Vec<String>,

    /// Mount with named fields, such as type=bind,source=a,target=/b,readonly
    #[arg(long, value_name = "FIELDS", help_heading = FILES)]
    pub mount: Vec<String>,

    /// Network: none is an isolated one with only loopback, host is the host's [default: none]
    #[arg(long, visible_alias = "net", value_name = "NETWORK", help_heading = NETWORK)]
    pub network: Option<NetworkArgument>,

    #[command(flatten)]
    pub names: DnsArguments,

    #[command(flatten)]
    namespaces: NamespaceArguments,

    #[command(flatten)]
    pub security: SecurityArguments,

    /// Run an init as process 1: it forwards signals to the program, reaps orphaned processes, and reports the
    /// program's exit status. Without it the program is process 1, and signals that it sends to itself do not kill it
    #[arg(long, help_heading = OPTIONS)]
    pub init: bool,

    /// Leave out a kind of isolation, to see its effect: pid, net, ipc, uts, mount, cgroup, user, capabilities,
    /// no-new-privileges, seccomp, masked-paths, devices
    #[arg(long, value_name = "ISOLATION", value_delimiter = ',', help_heading = ISOLATION)]
    pub without: Vec<String>,

    /// How to combine the layers [default: overlay where it works, else copy]
    #[arg(long, value_name = "DRIVER", help_heading = FILES)]
    pub driver: Option<DriverArgument>,

    /// The image, then the command and its arguments [default: the image's command]
    #[arg(required = true, trailing_var_arg = true, num_args = 1.., value_names = ["IMAGE", "COMMAND"], help_heading = OPTIONS)]
    pub image_and_command: Vec<String>,

    #[command(flatten)]
    unsupported: UnsupportedFlags,
}

/// The network of a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NetworkArgument {
    None,
    Host,
}

/// How the layers are combined.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DriverArgument {
    /// By the kernel's overlayfs: a file is copied only when it is written
    Overlay,
    /// By copying all files
    Copy,
}

impl ContainerArguments {
    /// The image's name.
    pub fn image(&self) -> &str {
        // clap requires at least one word.
        self.image_and_command.first().map_or("", String::as_str)
    }

    /// Parses the flags.
    pub fn options(&self) -> Result<RunOptions, Failure> {
        self.unsupported.check()?;
        let here = env::current_dir().context("cannot find the current directory, to which paths are relative")?;
        let here = here.to_str().ok_or_else(|| Failure::new("the current directory's path is not UTF-8"))?;
        let mut mounts = parse_all("-v, --volume", &self.volume, |text| MountSpec::from_volume(text, here))?;
        mounts.extend(parse_all("--mount", &self.mount, |text| MountSpec::from_fields(text, here))?);
        mounts.extend(parse_all("--tmpfs", &self.tmpfs, MountSpec::from_tmpfs)?);
        let mut without: BTreeSet<Isolation> =
            parse_all("--without", &self.without, str::parse)?.into_iter().collect();
        without.extend(self.namespaces.without()?);
        if self.network == Some(NetworkArgument::None) && without.contains(&Isolation::Net) {
            let reason = "conflicting options: --network none and --without net: without a network namespace of its \
                          own the container sees the host's network";
            return Err(Failure::new(reason).hint("leave one of them out"));
        }
        let (env, removed_env) = self.metadata.variables()?;
        let mut options = RunOptions::default();
        options.command = self.image_and_command.iter().skip(1).cloned().collect();
        options.entrypoint = self.entrypoint.clone().map(|program| vec![program]);
        options.env = env;
        options.removed_env = removed_env;
        options.workdir = non_empty(&self.workdir);
        options.user = parse_one("-u, --user", &non_empty(&self.user), str::parse)?;
        options.added_groups = parse_all("--group-add", &self.group_add, str::parse)?;
        options.labels = self.metadata.labels()?;
        options.hostname = parse_one("-h, --hostname", &non_empty(&self.hostname), str::parse)?;
        options.limits = self.limits()?;
        options.storage = None;
        options.root = if self.read_only { Access::ReadOnly } else { Access::ReadWrite };
        options.mounts = mounts;
        options.network = match self.network {
            Some(NetworkArgument::Host) => Network::Host,
            _ => Network::None,
        };
        options.added_hosts = self.names.added_hosts()?;
        options.dns = self.names.dns()?;
        options.init = self.init;
        options.terminal = self.tty.then(WindowSize::default);
        options.without = without;
        self.security.applied_to(options)
    }

    fn limits(&self) -> Result<Limits, Failure> {
        let mut limits = Limits::default();
        limits.memory = parse_one("-m, --memory", &self.memory, ByteSize::parse_limit)?.flatten();
        limits.memory_swap = parse_one("--memory-swap", &self.memory_swap, MemorySwap::parse_limit)?.flatten();
        limits.cpuset = parse_one("--cpuset-cpus", &non_empty(&self.cpuset_cpus), str::parse)?;
        limits.cpus = parse_one("--cpus", &self.cpus, Cpus::parse_limit)?.flatten();
        limits.pids = parse_one("--pids-limit", &self.pids_limit, str::parse)?;
        Ok(limits)
    }

    /// The library's description of this container.
    pub fn sandbox(&self, image: &Image, options: &RunOptions) -> Sandbox {
        let sandbox = Sandbox::from_image(image).options(options.clone());
        match self.driver {
            Some(DriverArgument::Overlay) => sandbox.driver(Driver::Overlay),
            Some(DriverArgument::Copy) => sandbox.driver(Driver::Copy),
            None => sandbox,
        }
    }
}

/// Parses a flag for which Docker accepts an empty value as the default.
pub(super) fn non_empty(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

pub(super) fn parse_one<'text, T, E: Error + Send + Sync + 'static>(
    flag: &str,
    text: &'text Option<String>,
    parse: impl Fn(&'text str) -> Result<T, E>,
) -> Result<Option<T>, Failure> {
    text.as_deref().map(parse).transpose().map_err(|error| Failure::of_argument(flag, error))
}

pub(super) fn parse_all<'text, T, E: Error + Send + Sync + 'static>(
    flag: &str,
    texts: &'text [String],
    parse: impl Fn(&'text str) -> Result<T, E>,
) -> Result<Vec<T>, Failure> {
    texts.iter().map(|text| parse(text).map_err(|error| Failure::of_argument(flag, error))).collect()
}
