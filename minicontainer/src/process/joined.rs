//! The namespaces that a container joins, as descriptors.
//!
//! A path can lead to any file, and to another one the next time it is used. So each path is opened once, before the
//! container's first process exists, and setns(2) gets the descriptor. It is opened with `O_PATH` first, which
//! neither blocks nor has side effects, even for a FIFO or a device. Only a file of the kernel's namespace file
//! system (*nsfs*) is then opened for reading, and the kernel is asked which kind of namespace it is (ioctl_ns(2)).
//!
//! Symbolic links in the path are followed, because the path comes from the author of the runtime config, who may
//! name any file. The check applies to the file that was opened.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use minicontainer_core::plan::{Namespace, Plan, Step};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use super::StartError;
use super::standard_streams::above_standard;
use super::start::clone_flag;
use crate::sys::calls::{self, Fd, NSFS_MAGIC};

/// A namespace that a container joins.
#[derive(Clone, Debug)]
pub struct JoinedNamespace {
    /// Its kind.
    pub namespace: Namespace,
    /// Its path, such as `/proc/PID/ns/net`, which plans and errors show.
    pub path: PathBuf,
    /// The namespace itself, if the caller has it open. Then `path` is only its name.
    pub file: Option<Arc<File>>,
}

/// The open namespaces that a plan joins, by the index of their step.
#[derive(Debug, Default)]
pub(crate) struct OpenNamespaces {
    opened: Vec<(usize, OwnedFd)>,
}

impl OpenNamespaces {
    /// Opens them, and checks that each is a namespace of the expected kind.
    pub(super) fn of(plan: &Plan, given: &[JoinedNamespace]) -> Result<OpenNamespaces, StartError> {
        let mut opened = Vec::new();
        for (index, step) in plan.steps.iter().enumerate() {
            let Step::JoinNamespace { namespace, path } = step else { continue };
            let held = given.iter().find(|one| one.namespace == *namespace).and_then(|one| one.file.as_deref());
            let file = open_namespace(*namespace, path, held)?;
            if plan.changes(*namespace) && is_engines_own(*namespace, &file) {
                return Err(StartError::OwnNamespace { namespace: *namespace, path: path.clone() });
            }
            opened.push((index, above_standard(file)?));
        }
        Ok(OpenNamespaces { opened })
    }

    /// The namespace that a step joins.
    pub(super) fn of_step(&self, index: usize) -> Option<Fd> {
        self.opened.iter().find(|(step, _)| *step == index).map(|(_, file)| file.as_raw_fd())
    }

    /// All descriptors.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = Fd> + '_ {
        self.opened.iter().map(|(_, file)| file.as_raw_fd())
    }
}

fn open_namespace(namespace: Namespace, path: &str, held: Option<&File>) -> Result<OwnedFd, StartError> {
    let failed = |source: io::Error| StartError::OpenNamespace { namespace, path: path.to_owned(), source };
    let raw_failed = |errno: crate::sys::Errno| failed(io::Error::from_raw_os_error(errno.0));
    let found = match held {
        Some(file) => OwnedFd::from(file.try_clone().map_err(failed)?),
        None => open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).map_err(|errno| failed(errno.into()))?,
    };
    if calls::file_system_magic(found.as_raw_fd()).map_err(raw_failed)? != NSFS_MAGIC {
        return Err(StartError::NotNamespace { namespace, path: path.to_owned() });
    }
    let file = File::open(format!("/proc/self/fd/{}", found.as_raw_fd())).map_err(failed)?;
    match calls::namespace_kind(file.as_raw_fd()).map_err(raw_failed)? {
        kind if kind == clone_flag(namespace) => Ok(file.into()),
        kind => Err(StartError::OtherNamespace { namespace, path: path.to_owned(), found: name_of(kind) }),
    }
}

/// The name of the kind of namespace that this flag of clone(2) creates.
fn name_of(flag: i32) -> &'static str {
    use Namespace::{Cgroup, Ipc, Mount, Net, Pid, Time, User, Uts};
    let all = [User, Mount, Pid, Net, Ipc, Uts, Cgroup, Time];
    all.into_iter().find(|namespace| clone_flag(*namespace) == flag).map_or("unknown", Namespace::name)
}

/// Whether this thread is in that namespace. The engine's own namespaces are treated as the host's.
fn is_engines_own(namespace: Namespace, file: &OwnedFd) -> bool {
    let name = if namespace == Namespace::Mount { "mnt" } else { namespace.name() };
    let own = File::open(format!("/proc/thread-self/ns/{name}"));
    own.is_ok_and(|own| calls::identity(own.as_raw_fd()).ok() == calls::identity(file.as_raw_fd()).ok())
}

#[cfg(test)]
mod tests {
    use minicontainer_core::Diagnostic as _;

    use std::time::{Duration, Instant};

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    fn check(namespace: Namespace, path: &str) -> Result<(), String> {
        let plan = Plan { steps: vec![Step::JoinNamespace { namespace, path: path.to_owned() }] };
        OpenNamespaces::of(&plan, &[]).map(drop).map_err(|error| error.to_string())
    }

    #[test]
    fn namespace_of_wrong_kind_is_refused() {
        assert_eq!(check(Namespace::Net, "/proc/self/ns/net"), Ok(()));
        let error = |namespace, path| check(namespace, path).expect_err("it is refused");
        let wrong = error(Namespace::Net, "/proc/self/ns/uts");
        assert_eq!(wrong, "cannot join the net namespace /proc/self/ns/uts: it is a uts namespace");
        let file = error(Namespace::Uts, "/proc/self/status");
        assert_eq!(file, "cannot join the uts namespace /proc/self/status: it is not a namespace");
        assert!(error(Namespace::Ipc, "/no/such/file").starts_with("cannot open the ipc namespace /no/such/file: "));
    }

    #[test]
    fn fifo_at_the_path_does_not_block() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pipe");
        mkfifo(&path, Mode::S_IRWXU).expect("a pipe");
        let before = Instant::now();
        let error = check(Namespace::Net, &path.display().to_string()).expect_err("it is refused");
        assert!(error.ends_with("it is not a namespace") && before.elapsed() < Duration::from_secs(60), "{error}");
    }

    #[test]
    fn open_descriptor_takes_precedence_over_path() {
        let file = Arc::new(File::open("/proc/self/ns/net").expect("a namespace"));
        let plan =
            Plan { steps: vec![Step::JoinNamespace { namespace: Namespace::Net, path: "/no/such".to_owned() }] };
        let given = |namespace, file: &Arc<File>| {
            [JoinedNamespace { namespace, path: "/no/such".into(), file: Some(Arc::clone(file)) }]
        };
        let opened = OpenNamespaces::of(&plan, &given(Namespace::Net, &file)).expect("it is open");
        let found = opened.of_step(0).expect("a descriptor");
        assert_eq!(calls::identity(found), calls::identity(file.as_raw_fd()));
        let other = Arc::new(File::open("/proc/self/ns/uts").expect("a namespace"));
        OpenNamespaces::of(&plan, &given(Namespace::Net, &other)).expect_err("another kind");
    }

    #[test]
    fn host_namespace_may_not_be_changed() {
        let join = Step::JoinNamespace { namespace: Namespace::Uts, path: "/proc/self/ns/uts".to_owned() };
        let rename = Step::SetHostname { name: "web".to_owned() };
        OpenNamespaces::of(&Plan { steps: vec![join.clone()] }, &[]).expect("nothing is changed");
        let error =
            OpenNamespaces::of(&Plan { steps: vec![join, rename] }, &[]).expect_err("the host would be renamed");
        assert!(matches!(error, StartError::OwnNamespace { .. }) && error.hint().is_some(), "{error}");
    }
}
