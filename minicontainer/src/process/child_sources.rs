//! The sources of bind mounts in the container's first process. [`super::sources`] explains why there is more than
//! one kind. The rules of [`super::child`] apply here too.

use super::child::{Failure, Named};
use super::message::Call;
use super::program::Source;
use crate::sys::Errno;
use crate::sys::calls::{self, CURRENT_DIRECTORY, Descriptor, Fd};

/// The source as a detached mount.
pub(super) fn tree(source: &Source, recursive: bool) -> Result<Descriptor, Failure> {
    match source {
        Source::Path(path) => {
            calls::open_tree(CURRENT_DIRECTORY, path, recursive).named(Call::OpenTree).map(Descriptor)
        }
        Source::OpenFile { file, identity } => clone_open_file(*file, identity, recursive),
        Source::Tree { mount } => Ok(Descriptor(*mount)),
    }
}

/// How often the path of a held file is looked up again if another file has taken that path meanwhile.
const ATTEMPTS: u32 = 1000;

/// Clones the mount of a file that is held open, from that file down. Its mount belongs to the caller's mount
/// namespace, so the kernel clones it only by path. The path comes from the kernel, a symbolic link at its end is not
/// followed, and the clone must be of the held file. So a process that keeps renaming the file can only make this
/// fail.
fn clone_open_file(file: Fd, identity: &[u64; 2], recursive: bool) -> Result<Descriptor, Failure> {
    for _ in 0..ATTEMPTS {
        let mut path = [0u8; libc::PATH_MAX as usize];
        let tree = match calls::path_of(file, &mut path).named(Call::Readlink)? {
            Some(path) => calls::open_tree_itself(path, recursive),
            None => Err(Errno(libc::ENAMETOOLONG)),
        };
        match tree {
            Ok(tree) => {
                let tree = Descriptor(tree);
                if calls::identity(tree.0).named(Call::Statx)? == *identity {
                    return Ok(tree);
                }
            }
            Err(Errno(libc::ENOENT | libc::ENOTDIR)) => {}
            Err(errno) => return Err(Failure { call: Call::OpenTree, errno }),
        }
    }
    Err(Failure { call: Call::OpenTree, errno: Errno(libc::ESTALE) })
}
