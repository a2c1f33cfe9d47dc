//! The argument of `--mount`: fields `KEY=VALUE`, separated by commas, as in Docker's `opts/mount.go`.

use std::collections::BTreeMap;

use super::super::{ByteSize, parse_bool};
use super::tmpfs::{default_attributes, parse_mode, parse_size};
use super::volume::propagation;
use super::{Access, MountError, MountSpec, parse_source, parse_target, unknown};
use crate::plan::MountAttribute;

pub(super) fn parse(text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
    Fields::read(text)?.mount(text, current_directory)
}

/// Why a mount without the mounts below its source, or with another access to them, is refused.
const RECURSIVE: &str = "mounts below the source are always included, with the same access";

/// The fields, before they are checked against the type.
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
            let (key, value) = field.split_once('=').map_or((field, None), |(key, value)| (key, Some(value)));
            fields.put(text, field, key, value)?;
        }
        Ok(fields)
    }

    fn put(&mut self, text: &str, field: &str, key: &'text str, value: Option<&'text str>) -> Result<(), MountError> {
        let unsupported =
            |reason| MountError::Unsupported { given: text.to_owned(), option: field.to_owned(), reason };
        match (key, value) {
            ("type", Some(value)) => self.kind = Some(value),
            ("source" | "src", Some(value)) => (self.source, self.only_bind) = (Some(value), Some(key)),
            ("target" | "dst" | "destination", Some(value)) => self.target = Some(value),
            ("readonly" | "ro", None) => self.access = Access::ReadOnly,
            ("readonly" | "ro", Some(value)) => {
                self.access = if boolean(text, key, value)? { Access::ReadOnly } else { Access::ReadWrite };
            }
            ("tmpfs-size", Some(value)) => {
                (self.size, self.only_tmpfs) = (Some(parse_size(text, value)?), Some(key));
            }
            ("tmpfs-mode", Some(value)) => {
                (self.mode, self.only_tmpfs) = (Some(parse_mode(text, value)?), Some(key));
            }
            // It has no effect on Linux, in Docker too.
            ("consistency", Some("default" | "consistent" | "cached" | "delegated")) => {}
            ("bind-propagation", Some(value)) if propagation(text, value)? => self.only_bind = Some(key),
            // Mounts below the source are always included, and read-only if the mount is.
            ("bind-recursive", Some("enabled" | "readonly")) => self.only_bind = Some(key),
            ("bind-recursive", Some("disabled" | "writable")) => return Err(unsupported(RECURSIVE)),
            ("bind-nonrecursive", value) => match value.map(|value| boolean(text, key, value)).transpose()? {
                Some(false) => self.only_bind = Some(key),
                None | Some(true) => return Err(unsupported(RECURSIVE)),
            },
            ("bind-create-src", value) => match value.map(|value| boolean(text, key, value)).transpose()? {
                Some(false) => self.only_bind = Some(key),
                None | Some(true) => return Err(unsupported("a missing source is never created")),
            },
            ("volume-nocopy" | "volume-label" | "volume-driver" | "volume-opt" | "volume-subpath", _) => {
                return Err(MountError::Volume { given: text.to_owned() });
            }
            ("image-subpath", _) => return Err(unsupported("images cannot be mounted")),
            _ => {
                let known = "type=, source=, target=, readonly, bind-propagation=, tmpfs-size=, tmpfs-mode=";
                return Err(unknown(text, field, known));
            }
        }
        Ok(())
    }

    fn mount(self, text: &str, current_directory: &str) -> Result<MountSpec, MountError> {
        let missing = |field| MountError::Missing { given: text.to_owned(), field };
        let foreign =
            |kind, field: &str| MountError::Foreign { given: text.to_owned(), kind, field: field.to_owned() };
        let unsupported = |kind, reason| MountError::UnsupportedType { given: text.to_owned(), kind, reason };
        // As in Docker, the case does not matter.
        let kind = self.kind.map(str::to_ascii_lowercase);
        match kind.as_deref() {
            // In Docker a mount without a type is a volume.
            Some("volume") | None => return Err(MountError::Volume { given: text.to_owned() }),
            Some("bind" | "tmpfs") => {}
            Some("image") => return Err(unsupported("image", "images cannot be mounted")),
            Some("npipe") => return Err(unsupported("npipe", "only Windows has named pipes of this kind")),
            Some("cluster") => return Err(unsupported("cluster", "there are no clusters")),
            Some(other) => return Err(MountError::Type { given: text.to_owned(), kind: other.to_owned() }),
        }
        let target = parse_target(text, self.target.ok_or_else(|| missing("target"))?)?;
        if kind.as_deref() == Some("bind") {
            if let Some(field) = self.only_tmpfs {
                return Err(foreign("bind", field));
            }
            let source = self.source.ok_or_else(|| missing("source"))?;
            let source = parse_source(text, source, current_directory)?;
            return Ok(MountSpec::Bind { source, target, access: self.access, owner: None });
        }
        if let Some(field) = self.only_bind {
            return Err(foreign("tmpfs", field));
        }
        let mut attributes = default_attributes();
        if self.access == Access::ReadOnly {
            attributes.insert(MountAttribute::ReadOnly);
        }
        Ok(MountSpec::Tmpfs { target, size: self.size, mode: self.mode, data: BTreeMap::new(), attributes })
    }
}

fn boolean(text: &str, name: &str, value: &str) -> Result<bool, MountError> {
    parse_bool(value).ok_or_else(|| MountError::Data {
        given: text.to_owned(),
        name: name.to_owned(),
        value: value.to_owned(),
        expected: "true or false",
    })
}
