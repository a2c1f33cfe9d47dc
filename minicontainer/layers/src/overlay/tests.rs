//! The results and effects of each call. `tests/overlay` compares them with the kernel.

use super::{Access, Errno, Mounter, OpenFlags, Operation, Origin, Overlay, RenameHow};
use crate::tree::{Inode, Kind, Tree};

/// Two layers: `/etc` is in both, `/etc/issue` is replaced by the upper one, `/srv` is deleted by it.
fn image() -> Vec<Tree> {
    let mut lower = Tree::from([
        ("/etc/motd", Inode::file("hello")),
        ("/etc/issue", Inode::file("old")),
        ("/srv/www/index", Inode::file("page")),
        ("/bin/busybox", Inode::file("ELF")),
        ("/tmp", Inode::directory()),
    ]);
    lower.link("/bin/busybox", "/bin/sh");
    let upper = Tree::from([("/etc/issue", Inode::file("new")), ("/srv", Inode::whiteout())]);
    vec![lower, upper]
}

/// The calls in order, each with its answer and effects, and the final upper directory.
fn transcript(layers: Vec<Tree>, operations: &[Operation]) -> String {
    let mut overlay = Overlay::new(layers, Tree::new());
    let mut text = String::new();
    for operation in operations {
        let outcome = overlay.perform(operation);
        let answer = match outcome.answer {
            Ok(answer) => format!("{answer:?}"),
            Err(errno) => format!("{errno:?}: {errno}"),
        };
        text += &format!("{operation}: {answer}\n");
        for effect in outcome.effects {
            text += &format!("    {effect:?}\n");
        }
    }
    format!("{text}upper:\n{:?}", overlay.upper())
}

fn path(path: &str) -> String {
    path.to_owned()
}

fn write(to: &str, content: &str) -> Operation {
    Operation::Write { path: path(to), flags: OpenFlags::replace(), content: content.to_owned() }
}

#[test]
fn reading_and_writing() {
    let open = |access| OpenFlags { access, ..OpenFlags::default() };
    let calls = [
        Operation::Read { path: path("/etc/issue") },
        Operation::Open { path: path("/etc/motd"), flags: open(Access::Read), descriptor: 3 },
        Operation::Write { path: path("/etc/motd"), flags: OpenFlags::append(), content: path(" world") },
        Operation::ReadFrom { descriptor: 3 },
        Operation::Unlink { path: path("/etc/motd") },
        Operation::ReadFrom { descriptor: 3 },
        Operation::WriteTo { descriptor: 3, content: path("x") },
        Operation::Close { descriptor: 3 },
        Operation::Close { descriptor: 3 },
        write("/etc/motd", "again"),
        write("/etc", ""),
        Operation::Truncate { path: path("/etc/issue"), length: 1 },
    ];
    insta::assert_snapshot!(transcript(image(), &calls));
}

#[test]
fn names_are_created_and_removed() {
    let calls = [
        Operation::Mkdir { path: path("/srv"), mode: 0o755 },
        Operation::Names { path: path("/srv") },
        Operation::Mkdir { path: path("/srv"), mode: 0o755 },
        Operation::Rmdir { path: path("/etc") },
        Operation::Rmdir { path: path("/tmp") },
        Operation::Mkdir { path: path("/tmp"), mode: 0o1777 },
        Operation::Symlink { target: path("etc/motd"), path: path("/motd") },
        Operation::ReadLink { path: path("/motd") },
        Operation::Mkfifo { path: path("/tmp/pipe"), mode: 0o600 },
        Operation::MakeWhiteout { path: path("/tmp/mark") },
        Operation::Unlink { path: path("/missing/file") },
        Operation::Unlink { path: path("/motd/file") },
        Operation::Unlink { path: path("/motd") },
        Operation::Link { from: path("/bin/sh"), to: path("/bin/ash") },
        Operation::Names { path: path("/bin") },
    ];
    insta::assert_snapshot!(transcript(image(), &calls));
}

#[test]
fn renames() {
    let rename = |from: &str, to: &str, how| Operation::Rename { from: path(from), to: path(to), how };
    let replace = |from: &str, to: &str| rename(from, to, RenameHow::Replace);
    let calls = [
        replace("/etc", "/usr"),
        replace("/etc/motd", "/motd"),
        rename("/motd", "/etc/issue", RenameHow::Keep),
        replace("/motd", "/etc/issue"),
        Operation::Mkdir { path: path("/new"), mode: 0o755 },
        replace("/new", "/new/inside"),
        replace("/new", "/etc"),
        replace("/new", "/tmp"),
        rename("/tmp", "/bin/sh", RenameHow::Exchange),
        replace("/missing", "/etc"),
        replace("/", "/etc"),
    ];
    insta::assert_snapshot!(transcript(image(), &calls));
}

#[test]
fn attributes() {
    let set = |name: &str| Operation::SetXattr { path: path("/bin/sh"), name: path(name), value: path("1") };
    let calls = [
        Operation::RemoveXattr { path: path("/bin/sh"), name: path("user.x") },
        set("user.x"),
        Operation::Chmod { path: path("/bin/sh"), mode: 0o4755 },
        Operation::Chown { path: path("/bin/sh"), uid: 1, gid: 1 },
        Operation::SetModified { path: path("/bin"), modified: 7 },
    ];
    insta::assert_snapshot!(transcript(image(), &calls));
}

#[track_caller]
fn check_origins(overlay: &Overlay, path: &str, expect: Result<&[Origin], Errno>) {
    assert_eq!(overlay.origins(path), expect.map(<[Origin]>::to_vec), "{path}");
}

#[test]
fn every_file_has_an_origin() {
    let mut overlay = Overlay::new(image(), Tree::new());
    overlay.perform(&Operation::Chmod { path: path("/etc/motd"), mode: 0o600 });
    check_origins(&overlay, "/etc", Ok(&[Origin::Upper, Origin::Layer(1), Origin::Layer(0)]));
    check_origins(&overlay, "/etc/motd", Ok(&[Origin::Upper]));
    check_origins(&overlay, "/etc/issue", Ok(&[Origin::Layer(1)]));
    check_origins(&overlay, "/tmp", Ok(&[Origin::Layer(0)]));
    check_origins(&overlay, "/srv", Err(Errno::ENOENT));
}

/// Only an ordinary user's overlay separates the names of a file that was copied up.
#[test]
fn rootless_overlay_breaks_hard_links() {
    let layers = || vec![Tree::from([("/a", Inode::file("x"))])];
    for (mounter, expect) in [(Mounter::Root, None), (Mounter::User, Some(Errno::ESTALE))] {
        let mut overlay = Overlay::new(layers(), Tree::new()).mounted_by(mounter);
        overlay.perform(&Operation::Link { from: path("/a"), to: path("/b") });
        let outcome =
            overlay.perform(&Operation::Rename { from: path("/a"), to: path("/b"), how: RenameHow::Replace });
        assert_eq!(outcome.answer.err(), expect);
    }
}

/// For the browser: operations and outcomes as JSON.
#[test]
fn operations_and_outcomes_serialize_to_json() {
    let operation = write("/etc/motd", "x");
    let json = serde_json::to_string(&operation).unwrap();
    assert_eq!(serde_json::from_str::<Operation>(&json).unwrap(), operation);
    let outcome = Overlay::new(image(), Tree::new()).perform(&operation);
    insta::assert_snapshot!(format!("{json}\n{}", serde_json::to_string_pretty(&outcome).unwrap()));
}

#[test]
fn errors_have_linux_numbers() {
    for number in 0..200 {
        if let Some(errno) = Errno::from_number(number) {
            assert_eq!(errno.number(), number);
        }
    }
    assert_eq!(Errno::from_number(39), Some(Errno::ENOTEMPTY));
}

#[test]
fn symlinks_are_followed_forty_times() {
    let chain = |length: u32| {
        let mut tree = Tree::from([("/0", Inode::file("end"))]);
        for number in 1..=length {
            tree.insert(&format!("/{number}"), Inode::symlink(format!("{}", number - 1)));
        }
        let read = Operation::Read { path: format!("/{length}") };
        Overlay::new(vec![tree], Tree::new()).perform(&read).answer.err()
    };
    assert_eq!(chain(40), None);
    assert_eq!(chain(41), Some(Errno::ELOOP));
    let around = Tree::from([("/a", Inode::symlink("b")), ("/b", Inode::symlink("a"))]);
    let mut overlay = Overlay::new(vec![around], Tree::new());
    assert_eq!(overlay.perform(&Operation::Read { path: path("/a") }).answer, Err(Errno::ELOOP));
}

/// A layer with a whiteout that hides nothing: the name is listed unless the directory is merged.
#[test]
fn whiteout_of_nothing_is_listed() {
    let layer = Tree::from([("/d/gone", Inode::whiteout())]);
    let mut overlay = Overlay::new(vec![layer], Tree::new());
    assert_eq!(overlay.names("/d"), Ok(vec![path("gone")]));
    assert_eq!(overlay.perform(&Operation::Read { path: path("/d/gone") }).answer, Err(Errno::ENOENT));
    overlay.perform(&Operation::Chmod { path: path("/d"), mode: 0o700 });
    assert_eq!(overlay.names("/d"), Ok(vec![]));
    assert!(matches!(overlay.merged().inode(Tree::ROOT).kind, Kind::Directory { opaque: false, .. }));
}
