//! A container with known files, and every command that walks through them.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::Read,
    os::unix::fs::{OpenOptionsExt, PermissionsExt, lchown},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::fcntl::OFlag;

use crate::fixture::{Fixture, ORDINARY_USER, is_root};
use crate::swapper::{Effort, Swapper, control_is_vulnerable};

/// The content of a file outside of every container that only the engine's user may read.
pub const SECRET: &str = "only the engine's user may read this";
/// The name of a file in a directory of the host.
pub const OUTSIDE: &str = "name-outside-of-the-container";
/// The number of files in the directory. With more files, an exchange happens during a walk more often.
pub const MANY: usize = 200;
/// The minimum number of attempts of a race, also on a busy machine.
pub const LEAST: u64 = 4;
/// A walk through a few files takes less, unless it blocks.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A stopped container with known files.
pub struct Kept {
    pub fixture: Fixture,
    /// The directory of its own files, which is `/d` in the container.
    pub files: PathBuf,
    /// The user who owns them.
    owner: u32,
    /// A file outside of the container.
    pub secret: PathBuf,
    pub outside: PathBuf,
}

impl Kept {
    pub fn new(fixture: Fixture, driver: &str) -> Kept {
        let owner = if is_root() && !fixture.is_of_root() { ORDINARY_USER } else { nix::unistd::geteuid().as_raw() };
        succeed(&fixture, &["image", "seed"]);
        let script = format!(
            "mkdir -p /d/directory; cd /d; echo inside >file; for i in $(seq {MANY}); do echo inside >directory/$i; done"
        );
        succeed(&fixture, &["run", "--name", "kept", "--driver", driver, "busybox", "sh", "-c", &script]);
        let container = fs::read_dir(fixture.store().join("containers")).expect("containers").flatten().next();
        let tree = if driver == "copy" { "rootfs" } else { "upper" };
        let files = container.expect("a container").path().join(tree).join("d");
        let outside = fixture.directory().join("home").join("outside");
        let secret = outside.join("secret");
        fs::create_dir(&outside).expect("a directory");
        fs::write(&secret, SECRET).expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("its mode");
        // The same names outside: a walk by path finds them when the directory has become a link.
        for number in 1..=MANY {
            fs::write(outside.join(number.to_string()), SECRET).expect("a file");
        }
        // A sparse file that is large enough to be noticed when it is counted.
        let named = File::create(outside.join(OUTSIDE)).expect("a file");
        named.set_len(1 << 40).expect("its length");
        let kept = Kept { fixture, files, owner, secret, outside };
        kept.give(&kept.outside);
        fs::read_dir(&kept.outside).expect("a directory").flatten().for_each(|entry| kept.give(&entry.path()));
        kept
    }

    /// Makes the container's owner the owner of what the test has created.
    fn give(&self, path: &Path) {
        lchown(path, Some(self.owner), Some(self.owner)).expect("the file can be given away");
    }

    /// Puts a file next to a file or directory of the container, to be exchanged with it.
    pub fn beside(&self, make: impl FnOnce(&Path)) -> PathBuf {
        let path = self.files.join("beside");
        make(&path);
        self.give(&path);
        path
    }

    /// Walks in all ways, repeatedly, while the two are exchanged.
    pub fn walk(&self, name: &str, beside: &Path, naive: impl FnMut() -> bool) {
        let swapper = Swapper::of(&self.files.join(name), beside);
        control_is_vulnerable(&format!("a walk by path that meets an exchanged {name}"), naive);
        let (mut tries, effort) = (0, Effort::of(Duration::from_millis(700), 2_000));
        while tries < LEAST || effort.continues(tries) {
            self.check_export();
            self.check_diff();
            self.check_size();
            if tries == 0 {
                self.check_commit();
            }
            tries += 1;
        }
        drop(swapper);
    }

    #[track_caller]
    pub fn check_export(&self) {
        let archive = self.finish(&["export", "kept"]);
        check_archive(&archive.stdout);
        check_inside(&archive.stdout);
    }

    #[track_caller]
    pub fn check_diff(&self) {
        let changes = self.finish(&["diff", "kept"]);
        check_inside(&changes.stdout);
        assert!(String::from_utf8_lossy(&changes.stdout).contains("A /d\n"), "{changes:?}");
    }

    /// The created layer is unpacked in the store, where it can be examined.
    #[track_caller]
    pub fn check_commit(&self) {
        self.finish(&["commit", "kept", "made:1"]);
        let files = Command::new("grep")
            .args(["-r", "-l", "-e", SECRET, "-e", OUTSIDE])
            .arg(self.fixture.store().join("layers"))
            .output()
            .expect("grep");
        assert_eq!(String::from_utf8_lossy(&files.stdout), "", "content from outside is in a layer");
        let named = Command::new("find").arg(self.fixture.store().join("layers")).args(["-name", OUTSIDE]).output();
        assert_eq!(String::from_utf8_lossy(&named.expect("find").stdout), "");
        self.finish(&["rmi", "made:1"]);
    }

    #[track_caller]
    pub fn check_size(&self) {
        let sizes = self.finish(&["system", "df"]);
        assert!(!String::from_utf8_lossy(&sizes.stdout).contains("TB"), "a file outside was counted: {sizes:?}");
    }

    /// Runs a command that must not hang.
    #[track_caller]
    pub fn finish(&self, arguments: &[&str]) -> Output {
        let mut command = self.fixture.command();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the command starts");
        let (mut stdout, mut stderr) = (child.stdout.take().expect("a pipe"), child.stderr.take().expect("a pipe"));
        let reader = thread::spawn(move || {
            let mut read = Vec::new();
            stdout.read_to_end(&mut read).map(|_| read)
        });
        let began = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("its status") {
                break status;
            }
            if began.elapsed() > PATIENCE {
                child.kill().expect("it can be killed");
                panic!("{arguments:?} hangs");
            }
            thread::sleep(Duration::from_millis(1));
        };
        let mut messages = String::new();
        stderr.read_to_string(&mut messages).expect("text");
        assert!(status.success(), "{arguments:?}: {messages}");
        let stdout = reader.join().expect("the reader").expect("its output");
        Output { status, stdout, stderr: messages.into_bytes() }
    }

    /// The control for an exchange: checks that the file is harmless and then opens it; returns whether another file
    /// was opened.
    pub fn look_and_open(&self, name: &str, is_other: impl Fn(&Metadata) -> bool) -> bool {
        let path = self.files.join(name);
        let looked = fs::symlink_metadata(&path).is_ok_and(|metadata| !is_other(&metadata));
        let mut options = OpenOptions::new();
        let opened = options.read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(&path);
        looked && opened.and_then(|file| file.metadata()).is_ok_and(|metadata| is_other(&metadata))
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !thread::panicking() {
            succeed(&self.fixture, &["rm", "kept"]);
        }
    }
}

#[track_caller]
pub fn succeed(fixture: &Fixture, arguments: &[&str]) {
    let output = fixture.command().args(arguments).output().expect("the command starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn check_inside(output: &[u8]) {
    for outside in [SECRET, OUTSIDE] {
        let found = output.windows(outside.len()).any(|window| window == outside.as_bytes());
        assert!(!found, "what is outside of the container came out: {outside}");
    }
}

/// Whether every header of a tar archive is where the previous one says, up to the two blocks of zeros at its end.
#[track_caller]
pub fn check_archive(archive: &[u8]) {
    let mut blocks = archive.chunks_exact(512);
    while let Some(header) = blocks.next() {
        if header.iter().all(|byte| *byte == 0) {
            assert!(blocks.next().is_some_and(|block| block.iter().all(|byte| *byte == 0)), "the end is cut off");
            return;
        }
        let number = |field: &[u8]| {
            let digits: String = field.iter().map(|byte| char::from(*byte)).filter(char::is_ascii_digit).collect();
            usize::from_str_radix(&digits, 8).expect("a number")
        };
        let unsigned = |at: usize| if (148..156).contains(&at) { 32 } else { usize::from(header[at]) };
        assert_eq!(
            number(&header[148..156]),
            (0..512).map(unsigned).sum::<usize>(),
            "no header where there must be one"
        );
        for _ in 0..number(&header[124..136]).div_ceil(512) {
            blocks.next().expect("the content of a file is cut off");
        }
    }
    panic!("the archive has no end");
}

/// The user of the container, and its driver.
pub type Kind = (fn() -> Option<Fixture>, &'static str);

/// A container of each kind, one after the other.
pub fn each(kinds: &[Kind]) -> impl Iterator<Item = Kept> {
    kinds.iter().filter_map(|(fixture, driver)| Some(Kept::new(fixture()?, driver)))
}

/// Both users and both drivers. Starting a container takes longer than a walk, so each appears once.
pub const BOTH: [Kind; 2] = [(Fixture::root, "overlay"), (Fixture::user, "copy")];
pub const OTHERS: [Kind; 2] = [(Fixture::root, "copy"), (Fixture::user, "overlay")];
