//! The part of a plan that sets up the process itself: ids, hostname, limits, capabilities, program.

use oci_spec::runtime::{Capabilities as OciCapabilities, LinuxIdMapping, LinuxTimeOffset, Spec};

use super::namespace::{Namespaces, UserNamespace};
use super::subordinate::is_mapped;
use super::{CAPABILITIES, Capabilities, Host, IdMapping, Identity, Namespace, PlanError, Step, SubordinateIds};
use crate::options::{Clock, TimeOffset};
use crate::seccomp::{Filter, compile};
use crate::spec::INIT_ANNOTATION;

/// The step that writes the id maps of the user namespace.
pub(super) fn map_ids(spec: &Spec, host: &Host) -> Result<Step, PlanError> {
    let [uids, gids] = mappings(spec)?;
    let helped = needs_help(&uids, &gids, host);
    Ok(Step::MapIds { deny_setgroups: host.identity != Identity::Root && !helped, helped, uids, gids })
}

/// The step that creates a user namespace to be entered later.
pub(super) fn make_user_namespace(spec: &Spec) -> Result<Step, PlanError> {
    let [uids, gids] = mappings(spec)?;
    Ok(Step::MakeUserNamespace { uids, gids })
}

/// The id maps of users and of groups.
pub(super) fn mappings(spec: &Spec) -> Result<[Vec<IdMapping>; 2], PlanError> {
    let linux = spec.linux().as_ref().ok_or(PlanError::Missing { field: "linux" })?;
    let maps = [linux.uid_mappings(), linux.gid_mappings()].map(|map| map.as_deref().map(lines).unwrap_or_default());
    match maps.iter().any(Vec::is_empty) {
        true => Err(PlanError::Missing { field: "linux.uidMappings and linux.gidMappings" }),
        false => Ok(maps),
    }
}

/// Converts a map of the runtime config.
pub(super) fn lines(map: &[LinuxIdMapping]) -> Vec<IdMapping> {
    let line = |line: &LinuxIdMapping| IdMapping {
        inside: line.container_id(),
        outside: line.host_id(),
        count: line.size(),
    };
    map.iter().map(line).collect()
}

/// The kernel lets an ordinary user map only the user's own id, as one line of one id. Other maps need newuidmap(1)
/// and newgidmap(1).
fn needs_help(uids: &[IdMapping], gids: &[IdMapping], host: &Host) -> bool {
    let Identity::User { uid, gid } = host.identity else { return false };
    let own = |map: &[IdMapping], id| matches!(map, [line] if line.outside == id && line.count == 1);
    !(own(uids, uid) && own(gids, gid))
}

/// The step that sets the hostname, if the runtime config has one.
pub(super) fn hostname(spec: &Spec, namespaces: &[Namespace]) -> Result<Option<Step>, PlanError> {
    match spec.hostname() {
        None => Ok(None),
        Some(_) if !namespaces.contains(&Namespace::Uts) => Err(PlanError::HostnameNeedsUtsNamespace),
        Some(name) => Ok(Some(Step::SetHostname { name: name.clone() })),
    }
}

/// The step that creates a time namespace, if the runtime config lists one.
pub(super) fn clocks(spec: &Spec, namespaces: &Namespaces) -> Result<Option<Step>, PlanError> {
    let given = spec.linux().as_ref().and_then(|linux| linux.time_offsets().as_ref());
    let offset = |(name, offset): (&String, &LinuxTimeOffset)| {
        let clock = Clock::ALL.into_iter().find(|clock| clock.name() == name);
        let nanoseconds = offset.nanosecs().unwrap_or_default();
        match clock.filter(|_| nanoseconds < 1_000_000_000) {
            Some(clock) => Ok(TimeOffset { clock, seconds: offset.secs().unwrap_or_default(), nanoseconds }),
            None => {
                Err(PlanError::Unsupported { field: "linux.timeOffsets", value: format!("{name} {nanoseconds}") })
            }
        }
    };
    let mut offsets = given.into_iter().flatten().map(offset).collect::<Result<Vec<_>, _>>()?;
    offsets.sort_unstable();
    match namespaces.makes(Namespace::Time) {
        true => Ok(Some(Step::UnshareTime { offsets })),
        false if offsets.is_empty() => Ok(None),
        false => Err(PlanError::TimeOffsetNeedsNamespace),
    }
}

/// The steps from the new root to the program.
pub(super) fn steps(spec: &Spec, host: &Host, namespace: UserNamespace) -> Result<Vec<Step>, PlanError> {
    let process = spec.process().as_ref().ok_or(PlanError::Missing { field: "process" })?;
    let args =
        process.args().clone().filter(|args| !args.is_empty()).ok_or(PlanError::Missing { field: "process.args" })?;
    let user = process.user();
    let mut steps = vec![
        Step::EnterWorkdir { path: process.cwd().display().to_string() },
        Step::SetUmask { mask: user.umask().unwrap_or(0o022) },
    ];
    for limit in process.rlimits().iter().flatten() {
        let resource = limit.typ().to_string();
        steps.push(Step::SetRlimit { resource, soft: limit.soft(), hard: limit.hard() });
    }

    let sets = process.capabilities().clone();
    let set = |pick: fn(&oci_spec::runtime::LinuxCapabilities) -> &Option<OciCapabilities>| -> Capabilities {
        sorted(sets.as_ref().and_then(|sets| pick(sets).as_ref()))
    };
    steps.push(Step::DropBoundingSet { keep: set(|sets| sets.bounding()) });
    let no_new_privileges = process.no_new_privileges() == Some(true);
    let filter = filter(spec, host)?;
    let early = (!no_new_privileges).then(|| filter.clone()).flatten();
    // Without no_new_privs, seccomp(2) requires CAP_SYS_ADMIN, because a filter could make a set-user-id program
    // misbehave. So the filter is installed before that capability is dropped.
    steps.extend(early);
    steps.push(Step::SetUser { uid: user.uid(), gid: user.gid(), groups: groups(spec, host, namespace)? });
    steps.push(Step::SetCapabilities {
        effective: set(|sets| sets.effective()),
        permitted: set(|sets| sets.permitted()),
        inheritable: set(|sets| sets.inheritable()),
        ambient: set(|sets| sets.ambient()),
    });
    if no_new_privileges {
        steps.push(Step::NoNewPrivileges);
        steps.extend(filter);
    }
    steps.push(Step::Execute { args, env: process.env().clone().unwrap_or_default(), init: init(spec)? });
    Ok(steps)
}

/// Whether the runtime config requests the engine's init.
fn init(spec: &Spec) -> Result<bool, PlanError> {
    match spec.annotations().as_ref().and_then(|all| all.get(INIT_ANNOTATION)).map(String::as_str) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => {
            Err(PlanError::Unsupported { field: "annotations.minicontainer.init", value: other.to_owned() })
        }
    }
}

/// The step that installs the seccomp filter, if the runtime config has a profile.
fn filter(spec: &Spec, host: &Host) -> Result<Option<Step>, PlanError> {
    let Some(profile) = spec.linux().as_ref().and_then(|linux| linux.seccomp().as_ref()) else { return Ok(None) };
    let filter = compile(profile, host.architecture).map_err(PlanError::Seccomp)?;
    let Filter { instructions, flags, allowed, examined, refused } = filter;
    Ok(Some(Step::InstallSeccomp { allowed, examined, refused, flags, instructions }))
}

/// The supplementary groups; `None` where setgroups(2) is not called. An ordinary user's namespace has only the
/// mapped ids, and if that is a single id, setgroups(2) is denied. It may also be denied in a joined user namespace,
/// whose maps the runtime config need not contain. There it is called only for groups that the runtime config lists.
fn groups(spec: &Spec, host: &Host, namespace: UserNamespace) -> Result<Option<Vec<u32>>, PlanError> {
    let process = spec.process().as_ref().ok_or(PlanError::Missing { field: "process" })?;
    let user = process.user();
    let extra = user.additional_gids().clone().unwrap_or_default();
    let maps = mappings(spec);
    let is_root = host.identity == Identity::Root;
    if namespace == UserNamespace::Joined && (is_root || maps.is_err()) {
        return Ok((!extra.is_empty()).then_some(extra));
    }
    if is_root {
        return Ok(Some(extra));
    }
    let [uids, gids] = maps?;
    let missing = |kind, id| match &host.subordinate {
        SubordinateIds::None { cause, fix } => {
            Err(PlanError::IdNotMapped { kind, id, cause: cause.to_string(), fix: fix.to_string() })
        }
        SubordinateIds::Allocated { .. } => Err(PlanError::IdBeyondMap { kind, id }),
    };
    if !is_mapped(&uids, user.uid()) {
        return missing("user", user.uid());
    }
    if let Some(id) = [user.gid()].iter().chain(&extra).find(|id| !is_mapped(&gids, **id)) {
        return missing("group", *id);
    }
    Ok(needs_help(&uids, &gids, host).then_some(extra))
}

/// Sorts a set by capability number, so that equal documents give equal plans.
fn sorted(set: Option<&OciCapabilities>) -> Capabilities {
    let names: Vec<String> = set.into_iter().flatten().map(|capability| format!("CAP_{capability}")).collect();
    CAPABILITIES.into_iter().filter(|known| names.iter().any(|name| name == known)).map(str::to_owned).collect()
}
