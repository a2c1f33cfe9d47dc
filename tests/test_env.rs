//! Where a test works: a directory with a store of its own, and commands run there as the user of the test or as an
//! ordinary user, with an environment of nothing but the necessary.

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
};

use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    unistd::{Gid, Uid, setgid, setgroups, setuid},
};
use tempfile::TempDir;

use crate::skip;

/// An ordinary user that exists nowhere, has no subordinate ids and owns nothing.
pub const ORDINARY_USER: u32 = 65534;

/// What a command finds in a place of its own mount namespace.
#[derive(Clone)]
enum Hidden {
    /// This file instead of the host's.
    File(PathBuf),
    /// An empty file system on which nothing can be executed, no device opened, and no user be changed to.
    Locked,
}

/// The directory, and how commands are run in it.
pub struct TestEnv {
    directory: TempDir,
    /// The user whom commands run as, when that is not the user of the test.
    user: Option<u32>,
    /// Mounts that only the commands see: what lies where.
    mounts: Vec<(Hidden, PathBuf)>,
    engine: PathBuf,
}

impl TestEnv {
    /// For the user of the tests.
    pub fn any() -> TestEnv {
        TestEnv::of(None)
    }

    /// For root; `None` when the test has to be skipped.
    pub fn root() -> Option<TestEnv> {
        skip::require(is_root(), skip::ROOT).then(TestEnv::any)
    }

    /// For an ordinary user. Root becomes one for each command.
    pub fn user() -> Option<TestEnv> {
        let user_namespaces = fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|max| max != "0\n");
        skip::require(user_namespaces, "user namespaces (sysctl user.max_user_namespaces)")
            .then(|| TestEnv::of(is_root().then_some(ORDINARY_USER)))
    }

    fn of(user: Option<u32>) -> TestEnv {
        let directory = tempfile::Builder::new().prefix("minicontainer-test-").tempdir().expect("a directory");
        // tempfile makes it for its owner only, and an ordinary user must be able to pass through.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o711)).expect("the mode is set");
        for name in ["store", "home", "run"] {
            let path = directory.path().join(name);
            fs::create_dir(&path).expect("a directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("the mode is set");
            chown(&path, user, user).expect("the directory can be given to the user");
        }
        let engine = engine_for(user, directory.path());
        TestEnv { directory, user, mounts: Vec::new(), engine }
    }

    /// Lets commands find a file with this content in a place where the host has another.
    pub fn put(&mut self, place: &str, content: &str, mode: u32) {
        let file = self.path(&format!("hidden-{}", self.mounts.len()));
        fs::write(&file, content).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("the mode is set");
        self.mounts.push((Hidden::File(file), place.into()));
    }

    /// Lets commands find a directory of the test's mounted `nosuid`, `nodev`, `noexec` and `noatime`.
    pub fn lock(&mut self, place: &Path) {
        self.mounts.push((Hidden::Locked, place.to_owned()));
    }

    /// The command `minicontainer`.
    pub fn engine(&self) -> Command {
        self.command_of(&self.engine)
    }

    /// Any program, run by the same user in the same environment.
    pub fn command_of(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("LANG", "C.UTF-8")
            .env("HOME", self.path("home"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("MINICONTAINER_ROOT", self.store())
            .env("ENGINE", &self.engine)
            .current_dir(self.directory());
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

    /// The user whom commands run as, when that is not the user of the test.
    pub fn other_user(&self) -> Option<u32> {
        self.user
    }

    /// The test's own directory, which every user can pass through.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A place in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// The file of the command.
    pub fn engine_file(&self) -> &Path {
        &self.engine
    }
}

impl Drop for TestEnv {
    /// Overlay's `work/work` has mode 000, so without root's capabilities the directory of a container that was kept
    /// could not be removed.
    fn drop(&mut self) {
        if !is_root() {
            let opened = Command::new("chmod").args(["-R", "u+rwX"]).arg(self.directory()).status();
            assert!(opened.is_ok_and(|status| status.success()) || std::thread::panicking(), "chmod -R fails");
        }
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

/// The engine where that user may execute it: a checkout below a closed home directory needs a copy. Another process
/// copies it: a program that this one had open for writing could not be executed as long as the child of some other
/// test has the descriptor too. A caller that starts this program as another user has made that copy already, and says
/// where.
fn engine_for(user: Option<u32>, directory: &Path) -> PathBuf {
    let built = env!("CARGO_BIN_EXE_minicontainer");
    let engine = PathBuf::from(env::var_os("MINICONTAINER_TEST_ENGINE").unwrap_or_else(|| built.into()));
    let open = |path: &Path| fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o001 != 0);
    if user.is_none() || engine.ancestors().all(open) {
        return engine;
    }
    let copy = directory.join("minicontainer");
    let copied = Command::new("install").args(["-m", "755"]).args([&engine, &copy]).status().expect("install runs");
    assert!(copied.success(), "the engine can be copied");
    copy
}
