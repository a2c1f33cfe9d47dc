//! A mount in a record. It is validated like a mount on the command line, because a record may be edited by hand.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Access, MountError, MountSpec, parse_source, parse_target, tmpfs::check_data};
use crate::{options::ByteSize, plan::MountAttribute};

/// The fields of [`MountSpec`], not yet validated.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub(super) enum Document {
    Bind {
        source: String,
        target: String,
        #[serde(default)]
        access: Access,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<[u32; 2]>,
    },
    Tmpfs {
        target: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<ByteSize>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<u32>,
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        data: BTreeMap<String, String>,
        #[serde(default)]
        attributes: BTreeSet<MountAttribute>,
    },
}

impl From<MountSpec> for Document {
    fn from(mount: MountSpec) -> Document {
        match mount {
            MountSpec::Bind { source, target, access, owner } => Document::Bind { source, target, access, owner },
            MountSpec::Tmpfs { target, size, mode, data, attributes } => {
                Document::Tmpfs { target, size, mode, data, attributes }
            }
        }
    }
}

impl TryFrom<Document> for MountSpec {
    type Error = MountError;

    fn try_from(document: Document) -> Result<MountSpec, MountError> {
        match document {
            Document::Bind { source, target, access, owner } => {
                let given = format!("{source}:{target}");
                let source = parse_source(&given, &source, "/")?;
                Ok(MountSpec::Bind { source, target: parse_target(&given, &target)?, access, owner })
            }
            Document::Tmpfs { mode: Some(mode), target, .. } if mode > 0o7777 => {
                Err(MountError::Mode { given: target, mode: format!("{mode:o}") })
            }
            Document::Tmpfs { target, size, mode, data, attributes } => {
                data.iter().try_for_each(|(name, value)| check_data(&target, name, value))?;
                Ok(MountSpec::Tmpfs { target: parse_target(&target, &target)?, size, mode, data, attributes })
            }
        }
    }
}
