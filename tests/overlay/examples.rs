//! Small scenarios, mostly found by the random ones. In each of them the model once differed from the kernel, or the
//! rule is easy to get wrong.

use minicontainer_layers::{
    Inode, Tree,
    overlay::{Access, OpenFlags, Operation, RenameHow},
};

use crate::scenario::Scenario;

/// All examples, each with a name.
pub fn all() -> Vec<(&'static str, Scenario)> {
    [modes_and_identity(), marks(), renames(), content()].concat()
}

/// Modes, owners, and the identity of hard links.
fn modes_and_identity() -> Vec<(&'static str, Scenario)> {
    vec![
        ("mkdir ignores the set-ID bits of its mode", scenario([], [mkdir("/a", 0o6755), fifo("/b", 0o6755)])),
        (
            "files in a directory with the set-group-ID bit get its group, and directories also the bit",
            scenario([("/d", with_mode(Inode::directory(), 0o2755))], [mkdir("/d/a", 0o755), fifo("/d/b", 0o644)]),
        ),
        (
            "a write by root of a user namespace clears the set-user-ID bit",
            scenario([("/a", with_mode(Inode::file("x"), 0o6755))], [write("/a", "y")]),
        ),
        ("a change of owner clears the set-user-ID bit", {
            let chown = Operation::Chown { path: "/a".into(), uid: 0, gid: 0 };
            scenario([("/a", with_mode(Inode::file("x"), 0o6755))], [chown])
        }),
        (
            "rename treats a copied-up file and its new hard link as two files in a user's overlay",
            scenario([("/a", Inode::file("x"))], [link("/a", "/b"), rename("/b", "/a"), rename("/a", "/b")]),
        ),
        (
            "a copied-up file and its new hard link have separate modes in memory",
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
            "the mode is looked up again before a write",
            scenario(
                [("/a", Inode::file("x"))],
                [link("/a", "/b"), Operation::Chmod { path: "/b".into(), mode: 0o4755 }, write("/a", "y")],
            ),
        ),
        (
            "a copied-up FIFO and its new hard link are two pipes",
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
            "a whiteout that hides nothing is listed in a directory that is not merged",
            scenario([("/d/gone", Inode::whiteout())], [names("/d"), mkdir("/d/e", 0o755), names("/d"), names("/")]),
        ),
        (
            "a directory of whiteouts is empty",
            scenario([("/d/gone", Inode::whiteout())], [rmdir("/d"), mkdir("/d", 0o755), names("/d")]),
        ),
        (
            "a directory that replaces a deleted one is opaque",
            scenario(
                [("/d/old", Inode::file("x"))],
                [unlink("/d/old"), rmdir("/d"), mkdir("/d", 0o755), names("/d")],
            ),
        ),
        (
            "a new directory is not opaque until it is renamed",
            scenario([("/a", Inode::file(""))], [mkdir("/d", 0o755), rename("/d", "/e")]),
        ),
    ]
}

fn renames() -> Vec<(&'static str, Scenario)> {
    vec![
        (
            "a directory of a layer cannot be renamed, but a new one can",
            scenario([("/d/a", Inode::file(""))], [rename("/d", "/e"), mkdir("/f", 0o755), rename("/f", "/d/f")]),
        ),
        (
            "a failed rename over a directory that is not empty still makes the source opaque",
            scenario(
                [("/a", Inode::file(""))],
                [mkdir("/d", 0o755), mkdir("/e", 0o755), mkdir("/e/f", 0o755), rename("/d", "/e")],
            ),
        ),
        (
            "a renamed file leaves a whiteout only if a layer has the old name",
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
            "a descriptor keeps its file when another file gets the name",
            scenario([("/a", Inode::file("old"))], [open(0, "/a"), unlink("/a"), write("/a", "new"), read_from(0)]),
        ),
        (
            "removing a missing attribute copies nothing up",
            scenario(
                [("/a", Inode::file(""))],
                [Operation::RemoveXattr { path: "/a".into(), name: "user.x".into() }],
            ),
        ),
        (
            "two files are exchanged",
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
