//! Plans as snapshots, rejected plans, and properties of every plan.

mod joins;
mod mounts;

use crate::diagnostic::Diagnostic;
use crate::explain::Message;
use std::collections::BTreeSet;
use std::path::Path;

use oci_spec::runtime::{LinuxIdMappingBuilder, Mount, Spec};
use proptest::prelude::*;

use super::*;
use crate::image::{Config, resolve_process};
use crate::options::{
    Access, Isolation, Limits, MountSpec, Network, PidsLimit, Profile, RunOptions, Users, WindowSize, resolve_user,
};
use crate::spec::{SpecError, spec};

fn overlay() -> RootFs {
    let path = |name: &str| format!("/store/containers/4f3c/{name}");
    RootFs::Overlay {
        lowers: vec!["/store/layers/b/fs".into(), "/store/layers/a/fs".into()],
        upper: path("upper"),
        work: path("work"),
        target: path("rootfs"),
        volatile: true,
        limit: None,
    }
}

fn directory() -> RootFs {
    RootFs::Directory { path: "/store/containers/4f3c/rootfs".into() }
}

fn document(options: &RunOptions, host: &Host) -> Result<Spec, SpecError> {
    let process = resolve_process(options, &Default::default()).expect("there is a command");
    let user = resolve_user(&process.user, "root:x:0:0:root:/root:/bin/sh\n", "").expect("root is there");
    spec(options, &process, &user, "4f3c00112233445566", host, Some(Path::new("/store/containers/4f3c")))
}

fn shell() -> RunOptions {
    RunOptions { command: vec!["sh".into()], ..RunOptions::default() }
}

fn planned(options: &RunOptions, host: &Host) -> Plan {
    plan(&document(options, host).expect("a runtime config"), &overlay(), host).expect("a plan")
}

#[test]
fn untrusted_profile_of_root_uses_own_ids() {
    let options = RunOptions { profile: Profile::Untrusted, ..shell() };
    insta::assert_snapshot!(lines(&planned(&options, &Host::example())));
}

/// The owner of a bind mount is mapped to root only in a container with its own ids.
#[test]
fn bind_mount_owner_is_mapped_to_container_root() {
    let owners = |profile, host: &Host| {
        let mount = MountSpec::bind("/srv/ada", "/program", Access::ReadOnly).expect("a mount").owned_by([1000, 100]);
        let plan = planned(&RunOptions { profile, mounts: vec![mount], best_effort: true, ..shell() }, host);
        plan.steps.into_iter().find_map(|step| match step {
            Step::BindMount { destination, owners, .. } if destination == "/program" => Some(owners),
            _ => None,
        })
    };
    let shown = owners(Profile::Untrusted, &Host::example()).flatten().expect("it is idmapped");
    assert_eq!(shown.clone().map(|map| (map[0].inside, map[0].count, map.len())), [(1000, 1, 1), (100, 1, 1)]);
    assert!(shown.iter().all(|map| map[0].outside >= 1 << 16), "{shown:?}");
    assert_eq!(owners(Profile::Default, &Host::example()), Some(None));
    assert_eq!(owners(Profile::Untrusted, &Host::example_rootless()), Some(None));
}

/// A document's idmapped mount is created exactly as specified, or rejected.
#[test]
fn idmapped_mount_needs_uid_and_gid_maps() {
    let map =
        vec![LinuxIdMappingBuilder::default().container_id(5_u32).host_id(7_u32).size(2_u32).build().expect("a map")];
    let check = |kind: &str, uids: bool, gids: bool, word: &[&str], expect: bool| {
        let planned = edited(|spec| {
            let mut mount = Mount::default();
            let options = ["bind"].iter().chain(word).map(|option| (*option).to_owned()).collect();
            mount.set_destination("/data".into()).set_source(Some("/srv".into())).set_typ(Some(kind.to_owned()));
            mount.set_uid_mappings(uids.then(|| map.clone())).set_gid_mappings(gids.then(|| map.clone()));
            mount.set_options((kind == "bind").then_some(options));
            spec.mounts_mut().get_or_insert_default().push(mount);
        });
        assert_eq!(planned.is_ok(), expect, "{kind} {uids} {gids} {word:?}: {planned:?}");
    };
    check("bind", true, true, &["idmap"], true);
    check("bind", true, true, &[], true);
    check("bind", true, false, &[], false);
    check("bind", false, true, &["ridmap"], false);
    check("bind", false, false, &["idmap"], false);
    check("tmpfs", true, true, &[], false);
}

/// One line for each step, so that snapshots are readable.
fn lines(plan: &Plan) -> String {
    let line = |step: &Step| {
        let mut value = serde_json::to_value(step).expect("steps are data");
        let kind = value.as_object_mut().and_then(|fields| fields.remove("kind")).expect("every step has a kind");
        format!("{:<19} {value}", kind.as_str().unwrap_or_default())
    };
    plan.steps.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn host_v1() -> Host {
    let hierarchies =
        ["cpu,cpuacct", "cpuset", "devices", "memory", "name=systemd", "pids"].map(str::to_owned).to_vec();
    let mut host = Host::example();
    host.cgroups.layout = CgroupLayout::V1 { hierarchies };
    host
}

#[test]
fn root_on_cgroup_v2() {
    insta::assert_snapshot!(lines(&planned(&shell(), &Host::example())));
}

/// The tmpfs covers the container's directory before anything is created or mounted in it.
#[test]
fn limited_layer_has_its_own_file_system() {
    let limited = |volatile| {
        let mut root = overlay();
        if let RootFs::Overlay { limit, volatile: thrown_away, lowers, .. } = &mut root {
            (*limit, *thrown_away) = (crate::options::StorageLimit::of_bytes(1 << 20), volatile);
            lowers.push("/store/containers/4f3c/lower".into());
        }
        plan(&document(&shell(), &Host::example()).expect("a runtime config"), &root, &Host::example())
    };
    let steps = limited(true).expect("a plan").steps;
    let at = steps.iter().position(|step| matches!(step, Step::LimitWritableLayer { .. })).expect("a limit");
    assert!(matches!(steps[at + 1], Step::MountOverlay { .. }) && matches!(steps[at - 1], Step::MakeMountsPrivate));
    let Step::LimitWritableLayer { directory, bytes, inodes, directories } = &steps[at] else { unreachable!() };
    assert_eq!((directory.as_str(), *bytes, *inodes), ("/store/containers/4f3c", 1 << 20, 256));
    assert_eq!(
        *directories,
        ["upper", "work", "rootfs", "lower"].map(|name| format!("/store/containers/4f3c/{name}"))
    );
    assert_eq!(limited(false), Err(PlanError::LayerLimitNeedsThrowAway));
}

/// A mount from the host's cgroup namespace would change the options of the version 2 hierarchy.
#[test]
fn host_cgroups_are_bind_mounted_without_cgroup_namespace() {
    let shows = |without: BTreeSet<Isolation>| {
        let options = RunOptions { without, ..shell() };
        let plan = planned(&options, &Host::example());
        plan.steps.into_iter().find(|step| lines(&Plan { steps: vec![step.clone()] }).contains("/sys/fs/cgroup"))
    };
    let own = shows(BTreeSet::new());
    assert!(matches!(&own, Some(Step::Mount { fstype, .. }) if fstype == "cgroup2"), "{own:?}");
    let shared = shows(BTreeSet::from([Isolation::Cgroup]));
    let Some(Step::BindMount { attributes, .. }) = &shared else { panic!("{shared:?}") };
    assert!(attributes.contains(&MountAttribute::ReadOnly));
}

/// docs.docker.com/engine/containers/resource_constraints: without --memory-swap, the container can use as much swap
/// space as memory.
#[test]
fn docker_profile_has_as_much_swap_as_memory() {
    let swap = |profile, swap: Option<&str>| {
        let memory_swap = swap.map(|text| text.parse().expect("a size"));
        let limits = Limits { memory: "64m".parse().ok(), memory_swap, ..Limits::default() };
        let plan = planned(&RunOptions { profile, limits, ..shell() }, &Host::example());
        plan.steps.into_iter().find_map(|step| match step {
            Step::LimitMemory { swap, .. } => Some(swap),
            _ => None,
        })
    };
    assert_eq!(swap(Profile::Docker, None), Some(SwapLimit::AtMost(64 << 20)));
    assert_eq!(swap(Profile::Docker, Some("64m")), Some(SwapLimit::AtMost(0)));
    assert_eq!(swap(Profile::Docker, Some("-1")), Some(SwapLimit::Unlimited));
    assert_eq!(swap(Profile::Default, None), Some(SwapLimit::None));
    assert_eq!(swap(Profile::Untrusted, None), Some(SwapLimit::None));
}

#[test]
fn root_with_limits_on_cgroup_v1() {
    let mut options = shell();
    options.limits.memory = Some("32m".parse().expect("a size"));
    options.limits.memory_swap = Some("48m".parse().expect("a size"));
    options.limits.cpuset = Some("1,0".parse().expect("processors"));
    options.limits.cpus = Some("0.5".parse().expect("cpus"));
    options.limits.pids = Some(PidsLimit::AtMost(5));
    let plan = planned(&options, &host_v1());
    let wanted = |step: &&Step| {
        matches!(step.actor(), Actor::Engine)
            || matches!(step, Step::JoinCgroup { .. } | Step::Remount { .. })
            || matches!(step, Step::Mount { destination, .. } if destination.starts_with("/sys/fs/cgroup"))
    };
    let plan = Plan { steps: plan.steps.iter().filter(wanted).cloned().collect() };
    insta::assert_snapshot!(lines(&plan));
}

/// A terminal adds to the runtime config's process, the plan's steps, and the program's environment (`TERM`).
#[test]
fn terminal_has_size_and_owner() {
    let check = |size: WindowSize, user: Option<&str>| {
        let user = user.and_then(|user| user.parse().ok());
        let options = RunOptions { terminal: Some(size), user, ..shell() };
        let document = document(&options, &Host::example()).expect("a runtime config");
        let process = document.process().as_ref().expect("a process");
        let plan = plan(&document, &overlay(), &Host::example()).expect("a plan");
        let step = plan.steps.iter().find(|step| matches!(step, Step::OpenTerminal { .. })).cloned();
        assert!(process.env().iter().flatten().any(|variable| variable == "TERM=xterm"));
        format!("{}\nconsoleSize {:?}", lines(&Plan { steps: step.into_iter().collect() }), process.console_size())
    };
    let known = check(WindowSize { rows: 24, columns: 80 }, Some("1000:50"));
    let unknown = check(WindowSize::default(), None);
    insta::assert_snapshot!([known, unknown].join("\n"));
    let without = document(&shell(), &Host::example()).expect("a runtime config");
    assert!(
        !without
            .process()
            .iter()
            .flat_map(|process| process.env().iter().flatten())
            .any(|one| one.starts_with("TERM="))
    );
    let own = RunOptions { env: vec!["TERM=dumb".parse().expect("a variable")], ..shell() };
    let own = document(&RunOptions { terminal: Some(WindowSize::default()), ..own }, &Host::example())
        .expect("a runtime config");
    let variables = own.process().as_ref().and_then(|process| process.env().clone()).unwrap_or_default();
    assert_eq!(variables.iter().filter(|one| one.starts_with("TERM=")).collect::<Vec<_>>(), ["TERM=dumb"]);
}

#[test]
fn rootless_plan() {
    insta::assert_snapshot!(lines(&planned(&shell(), &Host::example_rootless())));
}

#[test]
fn without_mount_namespace_it_is_a_chroot() {
    let host = Host::example();
    let options = RunOptions { without: BTreeSet::from([Isolation::Mount]), ..shell() };
    let plan = plan(&document(&options, &host).expect("a runtime config"), &directory(), &host).expect("a plan");
    insta::assert_snapshot!(lines(&plan));
}

/// Unsupported plans, with their messages.
#[test]
#[expect(clippy::too_many_lines, reason = "a table of documents")]
fn unsupported_plans_are_rejected() {
    let root = Host::example();
    let user = Host::example_rootless();
    let mut no_userns = user.clone();
    no_userns.user_namespaces = Availability::Unavailable {
        cause: Message::new("cause-user-namespace", [("errno", Message::errno("EPERM").into())]),
        fix: Message::new("fix-user-namespaces", []),
    };
    let mut no_overlay = user.clone();
    no_overlay.overlay = Overlay::None;
    let with = |change: fn(&mut RunOptions)| {
        let mut options = shell();
        change(&mut options);
        options
    };
    let memory = with(|options| options.limits.memory = "32m".parse().ok());
    let cases: [(&str, Result<Plan, PlanError>); 21] = [
        ("a limit without cgroups", plan(&document(&memory, &user).unwrap(), &overlay(), &user)),
        ("no user namespaces", plan(&document(&shell(), &no_userns).unwrap(), &overlay(), &no_userns)),
        (
            "ids of its own in a copied tree",
            plan(
                &document(&RunOptions { users: Users::Own, ..shell() }, &Host::example()).unwrap(),
                &directory(),
                &Host::example(),
            ),
        ),
        ("no user namespace wanted", plan(&Spec::default(), &directory(), &user)),
        ("no overlayfs", plan(&document(&shell(), &no_overlay).unwrap(), &overlay(), &no_overlay)),
        ("overlay without mount namespace", {
            let options = with(|options| options.without = BTreeSet::from([Isolation::Mount]));
            plan(&document(&options, &root).unwrap(), &overlay(), &root)
        }),
        ("another user with one id mapped", {
            let options = with(|options| options.user = "1000".parse().ok());
            plan(&document(&options, &user).unwrap(), &overlay(), &user)
        }),
        (
            "a terminal of the host's",
            edited(|spec| {
                spec.process_mut().as_mut().unwrap().set_terminal(Some(true));
                let mounts = spec.mounts().clone().unwrap_or_default().into_iter();
                spec.set_mounts(Some(mounts.filter(|mount| mount.typ().as_deref() != Some("devpts")).collect()));
            }),
        ),
        (
            "a mount above the root",
            edited(|spec| {
                spec.mounts_mut().as_mut().unwrap()[0].set_destination("/../etc".into());
            }),
        ),
        (
            "a mount on the root",
            edited(|spec| {
                spec.mounts_mut().as_mut().unwrap()[0].set_destination("/.".into());
            }),
        ),
        (
            "a mount over /proc",
            edited(|spec| {
                let mut tmpfs = spec.mounts().as_ref().unwrap()[1].clone();
                tmpfs.set_destination("/proc".into());
                spec.mounts_mut().as_mut().unwrap().push(tmpfs);
            }),
        ),
        (
            "a directory of the host as /proc",
            edited(|spec| {
                spec.mounts_mut().as_mut().unwrap()[0].set_typ(Some("bind".into())).set_source(Some("/srv".into()));
            }),
        ),
        (
            "a mount below /proc",
            edited(|spec| {
                spec.mounts_mut().as_mut().unwrap()[1].set_destination("/proc/./sys/kernel".into());
            }),
        ),
        (
            "a sysctl without /proc",
            edited(|spec| {
                spec.mounts_mut().as_mut().unwrap().remove(0);
            }),
        ),
        (
            "a mask outside",
            edited(|spec| {
                spec.linux_mut().as_mut().unwrap().set_masked_paths(Some(vec!["/proc/../etc".into()]));
            }),
        ),
        (
            "a read-only path that is not absolute",
            edited(|spec| {
                spec.linux_mut().as_mut().unwrap().set_readonly_paths(Some(vec!["proc/sys".into()]));
            }),
        ),
        (
            "another device as the null device",
            edited(|spec| {
                let mut device = oci_spec::runtime::LinuxDevice::default();
                device.set_path("/dev/null".into()).set_typ(oci_spec::runtime::LinuxDeviceType::C);
                device.set_major(1).set_minor(5);
                spec.linux_mut().as_mut().unwrap().set_devices(Some(vec![device]));
            }),
        ),
        (
            "limits without a group",
            edited(|spec| {
                spec.linux_mut().as_mut().unwrap().set_cgroups_path(None);
            }),
        ),
        ("a controller that is not there", {
            let mut host = host_v1();
            host.cgroups.layout = CgroupLayout::V1 { hierarchies: vec!["devices".into(), "pids".into()] };
            plan(&document(&memory, &host).unwrap(), &overlay(), &host)
        }),
        (
            "a group outside",
            edited(|spec| {
                spec.linux_mut().as_mut().unwrap().set_cgroups_path(Some("/../outside".into()));
            }),
        ),
        (
            "no program",
            edited(|spec| {
                spec.process_mut().as_mut().unwrap().set_args(Some(Vec::new()));
            }),
        ),
    ];
    let text = cases.map(|(name, result)| match result {
        Ok(_) => format!("{name}: PLANNED"),
        Err(error) => format!("{name}:\n  {error}\n  hint: {}", error.hint().unwrap_or("-".into())),
    });
    insta::assert_snapshot!(text.join("\n"));
}

/// Time offsets add a namespace and a step, which comes before the host's files become inaccessible.
#[test]
fn clock_offsets_are_set_before_pivot_root() {
    let options = RunOptions {
        time_offsets: ["monotonic=-1.5", "boottime=24h"].map(|text| text.parse().expect("an offset")).to_vec(),
        ..shell()
    };
    for host in [Host::example(), host_v1(), Host::example_rootless()] {
        let plan = planned(&options, &host);
        let place = |wanted: &dyn Fn(&Step) -> bool| plan.steps.iter().position(wanted).expect("the step");
        let clocks = place(&|step| *step == Step::UnshareTime { offsets: options.time_offsets.clone() });
        assert!(place(&|step| *step == Step::AwaitGo) < clocks && clocks < place(&|step| *step == Step::PivotRoot));
        let born =
            place(&|step| matches!(step, Step::Clone { namespaces, .. } if !namespaces.contains(&Namespace::Time)));
        assert!(born < clocks);
    }
    let mut twice = options.clone();
    twice.time_offsets.push("boottime=1".parse().expect("an offset"));
    let error = document(&twice, &Host::example()).unwrap_err().to_string();
    assert_eq!(
        error,
        "conflicting options: `Sandbox::time_offset` boottime=86400s and `Sandbox::time_offset` boottime=1s: each clock can have only \
         one offset"
    );
}

/// Only two clocks can be moved, and only in the container's own time namespace.
#[test]
fn spec_time_offsets_are_validated() {
    let check = |own: bool, clock: &str, nanoseconds: u32| {
        let planned = edited(|spec| {
            let mut offset = oci_spec::runtime::LinuxTimeOffset::default();
            offset.set_secs(Some(1)).set_nanosecs(Some(nanoseconds));
            let linux = spec.linux_mut().as_mut().unwrap();
            linux.set_time_offsets(Some([(clock.to_owned(), offset)].into()));
            let mut namespace = oci_spec::runtime::LinuxNamespace::default();
            namespace.set_typ(oci_spec::runtime::LinuxNamespaceType::Time);
            linux.namespaces_mut().as_mut().unwrap().extend(own.then_some(namespace));
        });
        planned.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(check(true, "boottime", 999_999_999), "");
    let messages = [check(false, "boottime", 0), check(true, "realtime", 0), check(true, "monotonic", 1_000_000_000)];
    insta::assert_snapshot!(messages.join("\n"));
}

/// The annotation for the init must be `true` or `false`.
#[test]
fn init_is_requested_by_annotation_only() {
    let check = |value: Option<&str>, expect: Option<bool>| {
        let planned = edited(|spec| {
            let annotation = value.map(|value| [("minicontainer.init".to_owned(), value.to_owned())].into());
            spec.set_annotations(annotation);
        });
        let init = planned.map(|plan| matches!(plan.steps.last(), Some(Step::Execute { init: true, .. })));
        assert_eq!(init.ok(), expect, "{value:?}");
    };
    check(None, Some(false));
    check(Some("true"), Some(true));
    check(Some("false"), Some(false));
    check(Some("yes"), None);
    let labels = [("minicontainer.init".to_owned(), "true".to_owned())].into();
    let labelled = Config { labels, ..Config::default() };
    let process = resolve_process(&shell(), &labelled).expect("there is a command");
    let user = resolve_user(&process.user, "", "").expect("root needs no account");
    let spec = spec(&shell(), &process, &user, "4f3c", &Host::example(), None).expect("a runtime config");
    assert_eq!(*spec.annotations(), None, "no label of an image becomes an annotation");
}

fn edited(change: impl FnOnce(&mut Spec)) -> Result<Plan, PlanError> {
    let host = Host::example();
    let mut spec = document(&shell(), &host).expect("a runtime config");
    change(&mut spec);
    plan(&spec, &overlay(), &host)
}

#[test]
fn conflicting_options_are_rejected() {
    let root = Host::example();
    let mut hostname = shell();
    hostname.hostname = "web".parse().ok();
    hostname.without = BTreeSet::from([Isolation::Uts]);
    let mut small = shell();
    small.limits.memory = "4m".parse().ok();
    let mut swap = shell();
    swap.limits.memory_swap = "64m".parse().ok();
    let mut less = swap.clone();
    less.limits.memory = "65m".parse().ok();
    let mut readonly = shell();
    readonly.root = Access::ReadOnly;
    readonly.without = BTreeSet::from([Isolation::Mount]);
    let mut user = shell();
    user.without = BTreeSet::from([Isolation::User]);
    let mut terminal = shell();
    terminal.terminal = Some(WindowSize::default());
    terminal.without = BTreeSet::from([Isolation::Mount]);
    let errors = [
        document(&hostname, &root).unwrap_err().to_string(),
        document(&small, &root).unwrap_err().to_string(),
        document(&swap, &root).unwrap_err().to_string(),
        document(&less, &root).unwrap_err().to_string(),
        document(&readonly, &root).unwrap_err().to_string(),
        document(&user, &Host::example_rootless()).unwrap_err().to_string(),
        document(&terminal, &root).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!(errors.join("\n"));
}

fn any_host() -> impl Strategy<Value = Host> {
    prop_oneof![Just(Host::example()), Just(host_v1()), Just(Host::example_rootless())]
}

prop_compose! {
    fn any_options()(
        without in proptest::sample::subsequence(
            Isolation::ALL.into_iter().filter(|one| !matches!(one, Isolation::Mount | Isolation::User)).collect::<Vec<_>>(), 0..8),
        (read_only, host_network, own_users, own_shm, init, terminal) in any::<(bool, bool, bool, bool, bool, bool)>(),
        (profile, privileged) in prop_oneof![
            Just((Profile::Default, false)), Just((Profile::Default, true)), Just((Profile::Docker, false)),
            Just((Profile::Docker, true)),
        ],
        workdir in proptest::option::of("/[a-z]{1,8}(/[a-z]{1,8}){0,3}"),
        targets in proptest::collection::vec(prop_oneof![
            "/[a-z]{1,8}(/[a-z]{1,8}){0,3}",
            "/(dev|sys)(/[a-z]{1,8}){0,2}",
            Just("/dev/shm".to_owned()), Just("/sys/fs/cgroup".to_owned()), Just("/proc/meminfo".to_owned()),
        ], 0..4),
    ) -> RunOptions {
        RunOptions {
            without: without.iter().copied().collect(),
            root: if read_only { Access::ReadOnly } else { Access::ReadWrite },
            network: if host_network { Network::Host } else { Network::None },
            init,
            workdir,
            terminal: terminal.then(WindowSize::default),
            mounts: targets.iter().collect::<BTreeSet<_>>().into_iter().map(|target| {
                crate::options::MountSpec::from_volume(&format!("/srv:{target}"), "/").expect("a mount")
            }).collect(),
            profile,
            users: if own_users { Users::Own } else { Users::Same },
            privileged,
            sysctls: match own_shm && !without.contains(&Isolation::Ipc) {
                true => vec!["kernel.shmmax=1".parse().expect("a sysctl")],
                false => vec![],
            },
            ..shell()
        }
    }
}

proptest! {
    #[test]
    fn invariants_of_every_plan(options in any_options(), host in any_host()) {
        let plan = planned(&options, &host);
        let kinds: Vec<&Step> = plan.steps.iter().collect();
        let at = |wanted: fn(&Step) -> bool| kinds.iter().position(|step| wanted(step));
        let last = kinds.len() - 1;
        let pivot = at(|step| matches!(step, Step::PivotRoot)).expect("a pivot");
        let clone = at(|step| matches!(step, Step::Clone { .. })).expect("a clone");
        let go = at(|step| matches!(step, Step::AwaitGo)).expect("a go");
        let drop = at(|step| matches!(step, Step::DropBoundingSet { .. })).expect("capabilities are dropped");

        // The program is executed once, as the last step, with an init if requested.
        let has_init = matches!(kinds[last], Step::Execute { init: true, .. });
        prop_assert_eq!(has_init, options.init);
        prop_assert_eq!(at(|step| matches!(step, Step::Execute { .. })), Some(last));
        // The pivot comes before it, and after every mount; no mount comes later.
        for (index, step) in kinds.iter().enumerate() {
            let mounts = matches!(step, Step::Mount { .. } | Step::BindMount { .. } | Step::BindDevice { .. }
                | Step::MakeDevice { .. } | Step::MaskPath { .. } | Step::ReadonlyPath { .. } | Step::Remount { .. }
                | Step::MountOverlay { .. } | Step::BindRoot { .. });
            prop_assert!(!mounts || (go < index && index < pivot), "{:?} at {}", step, index);
            // The engine's steps are finished before the container's first process continues.
            prop_assert!(step.actor() == Actor::Container || index < go);
            // All destinations are inside the new root.
            if let Step::Mount { destination: path, .. } | Step::BindMount { destination: path, .. }
                | Step::MaskPath { path } | Step::ReadonlyPath { path } | Step::MakeDevice { path, .. } = step {
                prop_assert!(path.starts_with('/') && path.split('/').all(|part| part != ".."), "{}", path);
            }
        }
        // The mounts are made private before the container's first mount.
        let private = at(|step| matches!(step, Step::MakeMountsPrivate)).expect("mounts are made private");
        let root = at(|step| matches!(step, Step::MountOverlay { .. })).expect("a root");
        prop_assert!(clone < private && private < root);
        // A terminal is opened only if it was requested. It comes from the container's own devpts, becomes the
        // controlling terminal of a new session, and is bind mounted on /dev/console, so it comes before the pivot.
        let terminal = at(|step| matches!(step, Step::OpenTerminal { .. }));
        prop_assert_eq!(terminal.is_some(), options.terminal.is_some());
        if let Some(terminal) = terminal {
            let session = at(|step| matches!(step, Step::NewSession)).expect("a session");
            let devpts = at(|step| matches!(step, Step::Mount { fstype, .. } if fstype == "devpts")).expect("terminals");
            prop_assert!(session < devpts && devpts < terminal && terminal < pivot);
        }
        // Descriptors are closed first, and privileges are dropped after the pivot, no_new_privs last.
        let close = at(|step| matches!(step, Step::CloseDescriptors)).expect("descriptors are closed");
        prop_assert!(clone < close && close < go && pivot < drop);
        match at(|step| matches!(step, Step::NoNewPrivileges)) {
            Some(index) => prop_assert!(drop < index && index >= last - 2),
            None => prop_assert!(options.without.contains(&Isolation::NoNewPrivileges) || options.privileged
                || options.profile == Profile::Docker),
        }
        // Root's own user namespace is created before the process and entered after the last step that needs root.
        let made = at(|step| matches!(step, Step::MakeUserNamespace { .. }));
        let entered = at(|step| matches!(step, Step::EnterUserNamespace));
        prop_assert_eq!(made.is_some(), options.users == Users::Own && host.identity == Identity::Root);
        prop_assert_eq!(made.is_some(), entered.is_some());
        if let (Some(made), Some(entered)) = (made, entered) {
            let workdir = at(|step| matches!(step, Step::EnterWorkdir { .. })).expect("a directory");
            prop_assert!(made < clone && pivot < entered && entered < workdir && entered < drop);
        }
        // Sysctls of the whole machine are never set, and others are set before the new root's /proc is read-only.
        for (index, step) in kinds.iter().enumerate() {
            if let Step::SetSysctl { name, value } = step {
                prop_assert!(crate::options::Sysctl::new(name, value).is_ok());
                let sealed = at(|step| matches!(step, Step::ReadonlyPath { path } if path == "/proc/sys"));
                prop_assert!(sealed.is_none_or(|sealed| index < sealed) && index < pivot);
            }
        }
        // `end_with_engine` adds one step, after all steps that make the kernel clear the setting.
        let mut tied = plan.clone();
        tied.end_with_engine();
        let place = tied.steps.iter().position(|step| *step == Step::EndWithEngine).expect("the step");
        let set = tied.steps.iter().position(|step| matches!(step, Step::SetCapabilities { .. })).expect("the step");
        prop_assert!(set + 1 == place && place < last + 1);
        tied.steps.remove(place);
        prop_assert_eq!(&tied, &plan);
        // The filter comes directly before the program, or, without no_new_privs, before CAP_SYS_ADMIN is dropped.
        let user = at(|step| matches!(step, Step::SetUser { .. })).expect("a user");
        match at(|step| matches!(step, Step::InstallSeccomp { .. })) {
            Some(index) => match at(|step| matches!(step, Step::NoNewPrivileges)) {
                Some(_) => prop_assert!(index == last - 1),
                None => prop_assert!(pivot < index && index == user - 1),
            },
            None => prop_assert!(options.without.contains(&Isolation::Seccomp) || options.privileged),
        }
    }

    /// Omitting an isolation removes only its own namespace, and never adds one.
    #[test]
    fn without_removes_only_its_own_namespace(host in any_host(), left_out in proptest::sample::select(vec![
        (Isolation::Pid, Namespace::Pid), (Isolation::Net, Namespace::Net),
        (Isolation::Ipc, Namespace::Ipc), (Isolation::Uts, Namespace::Uts),
    ])) {
        let namespaces = |options: &RunOptions| planned(options, &host).steps.iter().find_map(|step| match step {
            Step::Clone { namespaces, .. } => Some(namespaces.clone()),
            _ => None,
        }).expect("a clone");
        let all = namespaces(&shell());
        let fewer = namespaces(&RunOptions { without: BTreeSet::from([left_out.0]), ..shell() });
        let expected: Vec<Namespace> = all.into_iter().filter(|namespace| *namespace != left_out.1).collect();
        prop_assert_eq!(fewer, expected);
    }
}
