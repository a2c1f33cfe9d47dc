//! Findings and their fixes: values that the command prints and `repair` executes.

use std::path::PathBuf;

use minicontainer::{core::Digest, store::ImageLayer};

/// A problem.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How serious it is.
    pub severity: Severity,
    /// The problem, in two or three words.
    pub what: &'static str,
    /// The affected object: a digest or a name.
    pub subject: String,
    /// Its path.
    pub place: PathBuf,
    /// The cause.
    pub why: String,
    /// The fix.
    pub fix: Fix,
    /// The result of the repair, if one was tried.
    pub outcome: Option<Outcome>,
}

/// How serious a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The store is damaged.
    Damage,
    /// It only takes space.
    Leftover,
}

/// How to fix a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// Manually, with this command or change.
    ByHand(String),
    /// Remove the leftovers of killed operations from the staging directory.
    SweepStaging,
    /// Remove the access of other users to the file or directory.
    Close,
    /// Write the layout version again.
    RewriteLayout,
    /// Rebuild the index from the existing manifests; the names are lost.
    RebuildIndex,
    /// Remove every entry with this manifest digest from the index, so that the name is free for a pull.
    ForgetImage {
        /// The digest, as the index writes it.
        manifest: String,
        /// The name with which a pull restores the image.
        name: Option<String>,
    },
    /// Remove the blob; a pull or load restores it.
    RemoveBlob(Digest),
    /// Unpack the layer again.
    UnpackAgain {
        /// Its key.
        key: Digest,
        /// What it is unpacked from.
        from: Box<ImageLayer>,
    },
    /// Remove the layer; a pull or load restores it.
    RemoveLayer(Digest),
    /// Remove a file of the engine.
    RemoveFile(PathBuf),
    /// Remove the leftovers of containers of killed engines.
    SweepContainers,
}

/// The result of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is fixed.
    Repaired,
    /// It was left unchanged, for this reason.
    Refused(String),
}

impl Fix {
    /// Whether `repair` can do it.
    pub fn is_repair(&self) -> bool {
        !matches!(self, Fix::ByHand(_))
    }

    /// The fix in words.
    pub fn describe(&self) -> String {
        const REPAIR: &str = "`minicontainer system check --repair`";
        let back = "`minicontainer pull` or `load` of an image with it restores it";
        match self {
            Fix::ByHand(text) => text.clone(),
            Fix::Close => format!("{REPAIR} removes their access"),
            Fix::RewriteLayout => format!("{REPAIR} writes it again"),
            Fix::RebuildIndex => {
                format!(
                    "{REPAIR} rebuilds it from the existing manifests; then name the images with `minicontainer tag` or `pull`"
                )
            }
            Fix::ForgetImage { name: Some(name), .. } => {
                format!(
                    "{REPAIR} removes the reference, then `minicontainer pull {name}` or a load restores the image"
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
