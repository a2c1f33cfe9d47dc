//! The manual pages of each step, the most relevant first.

use crate::plan::Step;

/// The manual pages about the step's system calls and the concepts behind them.
pub(super) fn man_pages(step: &Step) -> &'static [&'static str] {
    match step {
        Step::CreateCgroup { .. } => &["cgroups(7)", "mkdir(2)"],
        Step::LimitTogether { .. } => &["cgroups(7)", "proc_sys_kernel(5)"],
        Step::LimitMemory { .. } | Step::LimitCpu { .. } | Step::LimitPids { .. } => &["cgroups(7)"],
        Step::Clone { .. } => &["clone(2)", "namespaces(7)", "pid_namespaces(7)"],
        Step::JoinNamespace { .. } => &["setns(2)", "namespaces(7)", "ioctl_ns(2)"],
        Step::MoveIntoCgroup { .. } => &["cgroups(7)"],
        Step::MapIds { .. } => &["user_namespaces(7)", "setgroups(2)", "subuid(5)", "newuidmap(1)"],
        Step::LimitCpuset { .. } => &["cpuset(7)", "cgroups(7)"],
        Step::LimitDevices { .. } => &["cgroups(7)", "mknod(2)", "bpf(2)"],
        Step::MakeUserNamespace { .. } => &["user_namespaces(7)", "clone(2)"],
        Step::EnterUserNamespace => &["user_namespaces(7)", "setns(2)"],
        Step::SetSysctl { .. } => &["proc(5)", "sysctl(8)", "namespaces(7)"],
        Step::OpenTerminal { .. } => &["pty(7)", "ioctl_tty(2)", "unix(7)"],
        Step::EndWithEngine => &["PR_SET_PDEATHSIG(2const)", "prctl(2)"],
        Step::CloseDescriptors => &["close_range(2)", "open(2)"],
        Step::ResetSignals => &["signal(7)", "sigaction(2)", "sigprocmask(2)"],
        Step::JoinCgroup { .. } => &["cgroups(7)"],
        Step::AwaitGo => &["pipe(7)", "read(2)"],
        Step::UnshareCgroup => &["cgroup_namespaces(7)", "unshare(2)"],
        Step::UnshareTime { .. } => &["time_namespaces(7)", "unshare(2)", "setns(2)", "clock_gettime(2)"],
        Step::NewSession => &["setsid(2)", "credentials(7)"],
        Step::SetHostname { .. } => &["sethostname(2)", "uts_namespaces(7)"],
        Step::MakeMountsPrivate => &["mount_namespaces(7)", "mount_setattr(2)"],
        Step::LimitWritableLayer { .. } => &["tmpfs(5)", "fsopen(2)", "move_mount(2)", "mkdir(2)"],
        Step::MountOverlay { .. } => &["fsopen(2)", "fsconfig(2)", "fsmount(2)", "move_mount(2)", "mount(8)"],
        Step::BindRoot { .. } => &["open_tree(2)", "move_mount(2)", "pivot_root(2)"],
        Step::Mount { fstype, .. } => match fstype.as_str() {
            "proc" => &["proc(5)", "pid_namespaces(7)", "fsopen(2)", "move_mount(2)", "openat2(2)"],
            "sysfs" => &["sysfs(5)", "network_namespaces(7)", "fsopen(2)", "move_mount(2)", "openat2(2)"],
            "tmpfs" => &["tmpfs(5)", "fsopen(2)", "move_mount(2)", "openat2(2)"],
            "devpts" => &["pts(4)", "fsopen(2)", "move_mount(2)", "openat2(2)"],
            "mqueue" => &["mq_overview(7)", "ipc_namespaces(7)", "fsopen(2)", "move_mount(2)", "openat2(2)"],
            "cgroup" | "cgroup2" => {
                &["cgroups(7)", "cgroup_namespaces(7)", "fsopen(2)", "move_mount(2)", "openat2(2)"]
            }
            _ => &["fsopen(2)", "move_mount(2)", "openat2(2)"],
        },
        Step::BindMount { .. } => &["open_tree(2)", "move_mount(2)", "mount_setattr(2)", "openat2(2)"],
        Step::MakeDevice { .. } => &["mknod(2)", "null(4)"],
        Step::BindDevice { .. } => &["open_tree(2)", "mount_setattr(2)", "move_mount(2)", "user_namespaces(7)"],
        Step::Symlink { .. } => &["symlink(2)", "symlink(7)"],
        Step::Remount { .. } => &["mount_setattr(2)"],
        Step::MaskPath { .. } => &["open_tree(2)", "move_mount(2)", "tmpfs(5)", "proc(5)"],
        Step::ReadonlyPath { .. } => &["open_tree(2)", "mount_setattr(2)", "move_mount(2)", "proc(5)"],
        Step::PivotRoot => &["pivot_root(2)", "umount(2)", "mount_namespaces(7)"],
        Step::Chroot { .. } => &["chroot(2)", "path_resolution(7)"],
        Step::LoopbackUp => &["netdevice(7)", "network_namespaces(7)"],
        Step::EnterWorkdir { .. } => &["chdir(2)", "path_resolution(7)"],
        Step::SetUmask { .. } => &["umask(2)"],
        Step::SetRlimit { .. } => &["getrlimit(2)"],
        Step::DropBoundingSet { .. } => &["capabilities(7)", "prctl(2)"],
        Step::SetUser { .. } => &["setresuid(2)", "setgroups(2)", "credentials(7)"],
        Step::SetCapabilities { .. } => &["capabilities(7)", "capset(2)", "prctl(2)"],
        Step::NoNewPrivileges => &["prctl(2)", "execve(2)"],
        Step::InstallSeccomp { .. } => &["seccomp(2)", "syscalls(2)", "PR_SET_SECCOMP(2const)"],
        Step::Execute { .. } => &["execve(2)"],
    }
}
