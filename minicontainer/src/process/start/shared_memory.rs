//! Whether the container's first process may run in the caller's memory until it becomes the program.

use minicontainer_core::plan::{IdMapping, Namespace, Plan, Step};
use minicontainer_core::spec::LEAST_MEMORY;
use nix::unistd::{getegid, geteuid};

/// Whether the process may share the caller's memory.
///
/// To copy the memory, if only its page tables, takes the longer the larger the caller is: 17 ms at 1 GB. To share it
/// takes no time, but has dangers of its own, so that it is not done when
/// - the process becomes another user: the kernel would then bar the *caller* from its own files in /proc, and the
///   new user might open the process's memory, which is the caller's (PR_SET_DUMPABLE in prctl(2));
/// - others live in its pid namespace, who could open that memory as well;
/// - it wants clocks of its own, which the kernel gives only to a process that shares its memory with nobody;
/// - it is created by a process in between, because it joins namespaces;
/// - memory is so scarce that the kernel may kill the process for it: it would kill the caller too.
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
