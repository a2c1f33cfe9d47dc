//! What can be told from what was found out about the machine, with nothing tried: pure, so that machines which
//! nobody here has can be made up in the tests.

use minicontainer::core::plan::{Availability, CONTROLLERS_HINT, CgroupLayout, Host, Identity, SubordinateIds};

use super::{Finding, Verdict};

/// What the doctor reads beside what the planner must know.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Where this program lies.
    pub program: String,
    /// `kernel.apparmor_restrict_unprivileged_userns`: Ubuntu's restriction.
    pub apparmor_restricts: Option<String>,
    /// `kernel.unprivileged_userns_clone`: older Debian's switch.
    pub userns_clone: Option<String>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<String>,
    /// `/proc/filesystems`.
    pub filesystems: String,
    /// `kernel.seccomp.actions_avail`.
    pub seccomp_actions: Option<String>,
}

/// User namespaces: whether one could be made and used, and if not, which of the known switches forbids it.
pub(super) fn user_namespaces(tried: &Availability, host: &Host, seen: &Seen) -> Finding {
    let name = "user namespaces";
    let Availability::Unavailable { cause, fix } = tried else {
        return Finding::works(name, "one was made, and something mounted in it");
    };
    let is = |switch: &Option<String>, value| switch.as_deref().map(str::trim) == Some(value);
    let (why, fix) = if is(&seen.max_user_namespaces, "0") {
        ("user.max_user_namespaces is 0", "`sudo sysctl user.max_user_namespaces=15000`".to_owned())
    } else if is(&seen.userns_clone, "0") {
        ("kernel.unprivileged_userns_clone is 0", "`sudo sysctl kernel.unprivileged_userns_clone=1`".to_owned())
    } else if is(&seen.apparmor_restricts, "1") {
        ("AppArmor lets only listed programs use them", apparmor_profile(&seen.program))
    } else {
        ("", fix.clone())
    };
    let detail = if why.is_empty() { cause.clone() } else { format!("{cause}: {why}") };
    // Root isolates by its own powers.
    let verdict = if host.identity == Identity::Root { Verdict::Missing } else { Verdict::Broken };
    Finding { name, verdict, detail, fix: Some(fix) }
}

/// The profile that lets one program use user namespaces and restricts it in nothing, see "Restricted unprivileged
/// user namespaces" in Ubuntu's security documentation.
fn apparmor_profile(program: &str) -> String {
    format!(
        r#"`printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile minicontainer "{program}" flags=(unconfined) {{\n  userns,\n}}\n' | sudo tee /etc/apparmor.d/minicontainer && sudo apparmor_parser -r /etc/apparmor.d/minicontainer`"#
    )
}

/// Further ids than the user's own.
pub(super) fn subordinate_ids(host: &Host) -> Finding {
    let name = "subordinate ids";
    match &host.subordinate {
        _ if host.identity == Identity::Root => Finding::works(name, "root needs none"),
        SubordinateIds::Allocated { uids, gids } => {
            let count = |ranges: &[minicontainer::core::plan::IdRange]| {
                ranges.iter().map(|range| u64::from(range.count)).sum::<u64>()
            };
            let (users, groups) = (count(uids), count(gids));
            let detail = format!("{users} user ids and {groups} group ids beside your own");
            match users.min(groups) {
                // As many as an image may use: nobody is 65534.
                65_535.. => Finding::works(name, detail),
                _ => Finding {
                    name,
                    verdict: Verdict::Missing,
                    detail: format!("{detail}, fewer than the 65536 that images count on"),
                    fix: Some(
                        "`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER`".to_owned(),
                    ),
                },
            }
        }
        SubordinateIds::None { cause, fix } => Finding {
            name,
            verdict: Verdict::Missing,
            detail: format!("a container has the single id 0, which is you: {cause}"),
            fix: Some(fix.clone()),
        },
    }
}

/// What the kernel counts for each user: root is one in all its containers, unless they have ids of their own.
pub(super) fn counts(tried: &Availability, host: &Host) -> Option<Finding> {
    let name = "counts of its own";
    let counted = "inotify instances, message queues, pending signals and pipes are counted for each user";
    match (host.identity, tried) {
        (Identity::User { .. }, _) => None,
        (Identity::Root, Availability::Available) => {
            let how = "a container has its own with --userns auto or --profile=untrusted, else it shares root's";
            Some(Finding::works(name, format!("{counted}: {how}")))
        }
        (Identity::Root, Availability::Unavailable { fix, .. }) => Some(Finding {
            name,
            verdict: Verdict::Missing,
            detail: format!("{counted}, and root's containers can but share root's: no user namespace can be made"),
            fix: Some(fix.clone()),
        }),
    }
}

/// Where an ordinary user's containers have their control groups. `hindrance` is what kept the engine from making the
/// one in which it lives ready for them.
pub(super) fn own_cgroup(host: &Host, hindrance: Option<String>) -> Option<Finding> {
    let name = "own cgroup";
    let (Identity::User { .. }, CgroupLayout::V2 { controllers }) = (host.identity, &host.cgroups.layout) else {
        return None;
    };
    let place = format!("/sys/fs/cgroup/{}", host.cgroups.parent);
    Some(match &host.cgroups.access {
        Availability::Available => {
            Finding::works(name, format!("{place} is delegated to you, with {}", controllers.join(" ")))
        }
        Availability::Unavailable { cause, fix } => Finding {
            name,
            verdict: Verdict::Missing,
            detail: hindrance.map_or_else(|| cause.clone(), |hindrance| format!("{cause} ({hindrance})")),
            fix: Some(fix.clone()),
        },
    })
}

/// Control groups: one finding for each limit.
pub(super) fn limits(host: &Host) -> Vec<Finding> {
    let wanted = [
        ("memory", "limit of memory", "boot Linux with `cgroup_enable=memory`"),
        ("cpu", "limit of cpu", "use a kernel with CONFIG_CGROUP_SCHED"),
        ("pids", "limit of pids", "use a kernel with CONFIG_CGROUP_PIDS"),
        ("cpuset", "limit of cpuset", "use a kernel with CONFIG_CPUSETS"),
    ];
    let (version, controllers): (_, Vec<&str>) = match &host.cgroups.layout {
        CgroupLayout::None => ("no control groups", Vec::new()),
        CgroupLayout::V1 { hierarchies } => {
            ("control groups of version 1", hierarchies.iter().flat_map(|names| names.split(',')).collect())
        }
        CgroupLayout::V2 { controllers } => {
            ("control groups of version 2", controllers.iter().map(String::as_str).collect())
        }
    };
    let finding = |(controller, name, kernel): (&str, &'static str, &str)| match &host.cgroups.access {
        Availability::Unavailable { cause, fix } => {
            Finding { name, verdict: Verdict::Missing, detail: cause.clone(), fix: Some(fix.clone()) }
        }
        Availability::Available if controllers.contains(&controller) => Finding::works(name, version),
        Availability::Available => Finding {
            name,
            verdict: Verdict::Missing,
            detail: format!("{version} without the controller {controller}"),
            fix: Some(if host.identity == Identity::Root { kernel } else { CONTROLLERS_HINT }.to_owned()),
        },
    };
    wanted.into_iter().map(finding).collect()
}

/// What a kernel is built with or not.
pub(super) fn kernel_features(seen: &Seen) -> Vec<Finding> {
    let file_system = |name: &str| seen.filesystems.lines().any(|line| line.split('\t').next_back() == Some(name));
    let lacking = |name, detail: &str, fix: &str| Finding {
        name,
        verdict: Verdict::Missing,
        detail: detail.to_owned(),
        fix: Some(fix.to_owned()),
    };
    let seccomp = match seen.seccomp_actions.as_deref().map(str::trim) {
        Some(actions) if actions.split(' ').any(|action| action == "errno") => {
            Finding::works("seccomp", format!("filters can {actions}"))
        }
        _ => lacking("seccomp", "this kernel takes no filters", "use a kernel with CONFIG_SECCOMP_FILTER"),
    };
    let terminals = match file_system("devpts") {
        true => Finding::works("terminals", "a container can have terminals of its own"),
        false => lacking("terminals", "this kernel has no devpts", "use a kernel with CONFIG_UNIX98_PTYS"),
    };
    let overlay = match file_system("overlay") {
        true => Finding::works("overlayfs", "the kernel has it"),
        false => {
            lacking("overlayfs", "the kernel does not show it (yet)", "`sudo modprobe overlay`; else --driver copy")
        }
    };
    vec![overlay, seccomp, terminals]
}

#[cfg(test)]
mod tests {
    use minicontainer::core::plan::IdRange;

    use super::super::text;
    use super::*;

    fn denied() -> Availability {
        let cause = "a user namespace can be made, but mounting in it is denied".to_owned();
        Availability::Unavailable { cause, fix: "run as root".to_owned() }
    }

    fn switch(value: &str) -> Option<String> {
        Some(format!("{value}\n"))
    }

    /// A machine as the doctor sees it, in the doctor's own words.
    fn told(host: &Host, tried: &Availability, seen: &Seen) -> String {
        let seen = Seen { program: "/home/ada/minicontainer".to_owned(), ..seen.clone() };
        let mut findings = vec![user_namespaces(tried, host, &seen), subordinate_ids(host)];
        findings.extend(counts(tried, host));
        let hindrance = "process 7 in /sys/fs/cgroup/shared is another user's".to_owned();
        findings.extend(own_cgroup(host, (host.cgroups.parent == "shared").then_some(hindrance)));
        findings.extend(limits(host));
        findings.extend(kernel_features(&seen));
        text(&findings, findings.iter().all(|finding| finding.verdict != Verdict::Broken))
    }

    fn modern() -> Seen {
        Seen {
            filesystems: "nodev\tsysfs\nnodev\tdevpts\n\text4\nnodev\toverlay\n".to_owned(),
            seccomp_actions: switch("kill_process kill_thread trap errno user_notif trace log allow"),
            max_user_namespaces: switch("15000"),
            ..Seen::default()
        }
    }

    #[test]
    fn findings_for_example_hosts() {
        let works = Availability::Available;
        let rootless = Host::example_rootless();
        let mut few = Host::example_rootless_with_ids();
        if let SubordinateIds::Allocated { gids, .. } = &mut few.subordinate {
            *gids = vec![IdRange { first: 100_000, count: 1000 }];
        }
        let mut v1 = Host::example();
        v1.cgroups.layout = CgroupLayout::V1 { hierarchies: vec!["cpu,cpuacct".to_owned(), "pids".to_owned()] };
        let mut delegated = Host::example_rootless_with_ids();
        delegated.cgroups.access = Availability::Available;
        delegated.cgroups.layout = CgroupLayout::V2 { controllers: vec!["memory".to_owned(), "pids".to_owned()] };
        delegated.cgroups.parent = "user.slice/user-1000.slice/user@1000.service/app.slice/run-r42.scope".to_owned();
        let mut shared = Host::example_rootless_with_ids();
        shared.cgroups.parent = "shared".to_owned();
        let machines = [
            ("root, all there", told(&Host::example(), &works, &modern())),
            ("root on version 1 without memory", told(&v1, &works, &modern())),
            ("an ordinary user without ids", told(&rootless, &works, &modern())),
            ("too few ids", told(&few, &works, &modern())),
            ("systemd delegated memory and pids", told(&delegated, &works, &modern())),
            ("a cgroup with somebody else in it", told(&shared, &works, &modern())),
            ("Ubuntu", told(&rootless, &denied(), &Seen { apparmor_restricts: switch("1"), ..modern() })),
            ("old Debian", told(&rootless, &denied(), &Seen { userns_clone: switch("0"), ..modern() })),
            ("hardened", told(&rootless, &denied(), &Seen { max_user_namespaces: switch("0"), ..modern() })),
            ("denied by whatever", told(&rootless, &denied(), &modern())),
            ("a small kernel", told(&Host::example(), &denied(), &Seen::default())),
        ];
        let shown = machines.map(|(name, text)| format!("== {name}\n{text}"));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
