//! The content of the container's `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`, see
//! [`network_files`](minicontainer_core::network_files). It depends on two files of the host, which are read here.

use std::io;
use std::path::Path;

use minicontainer_core::explain::Message;
use minicontainer_core::network_files::{NetworkFile, Origin};
use minicontainer_core::options::{Network, RunOptions};
use nix::sys::utsname::uname;
use oci_spec::runtime::{LinuxNamespaceType, Mount, Spec};

use super::Error;
use crate::host;

/// The files that the runtime config mounts from the container's directory, each with its name and content. Without
/// options, which a stored runtime config does not have, nothing is added to the host's resolvers and names.
pub(super) fn of(
    spec: &Spec,
    directory: &Path,
    options: Option<&RunOptions>,
) -> Result<Vec<(&'static str, String)>, Error> {
    let is_mounted = |file: &NetworkFile| {
        let source = file.source(directory);
        let is_file = |mount: &Mount| mount.source().as_deref() == Some(Path::new(&source));
        spec.mounts().iter().flatten().any(is_file)
    };
    let files: Vec<NetworkFile> = NetworkFile::ALL.into_iter().filter(is_mounted).collect();
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let network = if has_own_network(spec) { Network::None } else { Network::Host };
    let hosts = if network == Network::Host { read("/etc/hosts")? } else { String::new() };
    let resolv_conf = read("/etc/resolv.conf")?;
    // Without its own UTS namespace, the container has the host's hostname.
    let hostname = spec.hostname().clone().or_else(host_name).unwrap_or_default();
    let origin = Origin {
        hostname: &hostname,
        network,
        hosts: &hosts,
        resolv_conf: &resolv_conf,
        added: options.map_or(&[], |options| &options.added_hosts),
        dns: options.map(|options| &options.dns),
    };
    Ok(files.into_iter().map(|file| (file.name(), file.content(&origin))).collect())
}

fn has_own_network(spec: &Spec) -> bool {
    let namespaces = spec.linux().as_ref().and_then(|linux| linux.namespaces().as_ref());
    namespaces.into_iter().flatten().any(|namespace| namespace.typ() == LinuxNamespaceType::Network)
}

fn host_name() -> Option<String> {
    Some(uname().ok()?.nodename().to_string_lossy().into_owned())
}

/// The text of a file of the host; empty if there is none.
fn read(path: &str) -> Result<String, Error> {
    let failed = |cause: Message| Error::Read { path: path.into(), source: io::Error::other(cause.to_string()) };
    host::read_etc(path).map_err(failed)
}
