//! The findings that follow from the probed data alone. These functions are pure, so the tests can check hosts that
//! are not at hand.

use minicontainer::core::{
    explain::Message,
    plan::{Availability, CgroupLayout, Host, Identity, SubordinateIds},
};

use super::{Finding, Verdict, message};

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
        return Finding::works(name, message("doctor-userns-works", []));
    };
    let is = |switch: &Option<String>, value| switch.as_deref().map(str::trim) == Some(value);
    let switch_off = |name: &str| message("doctor-userns-switch", [("name", name.into())]);
    let command = |command: String| message("doctor-command", [("command", command.into())]);
    let known = if is(&seen.max_user_namespaces, "0") {
        let name = "user.max_user_namespaces";
        Some((switch_off(name), command(format!("sudo sysctl {name}=15000"))))
    } else if is(&seen.userns_clone, "0") {
        let name = "kernel.unprivileged_userns_clone";
        Some((switch_off(name), command(format!("sudo sysctl {name}=1"))))
    } else if is(&seen.apparmor_restricts, "1") {
        Some((message("doctor-userns-apparmor", []), command(apparmor_profile(&seen.program))))
    } else {
        None
    };
    let (detail, fix) = match known {
        Some((why, fix)) => {
            (message("doctor-userns-because", [("cause", cause.clone().into()), ("why", why.into())]), fix)
        }
        None => (cause.clone(), fix.clone()),
    };
    // Root does not need a user namespace for isolation.
    let verdict = if host.identity == Identity::Root { Verdict::Missing } else { Verdict::Broken };
    Finding { verdict, ..Finding::lacks(name, detail, fix) }
}

/// A command that writes an AppArmor profile which allows one program to use user namespaces and restricts nothing
/// else, see "Restricted unprivileged user namespaces" in Ubuntu's security documentation.
fn apparmor_profile(program: &str) -> String {
    format!(
        r#"printf 'abi <abi/4.0>,\ninclude <tunables/global>\nprofile minicontainer "{program}" flags=(unconfined) {{\n  userns,\n}}\n' | sudo tee /etc/apparmor.d/minicontainer && sudo apparmor_parser -r /etc/apparmor.d/minicontainer"#
    )
}

/// Subordinate ids: ids in addition to the user's own.
pub(super) fn subordinate_ids(host: &Host) -> Finding {
    let name = "subordinate ids";
    match &host.subordinate {
        _ if host.identity == Identity::Root => Finding::works(name, message("doctor-ids-root", [])),
        SubordinateIds::Allocated { uids, gids } => {
            let count = |ranges: &[minicontainer::core::plan::IdRange]| {
                ranges.iter().map(|range| u64::from(range.count)).sum::<u64>()
            };
            let (users, groups) = (count(uids), count(gids));
            let detail = |key| message(key, [("users", users.into()), ("groups", groups.into())]);
            match users.min(groups) {
                // Images use ids up to 65534 (`nobody`).
                65_535.. => Finding::works(name, detail("doctor-ids")),
                _ => {
                    let fix = Message::new("fix-allocate-ids", [("user", "$USER".into())]);
                    Finding::lacks(name, detail("doctor-ids-few"), fix)
                }
            }
        }
        SubordinateIds::None { cause, fix } => {
            Finding::lacks(name, message("doctor-ids-none", [("cause", cause.clone().into())]), fix.clone())
        }
    }
}

/// Resources that the kernel counts per user: all of root's containers share one count, unless they have a user
/// namespace.
pub(super) fn counts(tried: &Availability, host: &Host) -> Option<Finding> {
    let name = "per-user counts";
    match (host.identity, tried) {
        (Identity::User { .. }, _) => None,
        (Identity::Root, Availability::Available) => Some(Finding::works(name, message("doctor-counts", []))),
        (Identity::Root, Availability::Unavailable { fix, .. }) => {
            Some(Finding::lacks(name, message("doctor-counts-shared", []), fix.clone()))
        }
    }
}

/// The cgroup of an ordinary user's containers. `hindrance` is the error with which the engine failed to prepare its
/// own cgroup for them.
pub(super) fn own_cgroup(host: &Host, hindrance: Option<String>) -> Option<Finding> {
    let name = "own cgroup";
    let (Identity::User { .. }, CgroupLayout::V2 { controllers }) = (host.identity, &host.cgroups.layout) else {
        return None;
    };
    Some(match &host.cgroups.access {
        Availability::Available => {
            let place = format!("/sys/fs/cgroup/{}", host.cgroups.parent);
            let arguments = [("place", place.into()), ("controllers", controllers.join(" ").into())];
            Finding::works(name, message("doctor-cgroup", arguments))
        }
        Availability::Unavailable { cause, fix } => {
            let detail = match hindrance {
                Some(hindrance) => cause.clone().because(hindrance),
                None => cause.clone(),
            };
            Finding::lacks(name, detail, fix.clone())
        }
    })
}

/// One finding for each cgroup controller.
pub(super) fn limits(host: &Host) -> Vec<Finding> {
    let kernel = |option: &str| message("doctor-fix-kernel", [("option", option.into())]);
    let wanted = [
        ("memory", "memory limit", message("doctor-fix-memory", [])),
        ("cpu", "cpu limit", kernel("CONFIG_CGROUP_SCHED")),
        ("pids", "pids limit", kernel("CONFIG_CGROUP_PIDS")),
        ("cpuset", "cpuset limit", kernel("CONFIG_CPUSETS")),
    ];
    let (version, controllers): (_, Vec<&str>) = match &host.cgroups.layout {
        CgroupLayout::None => ("", Vec::new()),
        CgroupLayout::V1 { hierarchies } => {
            ("cgroup v1", hierarchies.iter().flat_map(|names| names.split(',')).collect())
        }
        CgroupLayout::V2 { controllers } => ("cgroup v2", controllers.iter().map(String::as_str).collect()),
    };
    let finding = |(controller, name, for_root): (&str, &'static str, Message)| match &host.cgroups.access {
        Availability::Unavailable { cause, fix } => Finding::lacks(name, cause.clone(), fix.clone()),
        Availability::Available if controllers.contains(&controller) => {
            Finding::works(name, message("doctor-limit-works", [("version", version.into())]))
        }
        Availability::Available => {
            let arguments = [("version", version.into()), ("controller", controller.into())];
            let for_user = Message::new("fix-controllers", []);
            let fix = if host.identity == Identity::Root { for_root } else { for_user };
            Finding::lacks(name, message("doctor-limit-lacks", arguments), fix)
        }
    };
    wanted.into_iter().map(finding).collect()
}

/// Optional features of the kernel.
pub(super) fn kernel_features(seen: &Observations) -> Vec<Finding> {
    let file_system = |name: &str| seen.filesystems.lines().any(|line| line.split('\t').next_back() == Some(name));
    let kernel = |option: &str| message("doctor-fix-kernel", [("option", option.into())]);
    let seccomp = match seen.seccomp_actions.as_deref().map(str::trim) {
        Some(actions) if actions.split(' ').any(|action| action == "errno") => {
            Finding::works("seccomp", message("doctor-seccomp", [("actions", actions.into())]))
        }
        _ => Finding::lacks("seccomp", message("doctor-seccomp-lacks", []), kernel("CONFIG_SECCOMP_FILTER")),
    };
    let terminals = match file_system("devpts") {
        true => Finding::works("terminals", message("doctor-terminals", [])),
        false => Finding::lacks("terminals", message("doctor-terminals-lacks", []), kernel("CONFIG_UNIX98_PTYS")),
    };
    let overlay = match file_system("overlay") {
        true => Finding::works("overlayfs", message("doctor-overlay", [])),
        false => Finding::lacks("overlayfs", message("doctor-overlay-lacks", []), message("doctor-overlay-fix", [])),
    };
    vec![overlay, seccomp, terminals]
}

#[cfg(test)]
mod tests {
    use minicontainer::core::{explain::Language, plan::IdRange};

    use super::super::text::text;
    use super::*;

    fn denied() -> Availability {
        let (cause, fix) = (Message::new("cause-mount-denied", []), Message::new("fix-user-namespaces", []));
        Availability::Unavailable { cause, fix }
    }

    fn switch(value: &str) -> Option<String> {
        Some(format!("{value}\n"))
    }

    /// The report for a host, as `doctor` prints it.
    fn report(host: &Host, tried: &Availability, seen: &Observations, language: Language) -> String {
        let seen = Observations { program: "/home/ada/minicontainer".to_owned(), ..seen.clone() };
        let mut findings = vec![user_namespaces(tried, host, &seen), subordinate_ids(host)];
        findings.extend(counts(tried, host));
        let hindrance = "process 7 in /sys/fs/cgroup/shared belongs to another user".to_owned();
        findings.extend(own_cgroup(host, (host.cgroups.parent == "shared").then_some(hindrance)));
        findings.extend(limits(host));
        findings.extend(kernel_features(&seen));
        text(&findings, findings.iter().all(|finding| finding.verdict != Verdict::Broken), language)
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
        insta::assert_snapshot!(findings_in(Language::English));
        insta::assert_snapshot!(findings_in(Language::Portuguese));
    }

    fn findings_in(language: Language) -> String {
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
            ("root, everything available", report(&Host::example(), &works, &modern(), language)),
            ("root with cgroup v1 without memory", report(&v1, &works, &modern(), language)),
            ("an ordinary user without ids", report(&rootless, &works, &modern(), language)),
            ("too few ids", report(&few, &works, &modern(), language)),
            ("systemd delegated memory and pids", report(&delegated, &works, &modern(), language)),
            ("a cgroup shared with another user", report(&shared, &works, &modern(), language)),
            (
                "Ubuntu",
                report(&rootless, &denied(), &Observations { apparmor_restricts: switch("1"), ..modern() }, language),
            ),
            (
                "old Debian",
                report(&rootless, &denied(), &Observations { userns_clone: switch("0"), ..modern() }, language),
            ),
            (
                "hardened",
                report(
                    &rootless,
                    &denied(),
                    &Observations { max_user_namespaces: switch("0"), ..modern() },
                    language,
                ),
            ),
            ("denied for an unknown reason", report(&rootless, &denied(), &modern(), language)),
            (
                "a kernel without optional features",
                report(&Host::example(), &denied(), &Observations::default(), language),
            ),
        ];
        let shown = machines.map(|(name, text)| format!("== {name}\n{text}"));
        shown.join("\n")
    }
}
