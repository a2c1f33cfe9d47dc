//! Translates the owners of files between a container and the host, and sets them.
//!
//! In a container of an ordinary user, root is that user, and the other ids are the user's *subordinate* ids, see
//! [`subordinate`](minicontainer_core::plan::subordinate). The files of a layer have the same ids on the host: a file
//! of user 1000 of an image belongs to the subordinate id for 1000. So all containers see the right owners, and what
//! they write is packed with the owners that they saw. The user cannot give files to these ids, and cannot always
//! open them. A process in a user namespace with the same map can (`sys/owner_process.rs`); it starts when the first
//! file needs it.
//!
//! For root, the ids inside and outside are equal. For a user without subordinate ids, all files belong to root
//! inside.

use std::ffi::{OsStr, OsString};
use std::fs::Metadata;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use minicontainer_core::explain::Message;
use minicontainer_core::plan::{IdMapping, SubordinateIds, subordinate};
use nix::unistd::geteuid;

use super::accounts::{subordinate_ids, subordinate_maps};
use crate::sys::calls::UNCHANGED;
use crate::sys::owner_process::{OwnerProcess, Request};

/// A user and a group, as a container sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
}

/// Translates and sets owners, and opens files of subordinate ids.
#[derive(Debug, Default)]
pub struct Owners {
    kind: OnceLock<Kind>,
    process: Mutex<Option<OwnerProcess>>,
}

#[derive(Debug)]
enum Kind {
    Root,
    /// An ordinary user with the maps of user ids and group ids.
    Mapped([Vec<IdMapping>; 2]),
    /// An ordinary user without subordinate ids.
    Single,
}

impl Owners {
    /// The owners in the caller's store.
    pub fn of_caller() -> Owners {
        Owners::default()
    }

    /// The owners in the store of an ordinary user without subordinate ids.
    pub fn single() -> Owners {
        Owners { kind: OnceLock::from(Kind::Single), process: Mutex::default() }
    }

    fn kind(&self) -> &Kind {
        // `/etc` is read only if a file needs it.
        self.kind.get_or_init(|| match geteuid().is_root() {
            true => Kind::Root,
            false => subordinate_maps().map_or(Kind::Single, Kind::Mapped),
        })
    }

    /// The owner of a file, as containers see it.
    pub fn inside(&self, file: &Metadata) -> Owner {
        self.translate(Owner { uid: file.uid(), gid: file.gid() })
    }

    /// Translates an owner on the host to the owner that containers see. Ids outside the map become root.
    pub fn translate(&self, owner: Owner) -> Owner {
        match self.kind() {
            Kind::Root => owner,
            Kind::Mapped([uids, gids]) => {
                let inside = |map: &[IdMapping], id| subordinate::inside(map, id).unwrap_or_default();
                Owner { uid: inside(uids, owner.uid), gid: inside(gids, owner.gid) }
            }
            Kind::Single => Owner::default(),
        }
    }

    /// Whether a file can have this owner.
    pub fn can_keep(&self, owner: Owner) -> bool {
        match self.kind() {
            Kind::Root => true,
            Kind::Mapped([uids, gids]) => {
                subordinate::is_mapped(uids, owner.uid) && subordinate::is_mapped(gids, owner.gid)
            }
            Kind::Single => owner == Owner::default(),
        }
    }

    /// Whether files can belong to subordinate ids. Only the process in the user namespace can give files to these.
    pub fn are_subordinate(&self) -> bool {
        matches!(self.kind(), Kind::Mapped(_))
    }

    /// The reason why files cannot keep their owners, and how to change that.
    pub fn limit(&self) -> (Message, Option<Message>) {
        match (self.kind(), subordinate_ids(super::identity())) {
            (Kind::Single, SubordinateIds::None { cause, fix }) => (cause, Some(fix)),
            _ => (Message::new("cause-ids-too-high", []), None),
        }
    }

    /// Whether file capabilities can be set.
    pub fn can_set_capabilities(&self) -> bool {
        !matches!(self.kind(), Kind::Single)
    }

    /// Gives a file to an owner that [can be kept](Owners::can_keep). Its mode is set after that, because the kernel
    /// removes set-user-ID bits.
    ///
    /// # Errors
    /// If the kernel refuses, or the process in the user namespace cannot be started.
    pub fn give(&self, file: &impl AsFd, owner: Owner, mode: Option<u32>) -> io::Result<()> {
        let numbers = [owner.uid, owner.gid, mode.unwrap_or(UNCHANGED)];
        self.ask(file, Request::Own, numbers, &[]).map(drop)
    }

    /// Sets an extended attribute that only root of the container can set.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn set_attribute(&self, file: &impl AsFd, name: &OsStr, value: &[u8]) -> io::Result<()> {
        self.ask(file, Request::SetAttribute, [0; 3], &[name.as_bytes(), b"\0", value].concat()).map(drop)
    }

    /// Creates a hard link `name` to `file`; both paths are below the directory, without symbolic links. The kernel
    /// does not let an ordinary user link to files of another id (`fs.protected_hardlinks` in proc(5)).
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn link(&self, directory: &impl AsFd, file: &Path, name: &Path) -> io::Result<()> {
        let paths = [file.as_os_str().as_bytes(), b"\0", name.as_os_str().as_bytes(), b"\0"].concat();
        self.ask(directory, Request::Link, [0; 3], &paths).map(drop)
    }

    /// Removes a name from a directory that belongs to another id. If the name is a directory, it must be empty.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn remove(&self, directory: &impl AsFd, name: &OsStr, is_directory: bool) -> io::Result<()> {
        let flags = if is_directory { libc::AT_REMOVEDIR } else { 0 };
        self.ask(directory, Request::Remove, [flags as u32, 0, 0], &[name.as_bytes(), b"\0"].concat()).map(drop)
    }

    /// Opens the file or directory of an `O_PATH` descriptor.
    pub(crate) fn open(&self, file: &impl AsFd, flags: i32) -> io::Result<OwnedFd> {
        self.ask(file, Request::Open, [flags as u32, 0, 0], &[])?.1.ok_or_else(no_file)
    }

    /// Opens a path below a directory, even if the user may not search a directory on the way.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn look(&self, directory: &impl AsFd, name: &Path, flags: i32) -> io::Result<OwnedFd> {
        let name = [name.as_os_str().as_bytes(), b"\0"].concat();
        self.ask(directory, Request::OpenBelow, [flags as u32, 0, 0], &name)?.1.ok_or_else(no_file)
    }

    /// Reads one attribute of a file; `None` if the file has none of that name.
    pub(crate) fn attribute(&self, file: &impl AsFd, name: &OsStr) -> io::Result<Option<Vec<u8>>> {
        match self.ask(file, Request::Attribute, [0; 3], &[name.as_bytes(), b"\0"].concat()) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENODATA | libc::EOPNOTSUPP)) => Ok(None),
            answer => answer.map(|(value, _)| Some(value)),
        }
    }

    /// All attributes of a file.
    pub(crate) fn attributes(&self, file: &impl AsFd) -> io::Result<Vec<(OsString, Vec<u8>)>> {
        let (names, _) = self.ask(file, Request::Attributes, [0; 3], &[])?;
        let names = names.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let read = |name: &[u8]| {
            let value = self.attribute(file, OsStr::from_bytes(name));
            value.map(|value| Some((OsString::from_vec(name.to_vec()), value?))).transpose()
        };
        names.filter_map(read).collect()
    }

    /// Sends a request to the process, which is started if it does not run, and waits for the answer.
    fn ask(
        &self,
        file: &impl AsFd,
        request: Request,
        numbers: [u32; 3],
        texts: &[u8],
    ) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
        // Only subordinate ids need the process. Without them the kernel's first answer is final.
        let Kind::Mapped(maps) = self.kind() else { return Err(io::Error::from_raw_os_error(libc::EACCES)) };
        let mut process = self.process.lock().unwrap_or_else(PoisonError::into_inner);
        let running = match process.take() {
            Some(running) => running,
            None => OwnerProcess::start(maps).map_err(io::Error::other)?,
        };
        process.insert(running).ask(file.as_fd(), request, numbers, texts)
    }
}

/// The extended attribute that holds a file's capabilities, see capabilities(7).
pub const CAPABILITY: &str = "security.capability";

/// Removes the id of the user namespace's root from a file's capabilities, because layers do not have it. The kernel
/// adds that id (`VFS_CAP_REVISION_3`) if root of a user namespace sets the capabilities, and shows it to processes
/// outside.
pub fn capability_in(value: &[u8]) -> Vec<u8> {
    // struct vfs_ns_cap_data: a number whose highest byte is the revision, four more, and the id.
    let mut capability = value.to_vec();
    if capability.len() == 24 && capability[3] == 3 {
        capability[3] = 2;
        capability.truncate(20);
    }
    capability
}

fn no_file() -> io::Error {
    // An answer without a descriptor: this process has too many open.
    io::Error::from_raw_os_error(libc::EMFILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `struct vfs_ns_cap_data` and `struct vfs_cap_data` of capabilities(7).
    #[test]
    fn capabilities_lose_the_id_of_the_namespace() {
        let version3 = [&[1, 0, 0, 3, 0, 32][..], &[0; 14], &1000_u32.to_le_bytes()].concat();
        let version2 = [&[1, 0, 0, 2, 0, 32][..], &[0; 14]].concat();
        assert_eq!(capability_in(&version3), version2);
        assert_eq!(capability_in(&version2), version2);
        assert_eq!(capability_in(b"invalid"), b"invalid");
    }

    #[test]
    fn owners_are_translated_by_the_map() {
        let line = |inside, outside, count| IdMapping { inside, outside, count };
        let maps = [vec![line(0, 1000, 1), line(1, 100_000, 65_536)], vec![line(0, 100, 1), line(1, 200_000, 10)]];
        let owners = Owners { kind: OnceLock::from(Kind::Mapped(maps)), process: Mutex::default() };
        let inside = |uid, gid| owners.translate(Owner { uid, gid });
        assert_eq!(inside(1000, 100), Owner { uid: 0, gid: 0 });
        assert_eq!(inside(100_999, 200_009), Owner { uid: 1000, gid: 10 });
        // Ids that no container has.
        assert_eq!(inside(165_536, 99), Owner { uid: 0, gid: 0 });
        let can_keep = |uid, gid| owners.can_keep(Owner { uid, gid });
        assert!(can_keep(65_536, 10) && !can_keep(65_537, 10) && !can_keep(0, 11));
        assert!(!Owners::single().can_keep(Owner { uid: 1, gid: 0 }));
        assert_eq!(Owners::single().translate(Owner { uid: 5, gid: 6 }), Owner::default());
    }
}
