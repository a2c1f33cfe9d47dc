//! Whether somebody may make control groups, assessed by what was seen of them.
//!
//! Root makes them below the root of the hierarchies, if anybody can. To an ordinary user a group of version 2 can
//! have been *delegated*, see cgroups(7): who may write its files may make groups below it. But only groups with
//! processes *or* groups with limits: so it must have none of the former.

use super::{Availability, CgroupLayout, Cgroups, Identity};

/// What to do where systemd runs and an ordinary user has no control group.
pub const MEND_DELEGATION: &str = "have systemd delegate one: `systemd-run --user --scope -p Delegate=yes minicontainer \
     run ...`; --timeout works for everybody";

/// What to do where the hierarchy cannot be written by anybody.
const MEND_READ_ONLY: &str = "inside another container, that container must have a writable cgroup hierarchy";

/// The group below a delegated one in which the engine lives, beside those of its containers.
pub const ENGINE_GROUP: &str = "minicontainer-engine";

/// The group that holds what is counted of all containers of root's together: the pids hierarchy's groups on version
/// 1, all on version 2.
pub const COMMON_GROUP: &str = "minicontainer";

/// What was seen of the group below which containers would get theirs.
#[derive(Clone, Debug)]
pub struct CgroupProbe {
    /// Its directory.
    pub place: String,
    /// Why it cannot be written, if it cannot.
    pub denied: Option<String>,
    /// Whether that is because nobody can.
    pub read_only: bool,
    /// Whether it has processes of its own, which bars the groups below it from limits.
    pub inhabited: bool,
    /// How many processes and threads this machine can have at once.
    pub numbers: Option<u64>,
    /// Whether systemd runs, whom a user can ask for a group.
    pub systemd: bool,
}

/// Whether containers can get groups, and if not, what would fix it.
pub fn assess(layout: CgroupLayout, parent: String, identity: Identity, probe: &CgroupProbe) -> Cgroups {
    let unavailable = |cause: String, fix: &str| Some(Availability::Unavailable { cause, fix: fix.to_owned() });
    let place = &probe.place;
    let access = match (&layout, identity) {
        (CgroupLayout::None, _) => unavailable(
            "no cgroup hierarchy is mounted on /sys/fs/cgroup".to_owned(),
            "mount one: `sudo mount -t cgroup2 none /sys/fs/cgroup`",
        ),
        (CgroupLayout::V1 { .. }, Identity::User { .. }) => unavailable(
            "the cgroup hierarchy belongs to root".to_owned(),
            "run as root, or without limits; --timeout works for everybody",
        ),
        (CgroupLayout::V2 { .. }, Identity::User { uid, .. }) => {
            let denied = probe.denied.as_ref();
            let cause = denied.map(|why| format!("no cgroup is delegated to you: {place} cannot be written: {why}"));
            let crowded = || format!("processes are in {place} itself: no group below it can have limits");
            let cause = cause.or_else(|| probe.inhabited.then(crowded));
            cause.and_then(|cause| unavailable(cause, &mend_delegation(uid, probe)))
        }
        (CgroupLayout::V2 { .. }, Identity::Root) if probe.inhabited => unavailable(
            format!("processes are in {place} itself, so that no group below it can have limits"),
            "inside another container, move them first: `cd /sys/fs/cgroup && mkdir init && \
             xargs -rn1 < cgroup.procs > init/cgroup.procs`",
        ),
        (_, Identity::Root) => {
            let denied = probe.denied.as_ref();
            denied.and_then(|why| unavailable(format!("{place} cannot be written: {why}"), MEND_READ_ONLY))
        }
    };
    // An eighth stays free: also who ends what has grown too large needs a number.
    let together = probe.numbers.filter(|_| identity == Identity::Root && access.is_none());
    let together = together.map(|numbers| numbers - numbers / 8);
    Cgroups { layout, access: access.unwrap_or(Availability::Available), parent, together }
}

/// How an ordinary user comes by a group of version 2.
fn mend_delegation(uid: u32, probe: &CgroupProbe) -> String {
    match probe {
        CgroupProbe { read_only: true, .. } => MEND_READ_ONLY.to_owned(),
        CgroupProbe { systemd: true, .. } => MEND_DELEGATION.to_owned(),
        _ => format!(
            "`sudo sh -c 'cd /sys/fs/cgroup && echo +cpu +cpuset +memory +pids >cgroup.subtree_control; mkdir -p {uid} && \
             cd {uid} && chown {uid} . cgroup.procs cgroup.subtree_control cgroup.threads && echo '$$' >cgroup.procs'`"
        ),
    }
}

/// The group of version 2 that a `/proc/PID/cgroup` names; that above it if it is the engine's own.
///
/// ```
/// # use minicontainer_core::plan::delegation::delegated_group;
/// assert_eq!(delegated_group("0::/user.slice/a.scope/minicontainer-engine\n"), "user.slice/a.scope");
/// ```
pub fn delegated_group(text: &str) -> &str {
    let own = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    match own.rsplit_once('/').unwrap_or(("", own)) {
        (above, ENGINE_GROUP) => above,
        _ => own,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(own: &str, group: &str) {
        assert_eq!(delegated_group(own), group);
    }

    #[test]
    fn parent_cgroup_excludes_the_engine_leaf() {
        check("0::/\n", "");
        check("0::/user.slice/a.scope\n", "user.slice/a.scope");
        check("0::/user.slice/a.scope/minicontainer-engine\n", "user.slice/a.scope");
        check("0::/minicontainer-engine\n", "");
        check("0::/a/xminicontainer-engine\n", "a/xminicontainer-engine");
        check("12:pids:/b\n1:name=systemd:/c\n0::/a\n", "a");
        check("1:name=systemd:/c\n", "");
        check("", "");
    }

    #[test]
    fn cgroup_access_and_hints_for_example_hosts() {
        let v1 = CgroupLayout::V1 { hierarchies: vec!["memory".to_owned()] };
        let v2 = CgroupLayout::V2 { controllers: vec!["memory".to_owned()] };
        let ada = Identity::User { uid: 1000, gid: 1000 };
        let probe = |denied: Option<&str>, read_only, inhabited, systemd| CgroupProbe {
            place: "/sys/fs/cgroup/a".to_owned(),
            denied: denied.map(str::to_owned),
            read_only,
            inhabited,
            numbers: Some(32_768),
            systemd,
        };
        let told = |layout: &CgroupLayout, identity, probe: CgroupProbe| {
            let assessed = assess(layout.clone(), "a".to_owned(), identity, &probe);
            match assessed.access {
                Availability::Available => format!("yes, together {:?}", assessed.together),
                Availability::Unavailable { cause, fix } => format!("{cause} | {fix}"),
            }
        };
        let all = [
            told(&CgroupLayout::None, Identity::Root, probe(None, false, false, false)),
            told(&v1, Identity::Root, probe(None, false, true, false)),
            told(&v1, Identity::Root, probe(Some("EROFS"), true, false, false)),
            told(&v1, ada, probe(None, false, false, true)),
            told(&v2, Identity::Root, probe(None, false, false, true)),
            told(&v2, Identity::Root, probe(None, false, true, true)),
            told(&v2, ada, probe(None, false, false, true)),
            told(&v2, ada, probe(Some("EACCES"), false, true, true)),
            told(&v2, ada, probe(Some("EROFS"), true, false, false)),
            told(&v2, ada, probe(None, false, true, false)),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
