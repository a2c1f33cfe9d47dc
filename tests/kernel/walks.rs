//! A container's files are read while some of them are exchanged, as fast as possible.
//!
//! | Row | The race |
//! |---|---|
//! | E94 | a directory becomes a link to the host's, a file a link to one that only the engine's user can read, while `export`, `diff`, `commit` and `system df` walk over them |
//! | E95 | a file becomes a FIFO, a device, a shorter or a longer file meanwhile |
//!
//! A running container could do the same to its own files; a thread of the host is faster. Each race has its control:
//! a walk by path, which checks first and then uses, with the same swapper.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{FileTypeExt, MetadataExt, symlink},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use nix::{
    sys::stat::{Mode, SFlag, makedev, mknod},
    unistd::mkfifo,
};

use crate::fixture::{Fixture, is_root};
use crate::known_container::{BOTH, OTHERS, OUTSIDE, SECRET, check_archive, each, succeed};
use crate::swapper::{Effort, control_is_vulnerable};

#[test]
fn directory_swapped_for_a_link_is_not_followed() {
    for kept in each(&[BOTH, OTHERS].concat()) {
        let link = kept.beside(|path| symlink(&kept.outside, path).expect("a link"));
        let directory = kept.files.join("directory");
        kept.walk("directory", &link, || {
            fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.is_dir())
                && fs::read_dir(&directory).is_ok_and(|names| names.flatten().any(|name| name.file_name() == OUTSIDE))
        });
    }
}

#[test]
fn file_swapped_for_a_link_is_not_followed() {
    for kept in each(&BOTH) {
        let link = kept.beside(|path| symlink(&kept.secret, path).expect("a link"));
        let file = kept.files.join("file");
        kept.walk("file", &link, || {
            fs::symlink_metadata(&file).is_ok_and(|metadata| metadata.is_file())
                && fs::read_to_string(&file).is_ok_and(|content| content == SECRET)
        });
    }
}

#[test]
fn entry_swapped_for_a_fifo_does_not_block() {
    for kept in each(&BOTH) {
        let fifo = kept.beside(|path| mkfifo(path, Mode::from_bits_truncate(0o644)).expect("a FIFO"));
        for name in ["file", "directory"] {
            kept.walk(name, &fifo, || kept.look_and_open(name, |metadata| metadata.file_type().is_fifo()));
        }
    }
}

/// /dev/zero is endless. Only root can create such a file.
#[test]
fn file_swapped_for_a_device_is_not_read() {
    if !is_root() {
        return;
    }
    for kept in each(&BOTH) {
        let mode = Mode::from_bits_truncate(0o666);
        let zeros = kept.beside(|path| mknod(path, SFlag::S_IFCHR, mode, makedev(1, 5)).expect("a device"));
        // An ordinary user's container could not create this device; the test can.
        kept.walk("file", &zeros, || kept.look_and_open("file", |metadata| metadata.file_type().is_char_device()));
    }
}

/// A file becomes shorter and longer while it is packed: the archive stays valid.
#[test]
fn file_changing_its_size_leaves_the_archive_valid() {
    for kept in each(&BOTH) {
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
            // A reader that relies on the initial size finds the end earlier, or more content.
            control_is_vulnerable("a reader that believes the size of a file", || {
                let mut file = File::open(&path).expect("the file");
                let size = file.metadata().expect("its size").len();
                let mut read = Vec::new();
                file.read_to_end(&mut read).expect("it can be read");
                read.len() as u64 != size
            });
            let (mut tries, effort) = (0, Effort::of(Duration::from_millis(700), 1_000));
            while effort.continues(tries) {
                kept.check_export();
                tries += 1;
            }
            enough.store(true, Ordering::Relaxed);
            change.join().expect("the thread").expect("the file can be changed");
        });
    }
}

/// A container can give its files names with any bytes, and nest directories more deeply than the maximum path
/// length.
#[test]
fn non_utf8_names_and_long_paths_are_walked() {
    // A shell cannot go deeper than the maximum path length, but a whole tree can be moved to its end.
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
fn walk_changes_nothing() {
    for kept in each(&OTHERS) {
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
