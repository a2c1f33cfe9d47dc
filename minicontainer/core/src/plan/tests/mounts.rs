//! The mounts of plans, and the files on them: their order, and what must not be hidden.

use super::*;
use crate::options::MountSpec;

/// A container without its own cgroup would see those of other containers, so the path is masked.
#[test]
fn cgroups_are_masked_without_own_cgroup() {
    let mut user_v1 = host_v1();
    (user_v1.identity, user_v1.cgroups.access) =
        (Host::example_rootless().identity, Host::example_rootless().cgroups.access);
    let mut user_on_network = shell();
    user_on_network.network = Network::Host;
    for (options, host) in
        [(shell(), Host::example_rootless()), (shell(), user_v1.clone()), (user_on_network.clone(), user_v1)]
    {
        let steps = planned(&options, &host).steps;
        assert!(steps.contains(&Step::MaskPath { path: "/sys/fs/cgroup".into() }));
        assert!(!steps.iter().any(|step| matches!(step, Step::Mount { fstype, .. } if fstype.starts_with("cgroup"))));
    }
    // A container with a cgroup sees it, even in a /sys that is bind mounted from the host.
    let mut delegated = Host::example_rootless();
    delegated.cgroups.access = Availability::Available;
    let steps = planned(&user_on_network, &delegated).steps;
    assert!(steps.iter().any(|step| matches!(step, Step::Mount { fstype, .. } if fstype == "cgroup2")));
    assert!(!steps.contains(&Step::MaskPath { path: "/sys/fs/cgroup".into() }));
}

/// Only hierarchies in which the container has a cgroup are mounted, whatever the runtime config contains.
#[test]
fn spec_without_cgroup_sees_no_hierarchy() {
    let host = host_v1();
    let mut spec = document(&shell(), &host).expect("a runtime config");
    let linux = spec.linux_mut().as_mut().unwrap();
    linux.set_cgroups_path(None).set_resources(None);
    let steps = plan(&spec, &overlay(), &host).expect("a plan").steps;
    assert!(steps.contains(&Step::MaskPath { path: "/sys/fs/cgroup".into() }));
    assert!(!steps.iter().any(|step| matches!(step, Step::Mount { fstype, .. } if fstype == "cgroup")));
}

/// The thermal counters of this machine's processors are masked, as in Docker.
#[test]
fn thermal_throttle_counters_are_masked() {
    let host = Host { thermal_throttle: vec![0, 3], ..Host::example() };
    for profile in [Profile::Default, Profile::Docker] {
        let steps = planned(&RunOptions { profile, ..shell() }, &host).steps;
        for number in [0, 3] {
            let path = format!("/sys/devices/system/cpu/cpu{number}/thermal_throttle");
            assert!(steps.contains(&Step::MaskPath { path }), "{number}");
        }
    }
    let plain = planned(&shell(), &Host::example()).steps;
    assert!(!plain.iter().any(|step| format!("{step:?}").contains("thermal_throttle")));
}

/// A mount with a default target replaces the default; defaults below it are omitted, except for terminals.
#[test]
fn requested_mount_replaces_default_mount() {
    let destinations = |volumes: &[&str], terminal: bool| {
        let mount = |text: &&str| MountSpec::from_volume(text, "/").expect("a mount");
        let terminal = terminal.then(WindowSize::default);
        let options = RunOptions { mounts: volumes.iter().map(mount).collect(), terminal, ..shell() };
        let mounts = planned(&options, &Host::example()).steps.into_iter().filter_map(|step| match step {
            Step::Mount { destination, .. } => Some(destination),
            Step::BindMount { source, .. } if source.starts_with("/store/") => None,
            Step::BindMount { source, destination, .. } => Some(format!("{source}:{destination}")),
            _ => None,
        });
        mounts.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        destinations(&["/a:/data", "/b:/dev/shm"], false),
        "/proc /dev /dev/pts /sys /sys/fs/cgroup /dev/mqueue /b:/dev/shm /a:/data"
    );
    assert_eq!(destinations(&["/dev:/dev"], false), "/proc /dev:/dev /sys /sys/fs/cgroup");
    assert_eq!(destinations(&["/dev:/dev"], true), "/proc /dev:/dev /dev/pts /sys /sys/fs/cgroup");
    assert_eq!(
        destinations(&["/sys:/sys", "/a:/sys/fs"], false),
        "/proc /dev /dev/pts /sys:/sys /dev/mqueue /dev/shm /a:/sys/fs"
    );
    // No nodes or links are created in the host's /dev.
    let bound = RunOptions { mounts: vec![MountSpec::from_volume("/dev:/dev", "/").unwrap()], ..shell() };
    let steps = planned(&bound, &Host::example()).steps;
    assert!(!steps.iter().any(|step| matches!(step, Step::MakeDevice { .. } | Step::Symlink { .. })));
}

/// A mask below another mask, and a duplicate mask, are omitted.
#[test]
fn masked_paths_are_not_masked_twice() {
    let plan = edited(|spec| {
        let paths = |paths: &[&str]| Some(paths.iter().map(|path| (*path).to_owned()).collect());
        let linux = spec.linux_mut().as_mut().unwrap();
        linux.set_masked_paths(paths(&["/proc/a", "/proc/a/b", "/proc//a/", "/proc/ab"]));
        linux.set_readonly_paths(paths(&["/proc/sys", "/proc/sys/net", "/proc/a/c"]));
    });
    let steps = plan.expect("a plan").steps;
    let covers = steps.iter().filter(|step| matches!(step, Step::MaskPath { .. } | Step::ReadonlyPath { .. }));
    let covers: Vec<String> = covers.flat_map(Step::paths_inside).collect();
    assert_eq!(covers, ["/proc/a", "/proc/ab", "/proc/sys"]);
}

proptest! {
    /// The protections are on the engine's mounts, and nothing covers them later.
    #[test]
    fn system_mounts_are_unique_and_masked_last(options in any_options(), host in any_host()) {
        let plan = planned(&options, &host);
        let index = |path: &str| plan.steps.iter().position(|step| {
            matches!(step, Step::Mount { destination, .. } | Step::BindMount { destination, .. } if destination == path)
        });
        let last_mount = plan.steps.iter().rposition(|step| matches!(step, Step::Mount { .. } | Step::BindMount { .. }));
        // Each is mounted exactly once.
        for path in ["/proc", "/sys", "/dev"] {
            prop_assert!(index(path).is_some(), "{} is not mounted", path);
            let all = plan.steps.iter().filter(|step| {
                matches!(step, Step::Mount { destination, .. } | Step::BindMount { destination, .. } if destination == path)
            });
            prop_assert_eq!(all.count(), 1);
        }
        for (place, step) in plan.steps.iter().enumerate() {
            match step {
                // Masks come after all mounts, so that no later mount can cover them.
                Step::MaskPath { path } | Step::ReadonlyPath { path } => {
                    prop_assert!(last_mount < Some(place) && is_system_path(path), "{}", path);
                }
                // Only harmless single files of procfs may be covered.
                Step::Mount { destination, .. } | Step::BindMount { destination, .. } => {
                    prop_assert!(destination == "/proc" || may_be_covered(destination), "{}", destination);
                }
                // The host's device nodes are bind mounted only if none can be created.
                Step::BindDevice { .. } => prop_assert_ne!(host.identity, Identity::Root),
                _ => {}
            }
            // A mount below another one comes after it, so no mount hides another one of the plan, but the user's
            // own.
            if let Step::Mount { destination, .. } = step {
                let hidden = plan.steps[..place].iter().flat_map(Step::paths_inside);
                prop_assert!(!hidden.into_iter().any(|path| path != "/" && path != *destination
                    && is_at_or_below(&path, destination)), "{} hides something", destination);
            }
        }
        // All masks exist unless they were turned off.
        let open = options.without.contains(&Isolation::MaskedPaths) || options.privileged;
        let masks = ["/proc/kcore", "/proc/keys", "/sys/firmware", "/sys/devices/virtual/powercap"];
        let masks = masks.map(|path| Step::MaskPath { path: path.to_owned() });
        for cover in masks.into_iter().chain([Step::ReadonlyPath { path: "/proc/sys".to_owned() }]) {
            prop_assert!(open || plan.steps.contains(&cover), "{:?}", cover);
        }
        // Cgroups are mounted only for a container that has its own.
        let has_group = plan.steps.iter().any(|step| matches!(step, Step::CreateCgroup { .. }));
        let shown = plan.steps.iter().any(|step| matches!(step, Step::Mount { fstype, .. } if fstype.starts_with("cgroup")));
        prop_assert!(has_group || !shown);
    }
}
