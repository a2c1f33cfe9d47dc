//! Attacks through files: kernel settings, contents of /proc and /sys, device nodes.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::errno::Errno;

use crate::calls::{address, call, mount, open, text};
use crate::denied::number;
use crate::outcome::{Outcome, done_if, errno, not_live};

/// The attacks of this module.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Some(match (name, words.as_slice()) {
        ("open-write", [path]) => open(path, libc::O_WRONLY | libc::O_NONBLOCK).into(),
        ("open-read", [path]) => open(path, libc::O_RDONLY | libc::O_NONBLOCK).into(),
        ("tells", [path]) => tells(path),
        ("rewrite", [path]) => rewrite(path),
        // A new procfs, in which nothing is read-only.
        ("fresh-proc-rewrite", [path]) => match mount("proc", "/tmp", "proc", 0) {
            Ok(_) => rewrite(&format!("/tmp/{}", path.trim_start_matches("/proc/"))),
            Err(errno) => Outcome::Refused(errno),
        },
        ("create", [path]) => open(path, libc::O_WRONLY | libc::O_CREAT).into(),
        ("mkdir", [path]) => fs::create_dir(path).map_err(|error| errno(&error)).into(),
        // Held until the process exits.
        ("lock", [path]) => open(path, libc::O_RDONLY)
            .and_then(|file| call(libc::SYS_flock, &[file as usize, (libc::LOCK_EX | libc::LOCK_NB) as usize]))
            .into(),
        ("device", [kind, major, minor]) => device(kind, major, minor),
        _ => return None,
    })
}

/// Whether a path reveals anything: at least one byte of a file, or one entry of a directory.
fn tells(path: &str) -> Outcome {
    if let Ok(mut entries) = fs::read_dir(path) {
        return done_if(entries.next().is_some(), Errno::ENOENT);
    }
    let mut byte = [0; 1];
    match fs::File::open(path).and_then(|mut file| file.read(&mut byte)) {
        Ok(length) => done_if(length > 0, Errno::ENODATA),
        Err(error) => Outcome::Refused(errno(&error)),
    }
}

/// Writes the current content of a kernel file back to it. Other content could be written in the same way.
pub fn rewrite(path: &str) -> Outcome {
    let content = match fs::read(path) {
        Ok(content) => content,
        // Some can only be written. For these, opening is enough.
        Err(error) if error.raw_os_error() == Some(libc::EACCES) => return open(path, libc::O_WRONLY).into(),
        Err(error) => return Outcome::Refused(errno(&error)),
    };
    let written = open(path, libc::O_WRONLY)
        .and_then(|file| call(libc::SYS_write, &[file as usize, content.as_ptr() as usize, content.len()]));
    written.into()
}

/// Creates a device node and opens it.
fn device(kind: &str, major: &str, minor: &str) -> Outcome {
    let (Some(major), Some(minor)) = (number(major), number(minor)) else { return not_live("no device number") };
    let kind = if kind == "b" { libc::S_IFBLK } else { libc::S_IFCHR };
    let path = "/tmp/probed-device";
    let (node, at) = (text(path), libc::AT_FDCWD as usize);
    let device = libc::makedev(major as u32, minor as u32) as usize;
    let opened = call(libc::SYS_mknodat, &[at, address(&node), (kind | 0o666) as usize, device])
        .and_then(|_| open(path, libc::O_RDONLY | libc::O_NONBLOCK));
    let _removed = fs::remove_file(path);
    opened.into()
}

/// Every file below these directories that can be opened for writing, except files of processes. The kernel has no
/// code to write a file whose mode has no write bit, even if root may open it.
pub fn sweep(directories: &[String]) -> Vec<String> {
    let mut reached = Vec::new();
    let mut left: Vec<_> = directories.iter().map(|path| Path::new(path).to_owned()).collect();
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let of_a_process = directory == Path::new("/proc")
                && (name.bytes().all(|byte| byte.is_ascii_digit()) || name == "self" || name == "thread-self");
            // The type in the directory entry would be the type of the file below a mask.
            let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
            let path = entry.path().display().to_string();
            if of_a_process || metadata.is_symlink() {
                continue;
            }
            if metadata.is_dir() {
                left.push(entry.path());
            } else if !metadata.is_file() || metadata.mode() & 0o222 == 0 {
                continue;
            } else if let Ok(file) = open(&path, libc::O_WRONLY | libc::O_NONBLOCK) {
                reached.push(path);
                let _closed = call(libc::SYS_close, &[file as usize]);
            }
        }
    }
    reached.sort();
    reached
}
