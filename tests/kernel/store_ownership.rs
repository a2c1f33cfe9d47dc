//! Only its owner can use a store: row E96.
//!
//! Each refusal has its control: what another user, or the owner of the directory, could do to an engine that does
//! not check the store's owner.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, lchown, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};

use minicontainer::core::network_files::NetworkFile;
use nix::sys::stat::{Mode, umask};

use crate::fixture::{Fixture, ORDINARY_USER, is_root};
use crate::skip;

/// This user owns nothing, and no container runs as it.
const OTHER_USER: u32 = 54_321;
/// The content of a file with mode 0600 in an image.
const PRIVATE: &str = "for the owner's eyes";

fn both() -> impl Iterator<Item = Fixture> {
    let fixtures: [fn() -> Option<Fixture>; 2] = [Fixture::root, Fixture::user];
    fixtures.into_iter().filter_map(|fixture| fixture())
}

fn owner(fixture: &Fixture) -> u32 {
    if is_root() && !fixture.is_of_root() { ORDINARY_USER } else { nix::unistd::geteuid().as_raw() }
}

fn stderr_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn succeed(fixture: &Fixture, arguments: &[&str]) -> String {
    let output = fixture.command().args(arguments).output().expect("the command starts");
    assert!(output.status.success(), "{arguments:?}: {}", stderr_of(&output));
    stderr_of(&output)
}

/// Whether another user can read the files that a shell pattern matches.
fn other_user_reads(pattern: &str) -> bool {
    let cat = format!("cat {pattern}");
    Command::new("sh").args(["-c", &cat]).uid(OTHER_USER).gid(OTHER_USER).output().expect("sh").status.success()
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

/// Sets the modes that mkdir(2) and open(2) set with the umask 022.
fn make_readable(directory: &Path) {
    set_mode(directory, 0o755);
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        match entry.file_type().expect("its type") {
            kind if kind.is_dir() && entry.file_name() != "fs" => make_readable(&entry.path()),
            kind if kind.is_file() => set_mode(&entry.path(), 0o644),
            _ => {}
        }
    }
}

#[test]
fn store_with_open_modes_is_closed_and_reported_once() {
    if !skip::require(is_root(), skip::ROOT) {
        return;
    }
    for fixture in both() {
        succeed(&fixture, &["image", "seed"]);
        let script = format!("umask 077; echo \"{PRIVATE}\" >/private");
        succeed(&fixture, &["run", "--name", "kept", "busybox", "sh", "-c", &script]);
        succeed(&fixture, &["commit", "kept", "private:1"]);
        succeed(&fixture, &["rm", "kept"]);
        let store = fixture.store();
        make_readable(&store);
        // The control: with these modes every user of the machine could read all blobs, and so every file of an
        // image.
        let blobs = format!("{}/images/blobs/sha256/*", store.display());
        assert!(other_user_reads(&blobs), "the blobs are not readable");
        let warned = succeed(&fixture, &["images"]);
        for closed in [store.clone(), store.join("images"), store.join("layers")] {
            assert!(warned.contains(&format!("closed {} to other users", closed.display())), "{warned}");
            assert_eq!(fs::metadata(&closed).expect("a directory").mode() & 0o7777, 0o700);
        }
        assert!(!other_user_reads(&blobs));
        assert_eq!(succeed(&fixture, &["images"]), "", "it is said again");
    }
}

/// Whatever the umask, new files belong to the owner, who can use them.
#[test]
fn umask_does_not_affect_the_store() {
    for mask in [0o000, 0o077, 0o777] {
        for fixture in both() {
            let store = fixture.directory().join("home").join("a").join("store");
            let run = |arguments: &[&str]| {
                let mut command = fixture.command();
                command.args(arguments).env("MINICONTAINER_ROOT", &store);
                // SAFETY: umask(2) cannot fail and does not access memory.
                unsafe {
                    command.pre_exec(move || {
                        umask(Mode::from_bits_truncate(mask));
                        Ok(())
                    });
                }
                let output = command.output().expect("the command starts");
                assert!(output.status.success(), "umask {mask:03o}: {arguments:?}: {}", stderr_of(&output));
            };
            let dockerfile = fixture.directory().join("home").join("Dockerfile");
            fs::write(&dockerfile, "FROM busybox\nRUN echo made >/made\n").expect("a file");
            run(&["image", "seed"]);
            run(&["run", "--name", "kept", "busybox", "touch", "/file"]);
            run(&["run", "--rm", "--driver", "copy", "busybox", "true"]);
            run(&["commit", "kept", "made:1"]);
            run(&["build", "-q", "-t", "built:1", "-f", &dockerfile.display().to_string(), "canary"]);
            run(&["run", "--rm", "made:1", "ls", "/file"]);
            run(&["system", "check"]);
            check_private(&store, owner(&fixture));
            run(&["rm", "kept"]);
        }
    }
}

/// Every directory of the store except those of images and containers has mode 0700, every file 0600. Only the three
/// files that the container itself reads as any user have 0644, in a directory of mode 0700.
#[track_caller]
fn check_private(directory: &Path, owner: u32) {
    let metadata = fs::symlink_metadata(directory).expect("it is there");
    let expect = match metadata.file_type() {
        kind if kind.is_dir() => 0o700,
        // The kernel sets this mode for symbolic links; it has no effect, see symlink(7).
        kind if kind.is_symlink() => 0o777,
        _ if NetworkFile::ALL.iter().any(|file| directory.ends_with(file.name())) => 0o644,
        _ => 0o600,
    };
    assert_eq!((metadata.mode() & 0o7777, metadata.uid()), (expect, owner), "{}", directory.display());
    if !metadata.is_dir() {
        return;
    }
    for entry in fs::read_dir(directory).expect("a directory").flatten() {
        let is_of_image = ["fs", "upper", "work", "rootfs", "lower"].iter().any(|name| entry.file_name() == *name);
        // A container's own init layer, unlike the directory of the shared one, has the tree itself.
        let is_init_layer = entry.path().join("etc").exists();
        if !is_of_image && !is_init_layer {
            check_private(&entry.path(), owner);
        }
    }
}

/// The store is refused with this message, and neither its contents nor its metadata have changed.
#[track_caller]
fn check_refused(fixture: &Fixture, store: &Path, expect: &str) {
    let seen = || {
        let metadata = fs::metadata(store).expect("the store");
        (
            metadata.mode(),
            metadata.uid(),
            metadata.ctime(),
            metadata.ctime_nsec(),
            fs::read_dir(store).unwrap().count(),
        )
    };
    let before = seen();
    for arguments in [&["run", "--rm", "busybox", "true"][..], &["images"], &["system", "check", "--repair"]] {
        let output = fixture.command().args(arguments).env("MINICONTAINER_ROOT", store).output();
        let output = output.expect("the command starts");
        let stderr = stderr_of(&output);
        assert!(
            !output.status.success() && stderr.contains(expect) && stderr.contains("hint: "),
            "{arguments:?}: {stderr}"
        );
    }
    assert_eq!(seen(), before);
}

fn new_store(fixture: &Fixture, name: &str) -> PathBuf {
    let store = fixture.directory().join("home").join(name);
    let output = fixture.command().arg("images").env("MINICONTAINER_ROOT", &store).output();
    assert!(output.expect("the command starts").status.success());
    store
}

#[test]
fn store_writable_or_replaceable_by_others_is_refused() {
    for fixture in both() {
        let store = new_store(&fixture, "store");
        for mode in [0o770, 0o707, 0o1777] {
            set_mode(&store, mode);
            check_refused(&fixture, &store, &format!("other users can write in it (mode {mode:04o})"));
        }
        // The control: another user puts layers there.
        if is_root() {
            set_mode(&store, 0o707);
            set_mode(&fixture.directory().join("home"), 0o711);
            let (layers, aside) = (store.join("layers"), store.join("aside"));
            let moved = format!("mv {} {} && mkdir {}", layers.display(), aside.display(), layers.display());
            let moved = Command::new("sh").args(["-c", &moved]).uid(OTHER_USER).gid(OTHER_USER).status().expect("sh");
            assert!(moved.success() && fs::metadata(&layers).expect("layers").uid() == OTHER_USER);
            set_mode(&store, 0o700);
            check_refused(&fixture, &store, &format!("{}: it belongs to user {OTHER_USER}", layers.display()));
        }
        let above = fixture.directory().join("home").join("above");
        fs::create_dir(&above).expect("a directory");
        chown(&above, Some(owner(&fixture)), Some(owner(&fixture))).expect("it can be given away");
        let store = new_store(&fixture, "above/store");
        set_mode(&above, 0o777);
        check_refused(&fixture, &store, "other users can replace it, because ");
        // As in /tmp, only the owner of a file can then replace it.
        set_mode(&above, 0o1777);
        new_store(&fixture, "above/store");
    }
}

#[test]
fn store_of_another_user_is_refused_even_to_root() {
    if !skip::require(is_root(), skip::ROOT) {
        return;
    }
    let Some(fixture) = Fixture::root() else { return };
    let users = fixture.directory().join("users");
    fs::create_dir(&users).expect("a directory");
    let store = new_store(&fixture, "store");
    let moved = users.join("store");
    fs::rename(&store, &moved).expect("it can be moved");
    for path in [&moved, &moved.join("staging")] {
        chown(path, Some(OTHER_USER), Some(OTHER_USER)).expect("it can be given away");
    }
    check_refused(&fixture, &moved, &format!("it belongs to user {OTHER_USER}, and this is user 0"));
    // The control: the user replaces a directory by a link, and files that root creates below its path are created at
    // the target.
    let (staging, victim) = (moved.join("staging"), fixture.directory().join("home").join("victim"));
    fs::create_dir(&victim).expect("a directory");
    let swapped = format!("rmdir {0} && ln -s {1} {0}", staging.display(), victim.display());
    let swapped = Command::new("sh").args(["-c", &swapped]).uid(OTHER_USER).gid(OTHER_USER).status().expect("sh");
    assert!(swapped.success());
    fs::create_dir(staging.join("naive")).expect("a naive engine makes a directory");
    assert!(victim.join("naive").exists());
    // A user's home is not suitable for root's store either.
    chown(&users, Some(OTHER_USER), None).expect("it can be given away");
    chown(&moved, Some(0), Some(0)).expect("it can be taken back");
    let expect = format!("other users can replace it, because {} belongs to user {OTHER_USER}", users.display());
    check_refused(&fixture, &moved, &expect);
}

/// A link of the same user may lead to the store. Another user's link is refused, even if it leads to the right store
/// now: in a directory such as `/tmp` its owner can redirect it.
#[test]
fn store_symlink_must_belong_to_the_user() {
    for fixture in both() {
        let store = new_store(&fixture, "store");
        let open = fixture.directory().join("home").join("open");
        fs::create_dir(&open).expect("a directory");
        chown(&open, Some(owner(&fixture)), None).expect("it can be given away");
        set_mode(&open, 0o1777);
        let link = open.join("link");
        symlink(&store, &link).expect("a link");
        lchown(&link, Some(owner(&fixture)), None).expect("it can be given away");
        new_store(&fixture, "open/link");
        if is_root() {
            lchown(&link, Some(OTHER_USER), None).expect("it can be given away");
            check_refused(&fixture, &link, "other users can replace it, because ");
        }
        fs::remove_file(&link).expect("it can be removed");
    }
}
