//! The limits that need several fields of the runtime config: memory with swap space, processors, devices.

use oci_spec::runtime::{LinuxCpu, LinuxDeviceCgroup, LinuxDeviceType, LinuxMemory};

use super::{LEAST_MEMORY, SpecError, profile};
use crate::options::{ByteSize, CpuSet, Isolation, Limits, MemorySwap, RunOptions};
use crate::plan::{DeviceAccess, DeviceRule, Host, Identity, default_device_rules, every_device};

/// The period of the limit on processor time, in microseconds: the kernel's default.
const CPU_PERIOD: u64 = 100_000;

/// The limit on processor time, and the processors to run on.
pub(super) fn processors(limits: &Limits) -> LinuxCpu {
    let mut limit = LinuxCpu::default();
    if let Some(cpus) = limits.cpus {
        let quota = i64::try_from(cpus.quota(CPU_PERIOD)).unwrap_or(i64::MAX);
        limit.set_quota(Some(quota)).set_period(Some(CPU_PERIOD));
    }
    limit.set_cpus(limits.cpuset.as_ref().map(CpuSet::to_string));
    limit
}

/// The limit on memory, and on the sum of memory and swap space.
pub(super) fn memory(memory: ByteSize, swap: Option<MemorySwap>) -> Result<LinuxMemory, SpecError> {
    let signed = |size: ByteSize| i64::try_from(size.bytes()).unwrap_or(i64::MAX);
    if memory.bytes() < LEAST_MEMORY {
        return Err(SpecError::MemoryTooSmall { bytes: memory.bytes() });
    }
    let mut limit = LinuxMemory::default();
    limit.set_limit(Some(signed(memory)));
    match swap {
        Some(MemorySwap::Total(swap)) if swap < memory => return Err(SpecError::SwapBelowMemory { swap, memory }),
        Some(MemorySwap::Total(swap)) => limit.set_swap(Some(signed(swap))),
        Some(MemorySwap::Unlimited) => limit.set_swap(Some(-1)),
        None => &mut limit,
    };
    Ok(limit)
}

/// The device rules. They are Docker's, except for the tunnel: only the default devices and the requested ones are
/// allowed.
///
/// An ordinary user cannot set such rules and does not need them. In a user namespace mknod(2) creates no device
/// nodes, and nodes in the root or a mount cannot be opened (`nodev`).
pub(super) fn devices(options: &RunOptions, host: &Host) -> Option<Vec<LinuxDeviceCgroup>> {
    if host.identity != Identity::Root || !host.cgroups.can_limit("devices") {
        return None;
    }
    if options.privileged || options.without.contains(&Isolation::Devices) {
        return Some(vec![oci_rule(every_device(DeviceAccess::Allow))]);
    }
    let requested = options.devices.iter().map(|device| DeviceRule {
        access: DeviceAccess::Allow,
        kind: device.number.kind,
        major: Some(device.number.major),
        minor: Some(device.number.minor),
        permissions: device.permissions.clone(),
    });
    let may_make_nodes = !options.devices.is_empty() || profile::capabilities(options).contains(&"CAP_MKNOD");
    let rules = [every_device(DeviceAccess::Deny)].into_iter().chain(requested);
    Some(rules.chain(default_device_rules(may_make_nodes)).map(oci_rule).collect())
}

fn oci_rule(rule: DeviceRule) -> LinuxDeviceCgroup {
    let mut line = LinuxDeviceCgroup::default();
    let kind = match rule.kind {
        'b' => LinuxDeviceType::B,
        'c' => LinuxDeviceType::C,
        _ => LinuxDeviceType::A,
    };
    line.set_allow(rule.access == DeviceAccess::Allow)
        .set_typ(Some(kind))
        .set_major(rule.major.map(i64::from))
        .set_minor(rule.minor.map(i64::from))
        .set_access(Some(rule.permissions));
    line
}
