//! Comparing two trees, to check that an unpacked layer has not been changed.
//!
//! There is no list of a layer's files beside it, because a process that can change a file could also change the
//! list. Instead, the layer's blob, whose digest is in the image's manifest, is unpacked again by the same code, and
//! the two trees are compared. Both are read below descriptors, see [`merged`].
//!
//! Times of directories are not compared, because a directory that an archive uses without listing it has none. Files
//! that an ordinary user may not read, such as files without any permission, are not compared either.
//!
//! [`merged`]: minicontainer::rootfs::merged

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::{File, Metadata},
    io::{self, BufRead, BufReader},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::Path,
};

use minicontainer::rootfs::{
    RootFsError,
    merged::{Entry, EntryPath, Merged},
};

/// The maximum number of reported differences.
const MOST: usize = 10;
/// Attributes set by the security module of this machine, not by the archive.
const OF_THE_MACHINE: &str = "security.selinux";

/// The differences of a tree from the correct one, in words with the path: at most ten.
pub(super) fn differences(right: &Path, found: &Path) -> Result<Vec<String>, RootFsError> {
    let trees = Trees { right: Merged::plain(right)?, found: Merged::plain(found)? };
    let root = trees.right.root();
    let mut differences =
        trees.compare(&root, trees.right.look_up_again(&root)?, trees.found.look_up_again(&root)?)?;
    let mut pending = vec![root];
    while let Some(directory) = pending.pop() {
        let Some(names) = trees.names(&directory)? else { continue };
        for name in names {
            let (right, found) = (trees.right.child(&directory, &name)?, trees.found.child(&directory, &name)?);
            let is_directory = |entry: &Option<Entry>| entry.as_ref().is_some_and(|entry| entry.metadata().is_dir());
            if is_directory(&right) && is_directory(&found) {
                pending.extend(right.as_ref().map(|entry| entry.place.clone()));
            }
            differences.extend(trees.compare(&directory, right, found)?);
        }
        if differences.len() >= MOST {
            differences.truncate(MOST);
            break;
        }
    }
    Ok(differences)
}

struct Trees {
    right: Merged,
    found: Merged,
}

impl Trees {
    /// The names in a directory of both trees; `None` if the caller may not read it.
    fn names(&self, directory: &EntryPath) -> Result<Option<BTreeSet<OsString>>, RootFsError> {
        match (self.right.names(directory), self.found.names(directory)) {
            (Err(error), _) | (_, Err(error)) if error.is_permission_denied() => Ok(None),
            (right, found) => Ok(Some(right?.into_iter().chain(found?).collect())),
        }
    }

    /// The difference of one entry, which at least one of the trees has in this directory.
    fn compare(
        &self,
        directory: &EntryPath,
        right: Option<Entry>,
        found: Option<Entry>,
    ) -> Result<Vec<String>, RootFsError> {
        let (place, what) = match (&right, &found) {
            (Some(right), Some(found)) => (&right.place, difference(right, found)?),
            (Some(right), None) => (&right.place, Some("is missing")),
            (None, Some(found)) => (&found.place, Some("was added")),
            (None, None) => (directory, Some("changed while it was read")),
        };
        let path = place.path().as_os_str().as_bytes().escape_ascii();
        Ok(what.map(|what| format!("/{path} {what}")).into_iter().collect())
    }
}

/// The difference of an entry that both trees have.
fn difference(right: &Entry, found: &Entry) -> Result<Option<&'static str>, RootFsError> {
    let kind = right.metadata().file_type();
    if let Some(what) = metadata(right.metadata(), found.metadata()) {
        return Ok(Some(what));
    }
    if kind.is_symlink() {
        return Ok((right.target()? != found.target()?).then_some("leads somewhere else"));
    }
    if !kind.is_file() && !kind.is_dir() {
        return Ok(None);
    }
    match (attributes(right), attributes(found)) {
        (Err(one), Err(other)) if one.is_permission_denied() && other.is_permission_denied() => return Ok(None),
        (right, found) => {
            if right? != found? {
                return Ok(Some("has different extended attributes"));
            }
        }
    }
    if kind.is_dir() {
        return Ok(None);
    }
    let place = right.place.path();
    match (right.open(), found.open()) {
        (Err(one), Err(other)) if one.is_permission_denied() && other.is_permission_denied() => Ok(None),
        (right, found) => {
            let is_same = same_content(right?, found?).map_err(RootFsError::io("read", place))?;
            Ok((!is_same).then_some("has another content"))
        }
    }
}

fn metadata(right: &Metadata, found: &Metadata) -> Option<&'static str> {
    let kind = right.file_type();
    let time = |metadata: &Metadata| kind.is_file().then_some((metadata.mtime(), metadata.mtime_nsec()));
    match () {
        () if kind != found.file_type() => Some("is of another kind"),
        () if right.mode() != found.mode() => Some("has another mode"),
        () if (right.uid(), right.gid()) != (found.uid(), found.gid()) => Some("has another owner"),
        () if kind.is_dir() => None,
        () if right.rdev() != found.rdev() => Some("is another device"),
        () if right.len() != found.len() => Some("has another content"),
        () if right.nlink() != found.nlink() => Some("has a different number of hard links"),
        // A process that changes the content can restore the time, so the content is compared even if the times are
        // equal.
        () if time(right) != time(found) => Some("has a different modification time"),
        () => None,
    }
}

fn attributes(entry: &Entry) -> Result<BTreeMap<OsString, Vec<u8>>, RootFsError> {
    let attributes = entry.attributes()?.into_iter();
    Ok(attributes.filter(|(name, _)| name != OF_THE_MACHINE).collect())
}

fn same_content(one: File, other: File) -> io::Result<bool> {
    let buffered = |file| BufReader::with_capacity(1 << 17, file);
    let (mut one, mut other) = (buffered(one), buffered(other));
    loop {
        let (left, right) = (one.fill_buf()?, other.fill_buf()?);
        let count = left.len().min(right.len());
        if left[..count] != right[..count] || (count == 0 && left.len() != right.len()) {
            return Ok(false);
        }
        if count == 0 {
            return Ok(true);
        }
        one.consume(count);
        other.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, os::unix::fs::symlink};

    use super::*;

    /// Two trees that are equal except for what `change` does to the second.
    #[track_caller]
    fn check(change: impl FnOnce(&Path), expect: &[&str]) {
        let directory = tempfile::tempdir().unwrap();
        let (right, found) = (directory.path().join("right"), directory.path().join("found"));
        for tree in [&right, &found] {
            fs::create_dir_all(tree.join("etc/deep")).unwrap();
            fs::write(tree.join("etc/motd"), "hello").unwrap();
            fs::hard_link(tree.join("etc/motd"), tree.join("etc/again")).unwrap();
            let file = File::options().write(true).open(tree.join("etc/motd")).unwrap();
            file.set_modified(std::time::UNIX_EPOCH).unwrap();
            symlink("motd", tree.join("etc/link")).unwrap();
        }
        change(&found);
        assert_eq!(differences(&right, &found).unwrap(), expect);
    }

    #[test]
    fn every_difference_is_found() {
        check(|_| {}, &[]);
        check(|tree| fs::write(tree.join("etc/deep/new"), "").unwrap(), &["/etc/deep/new was added"]);
        check(|tree| fs::remove_file(tree.join("etc/link")).unwrap(), &["/etc/link is missing"]);
        check(
            |tree| {
                let motd = tree.join("etc/motd");
                fs::write(&motd, "HELLO").unwrap();
                let file = File::options().write(true).open(&motd).unwrap();
                file.set_modified(std::time::UNIX_EPOCH).unwrap();
            },
            &["/etc/again has another content", "/etc/motd has another content"],
        );
        check(
            |tree| fs::set_permissions(tree.join("etc/deep"), fs::Permissions::from_mode(0o700)).unwrap(),
            &["/etc/deep has another mode"],
        );
        check(|tree| fs::set_permissions(tree, fs::Permissions::from_mode(0o700)).unwrap(), &["/ has another mode"]);
        check(
            |tree| {
                fs::remove_file(tree.join("etc/link")).unwrap();
                symlink("again", tree.join("etc/link")).unwrap();
            },
            &["/etc/link has another content"],
        );
        check(
            |tree| {
                fs::remove_file(tree.join("etc/link")).unwrap();
                symlink("deep", tree.join("etc/link")).unwrap();
            },
            &["/etc/link leads somewhere else"],
        );
        check(
            |tree| {
                fs::remove_file(tree.join("etc/link")).unwrap();
                fs::create_dir(tree.join("etc/link")).unwrap();
            },
            &["/etc/link is of another kind"],
        );
        check(
            |tree| fs::remove_file(tree.join("etc/again")).unwrap(),
            &["/etc/again is missing", "/etc/motd has a different number of hard links"],
        );
        check(
            |tree| xattr::set(tree.join("etc/motd"), "user.canary", b"sings").unwrap(),
            &["/etc/again has different extended attributes", "/etc/motd has different extended attributes"],
        );
    }
}
