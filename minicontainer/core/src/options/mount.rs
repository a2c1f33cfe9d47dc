//! The mounts that a user requests for a container.
//!
//! - A **bind mount** shows a file or directory of the host at a path inside the container: the same bytes, not a
//!   copy (mount(2), `MS_BIND`). It hides what the image has at that path.
//! - A **tmpfs** is an empty file system in memory that is lost when the container exits, see tmpfs(5).
//! - **Volumes**, named directories that the engine manages, are not supported yet; `-v NAME:/x` is an error.
//!
//! Docker has three syntaxes for mounts, see docker-run(1), and each has its function here: `-v SRC:DST[:OPTIONS]`
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
mod fields;
mod tmpfs;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

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
        /// Other options of tmpfs(5), such as `uid` or `nr_inodes`.
        data: BTreeMap<String, String>,
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

    /// Parses the argument of `-v`: `SOURCE:TARGET`, optionally followed by `:` and options such as `ro`.
    pub fn from_volume(text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
        volume::parse(text, current_directory)
    }

    /// Parses the argument of `--mount`: fields `KEY=VALUE`, separated by commas.
    pub fn from_fields(text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
        fields::parse(text, current_directory)
    }

    /// Parses the argument of `--tmpfs`: `TARGET`, optionally followed by `:` and options such as
    /// `size=1m,mode=700,exec,ro`.
    pub fn from_tmpfs(text: &str) -> Result<MountSpec, MountError> {
        tmpfs::parse(text)
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

fn unknown(given: &str, option: &str, known: &'static str) -> MountError {
    MountError::Option { given: given.to_owned(), option: option.to_owned(), known }
}

#[cfg(test)]
mod tests;
