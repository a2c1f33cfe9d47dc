//! The options that concern the host, in Docker's format.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use minicontainer::core::options::{
    Access, ByteSize, CapabilityName, MemorySwap, MountSpec, NewPrivileges, SeccompChoice, Ulimit, Users,
};
use oci_spec::runtime::Spec;
use serde::Serialize;

use super::{
    super::{AfterExit, ContainerConfig},
    network,
};

/// Docker's default size of `/dev/shm`.
const DEFAULT_SHM_SIZE: u64 = 64 << 20;

/// The options that concern the host.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostConfig {
    /// Bind mounts, in the syntax of `-v`.
    pub binds: Vec<String>,
    /// The network.
    pub network_mode: &'static str,
    /// Published ports: not supported yet.
    pub port_bindings: BTreeMap<String, Vec<super::Empty>>,
    /// Added names with their addresses.
    pub extra_hosts: Vec<String>,
    /// Its resolvers, if they are not the host's.
    pub dns: Vec<IpAddr>,
    /// The options of its resolver, if they are not the host's.
    pub dns_options: Vec<String>,
    /// The domains that are tried for a short name, if they are not the host's.
    pub dns_search: Vec<String>,
    /// When it is restarted.
    pub restart_policy: RestartPolicy,
    /// Whether it is removed when its program exits.
    pub auto_remove: bool,
    /// Added capabilities.
    pub cap_add: Vec<String>,
    /// Dropped capabilities.
    pub cap_drop: Vec<String>,
    /// Further groups of the program.
    pub group_add: Vec<String>,
    /// The values of `--security-opt`.
    pub security_opt: Vec<String>,
    /// Whether nearly all isolation is disabled.
    pub privileged: bool,
    /// Whether its root file system is read-only.
    pub readonly_rootfs: bool,
    /// `auto` if it has its own range of ids on the host, else empty.
    pub userns_mode: &'static str,
    /// Whether the engine's init is process 1.
    pub init: bool,
    /// The size limit of `/dev/shm`, in bytes.
    pub shm_size: u64,
    /// Temporary file systems, with their options.
    pub tmpfs: BTreeMap<String, String>,
    /// The size limit of its writable layer.
    pub storage_opt: BTreeMap<&'static str, String>,
    /// The memory limit in bytes; 0 for unlimited.
    pub memory: u64,
    /// The limit of memory and swap together in bytes; -1 for unlimited, 0 for the default.
    pub memory_swap: i64,
    /// The processor time limit in billionths of a processor; 0 for unlimited.
    pub nano_cpus: u64,
    /// The processors that it may run on; empty for all.
    pub cpuset_cpus: String,
    /// The effective limit of processes and threads; -1 for unlimited.
    pub pids_limit: Option<i64>,
    /// The host devices that it may use.
    pub devices: Vec<DeviceMapping>,
    /// The effective resource limits of each process.
    pub ulimits: Vec<UlimitDocument>,
    /// Its own values of kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// Masked paths in `/proc` and `/sys`.
    pub masked_paths: Vec<PathBuf>,
    /// Read-only paths in `/proc` and `/sys`.
    pub readonly_paths: Vec<PathBuf>,
}

/// When a container is restarted.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RestartPolicy {
    /// `no`: the only supported policy.
    pub name: &'static str,
    /// The maximum number of restarts; 0 for unlimited.
    pub maximum_retry_count: u32,
}

/// A device of the host.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct DeviceMapping {
    /// Its path on the host.
    pub path_on_host: String,
    /// Its path inside.
    pub path_in_container: String,
    /// The permitted operations.
    pub cgroup_permissions: String,
}

/// A resource limit of each process.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UlimitDocument {
    /// Docker's name of the resource.
    pub name: String,
    /// The hard limit; -1 for unlimited.
    pub hard: i64,
    /// The soft limit; -1 for unlimited.
    pub soft: i64,
}

impl HostConfig {
    pub(super) fn new(config: &ContainerConfig, runtime: &Spec) -> HostConfig {
        let (options, linux) = (&config.options, runtime.linux().as_ref());
        let words = |words: &[CapabilityName]| words.iter().map(ToString::to_string).collect();
        let resources = linux.and_then(|linux| linux.resources().as_ref());
        let paths = |paths: Option<&Option<Vec<String>>>| {
            paths.into_iter().flatten().flatten().map(PathBuf::from).collect::<Vec<_>>()
        };
        HostConfig {
            binds: options.mounts.iter().filter_map(bind).collect(),
            network_mode: network(options.network),
            port_bindings: BTreeMap::new(),
            extra_hosts: options.added_hosts.iter().map(ToString::to_string).collect(),
            dns: options.dns.servers.clone(),
            dns_options: options.dns.options.clone(),
            dns_search: options.dns.search.clone(),
            restart_policy: RestartPolicy { name: "no", maximum_retry_count: 0 },
            auto_remove: config.after_exit == AfterExit::Remove,
            cap_add: words(&options.capabilities.add),
            cap_drop: words(&options.capabilities.drop),
            group_add: options.added_groups.iter().map(ToString::to_string).collect(),
            security_opt: security_options(config),
            privileged: options.privileged,
            readonly_rootfs: options.root == Access::ReadOnly,
            userns_mode: if options.users == Users::Own { "auto" } else { "" },
            init: options.init,
            shm_size: options.shm_size.map_or(DEFAULT_SHM_SIZE, ByteSize::bytes),
            tmpfs: options.mounts.iter().filter_map(tmpfs).collect(),
            storage_opt: options.storage.map_or_else(BTreeMap::new, |limit| {
                BTreeMap::from([("size", limit.bytes.to_string()), ("inodes", limit.inodes.to_string())])
            }),
            memory: options.limits.memory.map_or(0, ByteSize::bytes),
            memory_swap: match options.limits.memory_swap {
                Some(MemorySwap::Total(size)) => i64::try_from(size.bytes()).unwrap_or(i64::MAX),
                Some(MemorySwap::Unlimited) => -1,
                None => 0,
            },
            nano_cpus: options.limits.cpus.map_or(0, |cpus| cpus.nanos()),
            cpuset_cpus: options.limits.cpuset.as_ref().map(ToString::to_string).unwrap_or_default(),
            pids_limit: resources.and_then(|resources| resources.pids().as_ref()).map(|pids| pids.limit()),
            devices: options.devices.iter().map(DeviceMapping::new).collect(),
            ulimits: ulimits(runtime),
            sysctls: options.sysctls.iter().map(|one| (one.name().to_owned(), one.value().to_owned())).collect(),
            masked_paths: paths(linux.map(|linux| linux.masked_paths())),
            readonly_paths: paths(linux.map(|linux| linux.readonly_paths())),
        }
    }
}

impl DeviceMapping {
    fn new(device: &minicontainer::core::options::Device) -> DeviceMapping {
        DeviceMapping {
            path_on_host: device.outside.clone(),
            path_in_container: device.inside.clone(),
            cgroup_permissions: device.permissions.clone(),
        }
    }
}

fn bind(mount: &MountSpec) -> Option<String> {
    let MountSpec::Bind { source, target, access, .. } = mount else { return None };
    Some(format!("{source}:{target}{}", if *access == Access::ReadOnly { ":ro" } else { "" }))
}

fn tmpfs(mount: &MountSpec) -> Option<(String, String)> {
    let MountSpec::Tmpfs { target, size, mode, data, attributes } = mount else { return None };
    let size = size.map(|size| format!("size={}", size.bytes()));
    let mode = mode.map(|mode| format!("mode={mode:o}"));
    let words = attributes.iter().map(|attribute| attribute.name().to_owned());
    let data = data.iter().map(|(name, value)| format!("{name}={value}"));
    Some((target.clone(), words.chain(size).chain(mode).chain(data).collect::<Vec<_>>().join(",")))
}

/// The options in the syntax of `--security-opt`.
fn security_options(config: &ContainerConfig) -> Vec<String> {
    let options = &config.options;
    let privileges = options.new_privileges.map(|choice| match choice {
        NewPrivileges::Allowed => "no-new-privileges=false",
        NewPrivileges::Denied => "no-new-privileges",
    });
    let seccomp = match &options.seccomp {
        SeccompChoice::Default => None,
        SeccompChoice::Unconfined => Some("seccomp=unconfined".to_owned()),
        SeccompChoice::Profile(profile) => serde_json::to_string(profile).ok().map(|text| format!("seccomp={text}")),
    };
    let paths = options.system_paths_open.then_some("systempaths=unconfined");
    privileges.into_iter().chain(paths).map(str::to_owned).chain(seccomp).collect()
}

fn ulimits(runtime: &Spec) -> Vec<UlimitDocument> {
    let limits = runtime.process().as_ref().and_then(|process| process.rlimits().as_ref());
    let number = |number: u64| i64::try_from(number).unwrap_or(-1);
    let document = |limit: &oci_spec::runtime::PosixRlimit| UlimitDocument {
        name: Ulimit::docker_name(&limit.typ().to_string()),
        hard: number(limit.hard()),
        soft: number(limit.soft()),
    };
    limits.into_iter().flatten().map(document).collect()
}
