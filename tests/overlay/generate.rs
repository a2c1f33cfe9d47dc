//! Random stacks and random calls. Few names, so that things meet.

use minicontainer_layers::{
    Inode, Kind, Tree,
    overlay::{Access, OpenFlags, Operation, RenameHow},
};
use proptest::{prelude::*, sample::select};

use crate::{kernel::Who, scenario::Scenario};

/// Layers and calls. An ordinary user's files are all the user's own.
pub fn scenarios(who: Who) -> impl Strategy<Value = Scenario> {
    let layers = prop::collection::vec(layer(who), 1..=8);
    (layers, prop::collection::vec(operation(who), 1..16))
        .prop_map(|(layers, operations)| Scenario { layers, operations: truncated_anew(operations) })
}

/// No two calls truncate to the same length, and none to nothing (`O_TRUNC` does). Whether the time of a file is new when
/// its length is not, every file system below an overlay decides for itself: tmpfs looks whether it has pages.
fn truncated_anew(mut operations: Vec<Operation>) -> Vec<Operation> {
    for (number, operation) in (0..).zip(&mut operations) {
        if let Operation::Truncate { length, .. } = operation {
            *length = 1 + number * 5 % 16;
        }
    }
    operations
}

fn path() -> impl Strategy<Value = String> {
    let name = || select(&["a", "b", "c"][..]);
    prop_oneof![
        4 => name().prop_map(|one| format!("/{one}")),
        4 => (name(), name()).prop_map(|(one, two)| format!("/{one}/{two}")),
        2 => (name(), name(), name()).prop_map(|(one, two, three)| format!("/{one}/{two}/{three}")),
    ]
}

/// What a call is given: also the root, and paths that come back.
fn argument() -> impl Strategy<Value = String> {
    prop_oneof![
        60 => path(),
        1 => Just("/".to_owned()),
        1 => path().prop_map(|path| format!("{path}/..")),
        1 => path().prop_map(|path| format!("{path}/.")),
    ]
}

fn target() -> impl Strategy<Value = String> {
    let targets = &["a", "b", "/a", "/b/c", "../a", "../../b", "b/c", "..", ".", "/", "missing/x", "c"][..];
    select(targets).prop_map(str::to_owned)
}

fn mode() -> impl Strategy<Value = u32> {
    select(&[0o755, 0o644, 0o600, 0, 0o4755, 0o2755, 0o2644, 0o1755, 0o6711][..])
}

fn owner(who: Who) -> impl Strategy<Value = (u32, u32)> {
    match who {
        Who::Root => select(&[(0, 0), (1, 2), (1000, 100)][..]),
        Who::User => select(&[(0, 0)][..]),
    }
}

fn content() -> impl Strategy<Value = String> {
    "[a-z]{0,6}"
}

/// Something that a layer holds.
#[derive(Clone, Debug)]
enum Item {
    File(Inode),
    Link(String),
}

fn item(who: Who) -> impl Strategy<Value = Item> {
    let kind = prop_oneof![
        4 => content().prop_map(Inode::file),
        4 => Just(Inode::directory()),
        1 => Just(Inode::directory()).prop_map(opaque),
        2 => target().prop_map(Inode::symlink),
        1 => Just(Inode::new(Kind::Fifo, 0o644)),
        2 => Just(Inode::whiteout()),
    ];
    let attribute = prop::option::weighted(0.2, (select(&["user.x", "user.y"][..]), content()));
    let file = (kind, mode(), owner(who), 1..1000u64, attribute).prop_map(|(mut inode, mode, owner, time, attribute)| {
        (inode.metadata.uid, inode.metadata.gid, inode.metadata.modified) = (owner.0, owner.1, time);
        if !matches!(inode.kind, Kind::Symlink { .. }) {
            inode.metadata.mode = mode;
        }
        if let (Kind::File { .. } | Kind::Directory { .. }, Some((name, value))) = (&inode.kind, attribute) {
            inode.metadata.xattrs.insert(name.to_owned(), value.into_bytes());
        }
        Item::File(inode)
    });
    prop_oneof![8 => file, 1 => path().prop_map(Item::Link)]
}

fn opaque(mut directory: Inode) -> Inode {
    if let Kind::Directory { opaque, .. } = &mut directory.kind {
        *opaque = true;
    }
    directory
}

fn layer(who: Who) -> impl Strategy<Value = Tree> {
    prop::collection::vec((path(), item(who)), 0..7).prop_map(|items| {
        let mut tree = Tree::new();
        for (path, item) in items {
            match item {
                Item::File(inode) => {
                    tree.insert(&path, inode);
                }
                // Marks are no files.
                Item::Link(other) if tree.find(&other).is_some_and(|id| !tree.inode(id).is_whiteout()) => {
                    // Not in itself: making room for the name must not take the file away.
                    if !path.starts_with(&other) {
                        tree.link(&other, &path);
                    }
                }
                Item::Link(_) => {}
            }
        }
        tree
    })
}

fn flags() -> impl Strategy<Value = OpenFlags> {
    let access = select(&[Access::Read, Access::Write, Access::ReadWrite][..]);
    (access, any::<bool>(), prop::bool::weighted(0.2), prop::bool::weighted(0.3), prop::bool::weighted(0.3)).prop_map(
        |(access, create, exclusive, truncate, append)| OpenFlags {
            access,
            create,
            // Without O_CREAT it means nothing that anybody promises.
            exclusive: exclusive && create,
            truncate,
            append,
        },
    )
}

fn operation(who: Who) -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => names_made_and_removed(),
        3 => content_of_files(),
        2 => attributes(who),
    ]
}

fn names_made_and_removed() -> impl Strategy<Value = Operation> {
    let how = select(&[RenameHow::Replace, RenameHow::Replace, RenameHow::Keep, RenameHow::Exchange][..]);
    prop_oneof![
        3 => (argument(), mode()).prop_map(|(path, mode)| Operation::Mkdir { path, mode }),
        1 => (argument(), mode()).prop_map(|(path, mode)| Operation::Mkfifo { path, mode }),
        1 => argument().prop_map(|path| Operation::MakeWhiteout { path }),
        1 => (target(), argument()).prop_map(|(target, path)| Operation::Symlink { target, path }),
        2 => (argument(), argument()).prop_map(|(from, to)| Operation::Link { from, to }),
        5 => (argument(), argument(), how).prop_map(|(from, to, how)| Operation::Rename { from, to, how }),
        4 => argument().prop_map(|path| Operation::Unlink { path }),
        4 => argument().prop_map(|path| Operation::Rmdir { path }),
    ]
}

fn content_of_files() -> impl Strategy<Value = Operation> {
    let write = |path, flags, content| Operation::Write { path, flags, content };
    let open = |path, flags, descriptor| Operation::Open { path, flags, descriptor };
    prop_oneof![
        2 => argument().prop_map(|path| Operation::Read { path }),
        4 => (argument(), flags(), content()).prop_map(move |(path, flags, content)| write(path, flags, content)),
        3 => (argument(), flags(), 0..3u32).prop_map(move |(path, flags, descriptor)| open(path, flags, descriptor)),
        3 => (0..3u32).prop_map(|descriptor| Operation::ReadFrom { descriptor }),
        2 => (0..3u32, content()).prop_map(|(descriptor, content)| Operation::WriteTo { descriptor, content }),
        1 => (0..3u32).prop_map(|descriptor| Operation::Close { descriptor }),
        2 => argument().prop_map(|path| Operation::Names { path }),
        1 => argument().prop_map(|path| Operation::ReadLink { path }),
        2 => argument().prop_map(|path| Operation::Truncate { path, length: 0 }),
    ]
}

fn attributes(who: Who) -> impl Strategy<Value = Operation> {
    let name = || select(&["user.x", "user.y"][..]).prop_map(str::to_owned);
    prop_oneof![
        (argument(), mode()).prop_map(|(path, mode)| Operation::Chmod { path, mode }),
        (argument(), owner(who)).prop_map(|(path, (uid, gid))| Operation::Chown { path, uid, gid }),
        (argument(), 1..1000u64).prop_map(|(path, modified)| Operation::SetModified { path, modified }),
        (argument(), name(), content()).prop_map(|(path, name, value)| Operation::SetXattr { path, name, value }),
        (argument(), name()).prop_map(|(path, name)| Operation::RemoveXattr { path, name }),
    ]
}
