//! The environment of a test: a directory with its own store, and commands that run there with a minimal environment,
//! as the user of the test or as an ordinary user.

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

/// An ordinary user that has no subordinate ids and owns nothing.
pub const ORDINARY_USER: u32 = 65534;

/// A mount over a path of the host, which only the commands of a test see.
#[derive(Clone)]
enum Hidden {
    /// This file replaces the host's file.
    File(PathBuf),
    /// An empty file system, mounted `nosuid`, `nodev`, `noexec` and `noatime`.
    Locked,
}

/// The directory of a test, and the settings for the commands that run in it.
pub struct TestEnv {
    directory: TempDir,
    /// The user that commands run as, if it is not the user of the test.
    user: Option<u32>,
    /// Mounts that only the commands see, each with its path.
    mounts: Vec<(Hidden, PathBuf)>,
    engine: PathBuf,
}

impl TestEnv {
    /// An environment for the user of the test.
    pub fn any() -> TestEnv {
        TestEnv::of(None)
    }

    /// An environment for root, or `None` if the test must be skipped.
    pub fn root() -> Option<TestEnv> {
        skip::require(is_root(), skip::ROOT).then(TestEnv::any)
    }

    /// An environment for an ordinary user, or `None` if the test must be skipped. If the test runs as root, each
    /// command becomes this user.
    pub fn user() -> Option<TestEnv> {
        let user_namespaces = fs::read_to_string("/proc/sys/user/max_user_namespaces").is_ok_and(|max| max != "0\n");
        skip::require(user_namespaces, "user namespaces (sysctl user.max_user_namespaces)")
            .then(|| TestEnv::of(is_root().then_some(ORDINARY_USER)))
    }

    fn of(user: Option<u32>) -> TestEnv {
        let directory = tempfile::Builder::new().prefix("minicontainer-test-").tempdir().expect("a directory");
        // tempfile creates it with mode 700, but an ordinary user must be able to pass through.
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

    /// Replaces a file of the host by one with this content, for the commands only.
    pub fn put(&mut self, place: &str, content: &str, mode: u32) {
        let file = self.path(&format!("hidden-{}", self.mounts.len()));
        fs::write(&file, content).expect("a file");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).expect("the mode is set");
        self.mounts.push((Hidden::File(file), place.into()));
    }

    /// Mounts an empty `nosuid`, `nodev`, `noexec` and `noatime` file system over a directory, for the commands only.
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
            .env("TZ", "UTC")
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
                // std also clears the supplementary groups if the caller is root.
                command.uid(user).gid(user);
            }
            None => {}
        }
        command
    }

    /// Whether the engine runs as root.
    pub fn is_of_root(&self) -> bool {
        is_root() && self.user.is_none()
    }

    /// The user that commands run as, if it is not the user of the test.
    pub fn other_user(&self) -> Option<u32> {
        self.user
    }

    /// The test's own directory, which every user can pass through.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// A path in the directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// The directory of the store.
    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// The path of the engine's program file.
    pub fn engine_file(&self) -> &Path {
        &self.engine
    }
}

impl Drop for TestEnv {
    /// Makes all directories writable: overlay's `work/work` has mode 000, so an ordinary user could not remove the
    /// directory of a container.
    fn drop(&mut self) {
        if !is_root() {
            let opened = Command::new("chmod").args(["-R", "u+rwX"]).arg(self.directory()).status();
            assert!(opened.is_ok_and(|status| status.success()) || std::thread::panicking(), "chmod -R fails");
        }
    }
}

/// Creates the mounts in a new mount namespace, and then becomes the user, if there is one.
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

/// The path of an engine that the user may execute. A checkout below a private home directory needs a copy.
///
/// Another process makes the copy. If this process had it open for writing, the child of another test could inherit
/// the descriptor, and executing the copy would fail with ETXTBSY. A caller that starts this program as another user
/// sets MINICONTAINER_TEST_ENGINE to a copy that exists already.
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
