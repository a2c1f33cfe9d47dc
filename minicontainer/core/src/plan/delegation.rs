//! Whether the engine may create cgroups, assessed from the result of a probe.
//!
//! Root creates them below the root of the hierarchies, unless these are read-only. An ordinary user needs a
//! *delegated* cgroup of version 2, see cgroups(7): a user who can write its files can create cgroups below it. On
//! version 2 a cgroup cannot contain processes and limit the cgroups below it as well ("no internal processes"), so
//! the delegated cgroup itself must not contain any.

use super::{Availability, CgroupLayout, Cgroups, Identity};
use crate::explain::Message;

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
    /// The error if it cannot be written, such as `EACCES`.
    pub denied: Option<String>,
    /// Whether that is because the file system is read-only.
    pub read_only: bool,
    /// Whether it contains processes itself, so that cgroups below it cannot have limits.
    pub has_processes: bool,
    /// How many processes and threads this machine can have at once.
    pub numbers: Option<u64>,
    /// Whether systemd runs, which can delegate a cgroup to a user.
    pub systemd: bool,
}

/// Whether containers can get cgroups, and if not, how to fix it.
pub fn assess(layout: CgroupLayout, parent: String, identity: Identity, probe: &CgroupProbe) -> Cgroups {
    let unavailable = |cause, fix| Some(Availability::Unavailable { cause, fix });
    let message = |key| Message::new(key, []);
    let at_place = |key| Message::new(key, [("place", probe.place.as_str().into())]);
    let denied = |key, errno: &String| {
        Message::new(key, [("place", probe.place.as_str().into()), ("errno", Message::errno(errno).into())])
    };
    let access = match (&layout, identity) {
        (CgroupLayout::None, _) => unavailable(message("cause-no-hierarchy"), message("fix-mount-hierarchy")),
        (CgroupLayout::V1 { .. }, Identity::User { .. }) => {
            unavailable(message("cause-files-of-root"), message("fix-version-1"))
        }
        (CgroupLayout::V2 { .. }, Identity::User { uid, .. }) => {
            let cause = probe.denied.as_ref().map(|errno| denied("cause-no-delegation-denied", errno));
            let cause = cause.or_else(|| probe.has_processes.then(|| at_place("cause-inhabited")));
            cause.and_then(|cause| unavailable(cause, delegation_fix(uid, probe)))
        }
        (CgroupLayout::V2 { .. }, Identity::Root) if probe.has_processes => {
            unavailable(at_place("cause-inhabited"), message("fix-move-processes"))
        }
        (_, Identity::Root) => {
            let errno = probe.denied.as_ref();
            errno.and_then(|errno| unavailable(denied("cause-not-writable", errno), message("fix-read-only")))
        }
    };
    // An eighth of the process ids stays free: the host needs some as well, for example to kill a runaway container.
    let together = probe.numbers.filter(|_| identity == Identity::Root && access.is_none());
    let together = together.map(|numbers| numbers - numbers / 8);
    Cgroups { layout, access: access.unwrap_or(Availability::Available), parent, together }
}

/// How an ordinary user gets a cgroup of version 2.
fn delegation_fix(uid: u32, probe: &CgroupProbe) -> Message {
    match probe {
        CgroupProbe { read_only: true, .. } => Message::new("fix-read-only", []),
        CgroupProbe { systemd: true, .. } => Message::new("fix-delegate-systemd", []),
        _ => {
            let command = format!(
                "sudo sh -c 'cd /sys/fs/cgroup && echo +cpu +cpuset +memory +pids >cgroup.subtree_control; \
                 mkdir -p {uid} && cd {uid} && chown {uid} . cgroup.procs cgroup.subtree_control cgroup.threads && \
                 echo '$$' >cgroup.procs'"
            );
            Message::new("fix-delegate", [("command", command.into())])
        }
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
        let probe = |denied: Option<&str>, read_only, has_processes, systemd| CgroupProbe {
            place: "/sys/fs/cgroup/a".to_owned(),
            denied: denied.map(str::to_owned),
            read_only,
            has_processes,
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
