//! Reachable files of the kernel's own file systems, by any path: prints information and attacks nothing.

use std::fs;
use std::mem::MaybeUninit;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::sys::statvfs::{FsFlags, statvfs};

use crate::calls::{address, call, open, text};

const PROCFS: i64 = 0x9fa0;
const SYSFS: i64 = 0x6265_6572;
/// The inode number of the root directory of every procfs.
const PROCFS_ROOT: u64 = 1;

/// Every file of a procfs or sysfs below these directories that can be opened for writing, and every root of a
/// procfs, wherever it is mounted. Files of processes are left out.
pub fn writable(directories: &[String]) -> Vec<String> {
    let mut lines = Vec::new();
    let mut left: Vec<PathBuf> = directories.iter().map(PathBuf::from).collect();
    while let Some(directory) = left.pop() {
        let is_procfs = file_system(&directory) == Some(PROCFS);
        let begins =
            is_procfs && fs::symlink_metadata(&directory).is_ok_and(|metadata| metadata.ino() == PROCFS_ROOT);
        if begins {
            lines.push(format!("procfs {}", directory.display()));
        }
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            let of_a_process =
                begins && (name.bytes().all(|byte| byte.is_ascii_digit()) || name == "self" || name == "thread-self");
            // The type in the directory entry would be the type of the file below a mask.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            if metadata.is_dir() && !of_a_process {
                left.push(path);
            } else if metadata.is_file() && metadata.mode() & 0o222 != 0 && is_kernels(&path) && can_be_written(&path)
            {
                lines.push(format!("writable {}", path.display()));
            }
        }
    }
    lines.sort();
    lines
}

/// Of these paths, those without the expected protection. Each is written as `mask:PATH` (it is empty and cannot be
/// changed) or `readonly:PATH` (it is on a read-only mount). A missing path is reported as missing.
pub fn uncovered(paths: &[String]) -> Vec<String> {
    let faults = paths.iter().filter_map(|word| {
        let (kind, path) = word.split_once(':')?;
        let path = Path::new(path);
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(format!("missing {word}")),
            Err(error) => return Some(format!("{error} {word}")),
        };
        let is_empty = match metadata.is_dir() {
            true => fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none()),
            false => fs::read(path).is_ok_and(|content| content.is_empty()),
        };
        let fault = match kind {
            "mask" if !is_empty => "not empty",
            _ if !is_read_only(path) => "not read-only",
            _ => return None,
        };
        Some(format!("{fault} {word}"))
    });
    faults.collect()
}

fn can_be_written(path: &Path) -> bool {
    let opened = open(&path.display().to_string(), libc::O_WRONLY | libc::O_NONBLOCK);
    opened.map(|file| call(libc::SYS_close, &[file as usize])).is_ok()
}

fn is_kernels(path: &Path) -> bool {
    file_system(path).is_some_and(|kind| kind == PROCFS || kind == SYSFS)
}

fn file_system(path: &Path) -> Option<i64> {
    let (path, mut status) = (text(&path.display().to_string()), MaybeUninit::<libc::statfs>::zeroed());
    call(libc::SYS_statfs, &[address(&path), status.as_mut_ptr() as usize]).ok()?;
    // SAFETY: the structure consists of plain numbers, and the call has filled it.
    Some(unsafe { status.assume_init() }.f_type)
}

fn is_read_only(path: &Path) -> bool {
    statvfs(path).is_ok_and(|status| status.flags().contains(FsFlags::ST_RDONLY))
}
