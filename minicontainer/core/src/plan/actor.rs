//! Which process executes a step.

use serde::Serialize;

use super::{Namespace, Step};

/// The process that executes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// The engine, a process on the host, before or while the container's first process runs.
    Engine,
    /// The container's first process, between clone3(2), which creates it, and execve(2), which replaces it by the
    /// program.
    Container,
}

impl Step {
    /// Whether the container has its own `/dev/null` once this step is done.
    pub fn makes_null_device(&self) -> bool {
        matches!(self, Step::MakeDevice { path, .. } | Step::BindDevice { path, .. } if path == "/dev/null")
    }

    /// The process that executes the step.
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
            // The process must enter its own cgroup first: the joined namespace may not show that cgroup.
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
