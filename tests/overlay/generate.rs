//! Random layers and calls. They use only a few names, so that calls often affect the same files.

use minicontainer_layers::{
    Inode, Kind, Overlay, Tree,
    overlay::{Access, Mounter, OpenFlags, Operation, RenameHow},
};
use proptest::{prelude::*, sample::select};

use crate::scenario::Scenario;

/// Layers and calls. For an ordinary user, all files belong to that user.
pub fn scenarios(mounter: Mounter) -> impl Strategy<Value = Scenario> {
    let layers = prop::collection::vec(layer(mounter), 1..=8);
    (layers, prop::collection::vec(operation(mounter), 1..12)).prop_map(move |(layers, operations)| {
        let operations = chosen(&layers, mounter, truncated_anew(operations));
        Scenario { layers, operations }
    })
}

/// Gives every truncate(2) a different length above zero (`O_TRUNC` covers zero). If the length does not change, file
/// systems differ in whether they update the time: tmpfs, for example, does so only if the file has pages.
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

/// The kind of path that a call usually gets. With purely random paths, nearly every call would fail because the file
/// does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    /// A directory.
    Directory,
    /// A file that is not a directory.
    File,
    /// Any file.
    Anything,
    /// A name in a directory that usually does not exist.
    Free,
    /// A name with a whiteout in the upper directory.
    Deleted,
}

/// A path, or a placeholder (the wanted kind and a number), which `chosen` replaces when it knows the existing files.
fn argument(wanted: Wanted) -> impl Strategy<Value = String> {
    prop_oneof![
        24 => any::<u16>().prop_map(move |number| format!("{wanted:?} {number}")),
        6 => path(),
        1 => Just("/".to_owned()),
        1 => path().prop_map(|path| format!("{path}/..")),
        1 => path().prop_map(|path| format!("{path}/.")),
    ]
}

/// Replaces the placeholders by paths that exist in the model at that point.
fn chosen(layers: &[Tree], mounter: Mounter, operations: Vec<Operation>) -> Vec<Operation> {
    let mut overlay = Overlay::new(layers.to_vec(), Tree::new()).mounted_by(mounter);
    let mut choose = |mut operation: Operation| {
        let merged = overlay.merged();
        for path in paths(&mut operation) {
            *path = choice(&overlay, &merged, path).unwrap_or_else(|| path.clone());
        }
        overlay.perform(&operation);
        operation
    };
    operations.into_iter().map(&mut choose).collect()
}

fn choice(overlay: &Overlay, merged: &Tree, argument: &str) -> Option<String> {
    let (wanted, number) = argument.split_once(' ')?;
    let number: usize = number.parse().ok()?;
    if wanted == "Deleted" {
        let mut marks = overlay.upper().walk();
        marks.retain(|(_, id)| overlay.upper().inode(*id).is_whiteout());
        return marks.get(number % marks.len().max(1)).map(|(path, _)| path.clone()).or(Some("/a".to_owned()));
    }
    let mut there = merged.walk();
    there.retain(|(_, id)| match wanted {
        "Directory" | "Free" => merged.inode(*id).is_directory(),
        "File" => !merged.inode(*id).is_directory(),
        _ => true,
    });
    let path = there.get(number % there.len().max(1)).map_or("/", |(path, _)| path);
    Some(match wanted {
        "Free" => format!("{}/{}", path.trim_end_matches('/'), ["a", "b", "c", "d"][number / 1000 % 4]),
        _ => path.to_owned(),
    })
}

fn paths(operation: &mut Operation) -> Vec<&mut String> {
    match operation {
        Operation::Link { from, to } | Operation::Rename { from, to, .. } => vec![from, to],
        Operation::Read { path }
        | Operation::Write { path, .. }
        | Operation::Open { path, .. }
        | Operation::Names { path }
        | Operation::ReadLink { path }
        | Operation::Mkdir { path, .. }
        | Operation::Mkfifo { path, .. }
        | Operation::MakeWhiteout { path }
        | Operation::Symlink { path, .. }
        | Operation::Unlink { path }
        | Operation::Rmdir { path }
        | Operation::Truncate { path, .. }
        | Operation::Chmod { path, .. }
        | Operation::Chown { path, .. }
        | Operation::SetModified { path, .. }
        | Operation::SetXattr { path, .. }
        | Operation::RemoveXattr { path, .. } => vec![path],
        Operation::ReadFrom { .. } | Operation::WriteTo { .. } | Operation::Close { .. } => vec![],
    }
}

fn target() -> impl Strategy<Value = String> {
    let targets = &["a", "b", "/a", "/b/c", "../a", "../../b", "b/c", "..", ".", "/", "missing/x", "c"][..];
    select(targets).prop_map(str::to_owned)
}

fn mode() -> impl Strategy<Value = u32> {
    select(&[0o755, 0o644, 0o600, 0, 0o4755, 0o2755, 0o2644, 0o1755, 0o6711][..])
}

fn owner(mounter: Mounter) -> impl Strategy<Value = (u32, u32)> {
    match mounter {
        Mounter::Root => select(&[(0, 0), (1, 2), (1000, 100)][..]),
        Mounter::User => select(&[(0, 0)][..]),
    }
}

fn content() -> impl Strategy<Value = String> {
    "[a-z]{0,6}"
}

/// An entry of a layer.
#[derive(Clone, Debug)]
enum Item {
    File(Inode),
    Link(String),
}

fn item(mounter: Mounter) -> impl Strategy<Value = Item> {
    let kind = prop_oneof![
        4 => content().prop_map(Inode::file),
        4 => Just(Inode::directory()),
        1 => Just(Inode::directory()).prop_map(opaque),
        2 => target().prop_map(Inode::symlink),
        1 => Just(Inode::new(Kind::Fifo, 0o644)),
        2 => Just(Inode::whiteout()),
    ];
    let attribute = prop::option::weighted(0.2, (select(&["user.x", "user.y"][..]), content()));
    let file = (kind, mode(), owner(mounter), 1..1000u64, attribute).prop_map(
        |(mut inode, mode, owner, time, attribute)| {
            (inode.metadata.uid, inode.metadata.gid, inode.metadata.modified) = (owner.0, owner.1, time);
            if !matches!(inode.kind, Kind::Symlink { .. }) {
                inode.metadata.mode = mode;
            }
            if let (Kind::File { .. } | Kind::Directory { .. }, Some((name, value))) = (&inode.kind, attribute) {
                inode.metadata.xattrs.insert(name.to_owned(), value.into_bytes());
            }
            Item::File(inode)
        },
    );
    prop_oneof![8 => file, 1 => path().prop_map(Item::Link)]
}

fn opaque(mut directory: Inode) -> Inode {
    if let Kind::Directory { opaque, .. } = &mut directory.kind {
        *opaque = true;
    }
    directory
}

fn layer(mounter: Mounter) -> impl Strategy<Value = Tree> {
    prop::collection::vec((path(), item(mounter)), 0..7).prop_map(|items| {
        let mut tree = Tree::new();
        for (path, item) in items {
            match item {
                Item::File(inode) => {
                    tree.insert(&path, inode);
                }
                // A whiteout is not a file, so it cannot get a hard link.
                Item::Link(other) if tree.find(&other).is_some_and(|id| !tree.inode(id).is_whiteout()) => {
                    // Not below the file itself, because creating the parents would replace the file.
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
            // O_EXCL without O_CREAT is undefined.
            exclusive: exclusive && create,
            truncate,
            append,
        },
    )
}

fn operation(mounter: Mounter) -> impl Strategy<Value = Operation> {
    prop_oneof![
        5 => names_made_and_removed(),
        4 => content_of_files(),
        1 => attributes(mounter),
    ]
}

fn names_made_and_removed() -> impl Strategy<Value = Operation> {
    let how = select(&[RenameHow::Replace, RenameHow::Replace, RenameHow::Keep, RenameHow::Exchange][..]);
    let any = || argument(Wanted::Anything);
    let free = || prop_oneof![argument(Wanted::Free), argument(Wanted::Deleted)];
    prop_oneof![
        3 => (free(), mode()).prop_map(|(path, mode)| Operation::Mkdir { path, mode }),
        1 => (free(), mode()).prop_map(|(path, mode)| Operation::Mkfifo { path, mode }),
        1 => free().prop_map(|path| Operation::MakeWhiteout { path }),
        1 => (target(), free()).prop_map(|(target, path)| Operation::Symlink { target, path }),
        2 => (argument(Wanted::File), free()).prop_map(|(from, to)| Operation::Link { from, to }),
        3 => (any(), free(), how.clone()).prop_map(|(from, to, how)| Operation::Rename { from, to, how }),
        3 => (any(), any(), how).prop_map(|(from, to, how)| Operation::Rename { from, to, how }),
        4 => argument(Wanted::File).prop_map(|path| Operation::Unlink { path }),
        4 => argument(Wanted::Directory).prop_map(|path| Operation::Rmdir { path }),
    ]
}

fn content_of_files() -> impl Strategy<Value = Operation> {
    let write = |path, flags, content| Operation::Write { path, flags, content };
    let open = |path, flags, descriptor| Operation::Open { path, flags, descriptor };
    let file =
        || prop_oneof![4 => argument(Wanted::File), 1 => argument(Wanted::Free), 1 => argument(Wanted::Deleted)];
    prop_oneof![
        2 => file().prop_map(|path| Operation::Read { path }),
        4 => (file(), flags(), content()).prop_map(move |(path, flags, content)| write(path, flags, content)),
        4 => (file(), flags(), 0..2u32).prop_map(move |(path, flags, descriptor)| open(path, flags, descriptor)),
        3 => (0..2u32).prop_map(|descriptor| Operation::ReadFrom { descriptor }),
        2 => (0..2u32, content()).prop_map(|(descriptor, content)| Operation::WriteTo { descriptor, content }),
        1 => (0..2u32).prop_map(|descriptor| Operation::Close { descriptor }),
        2 => argument(Wanted::Directory).prop_map(|path| Operation::Names { path }),
        1 => file().prop_map(|path| Operation::ReadLink { path }),
        2 => file().prop_map(|path| Operation::Truncate { path, length: 0 }),
    ]
}

fn attributes(mounter: Mounter) -> impl Strategy<Value = Operation> {
    let name = || select(&["user.x", "user.y"][..]).prop_map(str::to_owned);
    let any = || argument(Wanted::Anything);
    prop_oneof![
        (any(), mode()).prop_map(|(path, mode)| Operation::Chmod { path, mode }),
        (any(), owner(mounter)).prop_map(|(path, (uid, gid))| Operation::Chown { path, uid, gid }),
        (any(), 1..1000u64).prop_map(|(path, modified)| Operation::SetModified { path, modified }),
        (any(), name(), content()).prop_map(|(path, name, value)| Operation::SetXattr { path, name, value }),
        (any(), name()).prop_map(|(path, name)| Operation::RemoveXattr { path, name }),
    ]
}
