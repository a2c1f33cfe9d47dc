//! The findings that follow from the probed data alone. These functions are pure, so the tests can check hosts that
//! are not at hand.

use minicontainer::core::plan::{Availability, CONTROLLERS_HINT, CgroupLayout, Host, Identity, SubordinateIds};

use super::{Finding, Verdict};

/// What `doctor` reads in addition to the planner's data.
#[derive(Clone, Debug, Default)]
pub(super) struct Observations {
    /// The path of this program.
    pub program: String,
    /// `kernel.apparmor_restrict_unprivileged_userns`: Ubuntu's restriction.
    pub apparmor_restricts: Option<String>,
    /// `kernel.unprivileged_userns_clone`: the switch of older Debian releases.
    pub userns_clone: Option<String>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Option<String>,
    /// `/proc/filesystems`.
    pub filesystems: String,
    /// `kernel.seccomp.actions_avail`.
    pub seccomp_actions: Option<String>,
}

/// User namespaces: whether one could be created and used, and if not, which of the known switches forbids it.
pub(super) fn user_namespaces(tried: &Availability, host: &Host, seen: &Observations) -> Finding {
    let name = "user namespaces";
    let Availability::Unavailable { cause, fix } = tried else {
        return Finding::works(name, "a namespace was created, and a mount in it succeeded");
    };
    let is = |switch: &Option<String>, value| switch.as_deref().map(str::trim) == Some(value);
    let (why, fix) = if is(&seen.max_user_namespaces, "0") {
        ("user.max_user_namespaces is 0", "`sudo sysctl user.max_user_namespaces=15000`".to_owned())
    } else if is(&seen.userns_clone, "0") {
        ("kernel.unprivileged_userns_clone is 0", "`sudo sysctl kernel.unprivileged_userns_clone=1`".to_owned())
    } else if is(&seen.apparmor_restricts, "1") {
        ("AppArmor allows them only for listed programs", apparmor_profile(&seen.program))
    } else {
        ("", fix.clone())
    };
    let detail = if why.is_empty() { cause.clone() } else { format!("{cause}: {why}") };
    // Root does not need a user namespace for isolation.
    let verdict = if host.identity == Identity::Root { Verdict::Missing } else { Verdict::Broken };
    Finding { name, verdict, detail, fix: Some(fix) }
}

/// An AppArmor profile that allows one program to use user namespaces and restricts nothing else, see "Restricted
/// unprivileged user namespaces" in Ubuntu's security documentation.
fn apparmor_profile(program: &str) -> String {
    format!(
        r#"`printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile minicontainer "{program}" flags=(unconfined) {{\n  userns,\n}}\n' | sudo tee /etc/apparmor.d/minicontainer && sudo apparmor_parser -r /etc/apparmor.d/minicontainer`"#
    )
}

/// Subordinate ids: ids in addition to the user's own.
pub(super) fn subordinate_ids(host: &Host) -> Finding {
    let name = "subordinate ids";
    match &host.subordinate {
        _ if host.identity == Identity::Root => Finding::works(name, "not needed by root"),
        SubordinateIds::Allocated { uids, gids } => {
            let count = |ranges: &[minicontainer::core::plan::IdRange]| {
                ranges.iter().map(|range| u64::from(range.count)).sum::<u64>()
            };
            let (users, groups) = (count(uids), count(gids));
            let detail = format!("{users} user ids and {groups} group ids in addition to your own");
            match users.min(groups) {
                // Images use ids up to 65534 (`nobody`).
                65_535.. => Finding::works(name, detail),
                _ => Finding {
                    name,
                    verdict: Verdict::Missing,
                    detail: format!("{detail}, fewer than the 65536 that images expect"),
                    fix: Some(
                        "`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER`".to_owned(),
                    ),
                },
            }
        }
        SubordinateIds::None { cause, fix } => Finding {
            name,
            verdict: Verdict::Missing,
            detail: format!("containers have only id 0, which is your own user: {cause}"),
            fix: Some(fix.clone()),
        },
    }
}

/// Resources that the kernel counts per user: all of root's containers share one count, unless they have a user
/// namespace.
pub(super) fn counts(tried: &Availability, host: &Host) -> Option<Finding> {
    let name = "per-user counts";
    let counted = "inotify instances, message queues, pending signals and pipes are counted per user";
    match (host.identity, tried) {
        (Identity::User { .. }, _) => None,
        (Identity::Root, Availability::Available) => {
            let how = "a container has its own with --userns auto or --profile=untrusted, else it shares root's";
            Some(Finding::works(name, format!("{counted}: {how}")))
        }
        (Identity::Root, Availability::Unavailable { fix, .. }) => Some(Finding {
            name,
            verdict: Verdict::Missing,
            detail: format!(
                "{counted}, and all containers of root share one count, because no user namespace can be created"
            ),
            fix: Some(fix.clone()),
        }),
    }
}

/// The cgroup of an ordinary user's containers. `hindrance` is the error with which the engine failed to prepare its
/// own cgroup for them.
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

/// One finding for each cgroup controller.
pub(super) fn limits(host: &Host) -> Vec<Finding> {
    let wanted = [
        ("memory", "memory limit", "boot Linux with `cgroup_enable=memory`"),
        ("cpu", "cpu limit", "use a kernel with CONFIG_CGROUP_SCHED"),
        ("pids", "pids limit", "use a kernel with CONFIG_CGROUP_PIDS"),
        ("cpuset", "cpuset limit", "use a kernel with CONFIG_CPUSETS"),
    ];
    let (version, controllers): (_, Vec<&str>) = match &host.cgroups.layout {
        CgroupLayout::None => ("no cgroups", Vec::new()),
        CgroupLayout::V1 { hierarchies } => {
            ("cgroup v1", hierarchies.iter().flat_map(|names| names.split(',')).collect())
        }
        CgroupLayout::V2 { controllers } => ("cgroup v2", controllers.iter().map(String::as_str).collect()),
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

/// Optional features of the kernel.
pub(super) fn kernel_features(seen: &Observations) -> Vec<Finding> {
    let file_system = |name: &str| seen.filesystems.lines().any(|line| line.split('\t').next_back() == Some(name));
    let lacking = |name, detail: &str, fix: &str| Finding {
        name,
        verdict: Verdict::Missing,
        detail: detail.to_owned(),
        fix: Some(fix.to_owned()),
    };
    let seccomp = match seen.seccomp_actions.as_deref().map(str::trim) {
        Some(actions) if actions.split(' ').any(|action| action == "errno") => {
            Finding::works("seccomp", format!("supported actions: {actions}"))
        }
        _ => lacking("seccomp", "this kernel does not support filters", "use a kernel with CONFIG_SECCOMP_FILTER"),
    };
    let terminals = match file_system("devpts") {
        true => Finding::works("terminals", "a container can have terminals of its own"),
        false => lacking("terminals", "this kernel has no devpts", "use a kernel with CONFIG_UNIX98_PTYS"),
    };
    let overlay = match file_system("overlay") {
        true => Finding::works("overlayfs", "supported by the kernel"),
        false => lacking("overlayfs", "not loaded in the kernel", "`sudo modprobe overlay`; else --driver copy"),
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

    /// The report for a host, as `doctor` prints it.
    fn report(host: &Host, tried: &Availability, seen: &Observations) -> String {
        let seen = Observations { program: "/home/ada/minicontainer".to_owned(), ..seen.clone() };
        let mut findings = vec![user_namespaces(tried, host, &seen), subordinate_ids(host)];
        findings.extend(counts(tried, host));
        let hindrance = "process 7 in /sys/fs/cgroup/shared belongs to another user".to_owned();
        findings.extend(own_cgroup(host, (host.cgroups.parent == "shared").then_some(hindrance)));
        findings.extend(limits(host));
        findings.extend(kernel_features(&seen));
        text(&findings, findings.iter().all(|finding| finding.verdict != Verdict::Broken))
    }

    fn modern() -> Observations {
        Observations {
            filesystems: "nodev\tsysfs\nnodev\tdevpts\n\text4\nnodev\toverlay\n".to_owned(),
            seccomp_actions: switch("kill_process kill_thread trap errno user_notif trace log allow"),
            max_user_namespaces: switch("15000"),
            ..Observations::default()
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
            ("root, everything available", report(&Host::example(), &works, &modern())),
            ("root with cgroup v1 without memory", report(&v1, &works, &modern())),
            ("an ordinary user without ids", report(&rootless, &works, &modern())),
            ("too few ids", report(&few, &works, &modern())),
            ("systemd delegated memory and pids", report(&delegated, &works, &modern())),
            ("a cgroup shared with another user", report(&shared, &works, &modern())),
            ("Ubuntu", report(&rootless, &denied(), &Observations { apparmor_restricts: switch("1"), ..modern() })),
            ("old Debian", report(&rootless, &denied(), &Observations { userns_clone: switch("0"), ..modern() })),
            (
                "hardened",
                report(&rootless, &denied(), &Observations { max_user_namespaces: switch("0"), ..modern() }),
            ),
            ("denied for an unknown reason", report(&rootless, &denied(), &modern())),
            ("a kernel without optional features", report(&Host::example(), &denied(), &Observations::default())),
        ];
        let shown = machines.map(|(name, text)| format!("== {name}\n{text}"));
        insta::assert_snapshot!(shown.join("\n"));
    }
}
