//! What is wrong, and how it is fixed: values, which the command prints and `repair` carries out.

use std::path::PathBuf;

use minicontainer::core::Digest;

/// Something that is not as it should be.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Whether it does harm.
    pub severity: Severity,
    /// What is wrong, in two or three words.
    pub what: &'static str,
    /// With which thing: a digest, a name.
    pub subject: String,
    /// Where it lies.
    pub place: PathBuf,
    /// What is known of it.
    pub why: String,
    /// How it is fixed.
    pub fix: Fix,
    /// What came of the repair, if one was tried.
    pub outcome: Option<Outcome>,
}

/// Whether something does harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The store is not sound.
    Damage,
    /// It takes room, and nothing else.
    Leftover,
}

/// How something is fixed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// By somebody who knows what he wants, in this way.
    ByHand(String),
    /// What killed operations left in the staging directory is removed.
    SweepStaging,
    /// The file or directory is closed to other users.
    Close,
    /// The version of the layout is written again.
    RewriteLayout,
    /// The index is made again of the manifests that are there; the names are lost.
    RebuildIndex,
    /// The index forgets every entry with this digest of a manifest, so that the name is free for a pull.
    ForgetImage {
        /// The digest, as the index writes it.
        manifest: String,
        /// What brings the image back.
        name: Option<String>,
    },
    /// The blob is removed, and a pull or load brings it back.
    RemoveBlob(Digest),
    /// The layer is unpacked again.
    UnpackAgain {
        /// Which layer.
        diff_id: Digest,
        /// From which blob.
        blob: Digest,
    },
    /// The layer is removed, and a pull or load brings it back.
    RemoveLayer(Digest),
    /// A file of ours is removed.
    RemoveFile(PathBuf),
    /// What dead engines left of containers is removed.
    SweepContainers,
}

/// What came of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is fixed.
    Repaired,
    /// It was let be, for this reason.
    Refused(String),
}

impl Fix {
    /// Whether `repair` can do it.
    pub fn is_repair(&self) -> bool {
        !matches!(self, Fix::ByHand(_))
    }

    /// In words.
    pub fn describe(&self) -> String {
        const REPAIR: &str = "`minicontainer system check --repair`";
        let back = "`minicontainer pull` or `load` of an image that has it brings it back";
        match self {
            Fix::ByHand(text) => text.clone(),
            Fix::Close => format!("{REPAIR} closes it to them"),
            Fix::RewriteLayout => format!("{REPAIR} writes it again"),
            Fix::RebuildIndex => {
                format!(
                    "{REPAIR} makes it again of the manifests that are there; give the images their names by `minicontainer tag` or `pull`"
                )
            }
            Fix::ForgetImage { name: Some(name), .. } => {
                format!(
                    "{REPAIR} removes the reference, then `minicontainer pull {name}` or a load brings the image back"
                )
            }
            Fix::ForgetImage { name: None, .. } => format!("{REPAIR} removes the reference"),
            Fix::RemoveBlob(_) => format!("{REPAIR} removes it, then {back}"),
            Fix::UnpackAgain { .. } => format!("{REPAIR} unpacks it again from its blob"),
            Fix::RemoveLayer(_) => format!("{REPAIR} removes it, then {back}"),
            Fix::SweepStaging => format!("{REPAIR}, or the next load, pull or build, removes it"),
            Fix::RemoveFile(_) | Fix::SweepContainers => format!("{REPAIR} removes it"),
        }
    }
}
