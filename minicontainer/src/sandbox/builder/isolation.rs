//! How strictly the container is isolated: its profile, namespaces, capabilities and sysctls.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use minicontainer_core::options::{CapabilityName, Isolation, Network, Profile, Sysctl};
use minicontainer_core::plan::Namespace;

use crate::process::JoinedNamespace;
use crate::sandbox::Sandbox;

impl Sandbox {
    /// How strictly the container is isolated. [`Profile::Untrusted`] is for untrusted programs.
    pub fn profile(self, profile: Profile) -> Sandbox {
        self.with(|sandbox| sandbox.options.profile = profile)
    }

    /// Adds a capability to those of the profile: its name in capabilities(7) with or without `CAP_`, or `ALL`.
    pub fn cap_add(self, capability: &str) -> Sandbox {
        self.parsed(capability.parse::<CapabilityName>(), |options, name| options.capabilities.add.push(name))
    }

    /// Drops a capability of the profile, or with `ALL` every one that is not [added](Sandbox::cap_add) by its name.
    pub fn cap_drop(self, capability: &str) -> Sandbox {
        self.parsed(capability.parse::<CapabilityName>(), |options, name| options.capabilities.drop.push(name))
    }

    /// Sets a sysctl of the container's own namespaces, such as `net.ipv4.ip_forward`.
    pub fn sysctl(self, name: &str, value: &str) -> Sandbox {
        self.parsed(Sysctl::new(name, value), |options, sysctl| options.sysctls.push(sysctl))
    }

    /// The network of the container. Default: none.
    pub fn network(self, network: Network) -> Sandbox {
        self.with(|sandbox| sandbox.options.network = network)
    }

    /// Leaves the image's own `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf` in place. Without this call the
    /// container has files of its own there, see [`network_files`](minicontainer_core::network_files).
    pub fn without_network_files(self) -> Sandbox {
        self.with(|sandbox| sandbox.settings.network_files = false)
    }

    /// Joins the namespace at `path` (for example, `/proc/PID/ns/net`) instead of creating a new one. The path is
    /// opened when the container starts, and must lead to a namespace of this kind.
    pub fn join(self, namespace: Namespace, path: impl Into<PathBuf>) -> Sandbox {
        let joined = JoinedNamespace { namespace, path: path.into(), file: None };
        self.with(|sandbox| sandbox.settings.namespaces.push(joined))
    }

    /// Joins the namespace that `file` is open on, even if `path` leads elsewhere. Plans and errors name it by
    /// `path`.
    pub fn join_open(self, namespace: Namespace, file: Arc<File>, path: impl Into<PathBuf>) -> Sandbox {
        let joined = JoinedNamespace { namespace, path: path.into(), file: Some(file) };
        self.with(|sandbox| sandbox.settings.namespaces.push(joined))
    }

    /// Leaves out one kind of isolation, to see what it was for.
    pub fn without(self, isolation: Isolation) -> Sandbox {
        self.with(|sandbox| {
            sandbox.options.without.insert(isolation);
        })
    }
}
