//! Build errors and their hints.

use std::{borrow::Cow, io, path::PathBuf};

use minicontainer::{
    core::{
        Digest,
        diagnostic::{Diagnostic, ErrorKind, fixed_hint},
        options::{EnvError, UserError},
        reference::ReferenceError,
    },
    rootfs::RootFsError,
    store::{SPACE_HINT, StoreError},
};
use minicontainer_dockerfile::{DockerfileError, IgnoreError, Position, Span};

use minicontainer_images::ImageError;
use minicontainer_registry::RegistryError;

use super::RunContainerError;

/// The cause of a failed build.
#[derive(thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
#[non_exhaustive]
pub enum BuildError {
    /// An error in the Dockerfile.
    #[error(transparent)]
    Dockerfile(#[from] DockerfileError),
    /// An invalid pattern in `.dockerignore`.
    #[error(transparent)]
    Ignore(#[from] IgnoreError),
    /// A step failed.
    #[error("{text}")]
    Step { text: String, span: Span, source: Box<BuildError> },
    /// The context cannot be opened.
    #[error("cannot open the build context {}", path.display())]
    Context { path: PathBuf, source: io::Error },
    /// A context from stdin that is not a valid archive.
    #[error("cannot unpack the build context")]
    ContextArchive { source: Box<ImageError> },
    /// A Dockerfile or `.dockerignore` that is a dangling symbolic link.
    #[error("cannot read {}: it is a symbolic link to something that is not in the build context", path.display())]
    Dangling { path: PathBuf },
    /// A Dockerfile or `.dockerignore` that exceeds the size limit.
    #[error("cannot read {}: it is larger than {limit} bytes", path.display())]
    TooLarge { path: PathBuf, limit: usize },
    /// A file or directory that cannot be read.
    #[error("cannot read {} of {of}", path.display())]
    Read { path: PathBuf, of: String, source: io::Error },
    /// A source that does not exist.
    #[error("cannot copy {} from {of}: not found", path.display())]
    NotFound { path: PathBuf, of: String },
    /// A path component that must be a directory, but is not.
    #[error("{} of {of} is not a directory", path.display())]
    NotADirectory { path: PathBuf, of: String },
    /// A file of a type that cannot be copied.
    #[error("cannot copy {} of {of}: it is {kind}", path.display())]
    NotAFile { path: PathBuf, of: String, kind: &'static str },
    /// A loop or a long chain of symbolic links.
    #[error("cannot find {} of {of}: too many symbolic links", path.display())]
    Links { path: PathBuf, of: String },
    /// The context was modified during the build.
    #[error("{} of {of} changed while it was copied", path.display())]
    Changed { path: PathBuf, of: String },
    /// Several sources for one destination file.
    #[error("cannot copy several files to {destination}: it is not a directory")]
    ManySources { destination: String },
    /// An invalid pattern.
    #[error("cannot use a pattern of --exclude: {reason}")]
    Exclude { reason: String },
    /// An owner that does not exist in the stage.
    #[error("cannot set the owner of the copied files to {user}")]
    User { user: String, source: Box<UserError> },
    /// An archive that cannot be unpacked.
    #[error("cannot unpack {}", path.display())]
    Unpack { path: PathBuf, source: Box<ImageError> },
    /// A file name that is reserved for whiteouts.
    #[error("cannot write {} into the layer: names that begin with .wh. mark deleted files there", path.display())]
    Reserved { path: PathBuf },
    /// A layer's archive cannot be written.
    #[error("cannot write {} into the layer", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A directory would replace another kind of file.
    #[error("cannot copy a directory to {}: it is {kind} in the image", path.display())]
    OverFile { path: PathBuf, kind: &'static str },
    /// A file would replace a directory.
    #[error("cannot copy a file to {}: it is a directory in the image", path.display())]
    OverDirectory { path: PathBuf },
    /// The command of a `RUN` failed. The hint is empty if its output does not show why.
    #[error("process \"{process}\" did not complete successfully: {ending}")]
    Process { process: String, ending: String, hint: &'static str },
    /// The container of a `RUN` cannot be prepared.
    #[error("cannot run \"{process}\"")]
    Sandbox { process: String, source: Box<minicontainer::Error> },
    /// The container of a `RUN` cannot be created or run.
    #[error("cannot run \"{process}\"")]
    Container { process: String, source: RunContainerError },
    /// An invalid environment variable.
    #[error("cannot use the variable {name}")]
    Variable { name: String, source: EnvError },
    /// `RUN --network=host` that the user did not allow.
    #[error("RUN --network=host is not allowed")]
    HostNetwork,
    /// A secret that was not provided.
    #[error("secret {id}: not found")]
    Secret { id: String },
    /// A secret for an environment variable that is not text.
    #[error("secret {id} cannot become a variable: it is not text")]
    SecretText { id: String },
    /// A feature that is not supported.
    #[error("{what} is not supported yet")]
    Unsupported { what: &'static str },
    /// A file or directory of the build that cannot be created.
    #[error("cannot create {}", path.display())]
    Make { path: PathBuf, source: io::Error },
    /// A file of the cache that cannot be removed.
    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: io::Error },
    /// A base image for another platform.
    #[error("the image {image} is for {actual}, not for {wanted}")]
    Platform { image: String, actual: String, wanted: String },
    /// A layer that was removed during the build.
    #[error("the layer {diff_id} was removed during the build")]
    Vanished { diff_id: Digest },
    /// The cache is in use by a build.
    #[error("cannot remove anything from the build cache: a build is under way")]
    Busy,
    /// The build was cancelled.
    #[error("interrupted")]
    Interrupted,
    /// A required image with an invalid name.
    #[error("cannot get the image {name}")]
    Name { name: String, source: ReferenceError },
    /// A required image that cannot be pulled.
    #[error("cannot get the image {name}")]
    Pull { name: String, source: Box<RegistryError> },
    /// A required image that cannot be read.
    #[error("cannot get the image {name}")]
    Image { name: String, source: Box<ImageError> },
    /// The new layer cannot be stored.
    #[error(transparent)]
    Layer(Box<ImageError>),
    /// The files of a layer cannot be read.
    #[error(transparent)]
    RootFs(#[from] RootFsError),
    /// The store reported an error.
    #[error(transparent)]
    Store(Box<StoreError>),
}

minicontainer::core::readable_debug!(BuildError);

impl From<ImageError> for BuildError {
    fn from(error: ImageError) -> BuildError {
        BuildError::Layer(Box::new(error))
    }
}

impl From<StoreError> for BuildError {
    fn from(error: StoreError) -> BuildError {
        BuildError::Store(Box::new(error))
    }
}

impl Diagnostic for BuildError {
    fn kind(&self) -> ErrorKind {
        match self {
            BuildError::Step { source, .. } => source.kind(),
            BuildError::Container { source, .. } => match source.kind() {
                // These kinds have special exit codes, which only commands that run a single program use.
                ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable => ErrorKind::Failed,
                kind => kind,
            },
            BuildError::Pull { source, .. } => source.kind(),
            BuildError::Image { source, .. } => source.kind(),
            BuildError::Layer(error) => error.kind(),
            BuildError::RootFs(error) => error.kind(),
            BuildError::Store(error) => error.kind(),
            BuildError::Busy => ErrorKind::Conflict,
            BuildError::Dockerfile(_) | BuildError::Ignore(_) | BuildError::NotFound { .. } => {
                ErrorKind::InvalidInput
            }
            _ => ErrorKind::Failed,
        }
    }

    fn hint(&self) -> Option<Cow<'_, str>> {
        let fixed = match self {
            BuildError::Step { source, .. } => return source.hint(),
            BuildError::Sandbox { source, .. } => return source.hint(),
            BuildError::Container { source, .. } => return source.hint(),
            BuildError::Pull { source, .. } => return source.hint(),
            BuildError::Image { source, .. } => return source.hint(),
            BuildError::Unpack { source, .. } | BuildError::ContextArchive { source } => return source.hint(),
            BuildError::Layer(error) => return error.hint(),
            BuildError::RootFs(error) => return error.hint(),
            BuildError::Store(error) => return error.hint(),
            BuildError::Write { source, .. } | BuildError::Make { source, .. }
                if source.kind() == io::ErrorKind::StorageFull =>
            {
                SPACE_HINT
            }
            BuildError::NotFound { of, .. } if of == "the build context" => {
                "paths are relative to the context; .dockerignore may leave it out"
            }
            BuildError::NotAFile { .. } => "leave it out with .dockerignore",
            BuildError::OverFile { .. } | BuildError::OverDirectory { .. } => {
                "choose another destination, or remove it first with RUN rm"
            }
            BuildError::Changed { .. } => "build again while no other process changes these files",
            BuildError::ManySources { .. } => "end the destination with a slash",
            BuildError::Process { hint, .. } => hint,
            BuildError::HostNetwork => "allow it with `Network::Host`, if you trust the Dockerfile",
            BuildError::Secret { .. } => "pass it in `Request::secrets`",
            BuildError::Vanished { .. } => "build again",
            BuildError::Reserved { .. } => "give the file another name, or leave it out with .dockerignore",
            BuildError::Busy => "try again when it has ended",
            _ => "",
        };
        fixed_hint(fixed)
    }
}

impl BuildError {
    /// The position of the failed step in the Dockerfile. `None` if no step failed.
    pub fn place(&self) -> Option<Position> {
        match self {
            BuildError::Step { span, .. } => Some(span.start),
            _ => None,
        }
    }
}
