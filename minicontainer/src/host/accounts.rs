//! User and group ids according to `/etc`: to whom they belong, and who may map them.

use std::fs::OpenOptions;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;

use minicontainer_core::explain::Message;
use minicontainer_core::plan::subordinate::{SubidSources, allocated, id_maps};
use minicontainer_core::plan::userns_ids::{AccountFiles, TakenIds};
use minicontainer_core::plan::{IdMapping, Identity, SubordinateIds};
use nix::{errno::Errno, sys::prctl::get_no_new_privs};

use crate::sys::id_maps::helper;

/// The size limit of each file: about 300,000 accounts.
const FILE_LIMIT: u64 = 16 << 20;

/// The user and group id maps of the caller's containers; `None` if they contain only the caller's own id.
pub(super) fn subordinate_maps() -> Option<[Vec<IdMapping>; 2]> {
    let (identity, subordinate) = (super::identity(), subordinate_ids(super::identity()));
    matches!(subordinate, SubordinateIds::Allocated { .. }).then(|| id_maps(identity, &subordinate)).flatten()
}

/// Reads which subordinate ids the user has, and looks for the helpers that can map them.
pub(super) fn subordinate_ids(identity: Identity) -> SubordinateIds {
    allocated(identity, || {
        let [passwd, subuid, subgid] = read_all(["/etc/passwd", "/etc/subuid", "/etc/subgid"])?;
        Ok(SubidSources {
            helpers: ["newuidmap", "newgidmap"].iter().all(|name| helper(name).is_some()),
            no_new_privileges: get_no_new_privs().unwrap_or(false),
            passwd,
            subuid,
            subgid,
            existing: read_all(["/proc/self/uid_map", "/proc/self/gid_map"])?,
        })
    })
}

/// Reads which ids of the host are in use. Only containers of root with their own user ids need this.
pub fn taken_ids() -> TakenIds {
    match read_all(["/etc/subuid", "/etc/subgid", "/etc/passwd", "/etc/group"]) {
        Ok([subuid, subgid, passwd, group]) => TakenIds::of(&AccountFiles { subuid, subgid, passwd, group }),
        Err((cause, fix)) => TakenIds::Unknown { cause: cause.to_string(), hint: fix.to_string() },
    }
}

/// The value before [`taken_ids`] is called. With it, no ids can be chosen.
pub(super) fn not_read() -> TakenIds {
    let cause = "the files that say which ids are taken were not read".to_owned();
    TakenIds::Unknown { cause, hint: "set `Host::taken` to `host::taken_ids()`".to_owned() }
}

fn read_all<const COUNT: usize>(paths: [&str; COUNT]) -> Result<[String; COUNT], (Message, Message)> {
    let mut texts = [const { String::new() }; COUNT];
    for (text, path) in texts.iter_mut().zip(paths) {
        *text = read(path).map_err(|cause| {
            let cause = Message::new("cause-unreadable", [("path", path.into()), ("cause", cause.into())]);
            (cause, Message::new("fix-readable", [("path", path.into())]))
        })?;
    }
    Ok(texts)
}

/// The text of a regular file; empty if it does not exist. Names in it may be in any encoding; ids are ASCII.
pub(crate) fn read(path: &str) -> Result<String, Message> {
    let failed = |error: io::Error| {
        Message::errno(&format!("{:?}", Errno::from_raw(error.raw_os_error().unwrap_or_default())))
    };
    // O_NONBLOCK, because opening a FIFO without a writer would block.
    let opened = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_NOCTTY).open(path);
    let file = match opened {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(String::new()),
        opened => opened.map_err(failed)?,
    };
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Message::new("cause-not-regular", []));
    }
    let mut bytes = Vec::new();
    file.take(FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_LIMIT {
        return Err(Message::new("cause-too-large", [("limit", (FILE_LIMIT >> 20).into())]));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_small_regular_files_are_read() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name).display().to_string();
        assert_eq!(read(&path("missing")), Ok(String::new()));
        fs::write(path("file"), b"ada:5:6\n\xff:7:8\n").expect("a file");
        assert_eq!(read(&path("file")), Ok("ada:5:6\n\u{fffd}:7:8\n".to_owned()));
        nix::unistd::mkfifo(path("pipe").as_str(), nix::sys::stat::Mode::S_IRWXU).expect("a pipe");
        for name in ["pipe", ""] {
            assert_eq!(read(&path(name)).unwrap_err().to_string(), "not a regular file", "{name}");
        }
        let large = fs::File::create(path("large")).expect("a file");
        large.set_len(FILE_LIMIT).expect("the size is set");
        assert!(read(&path("large")).is_ok());
        large.set_len(FILE_LIMIT + 1).expect("the size is set");
        assert_eq!(read(&path("large")).unwrap_err().to_string(), "it has more than 16 MiB");
        let failed = read_all([&path("file"), &path("large")]).expect_err("a file is too large");
        let cause = failed.0.to_string();
        assert!(cause.starts_with("cannot read ") && cause.contains("large"), "{failed:?}");
    }
}
