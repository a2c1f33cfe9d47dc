//! How strictly a container is isolated, and which options weaken the isolation.
//!
//! Every container runs under one *profile*: namespaces, capabilities, `no_new_privs`, seccomp, masked paths, device
//! rules, limits. There are three:
//!
//! | Profile | For | What is different |
//! |---|---|---|
//! | [`Profile::Default`] | everything | stricter than Docker: fewer capabilities, `no_new_privs`, fewer socket families |
//! | [`Profile::Docker`] (`--compat=docker`) | images that need Docker's permissions | Docker's capabilities and masks, and its system calls except those of other architectures |
//! | [`Profile::Untrusted`] (`--profile=untrusted`) | untrusted programs | a user namespace even for root, no network, and a limit on everything |
//!
//! Single flags relax a profile. Each flag that weakens the isolation is a [`Weakening`]: the command warns about it
//! when the container starts, and it is recorded with the container.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ByteSize, Isolation, MountSpec, Network, RunOptions, SeccompChoice, StorageLimit};

/// How strictly a container is isolated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// This engine's own.
    #[default]
    Default,
    /// Exactly Docker's.
    Docker,
    /// For untrusted programs.
    Untrusted,
}

/// The default limits of a run as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// How long it may take.
    pub wall_time: Option<Duration>,
    /// How many bytes it may write to stdout and stderr together.
    pub output: Option<ByteSize>,
    /// How much it may write into its own layer, if that is removed when the container exits.
    pub storage: Option<StorageLimit>,
}

impl RunOptions {
    /// The default limits. An untrusted program gets ten minutes, 64 MiB of output, and 512 MiB in 100,000 files. At
    /// a terminal the first two do not apply, because a user can stop the program there.
    pub fn bounds(&self) -> Bounds {
        if self.profile != Profile::Untrusted {
            return Bounds::default();
        }
        let unattended = self.terminal.is_none();
        Bounds {
            wall_time: unattended.then_some(Duration::from_secs(600)),
            output: ByteSize::new(64 << 20).filter(|_| unattended),
            storage: Some(StorageLimit { bytes: 512 << 20, inodes: 100_000 }),
        }
    }
}

/// Whether execve(2) may grant a program privileges that its caller does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewPrivileges {
    /// Allowed: set-user-id programs such as sudo(8) work.
    Allowed,
    /// Denied, see PR_SET_NO_NEW_PRIVS(2const).
    Denied,
}

/// An isolation that was weakened on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weakening {
    /// `--privileged`.
    Privileged,
    /// `--compat=docker`.
    DockerProfile,
    /// `--cap-add` of this capability.
    Capability(String),
    /// `--security-opt no-new-privileges=false`.
    NewPrivileges,
    /// `--security-opt seccomp=unconfined`.
    SystemCalls,
    /// `--security-opt systempaths=unconfined`.
    SystemPaths,
    /// `--network host`.
    HostNetwork,
    /// `--device` of this path.
    Device(String),
    /// A bind mount of an engine's socket: a program that can connect to it is root of the host.
    EngineSocket(String),
    /// `--without` this isolation.
    Without(Isolation),
}

impl Weakening {
    /// The flag, as on the command line.
    pub fn flag(&self) -> String {
        match self {
            Weakening::Privileged => "--privileged".to_owned(),
            Weakening::DockerProfile => "--compat=docker".to_owned(),
            Weakening::Capability(name) => format!("--cap-add {name}"),
            Weakening::NewPrivileges => "--security-opt no-new-privileges=false".to_owned(),
            Weakening::SystemCalls => "--security-opt seccomp=unconfined".to_owned(),
            Weakening::SystemPaths => "--security-opt systempaths=unconfined".to_owned(),
            Weakening::HostNetwork => "--network host".to_owned(),
            Weakening::Device(path) => format!("--device {path}"),
            Weakening::EngineSocket(path) => format!("-v {path}"),
            Weakening::Without(isolation) => format!("--without {isolation}"),
        }
    }

    /// The key of its message in the catalogue.
    pub fn key(&self) -> String {
        let word = match self {
            Weakening::Privileged => "privileged",
            Weakening::DockerProfile => "docker-profile",
            Weakening::Capability(_) => "capability",
            Weakening::NewPrivileges => return "isolation-no-new-privileges.without".to_owned(),
            Weakening::SystemCalls => return "isolation-seccomp.without".to_owned(),
            Weakening::SystemPaths => return "isolation-masked-paths.without".to_owned(),
            Weakening::HostNetwork => "host-network",
            Weakening::Device(_) => "device",
            Weakening::EngineSocket(_) => "engine-socket",
            Weakening::Without(isolation) => return format!("isolation-{}.without", isolation.name()),
        };
        format!("weakening-{word}")
    }
}

impl RunOptions {
    /// The weakened isolations of these options, in the order in which they are reported.
    pub fn weakenings(&self) -> Vec<Weakening> {
        let mut weakenings = Vec::new();
        weakenings.extend(self.privileged.then_some(Weakening::Privileged));
        weakenings.extend((self.profile == Profile::Docker).then_some(Weakening::DockerProfile));
        weakenings.extend(self.capabilities.add.iter().map(|word| Weakening::Capability(word.to_string())));
        weakenings.extend((self.new_privileges == Some(NewPrivileges::Allowed)).then_some(Weakening::NewPrivileges));
        weakenings.extend((self.seccomp == SeccompChoice::Unconfined).then_some(Weakening::SystemCalls));
        weakenings.extend(self.system_paths_open.then_some(Weakening::SystemPaths));
        weakenings.extend((self.network == Network::Host).then_some(Weakening::HostNetwork));
        weakenings.extend(self.devices.iter().map(|device| Weakening::Device(device.outside.clone())));
        weakenings.extend(self.mounts.iter().filter_map(engine_socket).map(Weakening::EngineSocket));
        weakenings.extend(self.without.iter().copied().map(Weakening::Without));
        weakenings
    }
}

/// The source of a bind mount of an engine's socket, or of the socket's directory.
fn engine_socket(mount: &MountSpec) -> Option<String> {
    let MountSpec::Bind { source, .. } = mount else { return None };
    let names = ["docker.sock", "podman.sock", "containerd.sock", "crio.sock"];
    let last = source.rsplit('/').next().unwrap_or_default();
    (names.contains(&last) || matches!(source.as_str(), "/" | "/run" | "/var/run")).then(|| source.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explain::{Language, explain_weakening};
    use crate::plan::Identity;

    /// Checks the flags that are reported for these options.
    fn check(options: RunOptions, expect: &[&str]) {
        let flags: Vec<String> = options.weakenings().iter().map(Weakening::flag).collect();
        assert_eq!(flags, expect);
        for weakening in options.weakenings() {
            for language in [Language::English, Language::Portuguese] {
                for identity in [Identity::Root, Identity::User { uid: 1000, gid: 1000 }] {
                    let meaning = explain_weakening(&weakening, identity).text(language);
                    assert!(!meaning.contains('{') && meaning.len() > 20, "{weakening:?}: {meaning}");
                }
            }
        }
    }

    fn bound(source: &str) -> RunOptions {
        let mount = MountSpec::from_volume(&format!("{source}:/inside"), "/").expect("a mount");
        RunOptions { mounts: vec![mount], ..RunOptions::default() }
    }

    #[test]
    fn every_weakened_protection_is_reported() {
        check(RunOptions::default(), &[]);
        check(bound("/srv/data"), &[]);
        check(bound("/var/run/docker.sock"), &["-v /var/run/docker.sock"]);
        check(bound("/run"), &["-v /run"]);
        let open = RunOptions {
            privileged: true,
            profile: Profile::Docker,
            new_privileges: Some(NewPrivileges::Allowed),
            system_paths_open: true,
            network: Network::Host,
            without: [Isolation::Pid].into(),
            ..RunOptions::default()
        };
        let flags = [
            "--privileged",
            "--compat=docker",
            "--security-opt no-new-privileges=false",
            "--security-opt systempaths=unconfined",
            "--network host",
            "--without pid",
        ];
        check(open, &flags);
    }
}
