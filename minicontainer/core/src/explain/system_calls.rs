//! The system calls of each step, written as strace(1) would show them.
//!
//! Descriptors have names instead of numbers (`root` is the new root, `proc`, `sys` and `dev` the mounts there, `fs`
//! a file system being configured, `mnt` a detached mount, `place` its mount point). A file that was opened before is
//! shown by its name in angle brackets, as with `strace -y`. Mounts use the kernel's new mount API, in which a mount
//! is first created detached and then moved to its mount point. The mount point is opened with `RESOLVE_IN_ROOT`,
//! because a symbolic link in the image could point outside the new root. At `/proc`, `/sys` and `/dev` links are not
//! followed at all, see openat2(2).

mod mounts;

use crate::options::TimeOffset;
use crate::plan::{
    CAPABILITIES, DeviceAccess, IdMapping, Namespace, Plan, Step, SwapLimit, delegation::COMMON_GROUP,
    is_named_by_engine,
};
use mounts::{find, open, place};

/// The cgroup version: the two versions have different file names, see cgroups(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CgroupVersion {
    /// One hierarchy for each controller; the process enters by itself.
    V1,
    /// One hierarchy; a process can be created inside a cgroup.
    V2,
}

impl CgroupVersion {
    /// The cgroup version of a plan: only version 1 has a step that joins the cgroup.
    pub(super) fn of(plan: &Plan) -> CgroupVersion {
        let joins = plan.steps.iter().any(|step| matches!(step, Step::JoinCgroup { .. }));
        if joins { CgroupVersion::V1 } else { CgroupVersion::V2 }
    }
}

/// The step's system calls in their order.
pub(super) fn system_calls(step: &Step, version: CgroupVersion) -> Vec<String> {
    // A test checks that every kind of step has calls in one of them.
    cgroup_calls(step, version)
        .or_else(|| first_process_calls(step))
        .or_else(|| mounts::file_system_calls(step))
        .or_else(|| mounts::restriction_calls(step))
        .or_else(|| privilege_calls(step))
        .unwrap_or_default()
}

fn cgroup_calls(step: &Step, version: CgroupVersion) -> Option<Vec<String>> {
    use CgroupVersion::{V1, V2};
    let write = |file: &str, value: &str| format!("write(<{file}>, {value:?})");
    Some(match (step, version) {
        (Step::CreateCgroup { name, controllers }, V1) => controllers
            .iter()
            .map(|controller| match controller.as_str() {
                "pids" if is_named_by_engine(name) => {
                    format!("mkdir(\"/sys/fs/cgroup/pids/{COMMON_GROUP}/{name}\", 0755)")
                }
                _ => format!("mkdir(\"/sys/fs/cgroup/{controller}/{name}\", 0755)"),
            })
            .collect(),
        (Step::CreateCgroup { name, .. }, V2) => vec![format!("mkdir(\"/sys/fs/cgroup/{name}\", 0755)")],
        (Step::LimitMemory { bytes, swap }, V1) => {
            let sum = match swap {
                SwapLimit::None => bytes.to_string(),
                SwapLimit::AtMost(most) => (bytes + most).to_string(),
                SwapLimit::Unlimited => "-1".to_owned(),
            };
            vec![write("memory.limit_in_bytes", &bytes.to_string()), write("memory.memsw.limit_in_bytes", &sum)]
        }
        (Step::LimitMemory { bytes, swap }, V2) => {
            let most = match swap {
                SwapLimit::None => "0".to_owned(),
                SwapLimit::AtMost(most) => most.to_string(),
                SwapLimit::Unlimited => "max".to_owned(),
            };
            vec![write("memory.max", &bytes.to_string()), write("memory.swap.max", &most)]
        }
        (Step::LimitCpu { quota, period }, V1) => {
            vec![write("cpu.cfs_period_us", &period.to_string()), write("cpu.cfs_quota_us", &quota.to_string())]
        }
        (Step::LimitCpu { quota, period }, V2) => vec![write("cpu.max", &format!("{quota} {period}"))],
        (Step::LimitTogether { pids }, _) => vec![write("../pids.max", &pids.to_string())],
        (Step::LimitPids { max }, _) => vec![write("pids.max", &max.to_string())],
        (Step::LimitCpuset { cpus }, _) => vec![write("cpuset.cpus", cpus)],
        (Step::LimitDevices { rules }, V1) => rules
            .iter()
            .map(|rule| match rule.access {
                DeviceAccess::Allow => write("devices.allow", &rule.to_string()),
                DeviceAccess::Deny => write("devices.deny", &rule.to_string()),
            })
            .collect(),
        (Step::LimitDevices { .. }, V2) => vec![
            "bpf(BPF_PROG_LOAD, {prog_type=BPF_PROG_TYPE_CGROUP_DEVICE})".to_owned(),
            "bpf(BPF_PROG_ATTACH, {target_fd=group, attach_type=BPF_CGROUP_DEVICE})".to_owned(),
        ],
        (Step::JoinCgroup { controllers }, _) => {
            controllers.iter().map(|controller| write(&format!("{controller}/…/tasks"), "0")).collect()
        }
        (Step::MoveIntoCgroup { controllers }, V1) => {
            controllers.iter().map(|controller| write(&format!("{controller}/…/tasks"), "PID")).collect()
        }
        (Step::MoveIntoCgroup { .. }, V2) => vec![write("cgroup.procs", "PID")],
        (Step::UnshareCgroup, _) => vec!["unshare(CLONE_NEWCGROUP)".to_owned()],
        _ => return None,
    })
}

fn first_process_calls(step: &Step) -> Option<Vec<String>> {
    Some(match step {
        Step::Clone { namespaces, into_cgroup } => {
            let mut flags: Vec<&str> = namespaces.iter().map(|namespace| clone_flag(*namespace)).collect();
            flags.extend(["CLONE_PIDFD", "CLONE_CLEAR_SIGHAND"]);
            let group = if *into_cgroup { ", cgroup=group" } else { "" };
            flags.extend(into_cgroup.then_some("CLONE_INTO_CGROUP"));
            vec![format!("clone3({{flags={}, exit_signal=0{group}}})", flags.join("|"))]
        }
        Step::JoinNamespace { namespace, path } => join_calls(*namespace, path),
        Step::MakeUserNamespace { uids, gids } => vec![
            "clone3({flags=CLONE_NEWUSER|CLONE_PIDFD})".to_owned(),
            format!("write(</proc/PID/uid_map>, {:?})", lines(uids)),
            format!("write(</proc/PID/gid_map>, {:?})", lines(gids)),
            "openat(AT_FDCWD, \"/proc/PID/ns/user\", O_RDONLY|O_CLOEXEC)".to_owned(),
        ],
        Step::MapIds { uids, gids, helped: true, .. } => vec![
            format!("execve(\"/usr/bin/newgidmap\", [\"newgidmap\", \"PID\", {}])", words(gids)),
            format!("execve(\"/usr/bin/newuidmap\", [\"newuidmap\", \"PID\", {}])", words(uids)),
        ],
        Step::MapIds { uids, gids, deny_setgroups, .. } => {
            let deny = deny_setgroups.then(|| "write(</proc/PID/setgroups>, \"deny\")".to_owned());
            let maps = [
                format!("write(</proc/PID/uid_map>, {:?})", lines(uids)),
                format!("write(</proc/PID/gid_map>, {:?})", lines(gids)),
            ];
            deny.into_iter().chain(maps).collect()
        }
        Step::CloseDescriptors => vec!["close_range(3, ~0U, 0)".to_owned()],
        Step::ResetSignals => vec![
            "rt_sigaction(SIGHUP…SIGRTMAX, {sa_handler=SIG_DFL})".to_owned(),
            "rt_sigprocmask(SIG_SETMASK, [])".to_owned(),
        ],
        Step::AwaitGo => vec!["read(go, …, 1)".to_owned()],
        Step::UnshareTime { offsets } => {
            let line = |offset: &TimeOffset| {
                format!("{} {} {}\n", offset.clock.number(), offset.seconds, offset.nanoseconds)
            };
            let text: String = offsets.iter().map(line).collect();
            let moved = (!text.is_empty()).then(|| format!("write(</proc/self/timens_offsets>, {text:?})"));
            let enter = "setns(</proc/self/ns/time_for_children>, CLONE_NEWTIME)".to_owned();
            ["unshare(CLONE_NEWTIME)".to_owned()].into_iter().chain(moved).chain([enter]).collect()
        }
        Step::NewSession => vec!["setsid()".to_owned()],
        Step::SetHostname { name } => vec![format!("sethostname({name:?}, {})", name.len())],
        Step::EnterWorkdir { path } => vec![format!("chdir({path:?})")],
        Step::OpenTerminal { owner, rows, columns } => terminal_calls(*owner, *rows, *columns),
        Step::LoopbackUp => vec![
            "socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0)".to_owned(),
            "ioctl(socket, SIOCSIFFLAGS, {ifr_name=\"lo\", ifr_flags=IFF_UP})".to_owned(),
        ],
        _ => return None,
    })
}

/// The namespace is opened and checked before the container's first process exists.
fn join_calls(namespace: Namespace, path: &str) -> Vec<String> {
    let mut calls = vec![
        format!("openat(AT_FDCWD, {path:?}, O_PATH|O_CLOEXEC)"),
        "fstatfs(namespace, {f_type=NSFS_MAGIC})".to_owned(),
        "ioctl(namespace, NS_GET_NSTYPE)".to_owned(),
        format!("setns(namespace, {})", clone_flag(namespace)),
    ];
    if namespace == Namespace::User {
        calls.extend(["setresgid(0, 0, 0)", "setresuid(0, 0, 0)"].map(str::to_owned));
    }
    calls
}

/// The lines of an id map.
fn lines(ids: &[IdMapping]) -> String {
    let line = |line: &IdMapping| format!("{} {} {}", line.inside, line.outside, line.count);
    ids.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The same as arguments of a program.
fn words(ids: &[IdMapping]) -> String {
    lines(ids).split_whitespace().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")
}

fn clone_flag(namespace: Namespace) -> &'static str {
    match namespace {
        Namespace::User => "CLONE_NEWUSER",
        Namespace::Mount => "CLONE_NEWNS",
        Namespace::Pid => "CLONE_NEWPID",
        Namespace::Net => "CLONE_NEWNET",
        Namespace::Ipc => "CLONE_NEWIPC",
        Namespace::Uts => "CLONE_NEWUTS",
        Namespace::Cgroup => "CLONE_NEWCGROUP",
        Namespace::Time => "CLONE_NEWTIME",
    }
}

fn privilege_calls(step: &Step) -> Option<Vec<String>> {
    Some(match step {
        Step::SetUmask { mask } => vec![format!("umask({mask:04o})")],
        Step::SetRlimit { resource, soft, hard } => {
            let bound = |value: u64| if value == u64::MAX { "RLIM_INFINITY".to_owned() } else { value.to_string() };
            vec![format!("prlimit64(0, {resource}, {{rlim_cur={}, rlim_max={}}})", bound(*soft), bound(*hard))]
        }
        Step::DropBoundingSet { keep } => CAPABILITIES
            .iter()
            .filter(|name| !keep.iter().any(|kept| kept == *name))
            .map(|name| format!("prctl(PR_CAPBSET_DROP, {name})"))
            .collect(),
        Step::SetUser { uid, gid, groups } => {
            let list = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ");
            let groups = groups.iter().map(|ids| format!("setgroups({}, [{}])", ids.len(), list(ids)));
            // Capabilities must survive the change of user, so that they can be set afterwards.
            let ids = [
                format!("setresgid({gid}, {gid}, {gid})"),
                "prctl(PR_SET_KEEPCAPS, 1)".to_owned(),
                format!("setresuid({uid}, {uid}, {uid})"),
                "prctl(PR_SET_KEEPCAPS, 0)".to_owned(),
            ];
            groups.chain(ids).collect()
        }
        Step::SetCapabilities { effective, permitted, inheritable, ambient } => {
            let set = |names: &[String]| if names.is_empty() { "0".to_owned() } else { names.join("|") };
            let sets = format!(
                "capset({{version=_LINUX_CAPABILITY_VERSION_3, pid=0}}, {{effective={}, permitted={}, inheritable={}}})",
                set(effective),
                set(permitted),
                set(inheritable)
            );
            let clear = "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)".to_owned();
            let raise =
                ambient.iter().map(|name| format!("prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, {name}, 0, 0)"));
            [sets, clear].into_iter().chain(raise).collect()
        }
        Step::EnterUserNamespace => {
            ["setns(userns, CLONE_NEWUSER)", "setresgid(0, 0, 0)", "setresuid(0, 0, 0)"].map(str::to_owned).to_vec()
        }
        Step::EndWithEngine => vec!["prctl(PR_SET_PDEATHSIG, SIGKILL)".to_owned()],
        Step::InstallSeccomp { instructions, flags, .. } => {
            vec![format!("seccomp(SECCOMP_SET_MODE_FILTER, {flags:#x}, {{len={}, filter=…}})", instructions.len())]
        }
        Step::Execute { args, env, .. } => vec![
            format!("execveat(launcher, \"\", {args:?}, /* {} vars */, AT_EMPTY_PATH)", env.len()),
            format!("execve({:?}, {args:?}, /* {} vars */)", args.first().map_or("", String::as_str), env.len()),
        ],
        Step::NoNewPrivileges => vec!["prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)".to_owned()],
        _ => return None,
    })
}

fn terminal_calls(owner: u32, rows: u16, columns: u16) -> Vec<String> {
    vec![
        open("/dev/pts/ptmx", "O_RDWR|O_NOCTTY"),
        "ioctl(terminal, TIOCSPTLCK, [0])".to_owned(),
        "ioctl(terminal, TIOCGPTPEER, O_RDWR|O_NOCTTY|O_CLOEXEC)".to_owned(),
        format!("fchown(peer, {owner}, -1)"),
        format!("ioctl(peer, TIOCSWINSZ, {{ws_row={rows}, ws_col={columns}}})"),
        // By descriptor: its name in /dev/pts might refer to another file by now.
        "open_tree(peer, \"\", OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_EMPTY_PATH)".to_owned(),
        find("/dev/console", ""),
        place(),
        "ioctl(peer, TIOCSCTTY, 0)".to_owned(),
        "dup3(peer, 0, 0), dup3(peer, 1, 0), dup3(peer, 2, 0)".to_owned(),
        "sendmsg(engine, {SCM_RIGHTS, [terminal]})".to_owned(),
    ]
}
