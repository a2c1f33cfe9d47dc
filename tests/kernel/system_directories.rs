//! `/proc`, `/sys` and `/dev` are the engine's mounts, whatever an image has in their places.
//!
//! An image is an untrusted tree. Any directory in it may be a symbolic link, and one that leads through another
//! mount point leads elsewhere as soon as something is mounted there. If an engine looks up the same path twice, it
//! can then protect one procfs and expose another. So random images are made of links and directories, most of them
//! at mount points, and each is run. An image that was once a successful attack is also run, and used for a build.
//!
//! The control is an engine that mounts by path, in the same order, below a root that is only set by chroot(2).

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use minicontainer::core::spec::{MASKED_PATHS, READONLY_PATHS};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, chroot, mkfifo};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRng, TestRunner};

use crate::attacks::Ground;
use crate::fixture::Fixture;

/// The file at a path of the image.
#[derive(Clone, Debug)]
enum Entry {
    Directory,
    File,
    Fifo,
    Link(String),
}

/// The entries of an image, in the order of their creation.
type Tree = Vec<(String, Entry)>;

fn link(path: &str, target: &str) -> (String, Entry) {
    (path.to_owned(), Entry::Link(target.to_owned()))
}

fn directory(path: &str) -> (String, Entry) {
    (path.to_owned(), Entry::Directory)
}

/// The image that moved `/proc`: once `/dev/shm` is mounted, `/proc` is another directory than the one with the
/// procfs.
fn moving_proc() -> Tree {
    let sysctl = |name: &str| link(&format!("p/sys/net/ipv4/{name}"), &format!("/a/p/sys/net/ipv4/{name}"));
    vec![
        directory("a/b/c"),
        directory("a/p"),
        directory("p/sys/net/ipv4"),
        link("dev/shm", "/a/b/c"),
        link("proc", "/dev/shm/../../p"),
        sysctl("ip_unprivileged_port_start"),
        sysctl("ping_group_range"),
    ]
}

/// A path with at most this many components.
fn any_path(longest: usize) -> impl Strategy<Value = String> {
    let name =
        proptest::sample::select(vec!["proc", "sys", "dev", "shm", "pts", "fs", "mqueue", "a", "b", "p", "net"]);
    proptest::collection::vec(name, 1..=longest).prop_map(|names| names.join("/"))
}

/// Targets of links: absolute, relative, upwards, through other links, magic links of procfs.
fn any_target() -> impl Strategy<Value = String> {
    let up = proptest::collection::vec(Just("..".to_owned()), 0..4);
    let parts =
        (any::<bool>(), up, any_path(3), proptest::option::of(Just("../..")), proptest::option::of(any_path(2)));
    let made = parts.prop_map(|(absolute, up, path, through, rest)| {
        let words = up.into_iter().chain([path]).chain(through.map(str::to_owned)).chain(rest);
        format!("{}{}", if absolute { "/" } else { "" }, words.collect::<Vec<_>>().join("/"))
    });
    prop_oneof![9 => made, 1 => Just("/proc/self/root".to_owned()), 1 => Just("/proc/self/fd".to_owned()), 1 => Just(".".to_owned())]
}

fn any_tree() -> impl Strategy<Value = Tree> {
    let entry = prop_oneof![
        6 => any_target().prop_map(Entry::Link), 5 => Just(Entry::Directory), 1 => Just(Entry::File), 1 => Just(Entry::Fifo),
    ];
    // The three directories themselves are the most frequent.
    let path = prop_oneof![
        3 => proptest::sample::select(vec!["proc", "sys", "dev", "dev/shm", "dev/pts"]).prop_map(str::to_owned),
        4 => any_path(4),
    ];
    let random = proptest::collection::vec((path, entry), 0..12);
    // Variations of a known attack find more than random trees.
    let varied = random.clone().prop_map(|more| moving_proc().into_iter().chain(more).collect());
    prop_oneof![3 => random, 1 => varied]
}

/// Creates the tree below an empty directory. Entries that exist, or whose parent is not a directory, are left out,
/// so that nothing is created at a link's target.
fn make(root: &Path, tree: &Tree) {
    for (path, entry) in tree {
        let place = root.join(path);
        let above: Vec<&Path> = place.ancestors().skip(1).take_while(|above| *above != root).collect();
        let is_directory = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.is_dir());
        if above.iter().any(|above| matches!(is_directory(above), Ok(false))) || fs::symlink_metadata(&place).is_ok()
        {
            continue;
        }
        fs::create_dir_all(place.parent().expect("a parent")).expect("a directory");
        match entry {
            Entry::Directory => fs::create_dir(&place).expect("a directory"),
            Entry::File => fs::write(&place, "a file").expect("a file"),
            Entry::Fifo => mkfifo(&place, Mode::from_bits_truncate(0o666)).expect("a pipe"),
            Entry::Link(target) => symlink(target, &place).expect("a link"),
        }
    }
}

/// A directory with the image's files and the probe, and the same as an archive.
struct Image {
    directory: PathBuf,
    archive: PathBuf,
}

impl Image {
    fn new(fixture: &Fixture, ground: &Ground, tree: &Tree) -> Image {
        let context = fixture.directory().join("context");
        let image = Image { directory: context.join("rootfs"), archive: context.join("rootfs.tar") };
        let _of_the_case_before = fs::remove_dir_all(&context);
        fs::create_dir_all(&image.directory).expect("a directory");
        make(&image.directory, tree);
        fs::copy(ground.probe(), image.directory.join("probe")).expect("the probe");
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&image.archive).arg("-C").arg(&image.directory).arg(".");
        assert!(tar.status().expect("tar starts").success());
        let imported = fixture.command().arg("import").arg(&image.archive).arg("odd:1").output();
        crate::attacks::text(&imported.expect("the command starts"));
        image
    }

    fn run(&self, fixture: &Fixture, flags: &[&str], command: &[&str]) -> Output {
        let mut run = fixture.command();
        run.args(["run", "--rm"]).args(flags).arg("odd:1").args(command).stdin(Stdio::null());
        run.output().expect("the command starts")
    }
}

/// The engine's messages when it refuses an image because of a file in place of a directory.
const REFUSALS: [&str; 4] = [
    "a symbolic link is in its path",
    "something that is not a directory is in its path",
    "a symbolic link leads it to",
    "is a dangling symbolic link",
];

/// Asserts that the engine refused the image correctly: with this exit code and a message with the reason.
#[track_caller]
fn assert_refused(output: &Output, code: i32, tree: &Tree) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{stderr}\n{tree:?}");
    assert!(REFUSALS.iter().any(|refusal| stderr.contains(refusal)), "{stderr}\n{tree:?}");
    assert!(
        (stderr.contains("hint: ") || stderr.contains("  = ")) && !stderr.contains("panicked"),
        "{stderr}\n{tree:?}"
    );
}

/// All masks and read-only paths, in the probe's format.
fn covers() -> Vec<String> {
    let masks = MASKED_PATHS.map(|path| format!("mask:{path}"));
    masks.into_iter().chain(READONLY_PATHS.map(|path| format!("readonly:{path}"))).collect()
}

/// Asserts that a started container of the image has the kernel's file systems in one place, with all protections.
#[track_caller]
fn assert_protected(fixture: &Fixture, image: &Image, tree: &Tree) {
    let output = image.run(fixture, &[], &["/probe", "writable", "/"]);
    let lines = crate::attacks::text(&output);
    let expected = |line: &&str| *line == "procfs /proc" || line.starts_with("writable /proc/pressure/");
    let unexpected: Vec<&str> = lines.lines().filter(|line| !expected(line)).collect();
    assert!(unexpected.is_empty() && lines.contains("procfs /proc"), "{lines}\n{tree:?}");
    let covers = covers();
    let command: Vec<&str> = ["/probe", "uncovered"].into_iter().chain(covers.iter().map(String::as_str)).collect();
    let lines = crate::attacks::text(&image.run(fixture, &[], &command));
    let missing_on_host = |line: &str| {
        let path = line.strip_prefix("missing ").and_then(|word| word.split_once(':')).map(|(_, path)| path);
        path.is_some_and(|path| !Path::new(path).exists())
    };
    let faults: Vec<&str> = lines.lines().filter(|line| !missing_on_host(line)).collect();
    assert!(faults.is_empty(), "{faults:?}\n{tree:?}");
}

/// The maximum number of random images, and the time limit after the first few.
fn effort() -> (u32, Duration) {
    match std::env::var_os("MINICONTAINER_TEST_LONG") {
        Some(_) => (2_000, Duration::from_secs(900)),
        None => (40, Duration::from_secs(15)),
    }
}

/// The minimum number, however slow the machine is.
const FEWEST: u32 = 10;

#[track_caller]
fn check_random_images(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let (started, refused) = (Cell::new(0), Cell::new(0));
    let ((cases, time), begun) = (effort(), Instant::now());
    // The same images each time, so that a failure is caused by the change that is tested.
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 100, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(Default::default()));
    let result = runner.run(&any_tree(), |tree| {
        if begun.elapsed() > time && started.get() + refused.get() >= FEWEST {
            return Ok(());
        }
        let image = Image::new(fixture, &ground, &tree);
        let output = image.run(fixture, &[], &["/probe", "descriptors"]);
        let counted = if output.status.success() {
            assert_protected(fixture, &image, &tree);
            &started
        } else {
            assert_refused(&output, 125, &tree);
            &refused
        };
        counted.set(counted.get() + 1);
        Ok(())
    });
    result.unwrap_or_else(|error| panic!("{error}"));
    let (started, refused) = (started.get(), refused.get());
    assert!(started >= 2 && refused >= 2, "{started} started, {refused} refused");
}

#[test]
fn random_images_keep_system_mounts_in_place_as_root() {
    let Some(fixture) = Fixture::root() else { return };
    check_random_images(&fixture);
}

#[test]
fn random_images_keep_system_mounts_in_place_rootless() {
    let Some(fixture) = Fixture::user() else { return };
    check_random_images(&fixture);
}

/// An engine that mounts by path below a root, in the order of a plan, and then protects by path what it finds.
fn naive_run(image: &Image, command: &[&str]) -> Output {
    let root = image.directory.clone();
    let mut naive = Command::new("/probe");
    naive.args(command);
    let by_path = move || {
        let nothing = None::<&str>;
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(nothing, "/", nothing, MsFlags::MS_REC | MsFlags::MS_PRIVATE, nothing)?;
        chroot(&root)?;
        chdir("/")?;
        for (kind, place) in [("proc", "/proc"), ("tmpfs", "/dev"), ("sysfs", "/sys"), ("tmpfs", "/dev/shm")] {
            // A missing directory is created, and links are followed.
            let _there_already = fs::create_dir(place);
            mount(Some(kind), place, Some(kind), MsFlags::empty(), nothing)?;
        }
        for path in READONLY_PATHS.into_iter().filter(|path| Path::new(path).exists()) {
            mount(Some(path), path, nothing, MsFlags::MS_BIND | MsFlags::MS_REC, nothing)?;
            mount(nothing, path, nothing, MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY, nothing)?;
        }
        Ok(())
    };
    // SAFETY: the process is single-threaded from here to execve(2); what it allocates goes with it.
    unsafe { naive.pre_exec(by_path) };
    naive.output().expect("a naive engine")
}

/// The image of the issue, as it was found: neither `run` nor `build` starts it; and the control.
#[track_caller]
fn check_moving_proc(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let tree = moving_proc();
    let image = Image::new(fixture, &ground, &tree);
    let flags: [&[&str]; 6] = [
        &[],
        &["--read-only"],
        &["--driver", "copy"],
        &["--without", "masked-paths"],
        &["--userns", "auto"],
        &["--profile=untrusted"],
    ];
    // An ordinary user without a control group cannot set the limits of the last one.
    let possible = if fixture.is_of_root() { 6 } else { 5 };
    for flags in &flags[..possible] {
        assert_refused(&image.run(fixture, flags, &["/probe", "writable", "/"]), 125, &tree);
    }
    let context = image.archive.parent().expect("a directory");
    let dockerfile = "FROM scratch\nADD rootfs.tar /\nRUN [\"/probe\", \"writable\", \"/\"]\n";
    fs::write(context.join("Dockerfile"), dockerfile).expect("a file");
    let built = fixture.command().arg("build").arg(context).output().expect("the command starts");
    assert_refused(&built, 1, &tree);
}

#[test]
fn image_cannot_move_proc_as_root() {
    let Some(fixture) = Fixture::root() else { return };
    check_moving_proc(&fixture);
    // The control: an engine that mounts by path leaves the host's setting writable, because /proc is /p by then.
    let image = Image::new(&fixture, &Ground::new(&fixture), &moving_proc());
    let lines = crate::attacks::text(&naive_run(&image, &["writable", "/"]));
    assert!(lines.contains("writable /a/p/sys/kernel/core_pattern"), "{lines}");
    // If they are directories, even that engine protects it.
    let image = Image::new(&fixture, &Ground::new(&fixture), &vec![directory("proc"), directory("dev/shm")]);
    let lines = crate::attacks::text(&naive_run(&image, &["writable", "/"]));
    assert!(lines.contains("procfs /proc") && !lines.contains("core_pattern"), "{lines}");
}

#[test]
fn image_cannot_move_proc_rootless() {
    let Some(fixture) = Fixture::user() else { return };
    check_moving_proc(&fixture);
}

/// Each of the three directories is replaced by other types of files. A missing directory is created.
#[test]
fn system_mount_point_must_be_a_directory() {
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { continue };
        let ground = Ground::new(&fixture);
        for name in ["proc", "sys", "dev"] {
            for entry in [Entry::File, Entry::Fifo, Entry::Link("a".to_owned()), Entry::Link("/nowhere".to_owned())] {
                let tree = vec![directory("a"), (name.to_owned(), entry)];
                let output = Image::new(&fixture, &ground, &tree).run(&fixture, &[], &["/probe", "descriptors"]);
                assert_refused(&output, 125, &tree);
                let stderr = String::from_utf8_lossy(&output.stderr);
                assert!(stderr.contains(&format!("on /{name}: ")), "{stderr}");
            }
        }
        // A missing directory is created, whatever user the container's root is outside.
        let tree = vec![directory("a")];
        let image = Image::new(&fixture, &ground, &tree);
        assert_protected(&fixture, &image, &tree);
        for flags in [["--userns", "auto"], ["--driver", "copy"]] {
            let lines = crate::attacks::text(&image.run(&fixture, &flags, &["/probe", "writable", "/"]));
            assert!(lines.contains("procfs /proc") && !lines.contains("core_pattern"), "{flags:?}: {lines}");
        }
    }
}

/// The mount point of a volume may be a link, but not one that leads to the kernel's directories or to the root
/// itself.
#[test]
fn volume_link_cannot_cover_system_directories() {
    for fixture in [Fixture::root, Fixture::user] {
        let Some(fixture) = fixture() else { continue };
        let ground = Ground::new(&fixture);
        let places = [
            ("/proc", false),
            ("/proc/sys", false),
            ("../proc/./sys/kernel", false),
            ("/sys/firmware", false),
            ("/dev", false),
            ("/dev/shm", false),
            ("/dev/made", false),
            ("/", false),
            ("..", false),
            ("/a", true),
            ("a/b", true),
        ];
        let mut tree = vec![directory("a/b"), directory("proc"), directory("dev"), directory("sys")];
        tree.extend(places.iter().enumerate().map(|(number, (target, _))| link(&format!("link{number}"), target)));
        let image = Image::new(&fixture, &ground, &tree);
        let shared = fixture.directory().join("home").join("shared");
        fs::create_dir(&shared).expect("a directory");
        fs::write(shared.join("canary"), "sings").expect("a file");
        for (number, (target, allowed)) in places.iter().enumerate() {
            for flag in [format!("-v={}:/link{number}", shared.display()), format!("--tmpfs=/link{number}")] {
                let output = image.run(&fixture, &[&flag], &["/probe", "writable", "/"]);
                match allowed {
                    true => assert!(output.status.success(), "{target}: {}", String::from_utf8_lossy(&output.stderr)),
                    false => assert_refused(&output, 125, &tree),
                }
            }
        }
        // Without a link, a mount point in /dev or /sys is possible. One in /proc never is, which is reported before
        // anything is created.
        let plain = Image::new(&fixture, &ground, &vec![directory("a")]);
        for (target, allowed) in [("/dev/shm", true), ("/dev/made", true), ("/proc", false), ("/proc/sys", false)] {
            let flag = format!("-v={}:{target}", shared.display());
            let output = plain.run(&fixture, &[&flag], &["/probe", "open-read", &format!("{target}/canary")]);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.success(), allowed, "{target}: {stderr}");
            assert!(
                allowed
                    || output.status.code() == Some(125)
                        && stderr.contains("/proc must be the container's own procfs"),
                "{stderr}"
            );
        }
        assert!(fs::metadata(shared.join("canary")).is_ok_and(|metadata| !metadata.file_type().is_fifo()));
    }
}
