//! What happens, told while it happens.

use minicontainer::core::Digest;

/// Something that a person may want to see. Who shows it, and how, is the caller's concern; it is called from several
/// threads at once.
pub type Tell<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// What happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A pull begins: the tag (or digest) and the repository.
    Pulling {
        /// The tag or digest.
        tag: &'a str,
        /// The repository, whole.
        path: &'a str,
    },
    /// A push begins: the repository.
    Pushing {
        /// The repository with its registry.
        repository: &'a str,
    },
    /// A layer has come this far.
    Layer {
        /// Its digest.
        digest: &'a Digest,
        /// How far.
        progress: Progress<'a>,
    },
    /// The manifest's digest, of the registry's document; when it was pushed, with its size.
    Digest {
        /// The digest.
        digest: &'a Digest,
        /// The tag that was pushed to, and the manifest's size.
        pushed: Option<(&'a str, u64)>,
    },
    /// How it ended.
    Pulled {
        /// Whether anything changed.
        newer: bool,
        /// The image's name.
        reference: &'a str,
    },
}

/// How far a layer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// It is to be fetched.
    Pending,
    /// It is to be sent.
    Preparing,
    /// The store has it.
    Exists,
    /// The registry has it.
    ExistsThere,
    /// So many of so many bytes are there.
    Downloading {
        /// Bytes there.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Another process fetches it already.
    Waiting,
    /// The connection broke; the rest is asked for after a pause.
    Retrying,
    /// It is here, and its digest is right.
    Downloaded,
    /// So many of so many bytes are unpacked.
    Extracting {
        /// Bytes unpacked.
        done: u64,
        /// Bytes in all, as they came.
        total: u64,
    },
    /// It is in the store, unpacked.
    Pulled,
    /// So many of so many bytes are sent.
    Uploading {
        /// Bytes sent.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The registry took it from another of its repositories.
    Mounted {
        /// That repository's path.
        from: &'a str,
    },
    /// The registry has it.
    Pushed,
}
