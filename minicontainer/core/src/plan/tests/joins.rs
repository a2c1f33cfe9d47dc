//! Plans that join namespaces: their order, what they do not change, and what is rejected.

use super::*;
use crate::spec::join_namespace;

const KINDS: [Namespace; 7] = [
    Namespace::User,
    Namespace::Pid,
    Namespace::Net,
    Namespace::Ipc,
    Namespace::Uts,
    Namespace::Cgroup,
    Namespace::Time,
];

fn path(namespace: Namespace) -> String {
    format!("/proc/4711/ns/{namespace}")
}

/// A shell that joins these, with a directory as its root.
fn joined(host: &Host, namespaces: &[Namespace]) -> Result<Plan, PlanError> {
    let mut spec = document(&shell(), host).expect("a runtime config");
    for namespace in namespaces {
        join_namespace(&mut spec, *namespace, &path(*namespace));
    }
    plan(&spec, &directory(), host)
}

fn kinds(plan: &Plan) -> Vec<&'static str> {
    plan.steps.iter().map(Step::kind).collect()
}

#[test]
fn joined_namespaces_as_root_and_rootless() {
    let (net, user) = ([Namespace::Net, Namespace::Pid], [Namespace::Net, Namespace::User]);
    let first = |plan: Plan| lines(&Plan { steps: plan.steps.into_iter().take(13).collect() });
    let root = first(joined(&host_v1(), &net).expect("a plan"));
    let others = first(joined(&Host::example(), &user).expect("a plan"));
    let ordinary = first(joined(&Host::example_rootless(), &user).expect("a plan"));
    insta::assert_snapshot!([root, others, ordinary].join("\n\n"));
}

proptest! {
    #[test]
    fn invariants_of_every_joining_plan(
        host in any_host(),
        wanted in proptest::sample::subsequence(KINDS.to_vec(), 1..=KINDS.len()),
    ) {
        let user = wanted.contains(&Namespace::User);
        let planned = joined(&host, &wanted);
        if host.identity != Identity::Root && !user {
            let error = planned.expect_err("an ordinary user joins the user namespace as well");
            let is_told = matches!(error, PlanError::JoinNeedsUserNamespace { .. }) && error.hint().is_some();
            prop_assert!(is_told, "{}", error);
            return Ok(());
        }
        let plan = planned.expect("a plan");
        let kinds = kinds(&plan);
        let at = |wanted: &str| kinds.iter().position(|kind| *kind == wanted);
        let clone = at("clone").expect("a clone");
        let joins: Vec<(usize, Namespace)> = plan.steps.iter().enumerate().filter_map(|(index, step)| match step {
            Step::JoinNamespace { namespace, path: from } if *from == path(*namespace) => Some((index, *namespace)),
            _ => None,
        }).collect();
        let mut found: Vec<Namespace> = joins.iter().map(|(_, namespace)| *namespace).collect();
        found.sort_unstable();
        prop_assert_eq!(&found, &wanted, "each is joined once");
        for (index, namespace) in joins {
            // The cgroup namespace is joined when the process is in its cgroup, the others before the process exists.
            match namespace {
                Namespace::Cgroup => prop_assert!(at("await-go") < Some(index) && at("unshare-cgroup").is_none()),
                _ => prop_assert!(index < clone),
            }
            let actor = if namespace == Namespace::Cgroup { Actor::Container } else { Actor::Engine };
            prop_assert_eq!(plan.steps[index].actor(), actor);
            // All are joined before the first mount, and the user namespace first.
            prop_assert!(Some(index) < at("make-mounts-private"));
            prop_assert!(namespace != Namespace::User || kinds.iter().position(|kind| *kind == "join-namespace") == Some(index));
        }
        // None of them is created, and nothing is changed in them.
        let Step::Clone { namespaces, into_cgroup } = &plan.steps[clone] else { unreachable!() };
        prop_assert!(wanted.iter().all(|namespace| !namespaces.contains(namespace)));
        prop_assert!(!wanted.contains(&Namespace::Net) || at("loopback-up").is_none());
        prop_assert!(!wanted.contains(&Namespace::Time) || at("unshare-time").is_none());
        let changed = [Namespace::Net, Namespace::Ipc, Namespace::Uts];
        prop_assert!(changed.iter().all(|namespace| !wanted.contains(namespace) || !plan.changes(*namespace)));
        // The cgroup is entered in only one way, without a capability that a joined user namespace does not have.
        let ways = [at("join-cgroup").is_some(), at("move-into-cgroup").is_some(), *into_cgroup];
        prop_assert!(ways.iter().filter(|way| **way).count() <= 1);
        prop_assert!(!user || !(ways[0] || ways[2] || at("map-ids").is_some()));
    }
}

#[test]
fn unsupported_joins_are_refused() {
    let check = |namespaces: &[Namespace], root: &RootFs, change: fn(&mut Spec), expect: &str| {
        let host = Host::example();
        let mut spec = document(&shell(), &host).expect("a runtime config");
        namespaces.iter().for_each(|namespace| join_namespace(&mut spec, *namespace, &path(*namespace)));
        change(&mut spec);
        let error = plan(&spec, root, &host).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    };
    let nothing: fn(&mut Spec) = |_| ();
    check(&[Namespace::Mount], &directory(), nothing, "cannot join a mount namespace");
    check(&[Namespace::User], &overlay(), nothing, "cannot join a user namespace with overlay layers");
    let relative: fn(&mut Spec) = |spec| join_namespace(spec, Namespace::Net, "proc/1/ns/net");
    check(&[], &directory(), relative, "invalid path \"proc/1/ns/net\" in linux.namespaces: must be absolute");
    let clocks: fn(&mut Spec) = |spec| {
        let offsets = [("boottime".to_owned(), oci_spec::runtime::LinuxTimeOffset::default())];
        spec.linux_mut().as_mut().unwrap().set_time_offsets(Some(offsets.into()));
    };
    check(&[Namespace::Time], &directory(), clocks, "requires a time namespace");
}

/// As other runtimes take it.
#[test]
fn empty_path_creates_a_new_namespace() {
    let host = Host::example();
    let spec = document(&shell(), &host).expect("a runtime config");
    let mut empty = spec.clone();
    join_namespace(&mut empty, Namespace::Ipc, "");
    assert_eq!(plan(&empty, &overlay(), &host), plan(&spec, &overlay(), &host));
}

/// What the runtime config itself sets in a joined namespace is set, as other runtimes do.
#[test]
fn spec_settings_change_joined_namespaces() {
    let host = Host::example();
    let mut spec = document(&shell(), &host).expect("a runtime config");
    join_namespace(&mut spec, Namespace::Uts, &path(Namespace::Uts));
    join_namespace(&mut spec, Namespace::Net, &path(Namespace::Net));
    let changes = |spec: &Spec| {
        let plan = plan(spec, &overlay(), &host).expect("a plan");
        [Namespace::Uts, Namespace::Net, Namespace::Ipc].map(|namespace| plan.changes(namespace))
    };
    assert_eq!(changes(&spec), [false; 3]);
    spec.set_hostname(Some("web".to_owned()));
    let sysctl = [("net.ipv4.ip_forward".to_owned(), "1".to_owned())];
    spec.linux_mut().as_mut().unwrap().set_sysctl(Some(sysctl.into()));
    assert_eq!(changes(&spec), [true, true, false]);
}
