//! The calls to a file system as values, so that a script can be saved, replayed and shrunk.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One call, made by root in the container. `Display` writes it as a line of a script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are the call's own arguments, in the words of its manual page")]
pub enum Operation {
    /// open(2), pread(2) of the whole content, close(2).
    Read { path: String },
    /// open(2), pwrite(2) at the beginning, close(2).
    Write { path: String, flags: OpenFlags, content: String },
    /// open(2). The descriptor is kept under the caller's number; an earlier one with that number is closed.
    Open { path: String, flags: OpenFlags, descriptor: u32 },
    /// pread(2) of the whole content.
    ReadFrom { descriptor: u32 },
    /// pwrite(2) at the beginning; with [`OpenFlags::append`] the kernel still writes at the end.
    WriteTo { descriptor: u32, content: String },
    /// close(2).
    Close { descriptor: u32 },
    /// getdents(2), sorted, without `.` and `..`.
    Names { path: String },
    /// readlink(2).
    ReadLink { path: String },
    /// mkdir(2).
    Mkdir { path: String, mode: u32 },
    /// mkfifo(3).
    Mkfifo { path: String, mode: u32 },
    /// mknod(2) of the character device 0:0, which overlayfs does not allow.
    MakeWhiteout { path: String },
    /// symlink(2).
    Symlink { target: String, path: String },
    /// link(2).
    Link { from: String, to: String },
    /// renameat2(2).
    Rename { from: String, to: String, how: RenameHow },
    /// unlink(2).
    Unlink { path: String },
    /// rmdir(2).
    Rmdir { path: String },
    /// truncate(2).
    Truncate { path: String, length: u64 },
    /// chmod(2).
    Chmod { path: String, mode: u32 },
    /// lchown(2).
    Chown { path: String, uid: u32, gid: u32 },
    /// utimensat(2) of a file itself, not of a link's target. Seconds since 1970.
    SetModified { path: String, modified: u64 },
    /// lsetxattr(2).
    SetXattr { path: String, name: String, value: String },
    /// lremovexattr(2).
    RemoveXattr { path: String, name: String },
}

/// How a file is opened, see open(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenFlags {
    /// The access mode.
    pub access: Access,
    /// `O_CREAT`, with mode 0644.
    pub create: bool,
    /// `O_EXCL`.
    pub exclusive: bool,
    /// `O_TRUNC`.
    pub truncate: bool,
    /// `O_APPEND`.
    pub append: bool,
}

/// The access mode of an open file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// `O_RDONLY`.
    #[default]
    Read,
    /// `O_WRONLY`.
    Write,
    /// `O_RDWR`.
    ReadWrite,
}

impl Operation {
    /// The paths of the call, in the order in which they are looked up.
    pub fn paths(&self) -> Vec<&str> {
        match self {
            Operation::Link { from, to } | Operation::Rename { from, to, .. } => vec![from, to],
            Operation::Read { path }
            | Operation::Write { path, .. }
            | Operation::Open { path, .. }
            | Operation::Names { path }
            | Operation::ReadLink { path }
            | Operation::Mkdir { path, .. }
            | Operation::Mkfifo { path, .. }
            | Operation::MakeWhiteout { path }
            | Operation::Symlink { path, .. }
            | Operation::Unlink { path }
            | Operation::Rmdir { path }
            | Operation::Truncate { path, .. }
            | Operation::Chmod { path, .. }
            | Operation::Chown { path, .. }
            | Operation::SetModified { path, .. }
            | Operation::SetXattr { path, .. }
            | Operation::RemoveXattr { path, .. } => vec![path],
            Operation::ReadFrom { .. } | Operation::WriteTo { .. } | Operation::Close { .. } => vec![],
        }
    }
}

impl Access {
    /// Whether reading is allowed.
    pub fn reads(self) -> bool {
        self != Access::Write
    }

    /// Whether writing is allowed.
    pub fn writes(self) -> bool {
        self != Access::Read
    }
}

/// The behaviour of rename(2) if the new name exists.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RenameHow {
    /// It is replaced.
    #[default]
    Replace,
    /// `RENAME_NOREPLACE`: the call fails.
    Keep,
    /// `RENAME_EXCHANGE`: the two are exchanged.
    Exchange,
}

impl OpenFlags {
    /// `O_WRONLY | O_CREAT | O_TRUNC`: as the shell's `>` opens.
    pub fn replace() -> OpenFlags {
        OpenFlags { access: Access::Write, create: true, truncate: true, ..OpenFlags::default() }
    }

    /// `O_WRONLY | O_CREAT | O_APPEND`: as the shell's `>>` opens.
    pub fn append() -> OpenFlags {
        OpenFlags { access: Access::Write, create: true, append: true, ..OpenFlags::default() }
    }
}

impl fmt::Display for OpenFlags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.access {
            Access::Read => "O_RDONLY",
            Access::Write => "O_WRONLY",
            Access::ReadWrite => "O_RDWR",
        })?;
        let flags = [
            (self.create, "O_CREAT"),
            (self.exclusive, "O_EXCL"),
            (self.truncate, "O_TRUNC"),
            (self.append, "O_APPEND"),
        ];
        flags.iter().filter(|(set, _)| *set).try_for_each(|(_, name)| write!(formatter, "|{name}"))
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Operation::Read { path } => write!(formatter, "read {path}"),
            Operation::Write { path, flags, content } => write!(formatter, "write {path} {flags} {content:?}"),
            Operation::Open { path, flags, descriptor } => write!(formatter, "{descriptor} = open {path} {flags}"),
            Operation::ReadFrom { descriptor } => write!(formatter, "read from {descriptor}"),
            Operation::WriteTo { descriptor, content } => write!(formatter, "write to {descriptor} {content:?}"),
            Operation::Close { descriptor } => write!(formatter, "close {descriptor}"),
            Operation::Names { path } => write!(formatter, "ls {path}"),
            Operation::ReadLink { path } => write!(formatter, "readlink {path}"),
            Operation::Mkdir { path, mode } => write!(formatter, "mkdir -m {mode:04o} {path}"),
            Operation::Mkfifo { path, mode } => write!(formatter, "mkfifo -m {mode:04o} {path}"),
            Operation::MakeWhiteout { path } => write!(formatter, "mknod {path} c 0 0"),
            Operation::Symlink { target, path } => write!(formatter, "ln -s {target} {path}"),
            Operation::Link { from, to } => write!(formatter, "ln {from} {to}"),
            Operation::Rename { from, to, how } => match how {
                RenameHow::Replace => write!(formatter, "mv {from} {to}"),
                RenameHow::Keep => write!(formatter, "mv --no-replace {from} {to}"),
                RenameHow::Exchange => write!(formatter, "mv --exchange {from} {to}"),
            },
            Operation::Unlink { path } => write!(formatter, "unlink {path}"),
            Operation::Rmdir { path } => write!(formatter, "rmdir {path}"),
            Operation::Truncate { path, length } => write!(formatter, "truncate -s {length} {path}"),
            Operation::Chmod { path, mode } => write!(formatter, "chmod {mode:04o} {path}"),
            Operation::Chown { path, uid, gid } => write!(formatter, "chown -h {uid}:{gid} {path}"),
            Operation::SetModified { path, modified } => write!(formatter, "touch -h -d @{modified} {path}"),
            Operation::SetXattr { path, name, value } => write!(formatter, "setfattr -h -n {name} -v {value} {path}"),
            Operation::RemoveXattr { path, name } => write!(formatter, "setfattr -h -x {name} {path}"),
        }
    }
}
