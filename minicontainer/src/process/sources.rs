//! The sources of bind mounts: a path, or a file that the caller holds open.
//!
//! What a path leads to can change between a check and its use. A caller that has checked a file therefore passes an
//! open descriptor, which is used instead of the path:
//!
//! - **As root**, the engine clones the mount from the descriptor itself, before the container's first process exists
//!   (open_tree(2), `AT_EMPTY_PATH`). The result is a detached mount, which that process attaches in its own mount
//!   namespace. If the plan asks for it, the owners of the files are also mapped here (idmapped mount,
//!   mount_setattr(2)).
//! - **As an ordinary user**, mounts can be cloned only in one's own mount namespace, and from there the kernel does
//!   not clone mounts of another namespace. So the first process asks the kernel for the descriptor's current path,
//!   clones by that path without following a symbolic link, and compares device and inode. So the wrong file is never
//!   attached.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Arc;

use minicontainer_core::plan::{IdMapping, Namespace, Plan, Step};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use super::program::Source;
use super::start_error::StartError;
use crate::sys::calls::{self, Fd, MountAttr};
use crate::sys::{Errno, of_nix, user_namespace};

/// Files that the caller holds open, by the destination of the bind mount in the container.
pub(crate) type BindSources = [(String, Arc<File>)];

/// The sources of a plan's bind mounts that are not just a path, by the index of their step.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    sources: Vec<(usize, Source)>,
    trees: Vec<OwnedFd>,
}

impl Sources {
    /// Clones and maps the mounts that have to be prepared before the first process exists.
    pub(super) fn of(plan: &Plan, bind_sources: &BindSources) -> Result<Sources, StartError> {
        let in_user_namespace = |step: &Step| match step {
            Step::Clone { namespaces, .. } => namespaces.contains(&Namespace::User),
            Step::JoinNamespace { namespace, .. } => *namespace == Namespace::User,
            _ => false,
        };
        let ordinary_user = plan.steps.iter().any(in_user_namespace);
        let mut all = Sources::default();
        for (index, step) in plan.steps.iter().enumerate() {
            let Step::BindMount { source, destination, recursive, owners, .. } = step else { continue };
            let file = bind_sources.iter().find(|(place, _)| place == destination).map(|(_, file)| file);
            let failed = |(call, errno)| StartError::Step { step: Box::new(step.clone()), index, call, errno };
            match (file, owners) {
                (None, None) => {}
                (Some(file), None) if ordinary_user => {
                    let identity = calls::identity(file.as_raw_fd()).map_err(|errno| failed(("statx", errno)))?;
                    all.sources.push((index, Source::OpenFile { file: file.as_raw_fd(), identity }));
                }
                (file, owners) => {
                    let tree = match file {
                        Some(file) => clone_tree(file.as_raw_fd(), *recursive).map_err(failed)?,
                        None => clone_path(source, *recursive).map_err(failed)?,
                    };
                    if let Some(owners) = owners {
                        show_owners(&tree, *recursive, owners)?.map_err(failed)?;
                    }
                    all.sources.push((index, Source::Tree { mount: tree.as_raw_fd() }));
                    all.trees.push(tree);
                }
            }
        }
        Ok(all)
    }

    /// The source of a step's bind mount, if it is not just a path.
    pub(super) fn of_step(&self, index: usize) -> Option<&Source> {
        self.sources.iter().find(|(step, _)| *step == index).map(|(_, source)| source)
    }

    /// The descriptors that are still open after their bind mount is made, without duplicates. The descriptor of a
    /// tree is closed when the tree is attached.
    pub(super) fn open_files(&self) -> impl Iterator<Item = Fd> + '_ {
        let open_file = |source: &Source| if let Source::OpenFile { file, .. } = source { Some(*file) } else { None };
        let all: BTreeSet<Fd> = self.sources.iter().filter_map(|(_, source)| open_file(source)).collect();
        all.into_iter()
    }

    /// The descriptors that the container's first process needs.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = Fd> + '_ {
        self.sources.iter().filter_map(|(_, source)| match source {
            Source::Path(_) => None,
            Source::OpenFile { file, .. } => Some(*file),
            Source::Tree { mount } => Some(*mount),
        })
    }
}

type Failed = (&'static str, Errno);

/// A detached clone of a file's mount, from that file down.
fn clone_tree(file: Fd, recursive: bool) -> Result<OwnedFd, Failed> {
    let tree = calls::open_tree(file, c"", recursive).map_err(|errno| ("open_tree", errno))?;
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(tree) })
}

fn clone_path(path: &str, recursive: bool) -> Result<OwnedFd, Failed> {
    let file = nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty());
    clone_tree(file.map_err(|errno| ("open", of_nix(errno)))?.as_raw_fd(), recursive)
}

/// Idmaps a mount. The kernel takes the map from a user namespace, which is created for this purpose alone.
fn show_owners(
    tree: &OwnedFd,
    recursive: bool,
    [uids, gids]: &[Vec<IdMapping>; 2],
) -> Result<Result<(), Failed>, StartError> {
    let namespace = user_namespace::with_maps(None, uids, gids)?;
    let change = MountAttr {
        set: libc::MOUNT_ATTR_IDMAP,
        userns: u64::try_from(namespace.as_raw_fd()).unwrap_or_default(),
        ..MountAttr::default()
    };
    let changed = calls::mount_setattr(tree.as_raw_fd(), c"", recursive, &change);
    Ok(changed.map(drop).map_err(|errno| ("mount_setattr", errno)))
}
