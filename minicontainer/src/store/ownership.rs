//! Checks that only its owner can access a store.
//!
//! An image may hold set-user-ID programs and files of mode 0600, and a user who can write to a store controls what
//! its containers execute. So a store is used only if
//!
//! - it belongs to the user who uses it. Root does not use another user's store, because that user could replace a
//!   directory by a symbolic link while root writes below it. `sudo` that keeps the home directory would do this by
//!   mistake;
//! - no other user can write to it. Just removing that permission is not enough, because its content could already
//!   have been changed;
//! - no other user can replace it by another directory. Each directory above must belong to root or the user, and
//!   only they may write to it, unless it has the sticky bit, as `/tmp` has. A symbolic link in the path must belong
//!   to root or the user, and the same rules apply to its target.
//!
//! If other users can only *read* the store (mode 0755, the default of `mkdir`), this permission is removed and
//! reported to the owner, see [`Store::restricted_directories`](super::Store::restricted_directories).
//!
//! A directory that the owner's private group can write to counts as the owner's alone. (`useradd` creates a group
//! with the same number for each user, and some systems then use the umask 002.)

use std::{
    env,
    ffi::OsString,
    fs::{self, Metadata, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Component, Path, PathBuf},
};

use nix::{
    errno::Errno,
    libc::S_ISVTX,
    unistd::{AccessFlags, access, geteuid},
};

use super::{StoreError, private};

/// As many symbolic links as Linux follows in one path, see path_resolution(7).
const LINKS_FOLLOWED: u32 = 40;
/// The overflow user id: the kernel shows it for users without a mapping in the user namespace, see
/// user_namespaces(7).
const UNMAPPED: u32 = 65534;
/// The permission bits of group and others, and the write bits among them.
const OTHERS: u32 = 0o077;
const OTHERS_WRITE: u32 = 0o022;

/// Resolves the directory of a store, by a path that no other user can change, and creates it if it does not exist.
/// Directories whose permissions had to be removed are added to `restricted`.
pub(super) fn own(given: &Path, restricted: &mut Vec<PathBuf>) -> Result<PathBuf, StoreError> {
    let found = |source| StoreError::io("find", given)(source);
    let current = if given.is_absolute() { PathBuf::new() } else { env::current_dir().map_err(found)? };
    let mut ahead = names_of(&current.join(given));
    let mut here = PathBuf::from("/");
    let mut above = fs::metadata(&here).map_err(found)?;
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            here.pop();
            above = fs::metadata(&here).map_err(found)?;
            continue;
        }
        let next = here.join(name);
        let metadata = match fs::symlink_metadata(&next) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                private::make_directory(&next).and_then(|()| fs::symlink_metadata(&next))
            }
            metadata => metadata,
        };
        let metadata = metadata.map_err(|source| StoreError::NotWritable { path: given.to_owned(), source })?;
        refuse_replaceable(given, (&here, &above), (&next, &metadata))?;
        if metadata.is_symlink() {
            followed += 1;
            if followed > LINKS_FOLLOWED {
                return Err(found(Errno::ELOOP.into()));
            }
            let target = fs::read_link(&next).map_err(found)?;
            if target.is_absolute() {
                here = PathBuf::from("/");
                above = fs::metadata(&here).map_err(found)?;
            }
            ahead.extend(names_of(&target));
        } else {
            (here, above) = (next, metadata);
        }
    }
    let is_writable = access(&here, AccessFlags::W_OK | AccessFlags::X_OK);
    is_writable.map_err(|errno| StoreError::NotWritable { path: given.to_owned(), source: errno.into() })?;
    restrict(&here, &above, restricted)?;
    Ok(here)
}

/// As [`own`], for a directory directly in the store, whose parents have been checked.
pub(super) fn own_inside(directory: &Path, restricted: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    match fs::symlink_metadata(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => private::make_directory(directory)
            .map_err(|source| StoreError::NotWritable { path: directory.to_owned(), source }),
        Ok(metadata) if !metadata.is_symlink() => restrict(directory, &metadata, restricted),
        // A symbolic link, perhaps to another disk.
        Ok(_) => own(directory, restricted).map(drop),
        Err(error) => Err(StoreError::io("look at", directory)(error)),
    }
}

/// The names of a path in reverse order, so that the next one can be popped.
fn names_of(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    names.map(|part| part.as_os_str().to_owned()).collect()
}

/// Refuses a path component that another user could replace.
fn refuse_replaceable(
    store: &Path,
    (directory, metadata): (&Path, &Metadata),
    (entry, entry_metadata): (&Path, &Metadata),
) -> Result<(), StoreError> {
    let refused = |path: &Path, metadata: &Metadata| StoreError::Replaceable {
        store: store.to_owned(),
        path: path.to_owned(),
        owner: metadata.uid(),
        mode: metadata.mode() & 0o7777,
    };
    // In a directory with the sticky bit, only the owner of an entry can replace it.
    if !is_trusted(metadata.uid()) || may_others_write(directory, metadata) && metadata.mode() & S_ISVTX == 0 {
        return Err(refused(directory, metadata));
    }
    // A directory of another user is refused in the next iteration, or as the store itself.
    match entry_metadata.is_symlink() && !is_trusted(entry_metadata.uid()) {
        true => Err(refused(entry, entry_metadata)),
        false => Ok(()),
    }
}

/// Refuses a directory that belongs to another user or that others can write to. If others can read it, removes that
/// permission.
fn restrict(directory: &Path, metadata: &Metadata, restricted: &mut Vec<PathBuf>) -> Result<(), StoreError> {
    let (path, user, owner) = (directory.to_owned(), geteuid().as_raw(), metadata.uid());
    if !metadata.is_dir() {
        return Err(StoreError::NotWritable { path, source: io::ErrorKind::NotADirectory.into() });
    }
    if owner != user {
        return Err(StoreError::NotOwned { path, owner, user });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & OTHERS_WRITE != 0 {
        return Err(StoreError::Writable { path, mode });
    }
    if mode & OTHERS != 0 {
        let permissions = Permissions::from_mode(mode & !OTHERS);
        fs::set_permissions(directory, permissions).map_err(StoreError::io("close", directory))?;
        restricted.push(path);
    }
    Ok(())
}

/// Whether a user is trusted to own directories above the store: root, the caller, and, in a user namespace, users
/// without a mapping, such as the host's root.
fn is_trusted(owner: u32) -> bool {
    let maps_all = || {
        fs::read_to_string("/proc/self/uid_map").is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]))
    };
    owner == 0 || owner == geteuid().as_raw() || owner == UNMAPPED && !maps_all()
}

fn may_others_write(directory: &Path, metadata: &Metadata) -> bool {
    let user = geteuid().as_raw();
    let is_private_group = user != 0 && metadata.gid() == user && !has_access_list(directory);
    metadata.mode() & if is_private_group { 0o002 } else { OTHERS_WRITE } != 0
}

/// Whether an access control list grants permissions to other users, see acl(5).
fn has_access_list(directory: &Path) -> bool {
    xattr::get(directory, "system.posix_acl_access").is_ok_and(|list| list.is_some())
}
