//! Whether the container's first process may run in the caller's memory until it executes the launcher.

use minicontainer_core::plan::{IdMapping, Namespace, Plan, Step};
use minicontainer_core::spec::LEAST_MEMORY;
use nix::unistd::{getegid, geteuid};

/// Whether the process may share the caller's memory.
///
/// Copying the memory means at least copying its page tables. The larger the caller, the longer this takes: 17 ms at
/// 1 GB. Sharing takes no time, but is unsafe or impossible in some cases. Memory is not shared if
/// - the process changes to another user: the kernel would then deny the *caller* access to its own files in /proc,
///   and the new user could open the process's memory, which is the caller's (PR_SET_DUMPABLE in prctl(2));
/// - other processes are in its PID namespace, which could open that memory as well;
/// - it gets its own clocks: the kernel requires that such a process does not share its memory;
/// - it joins namespaces, so it is created by the joiner;
/// - the memory limit is so low that the OOM killer may kill the process: it would kill the caller too.
pub(super) fn may_share_memory(plan: &Plan) -> bool {
    let own_user = getegid().as_raw() == 0 && geteuid().is_root();
    plan.steps.iter().all(|step| match step {
        Step::Clone { namespaces, .. } => {
            namespaces.contains(&Namespace::Pid) && (own_user || namespaces.contains(&Namespace::User))
        }
        Step::MapIds { uids, gids, .. } => {
            let maps_to =
                |mappings: &[IdMapping], id| mappings.iter().any(|line| line.inside == 0 && line.outside == id);
            maps_to(uids, geteuid().as_raw()) && maps_to(gids, getegid().as_raw())
        }
        Step::EnterUserNamespace | Step::UnshareTime { .. } => false,
        Step::JoinNamespace { namespace, .. } => *namespace == Namespace::Cgroup,
        Step::SetUser { uid, gid, .. } => *uid == 0 && *gid == 0,
        Step::LimitMemory { bytes, .. } => *bytes >= LEAST_MEMORY,
        _ => true,
    })
}
