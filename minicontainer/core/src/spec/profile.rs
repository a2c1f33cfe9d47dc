//! The settings of a profile (capabilities, masked paths, limits), and how single flags change them.
//!
//! Decisions: `minicontainer/decisions/security-profile.md`.

use oci_spec::runtime::{
    LinuxDevice, LinuxDeviceType, LinuxSeccomp, PosixRlimit, PosixRlimitBuilder, PosixRlimitType,
};

use super::SpecError;
use super::defaults::{
    DEFAULT_CAPABILITIES, DOCKER_CAPABILITIES, MASKED_PATHS, OPEN_IN_DOCKER, READONLY_PATHS, UNTRUSTED_CAPABILITIES,
    UNTRUSTED_FILES, UNTRUSTED_MEMORY, UNTRUSTED_NANO_CPUS, UNTRUSTED_PIDS, masked_on,
};
use crate::options::{
    ByteSize, CapabilityName, Cpus, Device, Isolation, Limits, Network, NewPrivileges, PidsLimit, Profile,
    RunOptions, SeccompChoice, Sysctl, SysctlOwner, Users,
};
use crate::plan::{CAPABILITIES, Host, Identity, capability_number, is_default_device};
use crate::seccomp::{architectures, default_profile};

/// The capabilities of root inside the container.
pub(super) fn capabilities(options: &RunOptions) -> Vec<&'static str> {
    if options.privileged || options.without.contains(&Isolation::Capabilities) {
        return CAPABILITIES.to_vec();
    }
    let given = match options.profile {
        Profile::Default => DEFAULT_CAPABILITIES.to_vec(),
        Profile::Docker => [&DEFAULT_CAPABILITIES[..], &DOCKER_CAPABILITIES[..]].concat(),
        Profile::Untrusted => UNTRUSTED_CAPABILITIES.to_vec(),
    };
    options.capabilities.applied_to(&given)
}

/// A capability that was requested by name, but that root's engine itself does not have.
pub(super) fn missing_capability(options: &RunOptions, host: &Host) -> Option<&'static str> {
    let held = |name: &str| capability_number(name).is_some_and(|bit| host.capabilities >> bit & 1 == 1);
    let named = options.capabilities.add.iter().filter_map(|word| match word {
        CapabilityName::One(name) => Some(*name),
        CapabilityName::All => None,
    });
    named.filter(|_| host.identity == Identity::Root).find(|name| !held(name))
}

/// The seccomp profile. It depends on the capabilities: a system call that needs a capability is allowed if the
/// container has that capability.
pub(super) fn seccomp(options: &RunOptions, host: &Host) -> Result<Option<LinuxSeccomp>, SpecError> {
    let compat = match &options.seccomp {
        _ if options.without.contains(&Isolation::Seccomp) => return Ok(None),
        SeccompChoice::Unconfined => return Ok(None),
        SeccompChoice::Profile(profile) => return Ok(Some(LinuxSeccomp::clone(profile))),
        SeccompChoice::Default if options.privileged => return Ok(None),
        SeccompChoice::Default => options.profile == Profile::Docker,
    };
    let mut profile = default_profile(&capabilities(options), compat)?;
    profile.set_architectures(Some(architectures(host.architecture, compat)));
    Ok(Some(profile))
}

/// Whether `no_new_privs` is set.
pub(super) fn no_new_privileges(options: &RunOptions) -> bool {
    match options.new_privileges {
        _ if options.without.contains(&Isolation::NoNewPrivileges) => false,
        Some(chosen) => chosen == NewPrivileges::Denied,
        None => !options.privileged && options.profile != Profile::Docker,
    }
}

/// The masked and the read-only paths; `None` if neither are protected.
pub(super) fn system_paths(options: &RunOptions, host: &Host) -> Option<[Vec<String>; 2]> {
    let left_out = [Isolation::MaskedPaths, Isolation::Mount].iter().any(|one| options.without.contains(one));
    if left_out || options.privileged || options.system_paths_open {
        return None;
    }
    let open = |path: &&str| options.profile == Profile::Docker && OPEN_IN_DOCKER.contains(path);
    let owned = |path: &str| path.to_owned();
    let masked = MASKED_PATHS.into_iter().filter(|path| !open(path)).map(owned).chain(masked_on(host)).collect();
    Some([masked, READONLY_PATHS.map(owned).to_vec()])
}

/// The requested limits. Docker's profile adds its default limit on swap space; for untrusted programs there is also
/// a default limit on everything else.
pub(super) fn limits(options: &RunOptions, host: &Host) -> Limits {
    let requested = options.limits.clone();
    if options.profile != Profile::Untrusted {
        return Limits { memory_swap: options.memory_swap(), ..requested };
    }
    let set = |controller: &str| !options.best_effort || host.cgroups.can_limit(controller);
    Limits {
        memory: requested.memory.or(ByteSize::new(UNTRUSTED_MEMORY).filter(|_| set("memory"))),
        cpus: requested.cpus.or(Cpus::from_nanos(UNTRUSTED_NANO_CPUS).filter(|_| set("cpu"))),
        pids: requested.pids.or(Some(PidsLimit::AtMost(UNTRUSTED_PIDS)).filter(|_| set("pids"))),
        ..requested
    }
}

/// The limits of each single process. Core dumps are off, because they may contain secrets and would start the host's
/// core dump handler (core(5)).
pub(super) fn rlimits(options: &RunOptions) -> Result<Vec<PosixRlimit>, SpecError> {
    let mut limits = vec![("RLIMIT_CORE", 0, 0)];
    if options.profile == Profile::Untrusted {
        limits.push(("RLIMIT_NOFILE", UNTRUSTED_FILES, UNTRUSTED_FILES));
    }
    if let Some(limit) = options.limits.cpu_time {
        // A safeguard in addition to the engine's own limit on processor time: if the engine is killed, the kernel
        // still stops each single process. The kernel counts in seconds, so this limit is above the requested one.
        // The first process of a pid namespace ignores the soft limit's SIGXCPU, but not the hard limit's SIGKILL.
        let soft = limit.as_secs().saturating_add(2);
        limits.push(("RLIMIT_CPU", soft, soft.saturating_add(1)));
    }
    for ulimit in &options.ulimits {
        limits.retain(|(resource, ..)| *resource != ulimit.resource);
        limits.push((ulimit.resource, ulimit.soft, ulimit.hard));
    }
    let document = |(resource, soft, hard): (&str, u64, u64)| {
        let typ: PosixRlimitType = serde_json::from_value(resource.into())
            .map_err(|error| SpecError::Document { reason: error.to_string() })?;
        Ok(PosixRlimitBuilder::default().typ(typ).soft(soft).hard(hard).build()?)
    };
    limits.into_iter().map(document).collect()
}

/// The sysctls of a container with its own network, in which low ports need no capability. For ping(8), which then
/// needs no raw packets, [`sysctls`] adds a range of groups.
const NETWORK_SYSCTLS: [(&str, &str); 1] = [("net.ipv4.ip_unprivileged_port_start", "0")];

/// The container's sysctls, by name: a few of its own network, and the requested ones.
pub(super) fn sysctls(options: &RunOptions, identity: Identity) -> Result<Vec<(String, String)>, SpecError> {
    let own_network = options.network != Network::Host && !options.without.contains(&Isolation::Net);
    let own_ipc = !options.without.contains(&Isolation::Ipc);
    let is_host = |sysctl: &&Sysctl| match sysctl.owner() {
        SysctlOwner::Network => !own_network,
        SysctlOwner::Ipc => !own_ipc,
    };
    if let Some(sysctl) = options.sysctls.iter().find(is_host) {
        let (second, reason) = match sysctl.owner() {
            SysctlOwner::Network => ("the host's network", "the sysctl would change the host itself"),
            SysctlOwner::Ipc => ("the host's IPC", "the sysctl would change the host itself"),
        };
        let first = format!("`Sandbox::sysctl` {}", sysctl.name());
        return Err(SpecError::Conflict { first, second: second.to_owned(), reason });
    }
    let mut variables = Vec::new();
    if own_network && !options.without.contains(&Isolation::Mount) {
        variables.extend(NETWORK_SYSCTLS.map(|(name, value)| (name.to_owned(), value.to_owned())));
        // The groups of the range must be mapped, and an ordinary user's container may have only one group.
        let groups = if identity == Identity::Root { "0 2147483647" } else { "0 0" };
        variables.push(("net.ipv4.ping_group_range".to_owned(), groups.to_owned()));
    }
    for sysctl in &options.sysctls {
        variables.retain(|(name, _)| name != sysctl.name());
        variables.push((sysctl.name().to_owned(), sysctl.value().to_owned()));
    }
    Ok(variables)
}

/// The requested devices that become bind mounts: those of an ordinary user with another name in the container. A
/// device node cannot be created in a user namespace, and `linux.devices` has no field for the path on the host.
pub(super) fn bound_devices<'a>(options: &'a RunOptions, host: &Host) -> impl Iterator<Item = &'a Device> + use<'a> {
    let is_user = host.identity != Identity::Root;
    let is_renamed = |device: &&Device| device.inside != device.outside && !is_default_device(&device.inside);
    options.devices.iter().filter(move |device| is_user && is_renamed(device))
}

/// The other requested devices.
pub(super) fn devices(options: &RunOptions, host: &Host) -> Option<Vec<LinuxDevice>> {
    let bound: Vec<&Device> = bound_devices(options, host).collect();
    let document = |device: &Device| {
        let mut document = LinuxDevice::default();
        document
            .set_path(device.inside.clone().into())
            .set_typ(if device.number.kind == 'b' { LinuxDeviceType::B } else { LinuxDeviceType::C })
            .set_major(i64::from(device.number.major))
            .set_minor(i64::from(device.number.minor))
            .set_file_mode(Some(0o666));
        document
    };
    let listed = options.devices.iter().filter(|device| !bound.contains(device)).map(document);
    Some(listed.collect::<Vec<_>>()).filter(|listed| !listed.is_empty())
}

/// Whether root's container gets a user namespace with its own ids, so that its root maps to an unprivileged user of
/// the host. The ids must not be among [`Host::taken`].
pub fn own_users(options: &RunOptions, identity: Identity) -> bool {
    let wanted = options.users == Users::Own || options.profile == Profile::Untrusted;
    wanted && identity == Identity::Root && !options.without.contains(&Isolation::User)
}
