//! Random trees for property tests. Few names, so that two trees have much in common.

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{DeviceClass, Inode, Kind, Tree};

/// Plain trees, without marks.
pub(crate) fn trees() -> impl Strategy<Value = Tree> {
    vec((path(), inode(), option::weighted(0.2, path())), 0..12).prop_map(build)
}

/// Trees with marks: layers.
pub(crate) fn layers() -> impl Strategy<Value = Tree> {
    let marked = prop_oneof![4 => inode(), 1 => Just(Inode::whiteout()), 1 => inode().prop_map(opaque)];
    vec((path(), marked, option::weighted(0.2, path())), 0..12).prop_map(build)
}

/// Builds a tree: each item is a file at a path, or another name for the file at a second path.
fn build(items: Vec<(String, Inode, Option<String>)>) -> Tree {
    let mut tree = Tree::new();
    for (path, inode, other) in items {
        let is_file = |id: &super::InodeId| !tree.inode(*id).is_whiteout();
        match other.and_then(|other| tree.find(&other).filter(is_file).map(|_| other)) {
            // A name must not take the place of a directory that holds the file.
            Some(other) if !other.starts_with(&path) && !path.starts_with(&other) => {
                tree.link(&other, &path);
            }
            _ => {
                tree.insert(&path, inode);
            }
        }
    }
    tree
}

fn path() -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "c", "é"][..]), 1..=3).prop_map(|names| format!("/{}", names.join("/")))
}

fn inode() -> impl Strategy<Value = Inode> {
    let class = select(&[DeviceClass::Character, DeviceClass::Block][..]);
    let kind = prop_oneof![
        4 => vec(any::<u8>(), 0..4).prop_map(|content| Inode::file(content).kind),
        4 => Just(Inode::directory().kind),
        1 => select(&["a", "/b", "../c"][..]).prop_map(|target| Kind::Symlink { target: target.into() }),
        1 => Just(Kind::Fifo),
        1 => (class, 1..3u32, 0..3u32).prop_map(|(class, major, minor)| Kind::Device { class, major, minor }),
    ];
    let attributes = option::weighted(0.2, (select(&["user.x", "security.y"][..]), vec(any::<u8>(), 0..4)));
    let metadata = (select(&[0o644, 0o755, 0o6711][..]), 0..2u32, 0..2u32, 0..2000u64, attributes);
    (kind, metadata).prop_map(|(kind, (mode, uid, gid, modified, attributes))| {
        let mut inode = Inode::new(kind, mode);
        (inode.metadata.uid, inode.metadata.gid, inode.metadata.modified) = (uid, gid, modified);
        inode.metadata.xattrs.extend(attributes.map(|(name, value)| (name.to_owned(), value)));
        inode
    })
}

fn opaque(mut inode: Inode) -> Inode {
    if let Kind::Directory { opaque, .. } = &mut inode.kind {
        *opaque = true;
    }
    inode
}
