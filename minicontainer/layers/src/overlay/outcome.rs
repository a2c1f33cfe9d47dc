//! The result of a call, and the changes that overlayfs made in the upper directory for it.

use serde::Serialize;

use super::Errno;

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The result for the caller.
    pub answer: Result<Answer, Errno>,
    /// The changes in the upper directory, in this order. A call that fails may have made some before, for example
    /// when a file is opened with `O_TRUNC` but then cannot be written.
    pub effects: Vec<Effect>,
}

/// The result of a successful call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Success without a value.
    Done,
    /// The content that was read.
    Content(Vec<u8>),
    /// The names in a directory, sorted.
    Names(Vec<String>),
    /// The target of a symbolic link.
    Target(String),
}

/// One change in the upper directory. Paths are the container's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// A file of a layer was copied into the upper directory.
    CopiedUp {
        /// The path of the file.
        path: String,
        /// The layer's number, the lowest is 0.
        layer: usize,
        /// The number of bytes of its content.
        bytes: u64,
    },
    /// A file was created in the upper directory.
    Created {
        /// Its path.
        path: String,
    },
    /// A file of the upper directory got an additional name.
    Linked {
        /// The existing name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A file of the upper directory was renamed.
    Renamed {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// Two files of the upper directory were exchanged.
    Exchanged {
        /// The path of one.
        from: String,
        /// The path of the other.
        to: String,
    },
    /// A file of the upper directory was removed.
    Removed {
        /// Its path.
        path: String,
    },
    /// A whiteout was created, which deletes a name of a layer.
    WhiteoutMade {
        /// The deleted path.
        path: String,
    },
    /// A file replaced a whiteout.
    WhiteoutReplaced {
        /// Its path.
        path: String,
    },
    /// A directory became opaque: it hides the layers below.
    OpaqueSet {
        /// Its path.
        path: String,
    },
    /// The content of a file in the upper directory changed.
    Written {
        /// The path with which it was opened.
        path: String,
    },
    /// Mode, owner, time or an attribute of a file in the upper directory changed.
    MetadataChanged {
        /// Its path.
        path: String,
    },
}
