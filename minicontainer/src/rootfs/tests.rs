//! The drivers with small layers: compared with a simple model and, if the tests run as root, with the kernel's
//! overlayfs.

use std::{
    collections::BTreeMap,
    error::Error,
    fs::{File, FileTimes, Metadata},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::symlink},
    },
    time::{Duration, SystemTime},
};

use minicontainer_layers::change::{Change, Listing, Upper, UpperEntry, changes_of_upper};
use nix::{
    fcntl::{OFlag, open, openat},
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
    sys::stat::{Mode, SFlag, mkdirat, mknod},
    unistd::{geteuid, mkfifo},
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::sys::xattr;

mod limits;

/// Something in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item {
    Directory,
    Opaque,
    Regular(&'static str),
    /// A hard link to a path of the same layer.
    Name(&'static str),
    Symlink(&'static str),
    Whiteout,
    Pipe,
}
use Item::*;

/// A place with the layers `0`, `1` … and an empty container's directory `c`.
struct EntryPath {
    directory: TempDir,
    layers: Vec<PathBuf>,
}

impl EntryPath {
    fn new<P: AsRef<str>>(layers: &[Vec<(P, Item)>]) -> EntryPath {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("c")).unwrap();
        let mut place = EntryPath { layers: Vec::new(), directory };
        for (number, items) in layers.iter().enumerate() {
            let layer = place.directory.path().join(number.to_string());
            fs::create_dir(&layer).unwrap();
            fill(&layer, items);
            place.layers.push(layer);
        }
        place
    }

    fn container(&self) -> PathBuf {
        self.directory.path().join("c")
    }
}

/// Creates the items, each with a different time, so that copies can be distinguished from new files.
fn fill<P: AsRef<str>>(layer: &Path, items: &[(P, Item)]) {
    for (path, item) in items {
        let path = layer.join(path.as_ref());
        match item {
            Directory => fs::create_dir(&path).unwrap(),
            Opaque => {
                fs::create_dir(&path).unwrap();
                let name = if geteuid().is_root() { "trusted.overlay.opaque" } else { "user.overlay.opaque" };
                xattr::set(&File::open(&path).unwrap(), name, b"y").unwrap();
            }
            Regular(content) => fs::write(&path, content).unwrap(),
            Name(target) => fs::hard_link(layer.join(target), &path).unwrap(),
            Symlink(target) => symlink(target, &path).unwrap(),
            Whiteout => mknod(&path, SFlag::S_IFCHR, Mode::empty(), 0).unwrap(),
            Pipe => mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap(),
        }
    }
    for (age, (path, item)) in (0_u32..).zip(items) {
        if matches!(item, Directory | Opaque | Regular(_)) {
            let time = SystemTime::UNIX_EPOCH + Duration::new(1_000_000, 1000 * age);
            let file = File::open(layer.join(path.as_ref())).unwrap();
            file.set_times(FileTimes::new().set_modified(time)).unwrap();
        }
    }
}

/// Calls `visit` with every entry of a directory: path inside, path on the host, and metadata. Independent of the
/// code under test, and by paths.
fn each(directory: &Path, inside: &Path, visit: &mut dyn FnMut(&Path, &Path, &Metadata)) {
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        // In a directory that only one layer has, the kernel lists the name of a whiteout, but looking it up fails.
        let Ok(metadata) = entry.metadata() else { continue };
        let path = inside.join(entry.file_name());
        visit(&path, &entry.path(), &metadata);
        if metadata.is_dir() {
            each(&entry.path(), &path, visit);
        }
    }
}

/// Everything visible in a tree, one line per path.
fn listing(root: &Path) -> BTreeMap<String, String> {
    let (mut lines, mut paths) = (BTreeMap::new(), Vec::new());
    each(root, Path::new("/"), &mut |path, file, metadata| {
        paths.push((path.to_owned(), file.to_owned(), metadata.clone()));
    });
    paths.sort_by(|one, other| one.0.cmp(&other.0));
    let mut first_names = BTreeMap::new();
    for (path, file, metadata) in paths {
        let text = path.to_str().unwrap().to_owned();
        let mut line = format!("{:o} {}:{}", metadata.mode(), metadata.uid(), metadata.gid());
        if !metadata.is_symlink() {
            line += &format!(" {}.{:09}", metadata.mtime(), metadata.mtime_nsec());
        }
        if metadata.is_symlink() {
            line += &format!(" → {}", fs::read_link(&file).unwrap().display());
        } else if metadata.is_file() {
            line += &format!(" {:?}", fs::read_to_string(&file).unwrap());
            let first = first_names.entry(metadata.ino()).or_insert_with(|| text.clone());
            line += &format!(" = {first}");
        }
        if metadata.is_file() || metadata.is_dir() {
            let opened = File::open(&file).unwrap();
            for (name, value) in xattr::all(&opened).unwrap() {
                if !name.to_str().unwrap().starts_with("user.note") {
                    continue;
                }
                line += &format!(" {}={}", name.to_str().unwrap(), value.escape_ascii());
            }
        }
        lines.insert(text, line);
    }
    lines
}

fn lines(changes: &[Change]) -> Vec<String> {
    changes.iter().map(Change::to_string).collect()
}

/// The same stack mounted by the kernel, listed in a mount namespace of this thread only. `None`, with a printed
/// reason, if the test lacks permission.
fn listing_of_the_kernel(place: &EntryPath) -> Option<BTreeMap<String, String>> {
    if !geteuid().is_root() {
        eprintln!("skipped: the comparison with the kernel's overlayfs needs root");
        assert_ne!(std::env::var("MINICONTAINER_TEST_REQUIRE").as_deref(), Ok("all"), "skipped: needs root");
        return None;
    }
    let lowers: Vec<String> = place.layers.iter().rev().map(|layer| layer.display().to_string()).collect();
    // A mount without an upper directory needs two lower ones, so an empty one is added at the bottom.
    let (empty, target) = (place.directory.path().join("empty"), place.directory.path().join("merged"));
    fs::create_dir(&empty).unwrap();
    fs::create_dir(&target).unwrap();
    let options = format!("lowerdir={}:{}", lowers.join(":"), empty.display());
    let listed = std::thread::spawn(move || {
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
        mount(Some("overlay"), &target, Some("overlay"), MsFlags::empty(), Some(options.as_str())).unwrap();
        listing(&target)
    });
    Some(listed.join().unwrap())
}

#[track_caller]
fn check_copy(layers: &[Vec<(&str, Item)>], expect: &[&str]) -> EntryPath {
    let place = EntryPath::new(layers);
    let root = prepare(&place.layers, &place.container(), Driver::Copy, false).unwrap();
    let RootFs::Directory { path } = root else { panic!("a copy is a directory") };
    let copied = listing(Path::new(&path));
    assert_eq!(copied.keys().map(String::as_str).collect::<Vec<_>>(), expect);
    if let Some(kernel) = listing_of_the_kernel(&place) {
        assert_eq!(copied, kernel);
    }
    place
}

#[test]
fn copy_of_one_layer_keeps_everything() {
    let layer = vec![
        ("d", Directory),
        ("d/f", Regular("content")),
        ("d/same", Name("d/f")),
        ("link", Symlink("../../etc/passwd")),
        ("pipe", Pipe),
    ];
    check_copy(&[layer], &["/d", "/d/f", "/d/same", "/link", "/pipe"]);
}

#[test]
fn whiteouts_and_opaque_directories_hide_lower_entries() {
    let lower = vec![
        ("a", Directory),
        ("a/old", Regular("old")),
        ("a/kept", Regular("kept")),
        ("b", Directory),
        ("b/old", Regular("old")),
        ("c", Regular("a file that becomes a directory")),
        ("e", Directory),
        ("e/old", Regular("old")),
    ];
    let upper = vec![
        ("a", Directory),
        ("a/old", Whiteout),
        ("b", Opaque),
        ("b/new", Regular("new")),
        ("c", Directory),
        ("e", Regular("a directory that becomes a file")),
        ("nothing", Whiteout),
    ];
    let top = vec![("e", Directory), ("e/top", Regular("top"))];
    let expect = ["/a", "/a/kept", "/b", "/b/new", "/c", "/e"];
    check_copy(&[lower.clone(), upper.clone()], &expect);
    check_copy(&[lower, upper, top], &[&expect[..], &["/e/top"]].concat());
}

#[test]
fn modes_owners_and_attributes_are_kept_except_overlayfs() {
    let place = EntryPath::new(&[vec![("tool", Regular("#!")), ("closed", Directory), ("closed/in", Regular("x"))]]);
    let tool = place.layers[0].join("tool");
    if geteuid().is_root() {
        std::os::unix::fs::chown(&tool, Some(12), Some(34)).unwrap();
    }
    let opened = File::open(&tool).unwrap();
    xattr::set(&opened, "user.note", b"kept").unwrap();
    xattr::set(&opened, "user.overlay.origin", b"left out").unwrap();
    fs::set_permissions(&tool, Permissions::from_mode(0o6755)).unwrap();
    fs::set_permissions(place.layers[0].join("closed"), Permissions::from_mode(0o500)).unwrap();
    prepare(&place.layers, &place.container(), Driver::Copy, false).unwrap();

    let copy = place.container().join("rootfs");
    assert_eq!(listing(&copy), listing(&place.layers[0]));
    let metadata = fs::metadata(copy.join("tool")).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o6755);
    let copied = File::open(copy.join("tool")).unwrap();
    assert_eq!(xattr::get(&copied, "user.note").unwrap().as_deref(), Some(&b"kept"[..]));
    assert_eq!(xattr::get(&copied, "user.overlay.origin").unwrap(), None);
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o7777, 0o755);
    remove(&place.container()).unwrap();
    remove(&place.layers[0]).unwrap();
}

#[test]
fn overlay_creates_empty_upper_and_work_directories() {
    let place = EntryPath::new(&[vec![("f", Regular("1"))], vec![("g", Regular("2"))]]);
    let planned = describe(&place.layers, &place.container(), Driver::Overlay, true);
    assert!(fs::read_dir(place.container()).unwrap().next().is_none());
    let made = prepare(&place.layers, &place.container(), Driver::Overlay, true).unwrap();
    assert_eq!(made, planned);
    let names: Vec<String> = listing(&place.container()).into_keys().collect();
    assert_eq!(names, ["/upper", "/work"]);
    let RootFs::Overlay { lowers, upper, work, target, volatile, .. } = made else { panic!("an overlay") };
    assert_eq!(lowers.iter().map(|path| &path[path.len() - 2..]).collect::<Vec<_>>(), ["/1", "/0"]);
    // The rest of the container's directory can still be bind mounted when the tree is mounted.
    assert_eq!(target, upper);
    assert!([upper, work].iter().all(|path| fs::metadata(path).unwrap().mode() & 0o7777 == 0o755));
    assert!(volatile);
}

#[test]
fn image_without_layers_gets_an_empty_one() {
    let place = EntryPath::new::<&str>(&[]);
    let RootFs::Overlay { lowers, .. } = prepare(&[], &place.container(), Driver::Overlay, false).unwrap() else {
        panic!("an overlay")
    };
    assert!(fs::read_dir(&lowers[0]).unwrap().next().is_none());
    assert_eq!(lowers.len(), 1);
}

#[test]
fn changes_are_read_from_the_upper_directory() {
    let lower = vec![
        ("etc", Directory),
        ("etc/motd", Regular("1")),
        ("etc/issue", Regular("2")),
        ("old", Directory),
        ("old/f", Regular("3")),
    ];
    let hiding = vec![("etc", Directory), ("etc/issue", Whiteout)];
    let place = EntryPath::new(&[lower, hiding]);
    prepare(&place.layers, &place.container(), Driver::Overlay, false).unwrap();
    let upper = vec![
        ("etc", Directory),
        ("etc/motd", Regular("changed")),
        ("etc/issue", Regular("again")),
        ("old", Opaque),
        ("old/new", Regular("n")),
        ("nothing", Whiteout),
    ];
    fill(&place.container().join("upper"), &upper);
    let changes = changes(&place.layers, &place.container(), Driver::Overlay).unwrap();
    assert_eq!(lines(&changes), ["C /etc", "A /etc/issue", "C /etc/motd", "C /old", "D /old/f", "A /old/new"]);
}

#[test]
fn copy_is_compared_with_the_layers() {
    let place = check_copy(
        &[vec![("etc", Directory), ("etc/motd", Regular("1")), ("gone", Regular("22")), ("still", Symlink("etc"))]],
        &["/etc", "/etc/motd", "/gone", "/still"],
    );
    let list = || lines(&changes(&place.layers, &place.container(), Driver::Copy).unwrap());
    assert_eq!(list(), [""; 0]);
    let root = place.container().join("rootfs");
    fs::write(root.join("etc/motd"), "other").unwrap();
    fs::remove_file(root.join("gone")).unwrap();
    fs::write(root.join("new"), "").unwrap();
    assert_eq!(list(), ["C /etc", "C /etc/motd", "D /gone", "A /new"]);
}

#[track_caller]
fn check_read(path: &str, expect: Result<Option<&str>, &str>) {
    let lower = vec![
        ("etc", Directory),
        ("etc/passwd", Regular("root:x:0")),
        ("etc/group", Regular("root:x")),
        ("etc/hidden", Regular("secret")),
        ("real", Directory),
        ("real/file", Regular("far")),
    ];
    let upper = vec![
        ("etc", Directory),
        ("etc/passwd", Regular("user")),
        ("etc/hidden", Whiteout),
        ("etc/absolute", Symlink("/etc/group")),
        ("etc/outside", Symlink("../../../../../../../etc/hostname")),
        ("etc/sub", Directory),
        ("etc/up", Symlink("sub/../passwd")),
        ("etc/loop", Symlink("loop")),
        ("etc/pipe", Pipe),
        ("etc/long", Regular("0123456789")),
        ("way", Symlink("real/../real")),
    ];
    let place = EntryPath::new(&[lower, upper]);
    let read = read_file(&place.layers, path, 9).map_err(|error| {
        let source = error.source().map(|source| format!(": {source}")).unwrap_or_default();
        format!("{error}{source}")
    });
    assert_eq!(read.as_ref().map(Option::as_deref).map_err(String::as_str), expect);
}

#[test]
fn file_is_read_from_the_topmost_layer() {
    check_read("/etc/passwd", Ok(Some("user")));
    check_read("etc/group", Ok(Some("root:x")));
    check_read("/etc/hidden", Ok(None));
    check_read("/etc/none", Ok(None));
    check_read("/etc/passwd/none", Ok(None));
}

#[test]
fn symlinks_are_resolved_inside_and_across_layers() {
    check_read("/etc/absolute", Ok(Some("root:x")));
    check_read("/way/file", Ok(Some("far")));
    check_read("/../../etc/passwd", Ok(Some("user")));
    check_read("/etc/up", Ok(Some("user")));
    check_read("/etc/outside", Ok(None));
    check_read(
        "/etc/loop",
        Err("cannot follow the symbolic links to /etc/loop: Too many levels of symbolic links (os error 40)"),
    );
}

#[test]
fn fifo_and_oversized_file_are_not_read() {
    check_read("/etc/pipe", Err("cannot read /etc/pipe of the image: it is not a regular file"));
    check_read("/etc", Err("cannot read /etc of the image: it is not a regular file"));
    check_read("/etc/long", Err("cannot read /etc/long of the image: it is larger than 9 bytes"));
}

#[test]
fn container_files_are_removed_without_following_links() {
    let place = EntryPath::new::<&str>(&[]);
    let outside = place.directory.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("kept"), "").unwrap();
    prepare(&[], &place.container(), Driver::Overlay, false).unwrap();
    let upper = place.container().join("upper");
    fill(
        &upper,
        &[("a", Directory), ("a/f", Regular("x")), ("w", Whiteout), ("p", Pipe), ("removed-1", Regular("x"))],
    );
    symlink(&outside, upper.join("link")).unwrap();
    symlink(&outside, place.container().join("link")).unwrap();
    fs::create_dir(place.container().join("work/work")).unwrap();
    for closed in ["upper/a", "work/work"] {
        fs::set_permissions(place.container().join(closed), Permissions::from_mode(0o000)).unwrap();
    }
    remove(&place.container()).unwrap();
    assert!(!place.container().exists());
    assert!(outside.join("kept").exists());
    remove(&place.container()).unwrap();
}

/// Nests directories, as a hostile container could do; returns the innermost.
fn nest(directory: &Path, name: &str, depth: usize) -> OwnedFd {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY;
    let mut directory = open(directory, flags, Mode::empty()).unwrap();
    for _ in 0..depth {
        mkdirat(&directory, name, Mode::S_IRWXU).unwrap();
        directory = openat(&directory, name, flags, Mode::empty()).unwrap();
    }
    directory
}

/// The tree is much deeper than the maximum path length and the maximum number of descriptors.
#[test]
fn deep_tree_is_removed() {
    let place = EntryPath::new::<&str>(&[]);
    drop(nest(&place.container(), "deep", 1500));
    remove(&place.container()).unwrap();
    assert!(!place.container().exists());
}

#[test]
fn failed_preparation_is_an_error() {
    let place = EntryPath::new(&[vec![("f", Regular("x"))]]);
    prepare(&place.layers, &place.container(), Driver::Overlay, false).unwrap();
    let twice = prepare(&place.layers, &place.container(), Driver::Overlay, false).unwrap_err();
    assert_eq!(twice.to_string(), format!("cannot create the directory {}/work", place.container().display()));
    let odd = place.directory.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    fs::create_dir(&odd).unwrap();
    for driver in [Driver::Overlay, Driver::Copy] {
        prepare(&place.layers, &odd, driver, false).unwrap_err();
        assert!(fs::read_dir(&odd).unwrap().next().is_none());
    }
}

#[test]
fn driver_names_are_parsed() {
    for driver in [Driver::Overlay, Driver::Copy] {
        assert_eq!(driver.to_string().parse(), Ok(driver));
    }
    let error = "btrfs".parse::<Driver>().unwrap_err();
    assert_eq!(error.to_string(), "invalid driver \"btrfs\": must be overlay or copy");
}

/// Layers of the paths `a` to `b/b/b`: small, so that different kinds meet at one path often.
fn stacks() -> impl Strategy<Value = Vec<Vec<(String, Item)>>> {
    let path = proptest::collection::vec(prop_oneof![Just("a"), Just("b")], 1..=3);
    let item = prop_oneof![
        3 => Just(Directory),
        1 => Just(Opaque),
        2 => prop_oneof![Just(Regular("1")), Just(Regular("two"))],
        1 => Just(Symlink("a")),
        1 => Just(Whiteout),
    ];
    let layer = proptest::collection::vec((path, item), 0..10).prop_map(|items| {
        let mut layer: Vec<(String, Item)> = Vec::new();
        for (path, item) in items {
            let path = path.join("/");
            let holds =
                |above: &str| layer.iter().any(|(path, item)| path == above && matches!(item, Directory | Opaque));
            let fits = path.rsplit_once('/').is_none_or(|(above, _)| holds(above));
            if fits && layer.iter().all(|(taken, _)| *taken != path) {
                layer.push((path, item));
            }
        }
        layer
    });
    proptest::collection::vec(layer, 1..=4)
}

/// The model: applies the layers one after the other, the lowest first.
fn model(layers: &[Vec<(String, Item)>]) -> BTreeMap<String, Item> {
    let mut tree: BTreeMap<String, Item> = BTreeMap::new();
    for (path, item) in layers.iter().flatten() {
        let path = format!("/{path}");
        let merges = *item == Directory && matches!(tree.get(&path), Some(Directory));
        if !merges {
            tree.retain(|other, _| *other != path && !other.starts_with(&format!("{path}/")));
        }
        match item {
            Whiteout => {}
            Opaque => drop(tree.insert(path, Directory)),
            _ => drop(tree.insert(path, *item)),
        }
    }
    tree
}

fn as_tree(model: &BTreeMap<String, Item>) -> Listing {
    let node = |item: &Item| match item {
        Directory => minicontainer_layers::change::directory(),
        _ => minicontainer_layers::change::file(0),
    };
    model.iter().map(|(path, item)| (path.clone(), node(item))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn copy_matches_the_model_and_the_kernel(layers in stacks()) {
        let place = EntryPath::new(&layers);
        prepare(&place.layers, &place.container(), Driver::Copy, false).unwrap();
        let root = place.container().join("rootfs");
        let copied = listing(&root);
        let expected = model(&layers);
        prop_assert_eq!(copied.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
        for (path, item) in expected {
            let file = root.join(&path[1..]);
            match item {
                Regular(content) => prop_assert_eq!(fs::read_to_string(file).unwrap(), content),
                Symlink(target) => prop_assert_eq!(fs::read_link(file).unwrap(), Path::new(target)),
                _ => prop_assert!(fs::symlink_metadata(file).unwrap().is_dir()),
            }
        }
        if let Some(kernel) = listing_of_the_kernel(&place) {
            prop_assert_eq!(copied, kernel);
        }
    }

    #[test]
    fn changes_on_disk_match_the_model(layers in stacks()) {
        let (upper, lower) = layers.split_last().unwrap();
        let place = EntryPath::new(lower);
        fs::create_dir(place.container().join("upper")).unwrap();
        fill(&place.container().join("upper"), upper);
        let found = changes(&place.layers, &place.container(), Driver::Overlay).unwrap();
        let entries: Vec<UpperEntry> = upper.iter().map(|(path, item)| UpperEntry::new(format!("/{path}"), match item {
            Whiteout => Upper::Whiteout,
            Directory | Opaque => Upper::Directory { opaque: *item == Opaque },
            _ => Upper::Other,
        })).collect();
        let Ok(expected) = changes_of_upper(&entries, &as_tree(&model(lower)));
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn duplicate_layer_is_mounted_once() {
    let layers = ["/a", "/b", "/a"].map(PathBuf::from);
    let RootFs::Overlay { lowers, .. } = describe(&layers, Path::new("/c"), Driver::Overlay, false) else { panic!() };
    assert_eq!(lowers, ["/a", "/b"]);
}
