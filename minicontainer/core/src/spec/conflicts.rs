//! Options that conflict with each other.

use super::{SpecError, profile};
use crate::options::{Access, Isolation, MemorySwap, Network, Profile, RunOptions};
use crate::plan::{Host, Identity};

/// How errors name the setting that omits the mount namespace.
const NO_MOUNTS: &str = "`Sandbox::without(Isolation::Mount)`";

/// How errors name the profile for untrusted programs.
const UNTRUSTED: &str = "`Sandbox::profile(Profile::Untrusted)`";

/// Rejects conflicting options, before anything is created.
pub(super) fn reject_conflicts(options: &RunOptions, host: &Host) -> Result<(), SpecError> {
    let without = |isolation| options.without.contains(&isolation);
    let conflict = |first: &str, second: &str, reason| {
        Err(SpecError::Conflict { first: first.to_owned(), second: second.to_owned(), reason })
    };
    if without(Isolation::Uts) && options.hostname.is_some() {
        return conflict(
            "`Sandbox::hostname`",
            "`Sandbox::without(Isolation::Uts)`",
            "the host itself would be renamed",
        );
    }
    if without(Isolation::Mount) && !options.mounts.is_empty() {
        return conflict(NO_MOUNTS, "a mount (`Sandbox::bind`, `Sandbox::tmpfs`)", "the host would get the mount");
    }
    if without(Isolation::Mount) && options.root == Access::ReadOnly {
        return conflict("`Sandbox::read_only`", NO_MOUNTS, "only a mount can be made read-only");
    }
    if without(Isolation::Mount) && options.terminal.is_some() {
        return conflict("`Sandbox::terminal`", NO_MOUNTS, "the container's terminals require a devpts mount");
    }
    if options.privileged && options.profile == Profile::Untrusted {
        let reason = "`RunOptions::privileged` removes nearly all isolation, but an untrusted program requires it";
        return conflict("`RunOptions::privileged`", UNTRUSTED, reason);
    }
    if options.profile == Profile::Untrusted && (options.network == Network::Host || without(Isolation::Net)) {
        return conflict(UNTRUSTED, "the host's network", "an untrusted program must not use it");
    }
    if profile::own_users(options, host.identity) && without(Isolation::Mount) {
        let reason = "file owners are mapped by mounts in the container's own mount namespace";
        return conflict("`Users::Own`", NO_MOUNTS, reason);
    }
    for (place, offset) in options.time_offsets.iter().enumerate() {
        if let Some(other) = options.time_offsets[..place].iter().find(|other| other.clock == offset.clock) {
            let [first, second] = [other, offset].map(|offset| format!("`Sandbox::time_offset` {offset}"));
            return conflict(&first, &second, "each clock can have only one offset");
        }
    }
    for (place, mount) in options.mounts.iter().enumerate() {
        if options.mounts[..place].iter().any(|other| other.target() == mount.target()) {
            return Err(SpecError::DuplicateMount { target: mount.target().to_owned() });
        }
    }
    if let Some(cpus) = options.limits.cpus.filter(|cpus| cpus.exceeds(host.processors)) {
        return Err(SpecError::TooManyCpus { cpus, available: host.processors });
    }
    // Without a memory limit, unlimited swap space is the default.
    let limits_swap = matches!(options.limits.memory_swap, Some(MemorySwap::Total(_)));
    if limits_swap && profile::limits(options, host).memory.is_none() {
        return Err(SpecError::SwapWithoutMemory);
    }
    if without(Isolation::User) && matches!(host.identity, Identity::User { .. }) {
        return Err(SpecError::UserNamespaceNeeded);
    }
    if let Some(name) = profile::missing_capability(options, host) {
        return Err(SpecError::CapabilityLacking { name });
    }
    Ok(())
}
