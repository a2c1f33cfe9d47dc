//! What the random scenarios taught, made small and kept: each was once told apart, or is a rule that is easily got
//! wrong.

use minicontainer_layers::{
    Inode, Tree,
    overlay::{Access, OpenFlags, Operation, RenameHow},
};

use crate::scenario::Scenario;

/// Name and scenario.
pub fn all() -> Vec<(&'static str, Scenario)> {
    [modes_and_identity(), marks(), renames(), content()].concat()
}

/// Who a file is.
fn modes_and_identity() -> Vec<(&'static str, Scenario)> {
    vec![
        ("mkdir has no set-ID bits to give", scenario([], [mkdir("/a", 0o6755), fifo("/b", 0o6755)])),
        (
            "what is made in a directory with a set-group-ID bit gets its group, and directories the bit",
            scenario([("/d", with_mode(Inode::directory(), 0o2755))], [mkdir("/d/a", 0o755), fifo("/d/b", 0o644)]),
        ),
        (
            "a program that a user's root writes to loses its set-user-ID bit",
            scenario([("/a", with_mode(Inode::file("x"), 0o6755))], [write("/a", "y")]),
        ),
        ("a program that changes hands loses it too", {
            let chown = Operation::Chown { path: "/a".into(), uid: 0, gid: 0 };
            scenario([("/a", with_mode(Inode::file("x"), 0o6755))], [chown])
        }),
        (
            "a file copied up and its new name are two files to rename in a user's overlay",
            scenario([("/a", Inode::file("x"))], [link("/a", "/b"), rename("/b", "/a"), rename("/a", "/b")]),
        ),
        (
            "each with a mode of its own in memory",
            scenario(
                [("/a", Inode::file("x"))],
                [
                    link("/a", "/b"),
                    Operation::Chmod { path: "/b".into(), mode: 0o4755 },
                    Operation::Truncate { path: "/a".into(), length: 0 },
                    write("/b", "x"),
                ],
            ),
        ),
        (
            "looked up again before a write",
            scenario(
                [("/a", Inode::file("x"))],
                [link("/a", "/b"), Operation::Chmod { path: "/b".into(), mode: 0o4755 }, write("/a", "y")],
            ),
        ),
        (
            "and two pipes",
            scenario(
                [("/a", Inode::new(minicontainer_layers::Kind::Fifo, 0o644))],
                [link("/a", "/b"), open(0, "/a"), write("/a", "x"), write("/b", "x")],
            ),
        ),
    ]
}

/// Whiteouts and opaque directories.
fn marks() -> Vec<(&'static str, Scenario)> {
    vec![
        (
            "a whiteout over nothing is listed where only one directory is behind",
            scenario([("/d/gone", Inode::whiteout())], [names("/d"), mkdir("/d/e", 0o755), names("/d"), names("/")]),
        ),
        (
            "a directory of whiteouts is empty",
            scenario([("/d/gone", Inode::whiteout())], [rmdir("/d"), mkdir("/d", 0o755), names("/d")]),
        ),
        (
            "a directory in the place of a deleted one is opaque",
            scenario(
                [("/d/old", Inode::file("x"))],
                [unlink("/d/old"), rmdir("/d"), mkdir("/d", 0o755), names("/d")],
            ),
        ),
        (
            "a directory where nothing was is not opaque until it is renamed",
            scenario([("/a", Inode::file(""))], [mkdir("/d", 0o755), rename("/d", "/e")]),
        ),
    ]
}

fn renames() -> Vec<(&'static str, Scenario)> {
    vec![
        (
            "a directory of a layer cannot be renamed, one of the container can",
            scenario([("/d/a", Inode::file(""))], [rename("/d", "/e"), mkdir("/f", 0o755), rename("/f", "/d/f")]),
        ),
        (
            "a directory that cannot be renamed over one that is not empty is opaque all the same",
            scenario(
                [("/a", Inode::file(""))],
                [mkdir("/d", 0o755), mkdir("/e", 0o755), mkdir("/e/f", 0o755), rename("/d", "/e")],
            ),
        ),
        (
            "a renamed file leaves a whiteout, and none where no layer has one",
            scenario([("/a", Inode::file("x"))], [rename("/a", "/b"), rename("/b", "/c"), unlink("/c")]),
        ),
    ]
}

/// Descriptors and copies.
fn content() -> Vec<(&'static str, Scenario)> {
    vec![
        ("copy-up breaks hard links", {
            let mut layer = Tree::from([("/a", Inode::file("x"))]);
            layer.link("/a", "/b");
            let operations = vec![open(0, "/b"), write("/a", "y"), read_from(0), rename("/a", "/b"), read_from(0)];
            Scenario { layers: vec![layer], operations }
        }),
        (
            "a descriptor opened before copy-up reads what is written after it",
            scenario([("/a", Inode::file("old"))], [open(0, "/a"), write("/a", "new"), read_from(0)]),
        ),
        (
            "a descriptor keeps the file that it has when another gets its name",
            scenario([("/a", Inode::file("old"))], [open(0, "/a"), unlink("/a"), write("/a", "new"), read_from(0)]),
        ),
        (
            "removing an attribute that is not there copies nothing up",
            scenario(
                [("/a", Inode::file(""))],
                [Operation::RemoveXattr { path: "/a".into(), name: "user.x".into() }],
            ),
        ),
        (
            "two files change places",
            scenario(
                [("/a", Inode::file("1")), ("/d/b", Inode::symlink("a"))],
                [Operation::Rename { from: "/a".into(), to: "/d/b".into(), how: RenameHow::Exchange }, names("/d")],
            ),
        ),
        ("an opaque directory of a layer hides those below it", {
            let mut opaque = Inode::directory();
            if let minicontainer_layers::Kind::Directory { opaque, .. } = &mut opaque.kind {
                *opaque = true;
            }
            let layers = vec![Tree::from([("/d/low", Inode::file(""))]), Tree::from([("/d", opaque)])];
            Scenario { layers, operations: vec![names("/d"), write("/d/low", "new"), unlink("/d/low"), names("/d")] }
        }),
    ]
}

fn scenario<const L: usize, const O: usize>(layer: [(&str, Inode); L], operations: [Operation; O]) -> Scenario {
    Scenario { layers: vec![Tree::from(layer)], operations: operations.into() }
}

fn with_mode(mut inode: Inode, mode: u32) -> Inode {
    (inode.metadata.mode, inode.metadata.gid) = (mode, 0);
    inode
}

fn mkdir(path: &str, mode: u32) -> Operation {
    Operation::Mkdir { path: path.into(), mode }
}

fn fifo(path: &str, mode: u32) -> Operation {
    Operation::Mkfifo { path: path.into(), mode }
}

fn write(path: &str, content: &str) -> Operation {
    let flags = OpenFlags { access: Access::Write, create: true, ..OpenFlags::default() };
    Operation::Write { path: path.into(), flags, content: content.into() }
}

fn open(descriptor: u32, path: &str) -> Operation {
    Operation::Open { path: path.into(), flags: OpenFlags::default(), descriptor }
}

fn read_from(descriptor: u32) -> Operation {
    Operation::ReadFrom { descriptor }
}

fn link(from: &str, to: &str) -> Operation {
    Operation::Link { from: from.into(), to: to.into() }
}

fn rename(from: &str, to: &str) -> Operation {
    Operation::Rename { from: from.into(), to: to.into(), how: RenameHow::Replace }
}

fn unlink(path: &str) -> Operation {
    Operation::Unlink { path: path.into() }
}

fn rmdir(path: &str) -> Operation {
    Operation::Rmdir { path: path.into() }
}

fn names(path: &str) -> Operation {
    Operation::Names { path: path.into() }
}
