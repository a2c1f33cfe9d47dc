//! The set-up of a kernel test: a store of its own, a directory that must stay as it is, and the oracle over all.

use std::{
    env,
    ffi::OsStr,
    fs, io,
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use minicontainer::{core::plan::Availability, host};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{Gid, Uid, setgid, setgroups, setuid},
};
use tempfile::TempDir;

use crate::{host_snapshot::HostOracle, skip};

/// An ordinary user that exists nowhere, has no subordinate ids and owns nothing.
pub const ORDINARY_USER: u32 = 65534;

/// The first of the user ids that [`Fixture::user_with_ids`] is lent.
pub const LENT_USERS: u32 = 2_000_000;

/// The first of the group ids that it is lent.
pub const LENT_GROUPS: u32 = 3_000_000;

/// What a command finds in a place of its own mount namespace.
#[derive(Clone)]
enum Hidden {
    /// This file instead of the host's.
    File(PathBuf),
    /// An empty file system on which nothing can be executed, no device opened, and no user be changed to.
    Locked,
}

/// libtest runs tests in parallel threads, but the oracle looks at the whole machine: one fixture at a time.
static MACHINE: Mutex<()> = Mutex::new(());

/// What one kernel test works with. Dropping it checks that the machine is as it was, then removes the directory, and
/// only then lets the next test begin: the fields stand in that order.
pub struct Fixture {
    oracle: HostOracle,
    directory: TempDir,
    /// The user whom commands run as, when that is not the user of the test.
    user: Option<u32>,
    /// Mounts that commands see and nobody else: what lies where.
    mounts: Vec<(Hidden, PathBuf)>,
    engine: PathBuf,
    _machine: MutexGuard<'static, ()>,
}

impl Fixture {
    /// For a test of root's containers; `None` when the test has to be skipped.
    pub fn root() -> Option<Fixture> {
        skip::require(is_root(), skip::ROOT).then(|| Fixture::new(None))
    }

    /// For a test of limits: root's containers, or those of an ordinary user who lives in the leaf of a group
    /// delegated to him.
    pub fn limited() -> Option<Fixture> {
        let can = || host::cgroups(host::identity()).access == Availability::Available;
        skip::require(is_root() || can(), skip::ROOT).then(|| Fixture::new(None))
    }

    /// For a test of an ordinary user's containers. Root becomes one for each command.
    pub fn user() -> Option<Fixture> {
        let user_namespaces = fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|max| max != "0\n");
        skip::require(user_namespaces, "user namespaces (sysctl user.max_user_namespaces)")
            .then(|| Fixture::new(is_root().then_some(ORDINARY_USER)))
    }

    /// For a test of an ordinary user's containers to whom the system lends ids. It takes root to let the user's
    /// commands find other files than the machine's own in `/etc`.
    pub fn user_with_ids() -> Option<Fixture> {
        let helpers = ["newuidmap", "newgidmap"].iter().all(|name| Path::new("/usr/bin").join(name).exists());
        if !skip::require(is_root(), skip::ROOT) || !skip::require(helpers, "newuidmap (Debian: uidmap)") {
            return None;
        }
        let mut fixture = Fixture::user()?;
        fixture.put("/etc/subuid", &format!("# lent\n{ORDINARY_USER}:{LENT_USERS}:65536\n"), 0o644);
        fixture.put("/etc/subgid", &format!("bob:1:2\n{ORDINARY_USER}:{LENT_GROUPS}:65536\n"), 0o644);
        Some(fixture)
    }

    /// For a test of root's containers on a machine where `/etc/subuid` and `/etc/subgid` say this.
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

    /// Lets commands find a file with this content in a place where the host has another.
    pub fn put(&mut self, place: &str, content: &str, mode: u32) {
        let file = self.directory.path().join(format!("hidden-{}", self.mounts.len()));
        fs::write(&file, content).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("the mode is set");
        self.mounts.push((Hidden::File(file), place.into()));
    }

    /// Lets commands find a directory of the test's mounted `nosuid`, `nodev`, `noexec` and `noatime`.
    pub fn lock(&mut self, place: &Path) {
        self.mounts.push((Hidden::Locked, place.to_owned()));
    }

    /// For a test that holds for whoever runs it.
    pub fn any() -> Fixture {
        Fixture::new(None)
    }

    fn new(user: Option<u32>) -> Fixture {
        let machine = MACHINE.lock().unwrap_or_else(PoisonError::into_inner);
        let directory = tempfile::Builder::new().prefix("minicontainer-kernel-test-").tempdir().expect("a directory");
        // tempfile makes it for its owner only, and an ordinary user must be able to pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).expect("the mode is set");
        for name in ["store", "home", "run"] {
            let path = directory.path().join(name);
            fs::create_dir(&path).expect("a directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("the mode is set");
            chown(&path, user, user).expect("the directory can be given to the user");
        }
        let canary = directory.path().join("canary");
        make_canary(&canary);
        let engine = engine_for(user, directory.path());
        let oracle = HostOracle::watch(&engine, directory.path(), &[canary]);
        Fixture { oracle, directory, user, mounts: Vec::new(), engine, _machine: machine }
    }

    /// The command `minicontainer`, with this fixture's store and an environment of nothing but the necessary.
    pub fn command(&self) -> Command {
        self.command_of(&self.engine)
    }

    /// Any program, run by the same user in the same environment.
    pub fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", self.directory.path().join("home"))
            .env("XDG_RUNTIME_DIR", self.directory.path().join("run"))
            .env("MINICONTAINER_ROOT", self.store())
            .current_dir(self.directory.path());
        match self.user {
            user if !self.mounts.is_empty() => {
                let mounts = self.mounts.clone();
                // SAFETY: makes system calls only, and allocates nothing.
                unsafe { command.pre_exec(move || become_user_among(user, &mounts)) };
            }
            Some(user) => {
                // Also empties the supplementary groups, as std documents for a caller that is root.
                command.uid(user).gid(user);
            }
            None => {}
        }
        command
    }

    /// Whether its containers are root's.
    pub fn is_of_root(&self) -> bool {
        is_root() && self.user.is_none()
    }

    /// The fixture's own directory, which every user can pass through.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// A directory of the host that every user can read and, but for a bug, no container can reach or change.
    pub fn canary(&self) -> PathBuf {
        self.directory.path().join("canary")
    }

    /// The oracle, for tests that ask before the end.
    pub fn oracle(&self) -> &HostOracle {
        &self.oracle
    }
}

/// Makes mounts that no other process sees, and then becomes the user if there is one.
fn become_user_among(user: Option<u32>, mounts: &[(Hidden, PathBuf)]) -> io::Result<()> {
    let nothing = None::<&str>;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
    for (hidden, place) in mounts {
        match hidden {
            Hidden::File(file) => mount(Some(file), place, nothing, MsFlags::MS_BIND, nothing)?,
            Hidden::Locked => {
                let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_NOATIME;
                mount(Some("locked"), place, Some("tmpfs"), flags, Some("mode=777"))?;
            }
        }
    }
    let Some(user) = user else { return Ok(()) };
    setgroups(&[])?;
    setgid(Gid::from_raw(user))?;
    Ok(setuid(Uid::from_raw(user))?)
}

/// Whether the test runs as root.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The victim of every attack: files with content, modes and attributes whose least change the oracle reports.
fn make_canary(canary: &Path) {
    fs::create_dir(canary).expect("a directory");
    fs::write(canary.join("hello"), "world").expect("a file");
    fs::write(canary.join("secret"), "nobody's business").expect("a file");
    fs::set_permissions(canary.join("secret"), fs::Permissions::from_mode(0o604)).expect("the mode is set");
    fs::create_dir(canary.join("directory")).expect("a directory");
    std::os::unix::fs::symlink("hello", canary.join("link")).expect("a link");
    // Where the file system has no such attributes there is nothing that could be changed either.
    let _ = xattr::set(canary.join("hello"), "user.canary", b"sings");
}

/// The engine where that user may execute it: a checkout below a closed home directory needs a copy. Whoever starts
/// this program as another user has made that copy already, and says where.
fn engine_for(user: Option<u32>, directory: &Path) -> PathBuf {
    let built = env!("CARGO_BIN_EXE_minicontainer");
    let engine = PathBuf::from(env::var_os("MINICONTAINER_TEST_ENGINE").unwrap_or_else(|| built.into()));
    let open = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0);
    if user.is_none() || engine.ancestors().all(open) {
        return engine;
    }
    let copy = directory.join("minicontainer");
    fs::copy(&engine, &copy).expect("the engine can be copied");
    fs::set_permissions(&copy, fs::Permissions::from_mode(0o755)).expect("the mode is set");
    copy
}

#[track_caller]
fn check_leaves_no_trace(fixture: &Fixture) {
    let output = fixture.command().arg("version").output().expect("the command starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fixture.oracle().check();
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
