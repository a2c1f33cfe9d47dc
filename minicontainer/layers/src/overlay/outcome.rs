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

/// What a call that succeeds gives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Nothing but success.
    Done,
    /// What was read.
    Content(Vec<u8>),
    /// The names in a directory, sorted.
    Names(Vec<String>),
    /// What a symbolic link says.
    Target(String),
}

/// One change in the upper directory. Paths are the container's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "effect", rename_all = "kebab-case")]
pub enum Effect {
    /// A file of a layer was copied into the upper directory.
    CopiedUp {
        /// Which.
        path: String,
        /// The layer's number, the lowest is 0.
        layer: usize,
        /// How much of it is content.
        bytes: u64,
    },
    /// Something is in the upper directory that is in no layer.
    Created {
        /// Where.
        path: String,
    },
    /// A file of the upper directory got one more name.
    Linked {
        /// One name.
        from: String,
        /// The other.
        to: String,
    },
    /// A file of the upper directory has another name.
    Renamed {
        /// The name that it had.
        from: String,
        /// The name that it has.
        to: String,
    },
    /// Two files of the upper directory changed places.
    Exchanged {
        /// One place.
        from: String,
        /// The other.
        to: String,
    },
    /// What was in the upper directory is there no more.
    Removed {
        /// Where it was.
        path: String,
    },
    /// A name of a layer is deleted: there is a mark.
    WhiteoutMade {
        /// Over what.
        path: String,
    },
    /// Something took the place of a mark.
    WhiteoutReplaced {
        /// Where.
        path: String,
    },
    /// A directory is marked: nothing of the layers below shows in it.
    OpaqueSet {
        /// Which.
        path: String,
    },
    /// The content of a file in the upper directory changed.
    Written {
        /// Which; by the name under which it was opened.
        path: String,
    },
    /// Mode, owner, time or an attribute of something in the upper directory changed.
    MetadataChanged {
        /// Of what.
        path: String,
    },
}
