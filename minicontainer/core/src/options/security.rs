//! How strictly a container is held, and what was loosened.
//!
//! Everything that runs, runs under one *profile*: namespaces, capabilities, `no_new_privs`, seccomp, masked paths,
//! device rules, limits. Three are ready-made:
//!
//! | Profile | For | What is different |
//! |---|---|---|
//! | [`Profile::Default`] | everything | stricter than Docker: fewer capabilities, no gain of powers, fewer socket families |
//! | [`Profile::Docker`] (`--compat=docker`) | images that need what Docker gives | Docker's capabilities, system calls and masks, to the letter |
//! | [`Profile::Untrusted`] (`--profile=untrusted`) | programs of strangers | a user namespace even for root, no network, and a bound on everything |
//!
//! Single flags loosen a profile. Each that weakens the walls is a [`Weakening`]: it is warned of when the container
//! starts and remembered with it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ByteSize, Isolation, MountSpec, Network, RunOptions, SeccompChoice, StorageLimit};

/// How strictly a container is held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// This engine's own.
    #[default]
    Default,
    /// Docker's, to the letter.
    Docker,
    /// For programs that nobody has read.
    Untrusted,
}

/// What bounds a run as a whole, where nothing else was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// How long it may take.
    pub wall_time: Option<Duration>,
    /// How many bytes it may write to stdout and stderr together.
    pub output: Option<ByteSize>,
    /// How much it may write into its own layer, if that is thrown away in the end.
    pub storage: Option<StorageLimit>,
}

impl RunOptions {
    /// A stranger's program gets ten minutes, 64 MiB of output and 512 MiB in 100,000 files; but none of the first
    /// two at a terminal, where somebody sits and watches.
    pub fn bounds(&self) -> Bounds {
        if self.profile != Profile::Untrusted {
            return Bounds::default();
        }
        let unwatched = self.terminal.is_none();
        Bounds {
            wall_time: unwatched.then_some(Duration::from_secs(600)),
            output: ByteSize::new(64 << 20).filter(|_| unwatched),
            storage: Some(StorageLimit { bytes: 512 << 20, inodes: 100_000 }),
        }
    }
}

/// Whether execve(2) may give a program powers that its caller has not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewPrivileges {
    /// It may: set-user-id programs such as sudo(8) work.
    Allowed,
    /// It may not, see PR_SET_NO_NEW_PRIVS(2const).
    Denied,
}

/// A wall that was lowered on purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Weakening {
    /// `--privileged`.
    Privileged,
    /// `--compat=docker`.
    DockersProfile,
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
    /// A bind mount of an engine's socket: who speaks to it is root of the host.
    EngineSocket(String),
    /// `--without` this isolation.
    Without(Isolation),
}

impl Weakening {
    /// The flag that does it, as it would be typed.
    pub fn flag(&self) -> String {
        match self {
            Weakening::Privileged => "--privileged".to_owned(),
            Weakening::DockersProfile => "--compat=docker".to_owned(),
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

    /// The name of its message in the catalogue.
    pub fn key(&self) -> String {
        let word = match self {
            Weakening::Privileged => "privileged",
            Weakening::DockersProfile => "dockers-profile",
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
    /// The walls that these options lower, in the order in which they should be told.
    pub fn weakenings(&self) -> Vec<Weakening> {
        let mut lowered = Vec::new();
        lowered.extend(self.privileged.then_some(Weakening::Privileged));
        lowered.extend((self.profile == Profile::Docker).then_some(Weakening::DockersProfile));
        lowered.extend(self.capabilities.add.iter().map(|word| Weakening::Capability(word.to_string())));
        lowered.extend((self.new_privileges == Some(NewPrivileges::Allowed)).then_some(Weakening::NewPrivileges));
        lowered.extend((self.seccomp == SeccompChoice::Unconfined).then_some(Weakening::SystemCalls));
        lowered.extend(self.system_paths_open.then_some(Weakening::SystemPaths));
        lowered.extend((self.network == Network::Host).then_some(Weakening::HostNetwork));
        lowered.extend(self.devices.iter().map(|device| Weakening::Device(device.outside.clone())));
        lowered.extend(self.mounts.iter().filter_map(engine_socket).map(Weakening::EngineSocket));
        lowered.extend(self.without.iter().copied().map(Weakening::Without));
        lowered
    }
}

/// The source of a bind mount that shows an engine's socket, or the directory in which it lies.
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

    /// The flags that are told of these options.
    fn check(options: RunOptions, expect: &[&str]) {
        let told: Vec<String> = options.weakenings().iter().map(Weakening::flag).collect();
        assert_eq!(told, expect);
        for weakening in options.weakenings() {
            for language in [Language::English, Language::Portuguese] {
                let meaning = explain_weakening(&weakening, language);
                assert!(!meaning.contains('{') && meaning.len() > 20, "{weakening:?}: {meaning}");
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
