//! Sysctls that a container may set, see sysctl(8).
//!
//! Most variables below `/proc/sys` belong to the whole machine. A few belong to a namespace: those of the network,
//! and those of System V IPC and message queues. Only these can be set, because any other would change the host.
//!
//! ```
//! use minicontainer_core::options::Sysctl;
//!
//! let sysctl: Sysctl = "net.ipv4.ip_forward=1".parse()?;
//! assert_eq!((sysctl.name(), sysctl.value()), ("net.ipv4.ip_forward", "1"));
//! assert!("kernel.core_pattern=|/bin/sh".parse::<Sysctl>().is_err());
//! # Ok::<(), minicontainer_core::options::SysctlError>(())
//! ```

use std::{fmt, str::FromStr};

/// The variables of the IPC namespace, see ipc_namespaces(7).
const IPC: [&str; 8] = [
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
    "kernel.shm_rmid_forced",
];

/// A variable and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    name: String,
    value: String,
}

/// Which namespace a variable belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SysctlOwner {
    /// The network namespace.
    Network,
    /// The IPC namespace.
    Ipc,
}

impl Sysctl {
    /// Creates a variable; the name is written with dots.
    ///
    /// # Errors
    /// When the variable belongs to the whole machine, or the name or the value is invalid.
    pub fn new(name: &str, value: &str) -> Result<Sysctl, SysctlError> {
        let word = |part: &str| {
            let sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            !part.is_empty() && part.bytes().all(sign)
        };
        if !name.split('.').all(word) || value.is_empty() || value.contains(['\0', '\n']) {
            return Err(SysctlError::Syntax { given: format!("{name}={value}") });
        }
        match owner(name) {
            Some(_) => Ok(Sysctl { name: name.to_owned(), value: value.to_owned() }),
            None => Err(SysctlError::Machine { name: name.to_owned() }),
        }
    }

    /// Its name, with dots.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its value.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Which namespace it belongs to.
    pub fn owner(&self) -> SysctlOwner {
        owner(&self.name).unwrap_or(SysctlOwner::Ipc)
    }
}

fn owner(name: &str) -> Option<SysctlOwner> {
    if name.starts_with("net.") {
        Some(SysctlOwner::Network)
    } else if IPC.contains(&name) || name.starts_with("fs.mqueue.") {
        Some(SysctlOwner::Ipc)
    } else {
        None
    }
}

/// The text is not a sysctl that a container can set.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SysctlError {
    /// The syntax is wrong.
    #[error(
        "invalid sysctl {given:?}: must be NAME=VALUE with dots in the name (for example, net.ipv4.ip_forward=1)"
    )]
    Syntax {
        /// What was given.
        given: String,
    },
    /// It belongs to the whole machine.
    #[error(
        "cannot set sysctl {name}: it belongs to the whole machine, not to a namespace; a container can set net.*, \
         fs.mqueue.* and {}",
        IPC.join(", ")
    )]
    Machine {
        /// Its name.
        name: String,
    },
}

crate::plain_diagnostic!(SysctlError: InvalidInput);

impl FromStr for Sysctl {
    type Err = SysctlError;

    fn from_str(given: &str) -> Result<Self, Self::Err> {
        let (name, value) = given.split_once('=').ok_or_else(|| SysctlError::Syntax { given: given.to_owned() })?;
        Sysctl::new(name, value)
    }
}

impl fmt::Display for Sysctl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.name, self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_namespaced_sysctls_are_accepted() {
        for fine in ["net.ipv4.ping_group_range=0 2147483647", "fs.mqueue.msg_max=100", "kernel.shmmax=1"] {
            assert!(fine.parse::<Sysctl>().is_ok(), "{fine}");
        }
        for machine in [
            "kernel.core_pattern=x",
            "vm.swappiness=1",
            "kernel.shmmaxx=1",
            "fs.mqueue=1",
            "net=1",
            "user.max_user_namespaces=0",
        ] {
            assert!(matches!(machine.parse::<Sysctl>(), Err(SysctlError::Machine { .. })), "{machine}");
        }
        for wrong in
            ["", "net.a", "net.a=", "net/../kernel/core_pattern=x", "net.../x=1", "net..a=1", "net.a=1\n2", ".net=1"]
        {
            assert!(matches!(wrong.parse::<Sysctl>(), Err(SysctlError::Syntax { .. })), "{wrong}");
        }
    }
}
