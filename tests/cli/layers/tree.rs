//! Lists the entries of a tree as text, so that trees can be compared.

use std::{
    collections::BTreeMap,
    fs::{self, Metadata},
    os::unix::fs::{FileTypeExt, MetadataExt},
    path::Path,
};

/// The entries of a tree by path.
pub type Tree = BTreeMap<String, String>;

/// All entries below a directory: permissions, owner, kind, content, time, and the first of several names.
pub fn look(root: &Path) -> Tree {
    let mut tree = Tree::new();
    walk(root, "", &mut BTreeMap::new(), &mut tree);
    tree
}

fn walk(root: &Path, inside: &str, first: &mut BTreeMap<(u64, u64), String>, tree: &mut Tree) {
    let entries = fs::read_dir(root.join(inside)).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let path = format!("{inside}{}", name.to_str().unwrap());
        let metadata = fs::symlink_metadata(root.join(&path)).unwrap();
        let what = kind(&root.join(&path), &metadata);
        let owner = format!("{}:{}", metadata.uid(), metadata.gid());
        let mode = if metadata.is_symlink() { String::new() } else { format!("{:o}", metadata.mode() & 0o7777) };
        if metadata.is_dir() {
            // Each tool restores the time of a directory in its own way.
            tree.insert(path.clone(), format!("{mode} {owner} {what}"));
            walk(root, &format!("{path}/"), first, tree);
            continue;
        }
        let same = first.entry((metadata.dev(), metadata.ino())).or_insert_with(|| path.clone());
        let same = if *same == path { String::new() } else { format!(" = {same}") };
        tree.insert(path, format!("{mode} {owner} {what} at {}{same}", metadata.mtime()));
    }
}

fn kind(path: &Path, metadata: &Metadata) -> String {
    let kind = metadata.file_type();
    match () {
        () if kind.is_dir() => "directory".to_owned(),
        () if kind.is_symlink() => format!("link to {}", fs::read_link(path).unwrap().display()),
        () if kind.is_file() => {
            let content = minicontainer::core::Digest::of(&fs::read(path).unwrap());
            let note = xattr::get(path, "user.note").ok().flatten();
            format!("file of {} {content} {note:?}", metadata.len())
        }
        () if kind.is_fifo() => "fifo".to_owned(),
        () => format!("device {:x}, block: {}", metadata.rdev(), kind.is_block_device()),
    }
}
