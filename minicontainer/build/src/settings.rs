//! Command-line options for every `RUN`: hosts, limits, shared memory.
//!
//! They can change the result of a command, so they are part of the cache key. Without these options, the key is the
//! same as before they existed, so older records of the cache stay valid.

use std::{net::IpAddr, path::PathBuf, str::FromStr};

use minicontainer::{
    core::{
        Digest,
        options::{ByteSize, Ulimit},
    },
    rootfs::read_file,
};
use minicontainer_dockerfile::mount::Owner;

use super::{
    BuildError, BuildRun,
    mounts::{Mounts, Sources},
};

/// The maximum size of an image's `/etc/hosts`.
const HOSTS_LIMIT: u64 = 1024 * 1024;

/// Settings of a `RUN` that are not in the Dockerfile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunSettings {
    /// Additional entries of `/etc/hosts`. They do not become part of the image.
    pub hosts: Vec<ExtraHost>,
    /// The size of `/dev/shm`.
    pub shm_size: Option<ByteSize>,
    /// The resource limits of the processes.
    pub ulimits: Vec<Ulimit>,
}

impl RunSettings {
    /// A digest of the settings; `None` if all are the defaults.
    pub(super) fn digest(&self) -> Option<Digest> {
        (*self != RunSettings::default()).then(|| Digest::of(format!("{self:?}").as_bytes()))
    }
}

/// A host name and its address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtraHost {
    /// The host name.
    pub name: String,
    /// The IP address.
    pub address: IpAddr,
}

/// An invalid value for `--add-host`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid host {given:?}: must be NAME:ADDRESS (for example, db:10.0.0.5)")]
pub struct ExtraHostError {
    /// The invalid value.
    pub given: String,
}

minicontainer::core::plain_diagnostic!(ExtraHostError: InvalidInput);

impl FromStr for ExtraHost {
    type Err = ExtraHostError;

    fn from_str(text: &str) -> Result<ExtraHost, ExtraHostError> {
        let wrong = || ExtraHostError { given: text.to_owned() };
        let (name, address) = text.split_once('=').or_else(|| text.split_once(':')).ok_or_else(wrong)?;
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_');
        let address = address.trim_start_matches('[').trim_end_matches(']').parse().map_err(|_| wrong())?;
        match name.is_empty() || !name.chars().all(is_plain) {
            true => Err(wrong()),
            false => Ok(ExtraHost { name: name.to_owned(), address }),
        }
    }
}

impl BuildRun<'_> {
    /// Mounts an `/etc/hosts` that contains the image's entries and the additional ones.
    pub(super) fn add_hosts(
        &self,
        sources: &Sources,
        directories: &[PathBuf],
        mounts: &mut Mounts,
    ) -> Result<(), BuildError> {
        let hosts = &self.request.run.hosts;
        if hosts.is_empty() {
            return Ok(());
        }
        let mut text = read_file(directories, "/etc/hosts", HOSTS_LIMIT)?.unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.extend(hosts.iter().map(|host| format!("{}\t{}\n", host.address, host.name)));
        sources.mount_file(text.as_bytes(), "/etc/hosts", &Owner { mode: 0o644, uid: 0, gid: 0 }, mounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<(&str, &str)>) {
        let host = text.parse::<ExtraHost>().ok().map(|host| (host.name, host.address.to_string()));
        assert_eq!(host, expect.map(|(name, address)| (name.to_owned(), address.to_owned())), "{text}");
    }

    #[test]
    fn added_hosts_are_parsed() {
        check("db:10.0.0.5", Some(("db", "10.0.0.5")));
        check("db=10.0.0.5", Some(("db", "10.0.0.5")));
        check("six:::1", Some(("six", "::1")));
        check("six:[2001:db8::1]", Some(("six", "2001:db8::1")));
        check("db", None);
        check(":10.0.0.5", None);
        check("db:host-gateway", None);
        check("d b:10.0.0.5", None);
        check("d\nb:10.0.0.5", None);
    }
}
