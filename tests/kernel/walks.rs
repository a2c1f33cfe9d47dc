//! A container's files are read while something in them is exchanged for something else, as fast as the machine can.
//!
//! | Row | The race |
//! |---|---|
//! | E94 | a directory becomes a link to the host's, a file a link to one that only the engine's user can read, while `export`, `diff`, `commit` and `system df` walk over them |
//! | E95 | a file becomes a FIFO, a device, a shorter or a longer file meanwhile |
//!
//! A container that runs could do the same to its own files; a thread of the host does it faster. Each race has its
//! control: a walk by path, which looks first and uses then, under the same swapper.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt, lchown, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::OFlag,
    sys::stat::{Mode, SFlag, makedev, mknod},
    unistd::mkfifo,
};

use crate::fixture::{Fixture, ORDINARY_USER, is_root};
use crate::swapper::{Effort, Swapper, control_falls};

/// What only the engine's user may read, outside of every container.
const SECRET: &str = "only the engine's user may read this";
/// The name of a file in a directory of the host's.
const OUTSIDE: &str = "name-outside-of-the-container";
/// No walk over a handful of files takes so long, unless it waits for something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A container that has ended, of which the files are known.
struct Kept {
    fixture: Fixture,
    /// The directory of its own files, and where the container calls it `/d`.
    files: PathBuf,
    /// The user who owns them.
    owner: u32,
    /// What is not the container's.
    secret: PathBuf,
    outside: PathBuf,
}

impl Kept {
    fn new(fixture: Fixture, driver: &str) -> Kept {
        let owner = if is_root() && !fixture.is_of_root() { ORDINARY_USER } else { nix::unistd::geteuid().as_raw() };
        succeed(&fixture, &["image", "seed"]);
        let script = "mkdir /d; echo inside >/d/file; mkdir /d/directory; echo inside >/d/directory/file";
        succeed(&fixture, &["run", "--name", "kept", "--driver", driver, "busybox", "sh", "-c", script]);
        let container = fs::read_dir(fixture.store().join("containers")).expect("containers").flatten().next();
        let tree = if driver == "copy" { "rootfs" } else { "upper" };
        let files = container.expect("a container").path().join(tree).join("d");
        let outside = fixture.directory().join("home").join("outside");
        let secret = outside.join("secret");
        fs::create_dir(&outside).expect("a directory");
        fs::write(&secret, SECRET).expect("a file");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("its mode");
        // So large that it is noticed when it is counted, and takes no room.
        let named = File::create(outside.join(OUTSIDE)).expect("a file");
        named.set_len(1 << 40).expect("its length");
        let kept = Kept { fixture, files, owner, secret, outside };
        for path in [&kept.outside, &kept.secret, &kept.outside.join(OUTSIDE)] {
            kept.give(path);
        }
        kept
    }

    /// Lets the container's owner have what the test has made.
    fn give(&self, path: &Path) {
        lchown(path, Some(self.owner), Some(self.owner)).expect("the file can be given away");
    }

    /// Puts something beside a file or directory of the container's, to be exchanged for it.
    fn beside(&self, make: impl FnOnce(&Path)) -> PathBuf {
        let path = self.files.join("beside");
        make(&path);
        self.give(&path);
        path
    }

    /// Walks in all ways, again and again, while the two are exchanged.
    fn walk(&self, name: &str, beside: &Path, naive: impl FnMut() -> bool) {
        let swapper = Swapper::of(&self.files.join(name), beside);
        control_falls(&format!("a walk by path that meets an exchanged {name}"), naive);
        let (mut tries, effort) = (0, Effort::of(Duration::from_millis(1200), 2_000));
        while effort.goes_on(tries) {
            self.check_export();
            self.check_diff();
            if tries % 8 == 0 {
                self.check_commit();
                self.check_size();
            }
            tries += 1;
        }
        drop(swapper);
    }

    #[track_caller]
    fn check_export(&self) {
        let archive = self.finish(&["export", "kept"]);
        check_archive(&archive.stdout);
        check_inside(&archive.stdout);
    }

    #[track_caller]
    fn check_diff(&self) {
        let changes = self.finish(&["diff", "kept"]);
        check_inside(&changes.stdout);
        assert!(String::from_utf8_lossy(&changes.stdout).contains("A /d\n"), "{changes:?}");
    }

    /// The layer that is made is unpacked in the store, where it can be looked at.
    #[track_caller]
    fn check_commit(&self) {
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
    fn check_size(&self) {
        let sizes = self.finish(&["system", "df"]);
        assert!(!String::from_utf8_lossy(&sizes.stdout).contains("TB"), "a file outside was counted: {sizes:?}");
    }

    /// Runs a command that must not hang.
    #[track_caller]
    fn finish(&self, arguments: &[&str]) -> Output {
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
        let mut told = String::new();
        stderr.read_to_string(&mut told).expect("text");
        assert!(status.success(), "{arguments:?}: {told}");
        let stdout = reader.join().expect("the reader").expect("its output");
        Output { status, stdout, stderr: told.into_bytes() }
    }

    /// The control for what a file may become: a look that finds a regular file, and then a use that finds another thing.
    fn look_and_open(&self, is_other: impl Fn(&Metadata) -> bool) -> bool {
        let path = self.files.join("file");
        let looked = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file());
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
fn succeed(fixture: &Fixture, arguments: &[&str]) {
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

/// Whether every header of a tar archive is where the one before says, up to the two blocks of zeros at its end.
#[track_caller]
fn check_archive(archive: &[u8]) {
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

fn of_both_drivers() -> impl Iterator<Item = Kept> {
    let fixtures: [fn() -> Option<Fixture>; 2] = [Fixture::root, Fixture::user];
    fixtures
        .into_iter()
        .flat_map(|fixture| ["overlay", "copy"].map(|driver| (fixture, driver)))
        .filter_map(|(fixture, driver)| Some(Kept::new(fixture()?, driver)))
}

#[test]
fn a_directory_that_becomes_a_link_leads_nowhere() {
    for kept in of_both_drivers() {
        let link = kept.beside(|path| symlink(&kept.outside, path).expect("a link"));
        let directory = kept.files.join("directory");
        kept.walk("directory", &link, || {
            fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir())
                && fs::read_dir(&directory).is_ok_and(|names| names.flatten().any(|name| name.file_name() == OUTSIDE))
        });
    }
}

#[test]
fn a_file_that_becomes_a_link_shows_no_other_file() {
    for kept in of_both_drivers() {
        let link = kept.beside(|path| symlink(&kept.secret, path).expect("a link"));
        let file = kept.files.join("file");
        kept.walk("file", &link, || {
            fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file())
                && fs::read_to_string(&file).is_ok_and(|content| content == SECRET)
        });
    }
}

#[test]
fn a_file_that_becomes_a_fifo_is_not_waited_for() {
    for kept in of_both_drivers() {
        let fifo = kept.beside(|path| mkfifo(path, Mode::from_bits_truncate(0o644)).expect("a FIFO"));
        kept.walk("file", &fifo, || kept.look_and_open(|metadata| metadata.file_type().is_fifo()));
    }
}

/// The machine's zeros have no end. Only root can make such a file.
#[test]
fn a_file_that_becomes_a_device_is_not_read() {
    if !is_root() {
        return;
    }
    for kept in of_both_drivers() {
        let mode = Mode::from_bits_truncate(0o666);
        let zeros = kept.beside(|path| mknod(path, SFlag::S_IFCHR, mode, makedev(1, 5)).expect("a device"));
        // No container of an ordinary user could make this device; the test can.
        kept.walk("file", &zeros, || kept.look_and_open(|metadata| metadata.file_type().is_char_device()));
    }
}

/// A file becomes shorter and longer while it is packed: the archive stays one.
#[test]
fn a_file_that_changes_its_size_leaves_the_archive_whole() {
    for kept in of_both_drivers() {
        let (path, enough) = (kept.files.join("file"), AtomicBool::new(false));
        let content = vec![b'x'; 1 << 20];
        fs::write(&path, &content).expect("a file");
        thread::scope(|scope| {
            let change = scope.spawn(|| -> io::Result<()> {
                let mut file = File::options().write(true).open(&path)?;
                while !enough.load(Ordering::Relaxed) {
                    file.set_len(1)?;
                    file.set_len(2 << 20)?;
                    io::Seek::rewind(&mut file)?;
                    file.write_all(&content)?;
                }
                Ok(())
            });
            // A reader that keeps to the size that it has seen meets an end before, or more behind.
            control_falls("a reader that believes the size of a file", || {
                let mut file = File::open(&path).expect("the file");
                let size = file.metadata().expect("its size").len();
                let mut read = Vec::new();
                file.read_to_end(&mut read).expect("it can be read");
                read.len() as u64 != size
            });
            let (mut tries, effort) = (0, Effort::of(Duration::from_millis(1200), 1_000));
            while effort.goes_on(tries) {
                kept.check_export();
                tries += 1;
            }
            enough.store(true, Ordering::Relaxed);
            change.join().expect("the thread").expect("the file can be changed");
        });
    }
}

/// A container can give its files names of any bytes, and nest directories deeper than the longest path.
#[test]
fn names_that_are_not_utf8_and_paths_longer_than_path_max() {
    // No shell goes deeper than a path can be long, but a whole tree can be moved to where it ends.
    let script = "make() { mkdir $1; cd $1; i=0; while [ $i -lt 300 ]; do mkdir abcdefghij; cd abcdefghij; i=$((i+1)); done; }; \
        make /one; echo deep >deepest; make /two; mv /one .; \
        mkdir /n; touch \"$(printf '/n/a\\377')\" \"$(printf '/n/a\\376')\"";
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { return };
        succeed(&fixture, &["image", "seed"]);
        for driver in ["overlay", "copy"] {
            succeed(&fixture, &["run", "--name", "odd", "--driver", driver, "busybox", "sh", "-c", script]);
            let run = |command: &str| {
                let output = fixture.command().args([command, "odd"]).output().expect("the command starts");
                assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
                output.stdout
            };
            let changes = String::from_utf8(run("diff")).expect("text");
            let expect = r"A /n/a\xfe A /n/a\xff".replace(" A", "\nA");
            assert!(changes.contains(&expect), "{changes:.2000}");
            assert!(changes.lines().any(|line| line.len() > 6600 && line.ends_with("/abcdefghij/deepest")));
            let archive = run("export");
            check_archive(&archive);
            for name in [&b"n/a\xfe\0"[..], b"n/a\xff\0", b"deep\n"] {
                assert!(archive.windows(name.len()).any(|window| window == name), "{}", name.escape_ascii());
            }
            succeed(&fixture, &["rm", "odd"]);
        }
    }
}

/// Reading changes no mode, no time and no inode.
#[test]
fn a_walk_changes_nothing() {
    for kept in of_both_drivers() {
        let seen = |path: &Path| {
            let metadata = fs::symlink_metadata(path).expect("it is there");
            (metadata.ino(), metadata.mode(), metadata.mtime(), metadata.mtime_nsec(), metadata.ctime_nsec())
        };
        let all = [kept.files.clone(), kept.files.join("file"), kept.files.join("directory")];
        let before: Vec<_> = all.iter().map(|path| seen(path)).collect();
        kept.check_export();
        kept.check_diff();
        kept.check_commit();
        kept.check_size();
        assert_eq!(all.iter().map(|path| seen(path)).collect::<Vec<_>>(), before);
    }
}
