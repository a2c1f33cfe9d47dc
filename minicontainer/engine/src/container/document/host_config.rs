//! The options that concern the host, in Docker's format.

use std::{collections::BTreeMap, net::IpAddr, path::PathBuf};

use minicontainer::core::options::{
    Access, ByteSize, CapabilityName, Isolation, MountSpec, NewPrivileges, SeccompChoice, Users,
};
use oci_spec::runtime::Spec;
use serde::Serialize;

use super::{
    super::{AfterExit, ContainerConfig},
    network::network,
    resources::Resources,
};

/// Docker's default size of `/dev/shm`.
const DEFAULT_SHM_SIZE: u64 = 64 << 20;

/// The options that concern the host.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct HostConfig {
    /// Bind mounts, in the syntax of `-v`.
    pub binds: Vec<String>,
    /// The file of `--cidfile`: not recorded.
    #[serde(rename = "ContainerIDFile")]
    pub container_id_file: &'static str,
    /// The logging driver. Output is not logged yet.
    pub log_config: LogConfig,
    /// The network.
    pub network_mode: &'static str,
    /// Published ports: not supported yet.
    pub port_bindings: BTreeMap<String, Vec<super::Empty>>,
    /// Mounts that `binds` and `tmpfs` cannot express. There are none yet.
    pub mounts: [super::Empty; 0],
    /// Whether all exposed ports are published.
    pub publish_all_ports: bool,
    /// Added names with their addresses.
    pub extra_hosts: Vec<String>,
    /// Its resolvers, if they are not the host's.
    pub dns: Vec<IpAddr>,
    /// The options of its resolver, if they are not the host's.
    pub dns_options: Vec<String>,
    /// The domains that are tried for a short name, if they are not the host's.
    pub dns_search: Vec<String>,
    /// Containers whose names are in `/etc/hosts`: not supported.
    pub links: Vec<String>,
    /// When it is restarted.
    pub restart_policy: RestartPolicy,
    /// Whether it is removed when its program exits.
    pub auto_remove: bool,
    /// The driver of its volumes: there are none yet.
    pub volume_driver: &'static str,
    /// Containers whose volumes it has: not supported yet.
    pub volumes_from: Vec<String>,
    /// The size of its terminal: lines and characters.
    pub console_size: [u16; 2],
    /// Annotations for an OCI runtime: not supported.
    pub annotations: BTreeMap<String, String>,
    /// Added capabilities.
    pub cap_add: Vec<String>,
    /// Dropped capabilities.
    pub cap_drop: Vec<String>,
    /// Supplementary groups of the program.
    pub group_add: Vec<String>,
    /// `host` if it has the host's PID namespace, else empty.
    pub pid_mode: &'static str,
    /// `private`, or `host`.
    pub ipc_mode: &'static str,
    /// `host` if it has the host's UTS namespace, else empty.
    #[serde(rename = "UTSMode")]
    pub uts_mode: &'static str,
    /// `private`, or `host`.
    pub cgroupns_mode: &'static str,
    /// `auto` if it has its own range of ids on the host, else empty.
    pub userns_mode: &'static str,
    /// A cgroup of another container: not supported.
    pub cgroup: &'static str,
    /// The adjustment of the OOM killer's score for its processes: 0, the host's default.
    pub oom_score_adj: i32,
    /// The values of `--security-opt`.
    pub security_opt: Vec<String>,
    /// Whether nearly all isolation is disabled.
    pub privileged: bool,
    /// Whether its root file system is read-only.
    pub readonly_rootfs: bool,
    /// Whether the engine's init is process 1.
    pub init: bool,
    /// The size limit of `/dev/shm`, in bytes.
    pub shm_size: u64,
    /// Temporary file systems, with their options.
    pub tmpfs: BTreeMap<String, String>,
    /// The size limit of its writable layer.
    pub storage_opt: BTreeMap<&'static str, String>,
    /// Its own values of kernel parameters.
    pub sysctls: BTreeMap<String, String>,
    /// The OCI runtime: the engine itself.
    pub runtime: &'static str,
    /// The isolation technology, only for Windows.
    pub isolation: &'static str,
    /// Its limits and devices.
    #[serde(flatten)]
    pub resources: Resources,
    /// Masked paths in `/proc` and `/sys`.
    pub masked_paths: Vec<PathBuf>,
    /// Read-only paths in `/proc` and `/sys`.
    pub readonly_paths: Vec<PathBuf>,
}

/// Where the output of a container is logged.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct LogConfig {
    /// `none`: it is not logged yet.
    pub r#type: &'static str,
    /// The options of the logger.
    pub config: BTreeMap<String, String>,
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

impl HostConfig {
    pub(super) fn new(config: &ContainerConfig, runtime: &Spec) -> HostConfig {
        let (options, linux) = (&config.options, runtime.linux().as_ref());
        let words = |words: &[CapabilityName]| words.iter().map(ToString::to_string).collect();
        let paths = |paths: Option<&Option<Vec<String>>>| {
            paths.into_iter().flatten().flatten().map(PathBuf::from).collect::<Vec<_>>()
        };
        let mode = |isolation, own| if options.without.contains(&isolation) { "host" } else { own };
        let terminal = options.terminal.unwrap_or_default();
        HostConfig {
            binds: options.mounts.iter().filter_map(bind).collect(),
            container_id_file: "",
            log_config: LogConfig { r#type: "none", config: BTreeMap::new() },
            network_mode: network(options.network),
            port_bindings: BTreeMap::new(),
            mounts: [],
            publish_all_ports: false,
            extra_hosts: options.added_hosts.iter().map(ToString::to_string).collect(),
            dns: options.dns.servers.clone(),
            dns_options: options.dns.options.clone(),
            dns_search: options.dns.search.clone(),
            links: Vec::new(),
            restart_policy: RestartPolicy { name: "no", maximum_retry_count: 0 },
            auto_remove: config.after_exit == AfterExit::Remove,
            volume_driver: "",
            volumes_from: Vec::new(),
            console_size: [terminal.rows, terminal.columns],
            annotations: BTreeMap::new(),
            cap_add: words(&options.capabilities.add),
            cap_drop: words(&options.capabilities.drop),
            group_add: options.added_groups.iter().map(ToString::to_string).collect(),
            pid_mode: mode(Isolation::Pid, ""),
            ipc_mode: mode(Isolation::Ipc, "private"),
            uts_mode: mode(Isolation::Uts, ""),
            cgroupns_mode: mode(Isolation::Cgroup, "private"),
            userns_mode: if options.users == Users::Own { "auto" } else { "" },
            cgroup: "",
            oom_score_adj: 0,
            security_opt: security_options(config),
            privileged: options.privileged,
            readonly_rootfs: options.root == Access::ReadOnly,
            init: options.init,
            shm_size: options.shm_size.map_or(DEFAULT_SHM_SIZE, ByteSize::bytes),
            tmpfs: options.mounts.iter().filter_map(tmpfs).collect(),
            storage_opt: options.storage.map_or_else(BTreeMap::new, |limit| {
                BTreeMap::from([("size", limit.bytes.to_string()), ("inodes", limit.inodes.to_string())])
            }),
            sysctls: options.sysctls.iter().map(|one| (one.name().to_owned(), one.value().to_owned())).collect(),
            runtime: "minicontainer",
            isolation: "",
            resources: Resources::new(config, runtime),
            masked_paths: paths(linux.map(|linux| linux.masked_paths())),
            readonly_paths: paths(linux.map(|linux| linux.readonly_paths())),
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
