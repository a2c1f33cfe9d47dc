//! Attacks on a file of the host behind a standard stream, and the kinds of the streams.

use std::fs;
use std::os::fd::RawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};

use nix::errno::Errno;

use crate::calls::{address, call, open, text};
use crate::outcome::{Outcome, done_if, errno, not_live};

/// The content of the host's file, for attacks that try to read it.
const SECRET: &[u8] = b"of the host";

/// The attacks of this module: `stream,WHAT,DESCRIPTOR`.
pub fn attack(name: &str, arguments: &[String]) -> Option<Outcome> {
    let ("stream", [what, descriptor]) = (name, arguments) else { return None };
    let Ok(descriptor) = descriptor.parse::<RawFd>() else { return Some(not_live("no descriptor")) };
    let path = format!("/proc/self/fd/{descriptor}");
    let number = descriptor as usize;
    Some(match what.as_str() {
        // A set-user-id program on the host, if another user owns it.
        "mode" => {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o4755)).map_err(|error| errno(&error)).into()
        }
        "owner" => call(libc::SYS_fchown, &[number, 1, 1]).into(),
        "truncate" => call(libc::SYS_ftruncate, &[number, 0]).into(),
        "truncate-again" => open(&path, libc::O_WRONLY | libc::O_TRUNC | libc::O_NONBLOCK).into(),
        "write-again" => {
            open(&path, libc::O_WRONLY | libc::O_NONBLOCK).and_then(|again| write(again, b"evil")).into()
        }
        "read-again" => open(&path, libc::O_RDONLY | libc::O_NONBLOCK).map_or_else(Outcome::Refused, reads_secret),
        "seek" => call(libc::SYS_lseek, &[number, 0, libc::SEEK_SET as usize]).into(),
        "lock" => call(libc::SYS_flock, &[number, (libc::LOCK_EX | libc::LOCK_NB) as usize]).into(),
        // Sets the modification time to the beginning of 1970.
        "time" => call(libc::SYS_utimensat, &[number, 0, [0u64; 4].as_ptr() as usize, 0]).into(),
        "attribute" => {
            let name = text("user.evil");
            call(libc::SYS_fsetxattr, &[number, address(&name), address(&name), 1, 0]).into()
        }
        "climb" => climb(number),
        _ => return None,
    })
}

fn write(descriptor: RawFd, bytes: &[u8]) -> Result<usize, Errno> {
    call(libc::SYS_write, &[descriptor as usize, bytes.as_ptr() as usize, bytes.len()])
}

fn reads_secret(descriptor: RawFd) -> Outcome {
    let mut bytes = [0u8; 64];
    match call(libc::SYS_read, &[descriptor as usize, bytes.as_mut_ptr() as usize, bytes.len()]) {
        Ok(count) => done_if(bytes[..count].windows(SECRET.len()).any(|part| part == SECRET), Errno::ENODATA),
        Err(errno) => Outcome::Refused(errno),
    }
}

/// From a directory upwards to a file of the host.
fn climb(directory: usize) -> Outcome {
    let path = text("../../../../../../etc/passwd");
    call(libc::SYS_openat, &[directory, address(&path), libc::O_RDONLY as usize, 0]).into()
}

/// Each standard stream: its kind, and the device and inode of its file.
pub fn streams() -> Vec<String> {
    let describe = |descriptor: RawFd| {
        let path = format!("/proc/self/fd/{descriptor}");
        let Ok(metadata) = fs::metadata(&path) else { return format!("{descriptor} closed") };
        let kind = metadata.file_type();
        let kind = match () {
            () if kind.is_fifo() => "pipe".to_owned(),
            () if kind.is_socket() => "socket".to_owned(),
            () if kind.is_dir() => "directory".to_owned(),
            () if kind.is_block_device() => "block".to_owned(),
            () if kind.is_file() => "file".to_owned(),
            () => format!("device {}:{}", libc::major(metadata.rdev()), libc::minor(metadata.rdev())),
        };
        format!("{descriptor} {kind} {}:{}", metadata.dev(), metadata.ino())
    };
    (0..3).map(describe).collect()
}
