//! Archives as an attacker would write them, constructed byte by byte: the tar crate's own builder refuses some of
//! these.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt},
    path::PathBuf,
};

use tar::{Builder, EntryType, Header};
use xattr::FileExt;

use super::*;

mod below;
mod random;
mod sparse;

/// One entry: type, name as in the header, link name or content.
struct Entry {
    kind: EntryType,
    name: &'static [u8],
    text: &'static str,
    mode: u32,
    owner: (u64, u64),
    device: (u32, u32),
    pax: Vec<(&'static str, &'static [u8])>,
}

fn entry(kind: EntryType, name: &'static str, text: &'static str) -> Entry {
    Entry { kind, name: name.as_bytes(), text, mode: 0o644, owner: (0, 0), device: (0, 0), pax: Vec::new() }
}

fn file(name: &'static str, content: &'static str) -> Entry {
    entry(EntryType::Regular, name, content)
}

fn directory(name: &'static str) -> Entry {
    Entry { mode: 0o755, ..entry(EntryType::Directory, name, "") }
}

fn symlink(name: &'static str, target: &'static str) -> Entry {
    entry(EntryType::Symlink, name, target)
}

fn link(name: &'static str, target: &'static str) -> Entry {
    entry(EntryType::Link, name, target)
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for entry in entries {
        if !entry.pax.is_empty() {
            builder.append_pax_extensions(entry.pax.iter().copied()).unwrap();
        }
        let is_link = matches!(entry.kind, EntryType::Symlink | EntryType::Link);
        let content = if is_link { "" } else { entry.text };
        let mut header = Header::new_gnu();
        header.set_entry_type(entry.kind);
        header.set_size(content.len() as u64);
        header.set_mode(entry.mode);
        header.set_uid(entry.owner.0);
        header.set_gid(entry.owner.1);
        header.set_mtime(1_000_000);
        header.set_device_major(entry.device.0).unwrap();
        header.set_device_minor(entry.device.1).unwrap();
        let raw = header.as_old_mut();
        raw.name[..entry.name.len()].copy_from_slice(entry.name);
        if is_link {
            raw.linkname[..entry.text.len()].copy_from_slice(entry.text.as_bytes());
        }
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn unpack_into(root: &Path, tar: &[u8], privilege: Privilege) -> Result<Unpacked, UnpackError> {
    unpack_on(root, &[], tar, privilege)
}

fn unpack_on(root: &Path, below: &[PathBuf], tar: &[u8], privilege: Privilege) -> Result<Unpacked, UnpackError> {
    let below = Below::layers(below).unwrap();
    unpack(Archive::new(tar, End::Optional), root, Whiteouts::Kept, privilege, below).map(|(unpacked, _)| unpacked)
}

/// A layer's root, and beside it a directory that no archive may modify.
struct StoreEnv {
    directory: tempfile::TempDir,
}

impl StoreEnv {
    fn new() -> StoreEnv {
        let env = StoreEnv { directory: tempfile::tempdir().unwrap() };
        fs::create_dir(env.root()).unwrap();
        fs::create_dir(env.victim()).unwrap();
        fs::write(env.victim().join("hello"), "hello").unwrap();
        fs::set_permissions(env.victim(), fs::Permissions::from_mode(0o751)).unwrap();
        env
    }

    fn root(&self) -> PathBuf {
        self.directory.path().join("root")
    }

    fn victim(&self) -> PathBuf {
        self.directory.path().join("victim")
    }

    fn unpack(&self, entries: &[Entry]) -> Result<Unpacked, UnpackError> {
        let outcome = unpack_into(&self.root(), &archive(entries), Privilege::current());
        let names: Vec<_> = fs::read_dir(self.victim()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["hello"], "the victim directory was changed");
        assert_eq!(fs::read_to_string(self.victim().join("hello")).unwrap(), "hello");
        assert_eq!(fs::metadata(self.victim()).unwrap().permissions().mode() & 0o7777, 0o751);
        assert_eq!(fs::metadata(self.victim().join("hello")).unwrap().nlink(), 1, "a link to the victim was made");
        outcome
    }

    /// Path, kind and content of everything in the root.
    fn listing(&self) -> String {
        fn list(directory: &Path, prefix: &str, lines: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                let metadata = fs::symlink_metadata(&path).unwrap();
                let name = format!("{prefix}{}", path.file_name().unwrap().to_string_lossy());
                let kind = metadata.file_type();
                if kind.is_dir() {
                    lines.push(format!("{name}/{}", if is_opaque(&path) { " opaque" } else { "" }));
                    list(&path, &format!("{name}/"), lines);
                } else if kind.is_symlink() {
                    lines.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
                } else if kind.is_char_device() && metadata.rdev() == 0 {
                    lines.push(format!("{name} whiteout"));
                } else if kind.is_file() {
                    lines.push(format!("{name} = {}", fs::read_to_string(&path).unwrap()).trim_end().to_owned());
                } else {
                    lines.push(format!("{name} special"));
                }
            }
        }
        let mut lines = Vec::new();
        list(&self.root(), "", &mut lines);
        lines.sort();
        lines.join("\n")
    }
}

fn is_opaque(path: &Path) -> bool {
    let directory = std::fs::File::open(path).unwrap();
    ["trusted.overlay.opaque", "user.overlay.opaque"]
        .iter()
        .any(|name| directory.get_xattr(name).is_ok_and(|value| value == Some(b"y".to_vec())))
}

#[track_caller]
fn check(entries: &[Entry], expect: &str) {
    let env = StoreEnv::new();
    env.unpack(entries).unwrap();
    let expect: Vec<_> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(env.listing(), expect.join("\n"));
}

#[track_caller]
fn check_refused(entries: &[Entry], expect: &str) {
    let error = StoreEnv::new().unpack(entries).expect_err("it should have been refused");
    let cause = std::error::Error::source(&error).map(|source| format!(": {source}")).unwrap_or_default();
    assert_eq!(format!("{error}{cause}"), expect);
}

#[test]
fn ordinary_entries_are_unpacked_unchanged() {
    check(
        &[
            directory("bin/"),
            file("bin/sh", "shell"),
            link("bin/ash", "bin/sh"),
            symlink("sh", "bin/sh"),
            entry(EntryType::Fifo, "pipe", ""),
        ],
        "bin/\nbin/ash = shell\nbin/sh = shell\npipe special\nsh -> bin/sh",
    );
}

#[test]
fn modes_and_times_are_kept_in_read_only_directories() {
    let env = StoreEnv::new();
    let closed = Entry { mode: 0o1555, ..directory("closed/") };
    let setuid = Entry { mode: 0o4755, ..file("closed/su", "") };
    env.unpack(&[closed, setuid]).unwrap();
    let of = |path: &str| fs::metadata(env.root().join(path)).unwrap();
    assert_eq!((of("closed").mode() & 0o7777, of("closed").mtime()), (0o1555, 1_000_000));
    assert_eq!((of("closed/su").mode() & 0o7777, of("closed/su").mtime()), (0o4755, 1_000_000));
    fs::set_permissions(env.root().join("closed"), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn owners_are_kept_for_root_and_squashed_for_users() {
    let env = StoreEnv::new();
    env.unpack(&[Entry { owner: (1234, 5678), ..file("x", "") }, Entry { owner: (1, 2), ..symlink("y", "x") }])
        .unwrap();
    let owner = |path: &str| {
        let metadata = fs::symlink_metadata(env.root().join(path)).unwrap();
        (metadata.uid(), metadata.gid())
    };
    match Privilege::current() {
        Privilege::Root => assert_eq!((owner("x"), owner("y")), ((1234, 5678), (1, 2))),
        Privilege::User => assert_eq!(owner("x").0, nix::unistd::geteuid().as_raw()),
    }
}

// H01, H02
#[test]
fn climbing_paths_are_refused_and_absolute_ones_stay_inside() {
    let refused = |entry: &str| format!("refused the entry \"{entry}\": its path climbs with ..");
    for name in ["../victim/x", "a/../../victim/x", "/..", "a/.."] {
        check_refused(&[file(name, "")], &refused(name));
    }
    check(&[file("/etc/x", "inside")], "etc/\netc/x = inside");
}

// H03, H09
#[test]
fn symlinks_do_not_lead_outside() {
    // `/victim` and `../victim` are below the layer's own root, where there is no such directory.
    // As containerd does it (fs.RootPath), the directory is created there.
    check(&[symlink("out", "../victim"), file("out/x", "in")], "out -> ../victim\nvictim/\nvictim/x = in");
    check(
        &[symlink("a", "/victim"), symlink("b", "a"), file("b/deep/x", "")],
        "a -> /victim\nb -> a\nvictim/\nvictim/deep/\nvictim/deep/x =",
    );
    check_refused(
        &[symlink("loop", "loop"), file("loop/x", "")],
        "refused the entry \"loop/x\": there are more than 40 symbolic links on its path",
    );
    // A magic link of /proc does not lead outside either.
    check(
        &[symlink("magic", "/proc/self/root"), file("magic/x", "")],
        "magic -> /proc/self/root\nproc/\nproc/self/\nproc/self/root/\nproc/self/root/x =",
    );
    // If the target exists, it is the one inside.
    check(
        &[directory("victim/"), symlink("out", "../../../victim"), file("out/x", "inside")],
        "out -> ../../../victim\nvictim/\nvictim/x = inside",
    );
}

// H05
#[test]
fn layer_root_must_be_a_directory() {
    for name in [".", "/", "./.", ""] {
        check_refused(
            &[symlink(name, "/victim")],
            "refused the entry \"\": the root of a layer can only be a directory",
        );
    }
    let env = StoreEnv::new();
    env.unpack(&[Entry { mode: 0o711, ..directory("./") }]).unwrap();
    assert_eq!(fs::metadata(env.root()).unwrap().mode() & 0o7777, 0o711);
}

// H06
#[test]
fn hard_links_stay_inside() {
    check_refused(&[link("x", "../victim/hello")], "refused the entry \"../victim/hello\": its path climbs with ..");
    let missing = "cannot find the target of a hard link for the entry \"x\": No such file or directory (os error 2)";
    check_refused(&[link("x", "later"), file("later", "")], missing);
    check_refused(&[symlink("out", "../victim"), link("x", "out/hello")], missing);
    check_refused(
        &[file(".wh.gone", ""), link("x", "gone")],
        "refused the entry \"x\": a hard link to something that cannot have one",
    );
    check_refused(
        &[directory("d/"), link("x", "d")],
        "cannot create a hard link for the entry \"x\": Operation not permitted (os error 1)",
    );
    // A link to a symbolic link: one more name for the link, not for its target.
    check(&[symlink("s", "/victim/hello"), link("x", "s")], "s -> /victim/hello\nx -> /victim/hello");
    check(&[file("x", "same"), link("x", "x")], "x = same");
}

// H07
#[test]
fn overwriting_does_not_write_through_hard_links() {
    check(&[file("a", "first"), link("b", "a"), file("b", "second")], "a = first\nb = second");
}

// H08, H16
#[test]
fn later_entry_replaces_entry_of_any_kind() {
    // The link has hidden the files of the layers below.
    check(&[symlink("x", "/victim"), directory("x/"), file("x/y", "")], "x/ opaque\nx/y =");
    check(&[directory("x/"), file("x/y", ""), file("x", "file")], "x = file");
    check(&[directory("x/y/"), file("x/y/z", ""), symlink("x", "/victim")], "x -> /victim");
    check(&[file("x", ""), directory("x/")], "x/ opaque");
    // The directory's mode is set at the end, but by then it is a link: the directory outside must not get the mode.
    check(&[Entry { mode: 0o777, ..directory("x/") }, symlink("x", "../victim")], "x -> ../victim");
    check(
        &[
            directory("a/b/"),
            symlink("c", "a"),
            Entry { mode: 0o777, ..directory("c/b/") },
            symlink("a/b", "/victim"),
        ],
        "a/\na/b -> /victim\nc -> a",
    );
}

/// More levels than this process may have open files.
#[test]
fn deep_tree_can_be_replaced() {
    let deep = "a/".repeat(1500).leak().as_bytes();
    check(&[Entry { pax: vec![("path", deep)], ..directory("deep/") }, file("a", "file")], "a = file");
}

// H10, H11, H13
#[test]
fn whiteouts_need_a_name_in_this_directory() {
    for name in [".wh.", ".wh..", ".wh...", "a/.wh..."] {
        let expect = format!("refused the entry \"{name}\": a whiteout of nothing, of . or of ..");
        check_refused(&[file(name, "")], &expect);
    }
    check_refused(
        &[file(".wh..wh..opq", "")],
        "refused the entry \".wh..wh..opq\": overlayfs cannot make the root of a layer opaque",
    );
    check(&[file("a/.wh.b", "")], "a/\na/b whiteout");
    check(&[file(".wh..wh.plnk", ""), directory(".wh..wh.aufs/")], "");
    check(
        &[directory("victim/"), symlink("out", "../victim"), file("out/.wh.hello", "")],
        "out -> ../victim\nvictim/\nvictim/hello whiteout",
    );
}

// H12, H14
#[test]
fn whiteouts_apply_to_lower_layers_in_any_order() {
    check(&[directory("d/"), file("d/.wh..wh..opq", ""), file("d/x", "")], "d/ opaque\nd/x =");
    check(&[file("d/x", ""), file("d/.wh..wh..opq", "")], "d/ opaque\nd/x =");
    check(&[file("d/.wh..wh..opq", "")], "d/ opaque");
    check(&[file(".wh.x", ""), file("x", "new")], "x = new");
    check(&[file("x", "new"), file(".wh.x", "")], "x = new");
    check(&[file(".wh.d", ""), directory("d/"), file("d/x", "")], "d/ opaque\nd/x =");
    check(&[file(".wh.d", ""), file("d/x", "")], "d/ opaque\nd/x =");
    check(&[file("d/x", ""), file(".wh.d", "")], "d/ opaque\nd/x =");
    // A directory's recorded whiteouts are discarded when the directory is replaced.
    check(&[file("d/.wh.x", ""), file("d", ""), directory("d/"), directory("d/x/")], "d/ opaque\nd/x/");
}

// H15
#[test]
fn file_cannot_be_a_parent() {
    check_refused(
        &[file("x", ""), file("x/y", "")],
        "refused the entry \"x/y\": one of its parents is not a directory",
    );
}

// H17, H18
#[test]
fn device_nodes_are_validated() {
    check_refused(
        &[entry(EntryType::Char, "x", "")],
        "refused the entry \"x\": a device 0:0, which overlayfs would take for a whiteout",
    );
    check_refused(
        &[Entry { device: (1, 1 << 20), ..entry(EntryType::Char, "x", "") }],
        "refused the entry \"x\": a device number out of range",
    );
    let null = Entry { device: (1, 3), ..entry(EntryType::Char, "null", "") };
    let env = StoreEnv::new();
    let outcome = unpack_into(&env.root(), &archive(&[null]), Privilege::User).unwrap();
    assert_eq!(env.listing(), "");
    assert_eq!(
        Vec::from_iter(outcome.warnings.iter().map(ToString::to_string)),
        ["left out the device null: only root can create devices"]
    );
    if Privilege::current() == Privilege::Root {
        let null = Entry { device: (1, 3), ..entry(EntryType::Char, "null", "") };
        env.unpack(&[null]).unwrap();
        let metadata = fs::metadata(env.root().join("null")).unwrap();
        assert_eq!((metadata.file_type().is_char_device(), metadata.rdev()), (true, libc::makedev(1, 3)));
    }
}

// H21
#[test]
fn overlayfs_attributes_are_dropped_and_others_kept() {
    let env = StoreEnv::new();
    let pax: Vec<(&str, &[u8])> = vec![
        ("SCHILY.xattr.trusted.overlay.redirect", b"/victim"),
        ("SCHILY.xattr.user.overlay.opaque", b"y"),
        ("SCHILY.xattr.user.note", b"kept"),
    ];
    let outcome = env.unpack(&[Entry { pax, ..directory("d/") }]).unwrap();
    let directory = std::fs::File::open(env.root().join("d")).unwrap();
    assert_eq!(directory.get_xattr("user.note").unwrap().as_deref(), Some(b"kept".as_slice()));
    assert_eq!(directory.get_xattr("user.overlay.opaque").unwrap(), None);
    assert_eq!(directory.get_xattr("trusted.overlay.redirect").unwrap(), None);
    assert_eq!(
        Vec::from_iter(outcome.warnings.iter().map(ToString::to_string)),
        [
            "left out the attribute trusted.overlay.redirect of d: it is overlayfs's own",
            "left out the attribute user.overlay.opaque of d: it is overlayfs's own"
        ]
    );
}

// H28
#[test]
fn out_of_range_owners_are_errors() {
    for owner in [(u64::from(u32::MAX), 0), (0, 1 << 32)] {
        check_refused(&[Entry { owner, ..file("x", "") }], "refused the entry \"x\": its owner's id is out of range");
    }
}

// H30
#[test]
fn non_utf8_names_are_kept_and_shown_escaped() {
    let env = StoreEnv::new();
    env.unpack(&[Entry { name: b"\xff\n", ..file("", "") }]).unwrap();
    let name = fs::read_dir(env.root()).unwrap().next().unwrap().unwrap().file_name();
    assert_eq!(std::os::unix::ffi::OsStrExt::as_bytes(name.as_os_str()), b"\xff\n");
    let hidden = Entry { name: b".wh.\xff", ..file("", "") };
    check_refused(&[hidden], "refused the entry \".wh.\\xff\": a whiteout of a name that is not UTF-8");
    check_refused(&[file("\x1b[2J/..", "")], "refused the entry \"\\x1b[2J/..\": its path climbs with ..");
}

// H35
#[test]
fn truncated_archive_is_an_error() {
    let whole = archive(&[file("x", "some content"), file("y", "more")]);
    for length in [1, 511, 520, 1500] {
        let outcome = unpack_into(&StoreEnv::new().root(), &whole[..length], Privilege::current());
        assert!(matches!(outcome, Err(UnpackError::Archive { .. })), "{length}: {outcome:?}");
    }
}
