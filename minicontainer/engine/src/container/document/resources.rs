//! The limits and devices of a container, in Docker's format.
//!
//! For limits of Docker that this engine does not have, the value is the one that means unlimited.

use minicontainer::core::options::{ByteSize, MemorySwap, Ulimit};
use oci_spec::runtime::Spec;
use serde::Serialize;

use super::{super::ContainerConfig, Empty};

/// The limits and devices.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Resources {
    /// The memory limit in bytes; 0 for unlimited.
    pub memory: u64,
    /// The limit on memory and swap together in bytes; -1 for unlimited, 0 without a memory limit. It equals the
    /// memory limit if the container may not use swap space, which is the default except in Docker's profile.
    pub memory_swap: i64,
    /// A soft limit of memory.
    pub memory_reservation: u64,
    /// The swappiness; -1 for that of the host.
    pub memory_swappiness: i64,
    /// Whether the OOM killer is disabled for the container.
    pub oom_kill_disable: bool,
    /// The processor time limit in billionths of a processor; 0 for unlimited.
    pub nano_cpus: u64,
    /// The processors that it may run on; empty for all.
    pub cpuset_cpus: String,
    /// The memory nodes that it may use; empty for all.
    pub cpuset_mems: &'static str,
    /// The relative weight of processor time; 0 for the default.
    pub cpu_shares: u64,
    /// The period of the processor time limit; always 0, because `nano_cpus` has the limit.
    pub cpu_period: u64,
    /// The quota in that period; always 0, because `nano_cpus` has the limit.
    pub cpu_quota: i64,
    /// The period of real-time processor time.
    pub cpu_realtime_period: u64,
    /// The quota of that period.
    pub cpu_realtime_runtime: i64,
    /// The number of processors, only for Windows.
    pub cpu_count: u64,
    /// The percentage of processor time, only for Windows.
    pub cpu_percent: u64,
    /// The parent of its cgroup; empty if the engine chose it.
    pub cgroup_parent: &'static str,
    /// The relative weight of disk access; 0 for the default.
    pub blkio_weight: u16,
    /// The same for single disks.
    pub blkio_weight_device: [Empty; 0],
    /// Limits of disk access.
    pub blkio_device_read_bps: [Empty; 0],
    /// Limits of disk access.
    pub blkio_device_write_bps: [Empty; 0],
    /// Limits of disk access.
    #[serde(rename = "BlkioDeviceReadIOps")]
    pub blkio_device_read_operations: [Empty; 0],
    /// Limits of disk access.
    #[serde(rename = "BlkioDeviceWriteIOps")]
    pub blkio_device_write_operations: [Empty; 0],
    /// A limit of Windows.
    #[serde(rename = "IOMaximumIOps")]
    pub io_maximum_operations: u64,
    /// A limit of Windows.
    #[serde(rename = "IOMaximumBandwidth")]
    pub io_maximum_bandwidth: u64,
    /// The effective limit of processes and threads; -1 for unlimited.
    pub pids_limit: Option<i64>,
    /// The host devices that it may use.
    pub devices: Vec<DeviceMapping>,
    /// Rules about devices: not supported.
    pub device_cgroup_rules: [Empty; 0],
    /// Requests for GPUs: not supported.
    pub device_requests: [Empty; 0],
    /// The effective resource limits of each process.
    pub ulimits: Vec<UlimitDocument>,
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

impl Resources {
    pub(super) fn new(config: &ContainerConfig, runtime: &Spec) -> Resources {
        let (options, limits) = (&config.options, &config.options.limits);
        let resources = runtime.linux().as_ref().and_then(|linux| linux.resources().as_ref());
        let signed = |size: ByteSize| i64::try_from(size.bytes()).unwrap_or(i64::MAX);
        Resources {
            memory: limits.memory.map_or(0, ByteSize::bytes),
            memory_swap: match (options.memory_swap(), limits.memory) {
                (Some(MemorySwap::Total(sum)), _) => signed(sum),
                (Some(MemorySwap::Unlimited), _) => -1,
                (None, memory) => memory.map_or(0, signed),
            },
            memory_reservation: 0,
            memory_swappiness: -1,
            oom_kill_disable: false,
            nano_cpus: limits.cpus.map_or(0, |cpus| cpus.nanos()),
            cpuset_cpus: limits.cpuset.as_ref().map(ToString::to_string).unwrap_or_default(),
            cpuset_mems: "",
            cpu_shares: 0,
            cpu_period: 0,
            cpu_quota: 0,
            cpu_realtime_period: 0,
            cpu_realtime_runtime: 0,
            cpu_count: 0,
            cpu_percent: 0,
            cgroup_parent: "",
            blkio_weight: 0,
            blkio_weight_device: [],
            blkio_device_read_bps: [],
            blkio_device_write_bps: [],
            blkio_device_read_operations: [],
            blkio_device_write_operations: [],
            io_maximum_operations: 0,
            io_maximum_bandwidth: 0,
            pids_limit: resources.and_then(|resources| resources.pids().as_ref()).map(|pids| pids.limit()),
            devices: options.devices.iter().map(DeviceMapping::new).collect(),
            device_cgroup_rules: [],
            device_requests: [],
            ulimits: ulimits(runtime),
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
