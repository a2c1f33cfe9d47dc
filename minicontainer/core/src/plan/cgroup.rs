//! The part of a plan that concerns cgroups: which are created, and what they limit.

use oci_spec::runtime::{LinuxCpu, LinuxMemory, LinuxResources, Spec};
use serde::Serialize;

use super::{Availability, CgroupLayout, Cgroups, Host, Identity, PlanError, Step, device};
use crate::{explain::Message, options::CpuSet};

/// How much swap space the container's processes may use in addition to their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapLimit {
    /// None. This is the default, so it applies only if the kernel accounts swap space.
    None,
    /// At most this many bytes. The limit was requested, so the kernel must be able to account swap space.
    AtMost(u64),
    /// As much as the host has.
    Unlimited,
}

/// The controllers that every container gets, for its limits and for measuring what it used. On version 1 the
/// container sees its own cgroups in the hierarchies of these controllers, and in no others.
pub(super) const CONTROLLERS: [&str; 4] = ["cpu", "cpuacct", "memory", "pids"];

/// Whether the engine named this cgroup, after a container's id. A bundle's document may name another one.
pub(crate) fn is_named_by_engine(name: &str) -> bool {
    let own = name.rsplit('/').next().and_then(|own| own.strip_prefix("minicontainer-"));
    own.is_some_and(|id| id.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

/// What the planner needs to know about the container's cgroup.
pub(super) struct Group {
    /// Whether one is created.
    pub created: bool,
    /// The controllers it is created for.
    pub controllers: Vec<String>,
    /// The steps that create and limit it.
    pub limits: Vec<Step>,
}

/// Decides the container's cgroup. Without limits it is created where possible, to measure what the container uses.
/// With limits, a host on which it cannot be created is an error.
pub(super) fn group(spec: &Spec, host: &Host) -> Result<Group, PlanError> {
    let none = Group { created: false, controllers: Vec::new(), limits: Vec::new() };
    let Some(linux) = spec.linux() else { return Ok(none) };
    let mut limits = linux.resources().as_ref().map(limits).transpose()?.unwrap_or_default();
    limits.extend(devices(spec, host)?.map(|step| ("devices", step)));

    if let Some((limit, _)) = limits.first() {
        let limit = *limit;
        if let Availability::Unavailable { cause, fix } = &host.cgroups.access {
            return Err(PlanError::LimitUnavailable { limit, cause: cause.to_string(), fix: fix.to_string() });
        }
    }
    let mut controllers: Vec<&str> =
        CONTROLLERS.into_iter().filter(|controller| host.cgroups.layout.offers(controller)).collect();
    for (limit, _) in &limits {
        if !host.cgroups.layout.offers(limit) {
            return Err(PlanError::LimitUnavailable {
                limit,
                cause: Message::new("cause-no-controller", [("controller", (*limit).into())]).to_string(),
                fix: match host.identity {
                    Identity::User { .. } => Message::new("fix-controllers", []),
                    Identity::Root => Message::new("fix-controller-kernel", [("controller", (*limit).into())]),
                }
                .to_string(),
            });
        }
        let is_file = *limit == "devices" && matches!(host.cgroups.layout, CgroupLayout::V2 { .. });
        if !controllers.contains(limit) && !is_file {
            controllers.push(limit);
        }
    }
    let Some(path) = linux.cgroups_path() else {
        return if limits.is_empty() { Ok(none) } else { Err(PlanError::Missing { field: "linux.cgroupsPath" }) };
    };
    if host.cgroups.access != Availability::Available || controllers.is_empty() {
        return Ok(none);
    }
    let own = path.to_string_lossy().trim_start_matches('/').to_owned();
    if own.is_empty() || own.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(PlanError::Unsupported { field: "linux.cgroupsPath", value: path.display().to_string() });
    }
    let name = format!("{}/{own}", host.cgroups.parent).trim_start_matches('/').to_owned();
    let controllers: Vec<String> = controllers.into_iter().map(str::to_owned).collect();
    let counted = is_named_by_engine(&name) && controllers.iter().any(|controller| controller == "pids");
    let together = host.cgroups.together.filter(|_| counted).map(|pids| Step::LimitTogether { pids });
    let mut steps = vec![Step::CreateCgroup { name, controllers: controllers.clone() }];
    steps.extend(together);
    steps.extend(limits.into_iter().map(|(_, step)| step));
    Ok(Group { created: true, controllers, limits: steps })
}

impl Cgroups {
    /// Whether the engine can create cgroups that this controller limits.
    pub fn can_limit(&self, controller: &str) -> bool {
        self.access == Availability::Available && self.layout.offers(controller)
    }
}

impl CgroupLayout {
    /// Whether cgroups can have this controller. Version 2 limits devices without a controller.
    pub fn offers(&self, controller: &str) -> bool {
        match self {
            CgroupLayout::None => false,
            CgroupLayout::V1 { hierarchies } => {
                hierarchies.iter().flat_map(|names| names.split(',')).any(|name| name == controller)
            }
            CgroupLayout::V2 { controllers } => {
                controller == "devices" || controllers.iter().any(|name| name == controller)
            }
        }
    }
}

/// The device rules. An ordinary user cannot set any and needs none, see [`device`].
fn devices(spec: &Spec, host: &Host) -> Result<Option<Step>, PlanError> {
    let rules = device::rules(spec)?;
    if rules.is_empty() || host.identity != Identity::Root {
        return Ok(None);
    }
    match (&host.cgroups.layout, device::unsupported_by_version1(&rules)) {
        (CgroupLayout::V1 { .. }, Some(rule)) => Err(PlanError::Unsupported {
            field: "linux.resources.devices",
            value: format!("{rule}, an exception to an exception, on cgroup version 1"),
        }),
        _ => Ok(Some(Step::LimitDevices { rules })),
    }
}

/// The limits in the runtime config, each with the name of its controller.
fn limits(resources: &LinuxResources) -> Result<Vec<(&'static str, Step)>, PlanError> {
    let mut limits = Vec::new();
    if let Some(step) = resources.memory().as_ref().map(memory).transpose()?.flatten() {
        limits.push(("memory", step));
    }
    for (controller, step) in resources.cpu().as_ref().map(processors).transpose()?.unwrap_or_default() {
        limits.push((controller, step));
    }
    if let Some(max) = resources.pids().as_ref().map(|pids| pids.limit()).filter(|max| *max > 0) {
        limits.push(("pids", Step::LimitPids { max: bound("linux.resources.pids.limit", max)? }));
    }
    Ok(limits)
}

fn bound(field: &'static str, value: i64) -> Result<u64, PlanError> {
    u64::try_from(value).map_err(|_| PlanError::Unsupported { field, value: value.to_string() })
}

/// In the specification -1 means no limit, and the swap limit is the sum of memory and swap space.
fn memory(memory: &LinuxMemory) -> Result<Option<Step>, PlanError> {
    let sum = memory.swap().filter(|sum| *sum != 0);
    let wrong = |sum: i64| PlanError::Unsupported { field: "linux.resources.memory.swap", value: sum.to_string() };
    let Some(bytes) = memory.limit().filter(|bytes| *bytes != -1) else {
        return sum.filter(|sum| *sum != -1).map_or(Ok(None), |sum| Err(wrong(sum)));
    };
    let bytes = bound("linux.resources.memory.limit", bytes)?;
    let swap = match sum {
        None => SwapLimit::None,
        Some(-1) => SwapLimit::Unlimited,
        Some(sum) => {
            let beside = bound("linux.resources.memory.swap", sum)?.checked_sub(bytes);
            SwapLimit::AtMost(beside.ok_or_else(|| wrong(sum))?)
        }
    };
    Ok(Some(Step::LimitMemory { bytes, swap }))
}

fn processors(cpu: &LinuxCpu) -> Result<Vec<(&'static str, Step)>, PlanError> {
    let mut limits = Vec::new();
    if let Some(quota) = cpu.quota().filter(|quota| *quota != -1) {
        let period = cpu.period().unwrap_or(100_000);
        limits.push(("cpu", Step::LimitCpu { quota: bound("linux.resources.cpu.quota", quota)?, period }));
    }
    if let Some(cpus) = cpu.cpus().as_ref().filter(|cpus| !cpus.is_empty()) {
        let wrong = |_| PlanError::Unsupported { field: "linux.resources.cpu.cpus", value: cpus.clone() };
        limits.push(("cpuset", Step::LimitCpuset { cpus: cpus.parse::<CpuSet>().map_err(wrong)?.to_string() }));
    }
    Ok(limits)
}
