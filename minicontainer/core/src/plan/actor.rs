//! Who carries a step out.

use serde::Serialize;

use super::{Namespace, Step};

/// Who carries a step out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The engine, a process of the host, before or beside the container's first process.
    Engine,
    /// The container's first process, from clone3(2), which creates it, until execve(2), by which it becomes the
    /// program.
    Container,
}

impl Step {
    /// Whether the container has its own `/dev/null` once this step is done.
    pub fn makes_null_device(&self) -> bool {
        matches!(self, Step::MakeDevice { path, .. } | Step::BindDevice { path, .. } if path == "/dev/null")
    }

    /// Who carries the step out.
    pub fn actor(&self) -> Actor {
        match self {
            Step::CreateCgroup { .. }
            | Step::LimitTogether { .. }
            | Step::LimitMemory { .. }
            | Step::LimitCpu { .. }
            | Step::LimitPids { .. }
            | Step::LimitCpuset { .. }
            | Step::LimitDevices { .. }
            | Step::MakeUserNamespace { .. }
            | Step::Clone { .. }
            | Step::MapIds { .. }
            | Step::MoveIntoCgroup { .. } => Actor::Engine,
            // A process enters its own cgroup before the namespace that may not show it.
            Step::JoinNamespace { namespace: Namespace::Cgroup, .. } => Actor::Container,
            Step::JoinNamespace { .. } => Actor::Engine,
            Step::CloseDescriptors
            | Step::ResetSignals
            | Step::JoinCgroup { .. }
            | Step::AwaitGo
            | Step::UnshareCgroup
            | Step::UnshareTime { .. }
            | Step::NewSession
            | Step::SetHostname { .. }
            | Step::MakeMountsPrivate
            | Step::LimitWritableLayer { .. }
            | Step::MountOverlay { .. }
            | Step::BindRoot { .. }
            | Step::Mount { .. }
            | Step::BindMount { .. }
            | Step::MakeDevice { .. }
            | Step::BindDevice { .. }
            | Step::Symlink { .. }
            | Step::OpenTerminal { .. }
            | Step::Remount { .. }
            | Step::SetSysctl { .. }
            | Step::MaskPath { .. }
            | Step::ReadonlyPath { .. }
            | Step::PivotRoot
            | Step::Chroot { .. }
            | Step::LoopbackUp
            | Step::EnterWorkdir { .. }
            | Step::SetUmask { .. }
            | Step::SetRlimit { .. }
            | Step::EnterUserNamespace
            | Step::DropBoundingSet { .. }
            | Step::SetUser { .. }
            | Step::SetCapabilities { .. }
            | Step::EndWithEngine
            | Step::NoNewPrivileges
            | Step::InstallSeccomp { .. }
            | Step::Execute { .. } => Actor::Container,
        }
    }
}
