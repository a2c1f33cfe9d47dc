//! Combines the user's options and the image's config into one document: the OCI runtime `Spec`.
//!
//! The Open Container Initiative's runtime specification describes a container by a file `config.json`: the process,
//! its root file system, mounts, namespaces, limits and restrictions. Every container runtime reads it (runc, crun,
//! youki), and so does ours: this document is the only thing between what a user types and the system calls.
//! Isolation that is omitted on purpose (`--without`) is omitted *here*, so that later stages need no special cases.
//!
//! **Before this** in the reading path: `Launch::from_options` of the library, which calls [`spec()`]. **Next**:
//! [`plan`](mod@crate::plan), which turns the runtime config into steps.
//!
//! The defaults are Docker's unless stated otherwise: its mounts, masked paths and capabilities. They are stricter
//! than Docker's in some points: `no_new_privs` is on, fewer kinds of sockets can be created, core dumps are off,
//! packets cannot be forged, device nodes cannot be created, and only the few in `/dev` can be opened.
//! `--compat=docker` uses Docker's own.
//!
//! ```
//! use minicontainer_core::{RunOptions, image, options::resolve_user, plan::Host, spec};
//!
//! let options = RunOptions::with(|options| options.command = vec!["sh".into()]);
//! let process = image::resolve_process(&options, &Default::default())?;
//! let user = resolve_user(&process.user, "root:x:0:0:root:/root:/bin/sh\n", "")?;
//! let spec = spec::spec(&options, &process, &user, "4f3c", &Host::example(), None)?;
//! assert_eq!(spec.hostname().as_deref(), Some("4f3c"));
//! assert_eq!(spec.process().as_ref().unwrap().no_new_privileges(), Some(true));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod conflicts;
mod defaults;
mod error;
mod join;
mod limits;
mod mounts;
mod profile;

use std::path::{Path, PathBuf};

use oci_spec::runtime::{
    BoxBuilder, Capabilities, Linux, LinuxCapabilities, LinuxNamespace, LinuxNamespaceType, LinuxPids,
    LinuxResources, LinuxTimeOffset, Process, Root, Spec, User,
};

use crate::image::ProcessSettings;
use crate::options::{Access, Isolation, Network, PidsLimit, ResolvedUser, RunOptions, TimeOffset, WindowSize};
use crate::plan::userns_ids::{OWN_ID_COUNT, first_own_id};
use crate::plan::{CgroupLayout, Host, IdMapping, Identity, delegation::COMMON_GROUP, subordinate};

use conflicts::reject_conflicts;

pub use defaults::{
    DEFAULT_CAPABILITIES, DEFAULT_PIDS, DOCKER_CAPABILITIES, MASKED_PATHS, READONLY_PATHS, UNTRUSTED_MEMORY,
    UNTRUSTED_NANO_CPUS, UNTRUSTED_PIDS, masked_on,
};
pub use error::SpecError;
pub use join::join_namespace;
pub use profile::own_users;

/// The smallest memory limit, in bytes. It is Docker's; a container with less does not start.
pub const LEAST_MEMORY: u64 = 6 * 1024 * 1024;

/// The annotation of the runtime config that is `true` if the container has the engine's init. The runtime
/// specification has no field for it, but allows any annotations, which other runtimes ignore. An image cannot set
/// it, because nothing from an image becomes an annotation.
pub const INIT_ANNOTATION: &str = "minicontainer.init";

/// The version of the runtime specification in the runtime config: the newest that Debian's runc and crun accept.
const OCI_VERSION: &str = "1.0.2";

/// Writes the options as an OCI runtime `Spec`, whose root file system is the directory `rootfs` next to the
/// document.
///
/// `id` is the container's id: its first twelve characters are the default hostname, and its cgroup is named after
/// it. `files` is the directory in which the engine writes the container's [network files](crate::network_files), if
/// it does.
///
/// # Errors
/// When options conflict or a limit is too small.
pub fn spec(
    options: &RunOptions,
    process: &ProcessSettings,
    user: &ResolvedUser,
    id: &str,
    host: &Host,
    files: Option<&Path>,
) -> Result<Spec, SpecError> {
    reject_conflicts(options, host)?;
    let own = |isolation| !options.without.contains(&isolation);
    let hostname = match &options.hostname {
        Some(hostname) => hostname.to_string(),
        None => id.chars().take(12).collect(),
    };

    let linux = linux(options, id, host)?;
    let mut root = Root::default();
    root.set_path("rootfs".into()).set_readonly(Some(options.root == Access::ReadOnly));

    let mut spec = Spec::default();
    spec.set_version(OCI_VERSION.to_owned())
        .set_root(Some(root))
        .set_annotations(options.init.then(|| [(INIT_ANNOTATION.to_owned(), "true".to_owned())].into()))
        .set_process(Some(oci_process(options, process, user, &hostname)?))
        .set_hostname(own(Isolation::Uts).then_some(hostname))
        .set_mounts(own(Isolation::Mount).then(|| mounts::mounts(options, host, &linux, files)).transpose()?)
        .set_linux(Some(linux));
    Ok(spec)
}

fn oci_process(
    options: &RunOptions,
    settings: &ProcessSettings,
    user: &ResolvedUser,
    hostname: &str,
) -> Result<Process, SpecError> {
    let mut oci_user = User::default();
    oci_user
        .set_uid(user.uid)
        .set_gid(user.gid)
        .set_umask(Some(0o022))
        .set_additional_gids((!user.groups.is_empty()).then(|| user.groups.clone()));
    let mut process = Process::default();
    process
        .set_terminal(Some(options.terminal.is_some()))
        .set_user(oci_user)
        .set_args(Some(settings.args.clone()))
        .set_env(Some(settings.env_of(hostname, &user.home, options.terminal.is_some())))
        .set_cwd(settings.workdir.clone().into())
        .set_capabilities(Some(capabilities(&profile::capabilities(options))))
        .set_no_new_privileges(Some(profile::no_new_privileges(options)))
        .set_rlimits(Some(profile::rlimits(options)?));
    if let Some(size) = options.terminal.filter(|size| *size != WindowSize::default()) {
        let console = BoxBuilder::default().height(size.rows).width(size.columns).build()?;
        process.set_console_size(Some(console));
    }
    Ok(process)
}

/// The capability sets: bounding, permitted and effective are equal; inheritable and ambient are empty, as in Docker
/// since CVE-2022-24769.
fn capabilities(names: &[&str]) -> LinuxCapabilities {
    let set: Capabilities = names.iter().filter_map(|name| name.trim_start_matches("CAP_").parse().ok()).collect();
    let mut capabilities = LinuxCapabilities::default();
    capabilities
        .set_bounding(Some(set.clone()))
        .set_permitted(Some(set.clone()))
        .set_effective(Some(set))
        .set_inheritable(Some(Capabilities::new()))
        .set_ambient(Some(Capabilities::new()));
    capabilities
}

fn linux(options: &RunOptions, id: &str, host: &Host) -> Result<Linux, SpecError> {
    let (masked, readonly) =
        profile::system_paths(options, host).map(|[masked, readonly]| (masked, readonly)).unzip();
    let sysctls = profile::sysctls(options, host.identity)?;
    let clocks = &options.time_offsets;
    let mut linux = Linux::default();
    linux
        .set_namespaces(Some(namespaces(options, host)))
        .set_resources(Some(resources(options, host)?))
        .set_cgroups_path(Some(cgroups_path(id, host)))
        .set_seccomp(profile::seccomp(options, host)?)
        .set_masked_paths(masked)
        .set_readonly_paths(readonly)
        .set_devices(profile::devices(options, host))
        .set_time_offsets((!clocks.is_empty()).then(|| clocks.iter().map(time_offset).collect()))
        .set_sysctl((!sysctls.is_empty()).then(|| sysctls.into_iter().collect()));
    let maps = match profile::own_users(options, host.identity) {
        true => {
            let outside = first_own_id(id, &host.taken)?;
            Some([0; 2].map(|_| vec![IdMapping { inside: 0, outside, count: OWN_ID_COUNT }]))
        }
        false => subordinate::id_maps(host.identity, &host.subordinate),
    };
    if let Some([uids, gids]) = maps {
        linux
            .set_uid_mappings(Some(subordinate::document(&uids)?))
            .set_gid_mappings(Some(subordinate::document(&gids)?));
    }
    Ok(linux)
}

/// The default path of the container's cgroup. On version 2 all cgroups of root's containers are below a common one.
pub fn cgroups_path(id: &str, host: &Host) -> PathBuf {
    match (&host.cgroups.layout, host.cgroups.together) {
        (CgroupLayout::V2 { .. }, Some(_)) => format!("/{COMMON_GROUP}/minicontainer-{id}").into(),
        _ => format!("/minicontainer-{id}").into(),
    }
}

fn namespaces(options: &RunOptions, host: &Host) -> Vec<LinuxNamespace> {
    let own = |isolation| !options.without.contains(&isolation);
    let user = matches!(host.identity, Identity::User { .. }) || profile::own_users(options, host.identity);
    [
        (LinuxNamespaceType::User, user),
        (LinuxNamespaceType::Mount, own(Isolation::Mount)),
        (LinuxNamespaceType::Pid, own(Isolation::Pid)),
        (LinuxNamespaceType::Network, own(Isolation::Net) && options.network != Network::Host),
        (LinuxNamespaceType::Ipc, own(Isolation::Ipc)),
        (LinuxNamespaceType::Uts, own(Isolation::Uts)),
        (LinuxNamespaceType::Cgroup, own(Isolation::Cgroup)),
        (LinuxNamespaceType::Time, !options.time_offsets.is_empty()),
    ]
    .into_iter()
    .filter(|(_, wanted)| *wanted)
    .map(|(typ, _)| {
        let mut namespace = LinuxNamespace::default();
        namespace.set_typ(typ);
        namespace
    })
    .collect()
}

/// A clock's name, and how far it is moved.
fn time_offset(offset: &TimeOffset) -> (String, LinuxTimeOffset) {
    let mut document = LinuxTimeOffset::default();
    document.set_secs(Some(offset.seconds)).set_nanosecs(Some(offset.nanoseconds));
    (offset.clock.name().to_owned(), document)
}

/// The requested limits, and the default limit on processes if this host can enforce it.
fn resources(options: &RunOptions, host: &Host) -> Result<LinuxResources, SpecError> {
    let mut resources = LinuxResources::default();
    let limits = profile::limits(options, host);
    resources.set_devices(limits::devices(options, host));
    if let Some(memory) = limits.memory {
        resources.set_memory(Some(limits::memory(memory, limits.memory_swap)?));
    }
    if limits.cpus.is_some() || limits.cpuset.is_some() {
        resources.set_cpu(Some(limits::processors(&limits)));
    }
    let default = host.cgroups.can_limit("pids").then_some(DEFAULT_PIDS);
    let pids = match limits.pids {
        Some(PidsLimit::AtMost(count)) => Some(i64::try_from(count).unwrap_or(i64::MAX)),
        Some(PidsLimit::Unlimited) => None,
        None => default,
    };
    if let Some(max) = pids {
        let mut limit = LinuxPids::default();
        limit.set_limit(max);
        resources.set_pids(Some(limit));
    }
    Ok(resources)
}
