//! The part of a plan that fills `/dev`: device nodes, and the symbolic links that programs expect.

use oci_spec::runtime::{LinuxDeviceType, Spec};

use super::system_path::checked;
use super::{PlanError, Step};

/// The device nodes that every container has, see "Default Devices" in the runtime specification's config-linux.md.
const DEVICES: [(&str, u32, u32); 6] = [
    ("/dev/null", 1, 3),
    ("/dev/zero", 1, 5),
    ("/dev/full", 1, 7),
    ("/dev/random", 1, 8),
    ("/dev/urandom", 1, 9),
    ("/dev/tty", 5, 0),
];

/// Symbolic links that programs expect in `/dev`, see "Dev symbolic links" in the runtime specification's
/// runtime-linux.md.
const LINKS: [(&str, &str); 5] = [
    ("pts/ptmx", "/dev/ptmx"),
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
];

/// Whether every container has a device at this path.
pub fn is_default_device(path: &str) -> bool {
    DEVICES.iter().any(|(usual, ..)| *usual == path)
}

/// Where device nodes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nodes {
    /// They are created, in the container's own `/dev`.
    Made,
    /// They are bind mounts of the host's, because the kernel allows no mknod(2) of devices in a user namespace.
    Bound,
}

/// The steps for the default devices and links, and for the runtime config's additional devices. A `/dev` that is
/// bind mounted from the host already has the default ones, so only the additional devices are created there.
pub(super) fn steps(spec: &Spec, nodes: Nodes, dev_is_bound: bool) -> Result<Vec<Step>, PlanError> {
    let usual = DEVICES.into_iter().filter(|_| !dev_is_bound);
    let mut steps: Vec<Step> =
        usual.map(|(path, major, minor)| node(nodes, path.to_owned(), (major, minor), 0o666, false)).collect();
    steps.extend(listed(spec, nodes)?);
    let links = LINKS.into_iter().filter(|_| !dev_is_bound);
    steps.extend(links.map(|(target, path)| Step::Symlink { target: target.to_owned(), path: path.to_owned() }));
    Ok(steps)
}

fn node(nodes: Nodes, path: String, (major, minor): (u32, u32), mode: u32, block: bool) -> Step {
    match nodes {
        Nodes::Made => Step::MakeDevice { path, major, minor, mode, block },
        Nodes::Bound => Step::BindDevice { path, major, minor, block },
    }
}

/// The runtime config's devices, without the default ones.
fn listed(spec: &Spec, nodes: Nodes) -> Result<Vec<Step>, PlanError> {
    let listed = spec.linux().as_ref().and_then(|linux| linux.devices().as_ref());
    let mut steps = Vec::new();
    for device in listed.into_iter().flatten() {
        let path = checked("linux.devices.path", &device.path().display().to_string())?;
        let number = |number: i64| {
            let value = number.to_string();
            u32::try_from(number).map_err(|_| PlanError::Unsupported { field: "linux.devices", value })
        };
        let block = match device.typ() {
            LinuxDeviceType::C | LinuxDeviceType::U => false,
            LinuxDeviceType::B => true,
            _ => return Err(PlanError::Unsupported { field: "linux.devices.type", value: path }),
        };
        let numbers = (number(device.major())?, number(device.minor())?);
        match DEVICES.iter().find(|(usual, ..)| *usual == path) {
            Some((_, major, minor)) if ((*major, *minor), false) == (numbers, block) => {}
            Some(_) => return Err(PlanError::Unsupported { field: "linux.devices.path", value: path }),
            None => steps.push(node(nodes, path, numbers, device.file_mode().unwrap_or(0o666), block)),
        }
    }
    Ok(steps)
}
