//! The name of a step and its paths, for short texts such as error messages.

use super::Step;

impl Step {
    /// The step's kind as in its serialised form: `set-hostname` for `SetHostname`.
    pub fn kind(&self) -> &'static str {
        match self {
            Step::CreateCgroup { .. } => "create-cgroup",
            Step::LimitTogether { .. } => "limit-together",
            Step::LimitMemory { .. } => "limit-memory",
            Step::LimitCpu { .. } => "limit-cpu",
            Step::LimitPids { .. } => "limit-pids",
            Step::LimitCpuset { .. } => "limit-cpuset",
            Step::LimitDevices { .. } => "limit-devices",
            Step::MakeUserNamespace { .. } => "make-user-namespace",
            Step::JoinNamespace { .. } => "join-namespace",
            Step::Clone { .. } => "clone",
            Step::MapIds { .. } => "map-ids",
            Step::MoveIntoCgroup { .. } => "move-into-cgroup",
            Step::CloseDescriptors => "close-descriptors",
            Step::ResetSignals => "reset-signals",
            Step::JoinCgroup { .. } => "join-cgroup",
            Step::AwaitGo => "await-go",
            Step::UnshareCgroup => "unshare-cgroup",
            Step::UnshareTime { .. } => "unshare-time",
            Step::NewSession => "new-session",
            Step::SetHostname { .. } => "set-hostname",
            Step::MakeMountsPrivate => "make-mounts-private",
            Step::LimitWritableLayer { .. } => "limit-writable-layer",
            Step::MountOverlay { .. } => "mount-overlay",
            Step::BindRoot { .. } => "bind-root",
            Step::Mount { .. } => "mount",
            Step::BindMount { .. } => "bind-mount",
            Step::MakeDevice { .. } => "make-device",
            Step::BindDevice { .. } => "bind-device",
            Step::Symlink { .. } => "symlink",
            Step::Remount { .. } => "remount",
            Step::SetSysctl { .. } => "set-sysctl",
            Step::MaskPath { .. } => "mask-path",
            Step::ReadonlyPath { .. } => "readonly-path",
            Step::PivotRoot => "pivot-root",
            Step::Chroot { .. } => "chroot",
            Step::OpenTerminal { .. } => "open-terminal",
            Step::LoopbackUp => "loopback-up",
            Step::EnterWorkdir { .. } => "enter-workdir",
            Step::SetUmask { .. } => "set-umask",
            Step::SetRlimit { .. } => "set-rlimit",
            Step::EnterUserNamespace => "enter-user-namespace",
            Step::DropBoundingSet { .. } => "drop-bounding-set",
            Step::SetUser { .. } => "set-user",
            Step::SetCapabilities { .. } => "set-capabilities",
            Step::EndWithEngine => "end-with-engine",
            Step::NoNewPrivileges => "no-new-privileges",
            Step::InstallSeccomp { .. } => "install-seccomp",
            Step::Execute { .. } => "execute",
        }
    }

    /// The paths inside the new root that the step looks up before pivot_root(2).
    pub fn paths_inside(&self) -> Vec<String> {
        match self {
            Step::Mount { destination: path, .. }
            | Step::BindMount { destination: path, .. }
            | Step::MakeDevice { path, .. }
            | Step::BindDevice { path, .. }
            | Step::Symlink { path, .. }
            | Step::Remount { destination: path, .. }
            | Step::MaskPath { path }
            | Step::ReadonlyPath { path } => vec![path.clone()],
            Step::SetSysctl { name, .. } => vec![format!("/proc/sys/{}", name.replace('.', "/"))],
            Step::OpenTerminal { .. } => ["/dev/pts/ptmx", "/dev/console"].map(str::to_owned).to_vec(),
            _ => Vec::new(),
        }
    }
}
