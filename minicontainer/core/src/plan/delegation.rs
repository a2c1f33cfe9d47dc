//! Whether the engine may create cgroups, assessed from the result of a probe.
//!
//! Root creates them below the root of the hierarchies, unless these are read-only. An ordinary user needs a
//! *delegated* cgroup of version 2, see cgroups(7): a user who can write its files can create cgroups below it. On
//! version 2 a cgroup cannot contain processes and limit the cgroups below it as well ("no internal processes"), so
//! the delegated cgroup itself must not contain any.

use super::{Availability, CgroupLayout, Cgroups, Identity};

/// The hint where systemd runs and an ordinary user has no delegated cgroup.
pub const HINT_DELEGATION: &str = "have systemd delegate one: `systemd-run --user --scope -p Delegate=yes \
     minicontainer run ...`; --timeout needs no cgroup";

/// The hint where an ordinary user has version 1 only, which cannot be delegated safely.
const HINT_VERSION_1: &str = "boot Linux with cgroup v2 (with systemd: systemd.unified_cgroup_hierarchy=1 on the \
     kernel's command line), and have a cgroup delegated to you; or run as root; --timeout needs no cgroup";

/// The hint where the hierarchy is read-only.
const HINT_READ_ONLY: &str = "inside another container, that container must have a writable cgroup hierarchy";

/// The cgroup of the engine itself below a delegated one, next to those of its containers.
pub const ENGINE_GROUP: &str = "minicontainer-engine";

/// The cgroup that contains those of all of root's containers, to limit them together: on version 1 in the pids
/// hierarchy only.
pub const COMMON_GROUP: &str = "minicontainer";

/// What the probe found about the cgroup below which containers would get theirs.
#[derive(Clone, Debug)]
pub struct CgroupProbe {
    /// Its directory.
    pub place: String,
    /// Why it cannot be written, if it cannot.
    pub denied: Option<String>,
    /// Whether that is because the file system is read-only.
    pub read_only: bool,
    /// Whether it contains processes itself, so that cgroups below it cannot have limits.
    pub inhabited: bool,
    /// How many processes and threads this machine can have at once.
    pub numbers: Option<u64>,
    /// Whether systemd runs, which can delegate a cgroup to a user.
    pub systemd: bool,
}

/// Whether containers can get cgroups, and if not, how to fix it.
pub fn assess(layout: CgroupLayout, parent: String, identity: Identity, probe: &CgroupProbe) -> Cgroups {
    let unavailable = |cause: String, fix: &str| Some(Availability::Unavailable { cause, fix: fix.to_owned() });
    let place = &probe.place;
    let access = match (&layout, identity) {
        (CgroupLayout::None, _) => unavailable(
            "no cgroup hierarchy is mounted on /sys/fs/cgroup".to_owned(),
            "mount one: `sudo mount -t cgroup2 none /sys/fs/cgroup`",
        ),
        (CgroupLayout::V1 { .. }, Identity::User { .. }) => {
            unavailable("the cgroup hierarchy belongs to root".to_owned(), HINT_VERSION_1)
        }
        (CgroupLayout::V2 { .. }, Identity::User { uid, .. }) => {
            let denied = probe.denied.as_ref();
            let cause = denied.map(|why| format!("no cgroup is delegated to you: {place} cannot be written: {why}"));
            let inhabited = || format!("processes are in {place} itself, so the cgroups below it cannot have limits");
            let cause = cause.or_else(|| probe.inhabited.then(inhabited));
            cause.and_then(|cause| unavailable(cause, &delegation_hint(uid, probe)))
        }
        (CgroupLayout::V2 { .. }, Identity::Root) if probe.inhabited => unavailable(
            format!("processes are in {place} itself, so the cgroups below it cannot have limits"),
            "inside another container, move them first: `cd /sys/fs/cgroup && mkdir init && \
             xargs -rn1 < cgroup.procs > init/cgroup.procs`",
        ),
        (_, Identity::Root) => {
            let denied = probe.denied.as_ref();
            denied.and_then(|why| unavailable(format!("{place} cannot be written: {why}"), HINT_READ_ONLY))
        }
    };
    // An eighth of the process ids stays free: the host needs some as well, for example to kill a runaway container.
    let together = probe.numbers.filter(|_| identity == Identity::Root && access.is_none());
    let together = together.map(|numbers| numbers - numbers / 8);
    Cgroups { layout, access: access.unwrap_or(Availability::Available), parent, together }
}

/// How an ordinary user gets a cgroup of version 2.
fn delegation_hint(uid: u32, probe: &CgroupProbe) -> String {
    match probe {
        CgroupProbe { read_only: true, .. } => HINT_READ_ONLY.to_owned(),
        CgroupProbe { systemd: true, .. } => HINT_DELEGATION.to_owned(),
        _ => format!(
            "`sudo sh -c 'cd /sys/fs/cgroup && echo +cpu +cpuset +memory +pids >cgroup.subtree_control; \
             mkdir -p {uid} && cd {uid} && chown {uid} . cgroup.procs cgroup.subtree_control cgroup.threads && \
             echo '$$' >cgroup.procs'`"
        ),
    }
}

/// The version 2 cgroup in the text of `/proc/PID/cgroup`; its parent if it is the engine's own.
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
        let assessed = |layout: &CgroupLayout, identity, probe: CgroupProbe| {
            let cgroups = assess(layout.clone(), "a".to_owned(), identity, &probe);
            match cgroups.access {
                Availability::Available => format!("yes, together {:?}", cgroups.together),
                Availability::Unavailable { cause, fix } => format!("{cause} | {fix}"),
            }
        };
        let all = [
            assessed(&CgroupLayout::None, Identity::Root, probe(None, false, false, false)),
            assessed(&v1, Identity::Root, probe(None, false, true, false)),
            assessed(&v1, Identity::Root, probe(Some("EROFS"), true, false, false)),
            assessed(&v1, ada, probe(None, false, false, true)),
            assessed(&v2, Identity::Root, probe(None, false, false, true)),
            assessed(&v2, Identity::Root, probe(None, false, true, true)),
            assessed(&v2, ada, probe(None, false, false, true)),
            assessed(&v2, ada, probe(Some("EACCES"), false, true, true)),
            assessed(&v2, ada, probe(Some("EROFS"), true, false, false)),
            assessed(&v2, ada, probe(None, false, true, false)),
        ];
        insta::assert_snapshot!(all.join("\n"));
    }
}
