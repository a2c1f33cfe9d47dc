//! Limiting the devices that a group may use: by files on version 1, by a BPF program on version 2.
//!
//! The rules, and the program compiled from them, come from core. They are installed before the container's first
//! process exists, so that it never runs without them.

use std::fs::OpenOptions;
use std::io::{self, Write};

use minicontainer_core::plan::{DeviceAccess, DeviceRule, device_program};

use super::{Cgroup, CgroupError};
use crate::sys::bpf;

pub(super) fn limit(group: &Cgroup, rules: &[DeviceRule]) -> Result<(), CgroupError> {
    let failed =
        |call: &str, source| CgroupError::Devices { name: group.name.clone(), call: call.to_owned(), source };
    if let Some(directory) = group.entrance().directory {
        return bpf::attach_device_program(directory, &device_program(rules))
            .map_err(|errno| failed("bpf", io::Error::from_raw_os_error(errno.0)));
    }
    let missing = || CgroupError::NoController { name: group.name.clone(), limit: "devices", above: None };
    let directory = group.directories.iter().find(|path| path.join("devices.allow").exists()).ok_or_else(missing)?;
    let open =
        |name| OpenOptions::new().write(true).open(directory.join(name)).map_err(|source| failed(name, source));
    let (mut allow, mut deny) = (open("devices.allow")?, open("devices.deny")?);
    for rule in rules {
        let (file, name) = match rule.access {
            DeviceAccess::Allow => (&mut allow, "devices.allow"),
            DeviceAccess::Deny => (&mut deny, "devices.deny"),
        };
        file.write_all(rule.to_string().as_bytes()).map_err(|source| failed(&format!("{rule} > {name}"), source))?;
    }
    Ok(())
}
