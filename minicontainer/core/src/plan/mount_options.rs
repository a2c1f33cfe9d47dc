//! Mount options of fstab(5) and the runtime specification, sorted by their meaning.

use oci_spec::runtime::Mount;
use serde::{Deserialize, Serialize};

use super::{Host, IdMapping, Identity, PlanError, process};

/// A restriction on a mount, see mount(2) and mount_setattr(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MountAttribute {
    /// Nothing can be written through this mount.
    ReadOnly,
    /// Set-user-id bits and file capabilities are ignored here.
    NoSuid,
    /// Device nodes cannot be opened here.
    NoDev,
    /// Programs cannot be executed from here.
    NoExec,
    /// Access times are always updated.
    StrictAtime,
    /// Access times are never updated.
    NoAtime,
    /// Access times of directories are never updated.
    #[serde(rename = "no-diratime")]
    NoDirAtime,
}

impl MountAttribute {
    /// All of them.
    pub const ALL: [MountAttribute; 7] = [
        MountAttribute::ReadOnly,
        MountAttribute::NoSuid,
        MountAttribute::NoDev,
        MountAttribute::NoExec,
        MountAttribute::StrictAtime,
        MountAttribute::NoAtime,
        MountAttribute::NoDirAtime,
    ];

    /// The option's name in fstab(5).
    pub fn name(self) -> &'static str {
        match self {
            MountAttribute::ReadOnly => "ro",
            MountAttribute::NoSuid => "nosuid",
            MountAttribute::NoDev => "nodev",
            MountAttribute::NoExec => "noexec",
            MountAttribute::StrictAtime => "strictatime",
            MountAttribute::NoAtime => "noatime",
            MountAttribute::NoDirAtime => "nodiratime",
        }
    }
}

/// The parsed options of one mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct MountOptions {
    /// Restrictions on the mount itself.
    pub attributes: Vec<MountAttribute>,
    /// Whether it is a bind mount.
    pub bind: bool,
    /// Whether the mounts below the source are included.
    pub recursive: bool,
    /// The option that requests an idmapped mount: `idmap` or `ridmap`.
    pub idmapped: Option<String>,
    /// The remaining options, which are the file system's own.
    pub data: Vec<(String, String)>,
}

/// Sorts the options of a mount, see "Linux mount options" in the runtime specification's config.md.
pub(super) fn sort(options: &[String]) -> Result<MountOptions, PlanError> {
    let mut sorted = MountOptions::default();
    for option in options {
        let word = if option == "rro" { "ro" } else { option.as_str() };
        let attribute = MountAttribute::ALL.into_iter().find(|attribute| attribute.name() == word);
        match (attribute, option.as_str()) {
            (Some(attribute), _) => {
                if !sorted.attributes.contains(&attribute) {
                    sorted.attributes.push(attribute);
                }
            }
            (None, "bind") => sorted.bind = true,
            (None, "idmap" | "ridmap") => sorted.idmapped = Some(option.clone()),
            (None, "rbind") => (sorted.bind, sorted.recursive) = (true, true),
            // The kernel's defaults, and the propagation that every mount here has anyway.
            (None, "defaults" | "rw" | "suid" | "dev" | "exec" | "relatime" | "async" | "private" | "rprivate") => {}
            (None, "shared" | "rshared" | "slave" | "rslave" | "unbindable" | "runbindable") => {
                return Err(PlanError::Unsupported { field: "mounts.options", value: option.clone() });
            }
            (None, other) => {
                let (name, value) = other.split_once('=').unwrap_or((other, ""));
                sorted.data.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok(sorted)
}

/// The maps of users and of groups of an idmapped bind mount, if the runtime config has any. Only root may idmap a
/// mount of the host's file systems, see mount_setattr(2).
pub(super) fn shown_owners(
    mount: &Mount,
    options: &MountOptions,
    host: &Host,
) -> Result<Option<[Vec<IdMapping>; 2]>, PlanError> {
    let refused = |value: &str| Err(PlanError::Unsupported { field: "mounts.uidMappings", value: value.to_owned() });
    match (mount.uid_mappings(), mount.gid_mappings(), &options.idmapped) {
        (None, None, None) => Ok(None),
        (Some(uids), Some(gids), _) if host.identity == Identity::Root => {
            Ok(Some([process::lines(uids), process::lines(gids)]))
        }
        (Some(_), Some(_), _) => refused("only root can create idmapped mounts"),
        (_, _, Some(word)) => refused(&format!("{word} without uidMappings and gidMappings")),
        (_, _, None) => refused("uidMappings and gidMappings must be given together"),
    }
}
