//! Changes a runtime config so that its container joins an existing namespace.

use oci_spec::runtime::{LinuxNamespace, Spec};

use crate::plan::Namespace;

/// Makes the runtime config's container join the namespace at `path`, instead of a new one or the host's.
///
/// Settings that the container would change in its own namespace are removed, because in the joined one they belong
/// to other processes: the hostname, and the sysctls of the network or of IPC.
///
/// ```
/// use minicontainer_core::{plan::Namespace, spec::join_namespace};
/// use oci_spec::runtime::Spec;
///
/// let mut spec = Spec::default();
/// join_namespace(&mut spec, Namespace::Net, "/run/netns/shop");
/// let namespaces = spec.linux().as_ref().unwrap().namespaces().as_ref().unwrap();
/// assert!(namespaces.iter().any(|one| one.path().as_deref() == Some("/run/netns/shop".as_ref())));
/// ```
pub fn join_namespace(spec: &mut Spec, namespace: Namespace, path: &str) {
    if namespace == Namespace::Uts {
        spec.set_hostname(None).set_domainname(None);
    }
    let linux = spec.linux_mut().get_or_insert_default();
    let mut namespaces = linux.namespaces().clone().unwrap_or_default();
    namespaces.retain(|one| one.typ() != namespace.document());
    let mut joined = LinuxNamespace::default();
    joined.set_typ(namespace.document()).set_path(Some(path.into()));
    namespaces.push(joined);
    linux.set_namespaces(Some(namespaces));
    let mut variables = linux.sysctl().clone().unwrap_or_default();
    match namespace {
        Namespace::Net => variables.retain(|name, _| !name.starts_with("net.")),
        Namespace::Ipc => variables.retain(|name, _| name.starts_with("net.")),
        _ => {}
    }
    linux.set_sysctl((!variables.is_empty()).then_some(variables));
}
