//! The part of a plan that concerns control groups: which are made, and what they bound.

use oci_spec::runtime::Spec;

use super::{Availability, CgroupLayout, Host, PlanError, Step};

/// The controllers that a container is put under, for its limits and for counting what it used.
pub(super) const CONTROLLERS: [&str; 4] = ["cpu", "cpuacct", "memory", "pids"];

/// What the planner needs to know of the container's control group.
pub(super) struct Group {
    /// Whether one is made.
    pub created: bool,
    /// The controllers it is made for.
    pub controllers: Vec<String>,
    /// The steps that make and limit it.
    pub limits: Vec<Step>,
}

/// Decides the container's control group. Without limits it is still made where that is possible, to count what the
/// container uses; with limits it must be possible.
pub(super) fn group(spec: &Spec, host: &Host) -> Result<Group, PlanError> {
    let none = Group { created: false, controllers: Vec::new(), limits: Vec::new() };
    let Some(linux) = spec.linux() else { return Ok(none) };
    let limits = limits(spec)?;
    let controllers = controllers(&host.cgroups.layout);

    if let Some((limit, _)) = limits.first() {
        let limit = *limit;
        if let Availability::Unavailable { cause, mend } = &host.cgroups.access {
            return Err(PlanError::LimitUnavailable { limit, cause: cause.clone(), mend: mend.clone() });
        }
    }
    for (limit, _) in &limits {
        if !controllers.iter().any(|controller| controller == limit) {
            return Err(PlanError::LimitUnavailable {
                limit,
                cause: format!("this host has no {limit} controller"),
                mend: format!("boot a kernel with the {limit} controller switched on, see cgroups(7)"),
            });
        }
    }
    let Some(path) = linux.cgroups_path() else { return Ok(none) };
    if host.cgroups.access != Availability::Available || controllers.is_empty() {
        return Ok(none);
    }
    let name = path.to_string_lossy().trim_start_matches('/').to_owned();
    if name.is_empty() || name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return Err(PlanError::Unsupported { field: "linux.cgroupsPath", value: path.display().to_string() });
    }
    let mut steps = vec![Step::CreateCgroup { name, controllers: controllers.clone() }];
    steps.extend(limits.into_iter().map(|(_, step)| step));
    Ok(Group { created: true, controllers, limits: steps })
}

/// Those of our controllers that the host has.
fn controllers(layout: &CgroupLayout) -> Vec<String> {
    let offered: Vec<&str> = match layout {
        CgroupLayout::None => Vec::new(),
        CgroupLayout::V1 { hierarchies } => hierarchies.iter().flat_map(|names| names.split(',')).collect(),
        CgroupLayout::V2 { controllers } => controllers.iter().map(String::as_str).collect(),
    };
    CONTROLLERS.into_iter().filter(|controller| offered.contains(controller)).map(str::to_owned).collect()
}

/// The limits in the document, each with the name of its controller.
fn limits(spec: &Spec) -> Result<Vec<(&'static str, Step)>, PlanError> {
    let mut limits = Vec::new();
    let Some(resources) = spec.linux().as_ref().and_then(|linux| linux.resources().as_ref()) else {
        return Ok(limits);
    };
    let bound = |field, value: i64| {
        u64::try_from(value).map_err(|_| PlanError::Unsupported { field, value: value.to_string() })
    };
    // A limit of -1 is the specification's word for "none".
    if let Some(bytes) = resources.memory().as_ref().and_then(|memory| memory.limit()).filter(|bytes| *bytes != -1) {
        limits.push(("memory", Step::LimitMemory { bytes: bound("linux.resources.memory.limit", bytes)? }));
    }
    if let Some(cpu) = resources.cpu()
        && let Some(quota) = cpu.quota().filter(|quota| *quota != -1)
    {
        let period = cpu.period().unwrap_or(100_000);
        limits.push(("cpu", Step::LimitCpu { quota: bound("linux.resources.cpu.quota", quota)?, period }));
    }
    if let Some(max) = resources.pids().as_ref().map(|pids| pids.limit()).filter(|max| *max > 0) {
        limits.push(("pids", Step::LimitPids { max: bound("linux.resources.pids.limit", max)? }));
    }
    Ok(limits)
}
