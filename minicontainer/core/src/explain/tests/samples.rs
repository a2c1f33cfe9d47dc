//! One sample of every kind of step, for the tests of the explanations.

use crate::plan::{
    CAPABILITIES, DeviceAccess, DeviceRule, IdMapping, IdRange, MountAttribute, Namespace, Step, SwapLimit,
    subordinate::id_map,
};

fn names(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

/// Samples of every kind, the variants of one kind side by side. The test `every_kind_has_a_sample` counts the kinds.
pub(super) fn samples() -> Vec<Step> {
    [before_the_root(), root(), paths(), last_steps()].concat()
}

fn before_the_root() -> Vec<Step> {
    use DeviceAccess::{Allow, Deny};
    use Namespace::{Cgroup, Ipc, Mount, Net, Pid, User, Uts};
    let map = |outside, count| IdMapping { inside: 0, outside, count };
    vec![
        Step::CreateCgroup { name: "minicontainer/web-1".into(), controllers: names(&["memory", "cpu", "pids"]) },
        Step::LimitTogether { pids: 28_672 },
        Step::LimitMemory { bytes: 32 << 20, swap: SwapLimit::None },
        Step::LimitMemory { bytes: 32 << 20, swap: SwapLimit::AtMost(16 << 20) },
        Step::LimitMemory { bytes: 32 << 20, swap: SwapLimit::Unlimited },
        Step::LimitCpu { quota: 50_000, period: 100_000 },
        Step::LimitPids { max: 64 },
        Step::LimitCpuset { cpus: "0-1".into() },
        Step::LimitDevices {
            rules: vec![
                DeviceRule { access: Deny, kind: 'a', major: None, minor: None, permissions: "rwm".into() },
                DeviceRule { access: Allow, kind: 'c', major: Some(1), minor: Some(3), permissions: "rwm".into() },
                DeviceRule { access: Allow, kind: 'c', major: Some(136), minor: None, permissions: "rw".into() },
            ],
        },
        Step::MakeUserNamespace { uids: vec![map(100_000, 65_536)], gids: vec![map(100_000, 65_536)] },
        Step::JoinNamespace { namespace: User, path: "/proc/4711/ns/user".into() },
        Step::JoinNamespace { namespace: Pid, path: "/proc/4711/ns/pid".into() },
        Step::JoinNamespace { namespace: Net, path: "/run/netns/shop".into() },
        Step::Clone { namespaces: vec![User, Mount, Pid, Net, Ipc, Uts, Cgroup], into_cgroup: true },
        Step::Clone { namespaces: vec![Mount], into_cgroup: false },
        Step::Clone { namespaces: vec![], into_cgroup: false },
        Step::MapIds { uids: vec![map(1000, 1)], gids: vec![map(1000, 1)], deny_setgroups: true, helped: false },
        Step::MapIds {
            uids: vec![map(100_000, 65_536)],
            gids: vec![map(100_000, 65_536)],
            deny_setgroups: false,
            helped: false,
        },
        Step::MapIds {
            uids: id_map(1000, &[IdRange { first: 100_000, count: 65_536 }]),
            gids: id_map(1000, &[IdRange { first: 200_000, count: 65_536 }]),
            deny_setgroups: false,
            helped: true,
        },
        Step::MoveIntoCgroup { controllers: names(&["memory", "pids"]) },
        Step::CloseDescriptors,
        Step::ResetSignals,
        Step::JoinCgroup { controllers: names(&["memory", "cpu,cpuacct", "pids"]) },
        Step::AwaitGo,
        Step::UnshareCgroup,
        Step::UnshareTime { offsets: vec!["monotonic=-1.5".parse().unwrap(), "boottime=24h".parse().unwrap()] },
        Step::UnshareTime { offsets: vec![] },
        Step::NewSession,
        Step::SetHostname { name: "web-1".into() },
    ]
}

fn root() -> Vec<Step> {
    use MountAttribute::{NoDev, NoExec, NoSuid, ReadOnly};
    let mount = |fstype: &str, destination: &str, attributes: &[MountAttribute]| Step::Mount {
        fstype: fstype.into(),
        source: fstype.into(),
        destination: destination.into(),
        attributes: attributes.to_vec(),
        options: if fstype == "tmpfs" { vec![("mode".into(), "755".into())] } else { vec![] },
    };
    let overlay = |lowers: &[&str], volatile| Step::MountOverlay {
        lowers: names(lowers),
        upper: "/containers/1/upper".into(),
        work: "/containers/1/work".into(),
        target: "/containers/1/merged".into(),
        volatile,
        userxattr: volatile,
        idmapped: !volatile,
    };
    vec![
        Step::MakeMountsPrivate,
        Step::LimitWritableLayer {
            directory: "/containers/1".into(),
            bytes: 64 << 20,
            inodes: 1000,
            directories: names(&["/containers/1/upper", "/containers/1/work"]),
        },
        overlay(&["/layers/b", "/layers/a"], true),
        overlay(&["/layers/a"], false),
        Step::BindRoot { source: "/srv/bundle/rootfs".into() },
        mount("proc", "/proc", &[NoSuid, NoDev, NoExec]),
        mount("sysfs", "/sys", &[ReadOnly, NoSuid]),
        mount("tmpfs", "/dev", &[NoSuid]),
        mount("devpts", "/dev/pts", &[NoSuid, NoExec]),
        mount("mqueue", "/dev/mqueue", &[NoSuid]),
        mount("cgroup", "/sys/fs/cgroup", &[ReadOnly]),
        mount("cgroup2", "/sys/fs/cgroup", &[ReadOnly]),
        mount("bpf", "/bpf", &[]),
        Step::BindMount {
            source: "/home/ana/data".into(),
            destination: "/data".into(),
            recursive: true,
            attributes: vec![ReadOnly],
            owners: Some([1000, 100].map(|inside| vec![IdMapping { inside, outside: 116_719_616, count: 1 }])),
        },
        Step::BindMount {
            source: "/srv".into(),
            destination: "/srv".into(),
            recursive: false,
            attributes: vec![],
            owners: None,
        },
    ]
}

fn paths() -> Vec<Step> {
    vec![
        Step::MakeDevice { path: "/dev/null".into(), major: 1, minor: 3, mode: 0o666, block: false },
        Step::BindDevice { path: "/dev/null".into(), major: 1, minor: 3, block: false },
        Step::Symlink { target: "/proc/self/fd/1".into(), path: "/dev/stdout".into() },
        Step::OpenTerminal { owner: 1000, rows: 24, columns: 80 },
        Step::Remount { destination: "/".into(), attributes: vec![MountAttribute::ReadOnly] },
        Step::SetSysctl { name: "net.ipv4.ping_group_range".into(), value: "0 2147483647".into() },
        Step::MaskPath { path: "/proc/kcore".into() },
        Step::ReadonlyPath { path: "/proc/sys".into() },
        Step::PivotRoot,
        Step::Chroot { path: "/srv/bundle/rootfs".into() },
    ]
}

fn last_steps() -> Vec<Step> {
    let capabilities = names(&["CAP_CHOWN", "CAP_KILL"]);
    let all = names(&CAPABILITIES);
    vec![
        Step::LoopbackUp,
        Step::EnterUserNamespace,
        Step::EnterWorkdir { path: "/app".into() },
        Step::SetUmask { mask: 0o022 },
        Step::SetRlimit { resource: "RLIMIT_NOFILE".into(), soft: 1024, hard: u64::MAX },
        Step::DropBoundingSet { keep: capabilities.clone() },
        Step::DropBoundingSet { keep: all.clone() },
        Step::SetUser { uid: 1000, gid: 1000, groups: Some(vec![1000, 27]) },
        Step::SetUser { uid: 0, gid: 0, groups: None },
        Step::SetCapabilities {
            effective: capabilities.clone(),
            permitted: capabilities.clone(),
            inheritable: vec![],
            ambient: names(&["CAP_KILL"]),
        },
        Step::SetCapabilities { effective: vec![], permitted: vec![], inheritable: vec![], ambient: vec![] },
        Step::SetCapabilities { effective: vec![], permitted: all, inheritable: vec![], ambient: vec![] },
        Step::EndWithEngine,
        Step::NoNewPrivileges,
        Step::InstallSeccomp { allowed: 303, examined: 5, refused: 75, flags: 0, instructions: vec![] },
        Step::Execute {
            args: names(&["sh", "-c", "echo hi > /x"]),
            env: names(&["PATH=/bin", "HOME=/root"]),
            init: false,
        },
        Step::Execute { args: names(&["sh"]), env: vec![], init: true },
    ]
}
