//! Whether an unpacked layer is still what was unpacked: two trees, held against each other.
//!
//! No list of a layer's files is kept beside it, for whoever changes a file could change the list. The layer's blob is
//! the list, and its digest is in the image's manifest: it is unpacked once more, by the same code, and what comes of
//! that is compared with what is there. Both trees are walked below descriptors, as [`Tree`] does it.
//!
//! Times of directories are left out, since a directory that an archive uses without listing it has none, and so is
//! what an ordinary user may not read: a file without any permission is its owner's all the same, but closed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs::File,
    io::{self, BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::Path,
};

use nix::{
    errno::Errno,
    sys::stat::{FileStat, SFlag},
};
use xattr::FileExt;

use super::unpack::{EntryPath, Tree};

/// More differences than these say no more.
const MOST: usize = 10;
/// What the machine's own security module has written, not the archive.
const OF_THE_MACHINE: &str = "security.selinux";

/// What of a tree is not as in the one that is right, in words, each with the path: at most ten.
pub(super) fn differences(right: &Path, found: &Path) -> io::Result<Vec<String>> {
    let trees = Trees { right: Tree::open(right)?, found: Tree::open(found)? };
    let mut differences = Vec::new();
    let mut pending = vec![EntryPath::root()];
    while let Some(directory) = pending.pop() {
        let Some((expected, present)) = trees.names(&directory)? else { continue };
        if let Some(what) = trees.directory(&directory)? {
            differences.push(told(&directory, what));
        }
        for name in expected.union(&present) {
            let path = directory.join(name);
            let what = match (expected.contains(name), present.contains(name)) {
                (true, false) => Some("is missing"),
                (false, true) => Some("was added"),
                _ => trees.entry(&path, &mut pending)?,
            };
            differences.extend(what.map(|what| told(&path, what)));
        }
        if differences.len() >= MOST {
            differences.truncate(MOST);
            break;
        }
    }
    Ok(differences)
}

fn told(path: &EntryPath, what: &str) -> String {
    format!("/{} {what}", path.display())
}

struct Trees {
    right: Tree,
    found: Tree,
}

type Names = BTreeSet<Vec<u8>>;

impl Trees {
    /// The names in a directory of both trees; none if it is closed to us.
    fn names(&self, directory: &EntryPath) -> io::Result<Option<(Names, Names)>> {
        match (self.right.names(directory), self.found.names(directory)) {
            (Err(Errno::EACCES), _) | (_, Err(Errno::EACCES)) => Ok(None),
            (expected, present) => Ok(Some((expected?.into_iter().collect(), present?.into_iter().collect()))),
        }
    }

    /// What a directory itself differs in. That of the root is seen here only.
    fn directory(&self, path: &EntryPath) -> io::Result<Option<&'static str>> {
        let (right, found) = (self.right.open_directory(path)?, self.found.open_directory(path)?);
        let (expected, present) = (right.metadata()?, found.metadata()?);
        Ok(match () {
            () if expected.mode() != present.mode() => Some("has another mode"),
            () if (expected.uid(), expected.gid()) != (present.uid(), present.gid()) => Some("has another owner"),
            () if attributes(&right)? != attributes(&found)? => Some("has other extended attributes"),
            () => None,
        })
    }

    /// What an entry differs in that both trees have. A directory that is one in both goes to those still to be seen,
    /// and is compared when its turn comes.
    fn entry(&self, path: &EntryPath, pending: &mut Vec<EntryPath>) -> io::Result<Option<&'static str>> {
        let (Some(right), Some(found)) = (self.right.look(path)?, self.found.look(path)?) else {
            return Ok(Some("went while it was looked at"));
        };
        let kind = kind(&right);
        if kind != self::kind(&found) {
            return Ok(Some("is of another kind"));
        }
        if kind == SFlag::S_IFDIR {
            pending.push(path.clone());
            return Ok(None);
        }
        if let Some(what) = metadata(&right, &found) {
            return Ok(Some(what));
        }
        match kind {
            SFlag::S_IFLNK if self.right.read_link(path)? != self.found.read_link(path)? => {
                Ok(Some("leads somewhere else"))
            }
            SFlag::S_IFREG => self.file(path),
            _ => Ok(None),
        }
    }

    fn file(&self, path: &EntryPath) -> io::Result<Option<&'static str>> {
        let (right, found) = match (self.right.open_itself(path), self.found.open_itself(path)) {
            (Err(Errno::EACCES), Err(Errno::EACCES)) => return Ok(None),
            (right, found) => (right?, found?),
        };
        if attributes(&right)? != attributes(&found)? {
            return Ok(Some("has other extended attributes"));
        }
        Ok((!same_content(right, found)?).then_some("has another content"))
    }
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

fn metadata(right: &FileStat, found: &FileStat) -> Option<&'static str> {
    let time = |stat: &FileStat| (kind(stat) == SFlag::S_IFREG).then_some((stat.st_mtime, stat.st_mtime_nsec));
    match () {
        () if right.st_mode != found.st_mode => Some("has another mode"),
        () if (right.st_uid, right.st_gid) != (found.st_uid, found.st_gid) => Some("has another owner"),
        () if right.st_rdev != found.st_rdev => Some("is another device"),
        () if right.st_size != found.st_size => Some("has another content"),
        () if right.st_nlink != found.st_nlink => Some("has another number of names"),
        // Who changes a content can set the time back, so equal times spare no look at it.
        () if time(right) != time(found) => Some("was changed at another time"),
        () => None,
    }
}

fn attributes(file: &File) -> io::Result<BTreeMap<OsString, Option<Vec<u8>>>> {
    let names = match file.list_xattr() {
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(BTreeMap::new()),
        names => names?,
    };
    names.filter(|name| name != OF_THE_MACHINE).map(|name| Ok((name.clone(), file.get_xattr(&name)?))).collect()
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

    /// Two trees that are the same but for what `change` does to the second.
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
    fn whatever_differs_is_found() {
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
            &["/etc/again is missing", "/etc/motd has another number of names"],
        );
        check(
            |tree| xattr::set(tree.join("etc/motd"), "user.canary", b"sings").unwrap(),
            &["/etc/again has other extended attributes", "/etc/motd has other extended attributes"],
        );
    }
}
