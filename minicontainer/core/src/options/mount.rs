//! The mounts that a user requests for a container.
//!
//! - A **bind mount** shows a file or directory of the host at a path inside the container: the same bytes, not a
//!   copy (mount(2), `MS_BIND`). It hides what the image has at that path.
//! - A **tmpfs** is an empty file system in memory that is lost when the container exits, see tmpfs(5).
//! - **Volumes**, named directories that the engine manages, are not supported yet; `-v NAME:/x` is an error.
//!
//! Docker has three syntaxes for mounts, see docker-run(1), and each has its function here: `-v SRC:DST[:ro]`
//! ([`MountSpec::from_volume`]), `--mount type=…,…` ([`MountSpec::from_fields`]) and `--tmpfs DST[:…]`
//! ([`MountSpec::from_tmpfs`]). A source that begins with `.` is relative to the caller's current directory, which is
//! passed in, because this crate makes no system calls.
//!
//! ```
//! use minicontainer_core::options::{Access, MountSpec};
//!
//! let mount = MountSpec::from_volume("./data:/data:ro", "/home/ada")?;
//! assert_eq!(mount.target(), "/data");
//! assert!(matches!(mount, MountSpec::Bind { source, access: Access::ReadOnly, .. } if source == "/home/ada/data"));
//!
//! let same = MountSpec::from_fields("type=bind,source=./data,target=/data,readonly", "/home/ada")?;
//! assert_eq!(same, MountSpec::from_volume("/home/ada/data:/data:ro", "/")?);
//! # Ok::<(), minicontainer_core::options::MountError>(())
//! ```

mod document;
mod error;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::ByteSize;
use crate::plan::{MountAttribute, may_be_covered};
pub use error::MountError;

/// Whether a file system can be written or only read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It can be read and written.
    #[default]
    ReadWrite,
    /// It can only be read.
    ReadOnly,
}

/// One requested mount. Targets are absolute, without `.` and `..`, and never `/` itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "document::Document", into = "document::Document")]
pub enum MountSpec {
    /// A file or directory of the host, including the mounts below it.
    Bind {
        /// Its absolute path on the host.
        source: String,
        /// The mount point inside.
        target: String,
        /// Whether the container can write to it.
        access: Access,
        /// The user and group on the host whose files belong to root inside, if root's container has its own ids. All
        /// other files, and without this field all files, belong to `nobody` there.
        owner: Option<[u32; 2]>,
    },
    /// An empty file system in memory.
    Tmpfs {
        /// The mount point inside.
        target: String,
        /// Its size; by default half of the machine's memory (tmpfs(5)) or the container's limit.
        size: Option<ByteSize>,
        /// The permission bits of its root directory; 1777 by default, as for `/tmp`.
        mode: Option<u32>,
        /// Restrictions. By default device nodes, set-user-id bits and the execution of programs are not allowed.
        attributes: BTreeSet<MountAttribute>,
    },
}

impl MountSpec {
    /// The mount point inside the container.
    pub fn target(&self) -> &str {
        match self {
            MountSpec::Bind { target, .. } | MountSpec::Tmpfs { target, .. } => target,
        }
    }

    /// Creates a bind mount of an absolute path.
    ///
    /// # Errors
    /// When the source is not absolute, or the target is invalid.
    pub fn bind(source: &str, target: &str, access: Access) -> Result<MountSpec, MountError> {
        let given = format!("{source}:{target}");
        let source = parse_source(&given, source, "/")?;
        Ok(MountSpec::Bind { source, target: parse_target(&given, target)?, access, owner: None })
    }

    /// Sets the user and group whose files belong to root inside, if the container has its own ids.
    pub fn owned_by(mut self, user_and_group: [u32; 2]) -> MountSpec {
        if let MountSpec::Bind { owner, .. } = &mut self {
            *owner = Some(user_and_group);
        }
        self
    }

    /// Parses the argument of `-v`: `SOURCE:TARGET`, optionally followed by `:ro` or `:rw`.
    pub fn from_volume(text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
        let parts: Vec<&str> = text.split(':').collect();
        let (source, target, access) = match parts[..] {
            [""] | ["", ..] => return Err(MountError::Syntax { given: text.to_owned() }),
            [_] => return Err(MountError::Volume { given: text.to_owned() }),
            [source, target] => (source, target, Access::ReadWrite),
            [source, target, "rw"] => (source, target, Access::ReadWrite),
            [source, target, "ro"] => (source, target, Access::ReadOnly),
            [_, _, option] => return Err(unknown(text, option, "ro, rw")),
            _ => return Err(MountError::Syntax { given: text.to_owned() }),
        };
        let target = parse_target(text, target)?;
        Ok(MountSpec::Bind { source: parse_source(text, source, current_directory)?, target, access, owner: None })
    }

    /// Parses the argument of `--mount`: fields `KEY=VALUE`, separated by commas.
    pub fn from_fields(text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
        Fields::read(text)?.mount(text, current_directory)
    }

    /// Parses the argument of `--tmpfs`: `TARGET`, optionally followed by `:` and options such as
    /// `size=1m,mode=700,exec,ro`.
    pub fn from_tmpfs(text: &str) -> Result<MountSpec, MountError> {
        use MountAttribute::{NoDev, NoExec, NoSuid, ReadOnly};
        let (target, options) = text.split_once(':').unwrap_or((text, ""));
        let (mut size, mut mode, mut attributes) = (None, None, default_attributes());
        for option in options.split(',').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("size", value)) => size = Some(parse_size(text, value)?),
                Some(("mode", value)) => mode = Some(parse_mode(text, value)?),
                _ => match option {
                    "ro" => drop(attributes.insert(ReadOnly)),
                    "rw" => drop(attributes.remove(&ReadOnly)),
                    "exec" => drop(attributes.remove(&NoExec)),
                    "noexec" => drop(attributes.insert(NoExec)),
                    "suid" => drop(attributes.remove(&NoSuid)),
                    "nosuid" => drop(attributes.insert(NoSuid)),
                    "dev" => drop(attributes.remove(&NoDev)),
                    "nodev" => drop(attributes.insert(NoDev)),
                    _ => {
                        let known = "size=, mode=, ro, rw, exec, noexec, suid, nosuid, dev, nodev";
                        return Err(unknown(text, option, known));
                    }
                },
            }
        }
        Ok(MountSpec::Tmpfs { target: parse_target(text, target)?, size, mode, attributes })
    }
}

fn default_attributes() -> BTreeSet<MountAttribute> {
    BTreeSet::from([MountAttribute::NoSuid, MountAttribute::NoDev, MountAttribute::NoExec])
}

/// The fields of `--mount`, before they are checked against the type.
#[derive(Default)]
struct Fields<'text> {
    kind: Option<&'text str>,
    source: Option<&'text str>,
    target: Option<&'text str>,
    access: Access,
    size: Option<ByteSize>,
    mode: Option<u32>,
    /// A field that only a bind mount, or only a tmpfs, can have.
    only_bind: Option<&'text str>,
    only_tmpfs: Option<&'text str>,
}

impl<'text> Fields<'text> {
    fn read(text: &'text str) -> Result<Fields<'text>, MountError> {
        if text.contains('"') {
            return Err(MountError::Quote { given: text.to_owned() });
        }
        let mut fields = Fields::default();
        for field in text.split(',') {
            match field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value))) {
                ("type", Some(value)) => fields.kind = Some(value),
                (key @ ("source" | "src"), Some(value)) => {
                    (fields.source, fields.only_bind) = (Some(value), Some(key));
                }
                ("target" | "dst" | "destination", Some(value)) => fields.target = Some(value),
                ("readonly" | "ro", None | Some("true" | "1")) => fields.access = Access::ReadOnly,
                ("readonly" | "ro", Some("false" | "0")) => fields.access = Access::ReadWrite,
                (key @ "tmpfs-size", Some(value)) => {
                    (fields.size, fields.only_tmpfs) = (Some(parse_size(text, value)?), Some(key));
                }
                (key @ "tmpfs-mode", Some(value)) => {
                    (fields.mode, fields.only_tmpfs) = (Some(parse_mode(text, value)?), Some(key));
                }
                _ => {
                    let known = "type=, source=, target=, readonly, tmpfs-size=, tmpfs-mode=";
                    return Err(unknown(text, field, known));
                }
            }
        }
        Ok(fields)
    }

    fn mount(self, text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
        let missing = |field| MountError::Missing { given: text.to_owned(), field };
        let foreign =
            |kind, field: &str| MountError::Foreign { given: text.to_owned(), kind, field: field.to_owned() };
        let target = parse_target(text, self.target.ok_or_else(|| missing("target"))?)?;
        match self.kind {
            Some("bind") => {
                if let Some(field) = self.only_tmpfs {
                    return Err(foreign("bind", field));
                }
                let source = self.source.ok_or_else(|| missing("source"))?;
                let source = parse_source(text, source, current_directory)?;
                Ok(MountSpec::Bind { source, target, access: self.access, owner: None })
            }
            Some("tmpfs") => {
                if let Some(field) = self.only_bind {
                    return Err(foreign("tmpfs", field));
                }
                let mut attributes = default_attributes();
                if self.access == Access::ReadOnly {
                    attributes.insert(MountAttribute::ReadOnly);
                }
                Ok(MountSpec::Tmpfs { target, size: self.size, mode: self.mode, attributes })
            }
            // In Docker a mount without a type is a volume.
            Some("volume") | None => Err(MountError::Volume { given: text.to_owned() }),
            Some(other) => Err(MountError::Type { given: text.to_owned(), kind: other.to_owned() }),
        }
    }
}

/// Makes a source absolute. `..` is kept, because after a symbolic link only the kernel can resolve it.
fn parse_source(given: &str, source: &str, current_directory: &str) -> Result<String, MountError> {
    refuse_nul(given)?;
    if source.is_empty() {
        return Err(MountError::Missing { given: given.to_owned(), field: "source" });
    }
    if source.starts_with('/') {
        return Ok(tidy(source));
    }
    if source.starts_with('.') {
        return Ok(tidy(&format!("{current_directory}/{source}")));
    }
    // A volume's name contains no slash, so a directory is meant.
    match source.contains('/') {
        true => Err(MountError::RelativeSource { given: given.to_owned(), source_path: source.to_owned() }),
        false => Err(MountError::Volume { given: given.to_owned() }),
    }
}

fn parse_target(given: &str, target: &str) -> Result<String, MountError> {
    refuse_nul(given)?;
    let wrong = |why| MountError::Target { given: given.to_owned(), target: target.to_owned(), why };
    if !target.starts_with('/') {
        return Err(wrong("must be absolute (for example, /data)"));
    }
    if target.split('/').any(|component| component == "..") {
        return Err(wrong("must not contain \"..\""));
    }
    match tidy(target) {
        root if root == "/" => Err(wrong("must be a directory below the root (for example, /data)")),
        covered if !may_be_covered(&covered) => {
            Err(wrong("/proc must be the container's own procfs; choose another place (for example, /data)"))
        }
        tidied => Ok(tidied),
    }
}

/// Normalizes an absolute path: without empty and `.` components.
fn tidy(path: &str) -> String {
    let components: Vec<&str> = path.split('/').filter(|component| !matches!(*component, "" | ".")).collect();
    format!("/{}", components.join("/"))
}

fn refuse_nul(given: &str) -> Result<(), MountError> {
    if given.contains('\0') { Err(MountError::Nul { given: given.to_owned() }) } else { Ok(()) }
}

fn parse_size(given: &str, value: &str) -> Result<ByteSize, MountError> {
    value.parse().map_err(|source| MountError::Size { given: given.to_owned(), source })
}

/// Permission bits in octal, at most `7777`.
fn parse_mode(given: &str, value: &str) -> Result<u32, MountError> {
    let is_octal = (1..=5).contains(&value.len()) && value.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    match u32::from_str_radix(value, 8) {
        Ok(mode @ 0..=0o7777) if is_octal => Ok(mode),
        _ => Err(MountError::Mode { given: given.to_owned(), mode: value.to_owned() }),
    }
}

fn unknown(given: &str, option: &str, known: &'static str) -> MountError {
    MountError::Option { given: given.to_owned(), option: option.to_owned(), known }
}

#[cfg(test)]
mod tests;
