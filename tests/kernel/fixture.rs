//! The set-up of a kernel test: a [`TestEnv`], a directory that must stay unchanged, and the host snapshot.

use std::{
    fs,
    ops::{Deref, DerefMut},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use minicontainer::{core::plan::Availability, host};

use crate::{host_snapshot::HostSnapshot, skip, test_env::TestEnv};

pub use crate::test_env::{ORDINARY_USER, is_root};

/// The first user id that is allocated for [`Fixture::user_with_ids`].
pub const ALLOCATED_USERS: u32 = 2_000_000;

/// The first group id that is allocated for it.
pub const ALLOCATED_GROUPS: u32 = 3_000_000;

/// libtest runs tests in parallel threads, but the snapshot covers the whole machine: one fixture at a time.
static MACHINE: Mutex<()> = Mutex::new(());

/// The environment of one kernel test. Dropping it checks that the machine is unchanged, then removes the directory,
/// and only then allows the next test to start: the fields are in that order.
pub struct Fixture {
    snapshot: HostSnapshot,
    env: TestEnv,
    _machine: MutexGuard<'static, ()>,
}

impl Deref for Fixture {
    type Target = TestEnv;

    fn deref(&self) -> &TestEnv {
        &self.env
    }
}

impl DerefMut for Fixture {
    fn deref_mut(&mut self) -> &mut TestEnv {
        &mut self.env
    }
}

impl Fixture {
    /// For a test of root's containers; `None` if the test must be skipped.
    pub fn root() -> Option<Fixture> {
        Fixture::around(TestEnv::root)
    }

    /// For a test of limits: root's containers, or those of an ordinary user whose processes are in the leaf of a
    /// delegated group.
    pub fn limited() -> Option<Fixture> {
        let can = || host::cgroups(host::identity()).access == Availability::Available;
        skip::require(is_root() || can(), skip::ROOT).then(Fixture::any)
    }

    /// For a test of an ordinary user's containers. If the tests run as root, each command runs as that user.
    pub fn user() -> Option<Fixture> {
        Fixture::around(TestEnv::user)
    }

    /// For a test of the containers of an ordinary user with allocated ids. It requires root, so that the user's
    /// commands find other files in `/etc`.
    pub fn user_with_ids() -> Option<Fixture> {
        let helpers = ["newuidmap", "newgidmap"].iter().all(|name| Path::new("/usr/bin").join(name).exists());
        if !skip::require(is_root(), skip::ROOT) || !skip::require(helpers, "newuidmap (Debian: uidmap)") {
            return None;
        }
        let mut fixture = Fixture::user()?;
        fixture.put("/etc/subuid", &format!("# allocated\n{ORDINARY_USER}:{ALLOCATED_USERS}:65536\n"), 0o644);
        fixture.put("/etc/subgid", &format!("bob:1:2\n{ORDINARY_USER}:{ALLOCATED_GROUPS}:65536\n"), 0o644);
        Some(fixture)
    }

    /// For a test of root's containers on a machine with these contents of `/etc/subuid` and `/etc/subgid`.
    pub fn root_with_allocations(subuid: &str, subgid: &str) -> Option<Fixture> {
        let files = ["/etc/subuid", "/etc/subgid"];
        if !skip::require(files.iter().all(|file| Path::new(file).exists()), "the files /etc/subuid and /etc/subgid")
        {
            return None;
        }
        let mut fixture = Fixture::root()?;
        files.iter().zip([subuid, subgid]).for_each(|(file, text)| fixture.put(file, text, 0o644));
        Some(fixture)
    }

    /// For a test that holds for every user.
    pub fn any() -> Fixture {
        Fixture::around(|| Some(TestEnv::any())).expect("an environment for anyone")
    }

    fn around(make: impl FnOnce() -> Option<TestEnv>) -> Option<Fixture> {
        let machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        let env = make()?;
        let canary = env.path("canary");
        make_canary(&canary);
        let snapshot = HostSnapshot::watch(env.engine_file(), env.directory(), &[canary]);
        Some(Fixture { snapshot, env, _machine: machine })
    }

    /// The command `minicontainer`, with this fixture's store and a minimal environment.
    pub fn command(&self) -> Command {
        self.engine()
    }

    /// A directory of the host that every user can read. Except for a bug, no container can reach or change it.
    pub fn canary(&self) -> PathBuf {
        self.path("canary")
    }

    /// The snapshot, for tests that compare before the end.
    pub fn snapshot(&self) -> &HostSnapshot {
        &self.snapshot
    }
}

/// The target of every attack: files with content, modes and attributes. The snapshot reports every change of them.
fn make_canary(canary: &Path) {
    fs::create_dir(canary).expect("a directory");
    fs::write(canary.join("hello"), "world").expect("a file");
    fs::write(canary.join("secret"), "not for containers").expect("a file");
    fs::set_permissions(canary.join("secret"), fs::Permissions::from_mode(0o604)).expect("the mode is set");
    fs::create_dir(canary.join("directory")).expect("a directory");
    std::os::unix::fs::symlink("hello", canary.join("link")).expect("a link");
    // If the file system does not support such attributes, they cannot be changed either.
    let _ = xattr::set(canary.join("hello"), "user.canary", b"sings");
}

#[track_caller]
fn check_leaves_no_trace(fixture: &Fixture) {
    let output = fixture.command().arg("version").output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fixture.snapshot().check();
}

#[test]
fn command_of_current_user_leaves_no_trace() {
    check_leaves_no_trace(&Fixture::any());
}

#[test]
fn command_of_root_leaves_no_trace() {
    let Some(fixture) = Fixture::root() else { return };
    check_leaves_no_trace(&fixture);
}

#[test]
fn command_of_ordinary_user_leaves_no_trace() {
    let Some(fixture) = Fixture::user() else { return };
    check_leaves_no_trace(&fixture);
}
