//! Records of version 1, written by older engines.
//!
//! They contain only a few values of the options, and flags as they were typed. The options are reconstructed from
//! these and from the runtime config beside the record. That is enough to show the container and to remove it.

use std::{collections::BTreeMap, path::Path};

use jiff::Timestamp;
use minicontainer::{
    Report,
    core::{
        RunOptions,
        container::{Exit, ProcessIdentity, StartFailure, State},
        options::{
            Access, ByteSize, ContainerName, Cpus, Device, DeviceNumber, Limits, MountSpec, Network, NewPrivileges,
            PidsLimit, Profile, SeccompChoice,
        },
    },
    rootfs::Driver,
    store::private,
};
use oci_spec::runtime::{LinuxDeviceType, Spec};
use serde::Deserialize;

use super::{AfterExit, Container, ContainerConfig, Id};

/// The record.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    name: ContainerName,
    created: UnixNanos,
    image: String,
    image_id: String,
    command: Vec<String>,
    driver: Driver,
    limits: FormerLimits,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default)]
    weakened: Vec<String>,
    #[serde(default)]
    host_network: bool,
    cgroup: Option<String>,
    after_exit: AfterExit,
    state: FormerState,
}

/// Nanoseconds since 1970.
#[derive(Clone, Copy, Deserialize)]
struct UnixNanos(u64);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FormerLimits {
    memory: Option<u64>,
    nano_cpus: Option<u64>,
    pids: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum FormerState {
    Created,
    Failed(StartFailure),
    Running { process: ProcessIdentity, started: UnixNanos },
    Exited { code: Option<i32>, started: UnixNanos, finished: Option<UnixNanos>, report: Option<Box<Report>> },
}

/// Reads a record of version 1 in a container's directory.
pub(super) fn parse(id: Id, text: &[u8], directory: &Path) -> serde_json::Result<Container> {
    let record: Record = serde_json::from_slice(text)?;
    let runtime = private::read(&directory.join("config.json"), super::record::DOCUMENT_LIMIT).ok();
    let runtime: Option<Spec> = runtime.and_then(|text| serde_json::from_slice(&text).ok());
    let options = options(&record, runtime.as_ref())?;
    let Record { name, created, image, image_id, command, driver, cgroup, after_exit, state, .. } = record;
    let config = ContainerConfig {
        image,
        image_id,
        command,
        entrypoint_length: 0,
        options,
        labels: BTreeMap::new(),
        driver,
        cgroup,
        after_exit,
    };
    Ok(Container { id, name, created: created.timestamp(), config, state: state.state() })
}

impl UnixNanos {
    fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::MAX)
    }
}

impl FormerState {
    fn state(self) -> State {
        match self {
            FormerState::Created => State::created(),
            FormerState::Failed(failure) => State::Created { failure: Some(failure) },
            FormerState::Running { process, started } => State::Running { process, started: started.timestamp() },
            FormerState::Exited { code, started, finished, report } => {
                let (started, finished) = (started.timestamp(), finished.map(UnixNanos::timestamp));
                State::Exited(Exit { code, started, finished, report, failure: None })
            }
        }
    }
}

fn options(record: &Record, runtime: Option<&Spec>) -> serde_json::Result<RunOptions> {
    let mut options = RunOptions::default();
    options.command = record.command.clone();
    options.network = if record.host_network { Network::Host } else { Network::None };
    options.limits = Limits::with(|limits| {
        limits.memory = record.limits.memory.and_then(ByteSize::new);
        limits.cpus = record.limits.nano_cpus.and_then(Cpus::from_nanos);
        limits.pids =
            record.limits.pids.map(|limit| u64::try_from(limit).map_or(PidsLimit::Unlimited, PidsLimit::AtMost));
    });
    options.mounts = runtime.map(bind_mounts).unwrap_or_default();
    if runtime.and_then(|runtime| runtime.root().as_ref()?.readonly()).unwrap_or_default() {
        options.root = Access::ReadOnly;
    }
    for word in &record.without {
        options.without.insert(word.parse().map_err(serde::de::Error::custom)?);
    }
    for flag in &record.weakened {
        match flag.split_once(' ').unwrap_or((flag, "")) {
            ("--privileged", _) => options.privileged = true,
            ("--compat=docker", _) => options.profile = Profile::Docker,
            ("--cap-add", name) => {
                options.capabilities.add.push(name.parse().map_err(serde::de::Error::custom)?);
            }
            ("--security-opt", "no-new-privileges=false") => options.new_privileges = Some(NewPrivileges::Allowed),
            ("--security-opt", "seccomp=unconfined") => options.seccomp = SeccompChoice::Unconfined,
            ("--security-opt", "systempaths=unconfined") => options.system_paths_open = true,
            ("--device", path) => options.devices.extend(runtime.and_then(|runtime| device(runtime, path))),
            // The network, the disabled isolation and the mounts have their own fields.
            _ => {}
        }
    }
    Ok(options)
}

/// The mounts of host directories.
fn bind_mounts(runtime: &Spec) -> Vec<MountSpec> {
    let is_bind = |mount: &&oci_spec::runtime::Mount| mount.typ().as_deref() == Some("bind");
    let spec = |mount: &oci_spec::runtime::Mount| {
        let is_read_only = mount.options().iter().flatten().any(|option| option == "ro");
        let access = if is_read_only { Access::ReadOnly } else { Access::ReadWrite };
        MountSpec::bind(mount.source().as_ref()?.to_str()?, mount.destination().to_str()?, access).ok()
    };
    runtime.mounts().iter().flatten().filter(is_bind).filter_map(spec).collect()
}

/// The device with this path on the host, if it has the same path inside. Otherwise its origin is unknown.
fn device(runtime: &Spec, path: &str) -> Option<Device> {
    let linux = runtime.linux().as_ref()?;
    let device = linux.devices().iter().flatten().find(|device| device.path() == Path::new(path))?;
    let kind = if device.typ() == LinuxDeviceType::B { 'b' } else { 'c' };
    let number = |number: i64| u32::try_from(number).ok();
    let number = DeviceNumber { kind, major: number(device.major())?, minor: number(device.minor())? };
    Device::parse(path, |_| Some(number)).ok()
}
