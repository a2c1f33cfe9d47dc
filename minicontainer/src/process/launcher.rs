//! The launcher as a file in memory. The container's first process executes it, so that a container never gets access
//! to the caller's own executable. Its source is `src/launcher/main.rs`, which explains more; `build.rs` compiles it.
//!
//! **Before this**: [`child_process`](super::child_process) executes the file. **Next**: `src/launcher/main.rs`, the
//! end of the reading path. Its execve(2) starts the program.
//!
//! The file is *sealed* (fcntl(2), `F_ADD_SEALS`): no process can change it, not even one that opens it through
//! `/proc/PID/exe`. Every container has its own copy, which costs some microseconds. So a container cannot affect
//! other containers by changes that seals do not prevent, such as removing the execute permission.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use crate::sys::{Errno, of_nix};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::write;

/// The compiled launcher.
const LAUNCHER: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/launcher"));

/// Its name in /proc/PID/exe.
const NAME: &CStr = c"minicontainer-launcher";

/// The argument in front of the program's arguments if there is an init. ps(1) shows it as the init's name.
pub(super) const INIT: &str = "minicontainer-init";

/// A sealed file in memory that holds the launcher.
pub(super) fn in_memory() -> Result<OwnedFd, Errno> {
    written().map_err(of_nix)
}

fn written() -> nix::Result<OwnedFd> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let file = match memfd_create(NAME, flags | MFdFlags::from_bits_retain(libc::MFD_EXEC)) {
        // MFD_EXEC exists since Linux 6.3. Before that, such files were always executable.
        Err(nix::errno::Errno::EINVAL) => memfd_create(NAME, flags)?,
        made => made?,
    };
    if write(&file, LAUNCHER)? != LAUNCHER.len() {
        return Err(nix::errno::Errno::ENOSPC);
    }
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::all()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::FileExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn launcher_is_small_static_and_sealed() {
        let mut file = File::from(in_memory().expect("a file in memory"));
        assert!(LAUNCHER.len() < 16 * 1024, "{} bytes", LAUNCHER.len());
        let mut content = Vec::new();
        file.write_at(b"x", 0).expect_err("it is sealed against writing");
        file.set_len(0).expect_err("it is sealed against shrinking");
        file.set_len(1 << 20).expect_err("it is sealed against growing");
        nix::unistd::lseek(&file, 0, nix::unistd::Whence::SeekSet).expect("its beginning");
        file.read_to_end(&mut content).expect("its content");
        assert_eq!(content, LAUNCHER);
        let word = |at: usize, size: usize| {
            LAUNCHER[at..at + size].iter().rev().fold(0, |all, byte| all << 8 | usize::from(*byte))
        };
        let kinds: Vec<usize> = (0..word(56, 2)).map(|header| word(word(32, 8) + header * word(54, 2), 4)).collect();
        assert!(
            !kinds.iter().any(|kind| matches!(kind, 2 | 3)),
            "neither dynamic nor with an interpreter, elf(5): {kinds:?}"
        );
    }

    #[test]
    fn launcher_without_instructions_exits_with_126() {
        let file = in_memory().expect("a file in memory");
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let output = Command::new(path).env_clear().env("PATH", "/bin").output().expect("it starts");
        assert_eq!(output.status.code(), Some(126));
        let message = "minicontainer: cannot run /proc/self/exe: it is not a program of the container\n";
        assert_eq!(String::from_utf8_lossy(&output.stderr), message);
    }
}
