//! The namespaces of a plan as flags of clone3(2) and setns(2).

use minicontainer_core::plan::{Namespace, Plan, Step};

/// The new namespaces of the first process, and whether it is created in its cgroup.
pub(super) fn clone_step(plan: &Plan) -> (Vec<Namespace>, bool) {
    let found = plan.steps.iter().find_map(|step| match step {
        Step::Clone { namespaces, into_cgroup } => Some((namespaces.clone(), *into_cgroup)),
        _ => None,
    });
    found.unwrap_or_default()
}

/// The flags of clone3(2) for these namespaces.
pub(super) fn flags(namespaces: &[Namespace]) -> u64 {
    namespaces.iter().fold(0, |flags, namespace| flags | clone_flag(*namespace) as u64)
}

/// The flag of clone(2), and of setns(2), for a kind of namespace.
pub(crate) fn clone_flag(namespace: Namespace) -> i32 {
    match namespace {
        Namespace::User => libc::CLONE_NEWUSER,
        Namespace::Mount => libc::CLONE_NEWNS,
        Namespace::Pid => libc::CLONE_NEWPID,
        Namespace::Net => libc::CLONE_NEWNET,
        Namespace::Ipc => libc::CLONE_NEWIPC,
        Namespace::Uts => libc::CLONE_NEWUTS,
        Namespace::Cgroup => libc::CLONE_NEWCGROUP,
        Namespace::Time => libc::CLONE_NEWTIME,
    }
}
