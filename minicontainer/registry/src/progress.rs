//! Progress events of a pull or push.

use minicontainer::core::Digest;

/// A callback for progress events, which the caller may show. It is called from several threads at the same time.
pub type ProgressCallback<'a> = &'a (dyn Fn(Event<'_>) + Sync);

/// A progress event.
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
    /// The progress of a layer.
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
    /// The result.
    Pulled {
        /// Whether anything changed.
        newer: bool,
        /// The image's name.
        reference: &'a str,
    },
}

/// The progress of a layer.
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
    /// The download progress.
    Downloading {
        /// Bytes there.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// Another process is downloading it already.
    Waiting,
    /// The connection broke; the rest is requested after a pause.
    Retrying,
    /// It is downloaded and verified.
    Downloaded,
    /// The progress of unpacking.
    Extracting {
        /// Bytes unpacked.
        done: u64,
        /// Bytes in all, as they came.
        total: u64,
    },
    /// It is in the store, unpacked.
    Pulled,
    /// The upload progress.
    Uploading {
        /// Bytes sent.
        done: u64,
        /// Bytes in all.
        total: u64,
    },
    /// The registry mounted it from another repository.
    Mounted {
        /// That repository's path.
        from: &'a str,
    },
    /// The registry has it.
    Pushed,
}
