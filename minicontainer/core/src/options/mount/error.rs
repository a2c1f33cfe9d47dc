//! What can be wrong with a mount that was asked for.

use super::super::SizeError;

/// The text asks for no mount that can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MountError {
    /// Too many colons.
    #[error("cannot read mount {given:?}: write SOURCE:TARGET or SOURCE:TARGET:ro, such as /srv/data:/data:ro")]
    Syntax {
        /// What was given.
        given: String,
    },
    /// A volume, named or not.
    #[error(
        "cannot mount {given:?}: volumes that the engine keeps are not supported yet; mount a directory of yours \
         instead, such as -v \"$(pwd)/data:/data\""
    )]
    Volume {
        /// What was given.
        given: String,
    },
    /// A source on the host that is not absolute.
    #[error("cannot mount {given:?}: the source {source_path:?} is not absolute; put ./ or $(pwd)/ in front of it")]
    RelativeSource {
        /// What was given.
        given: String,
        /// The source.
        source_path: String,
    },
    /// A place inside at which nothing can be mounted.
    #[error("cannot mount {given:?}: the target {target:?} inside the container is wrong: {why}")]
    Target {
        /// What was given.
        given: String,
        /// The target.
        target: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A type that there is not.
    #[error("cannot mount {given:?}: there is no type {kind:?}; write type=bind or type=tmpfs")]
    Type {
        /// What was given.
        given: String,
        /// The type.
        kind: String,
    },
    /// A field that must be there is not.
    #[error("cannot mount {given:?}: {field} is missing; add it, such as {field}=/data")]
    Missing {
        /// What was given.
        given: String,
        /// The field.
        field: &'static str,
    },
    /// A field of another type of mount.
    #[error("cannot mount {given:?}: a mount of type {kind} has no {field}; leave it out")]
    Foreign {
        /// What was given.
        given: String,
        /// The mount's type.
        kind: &'static str,
        /// The field.
        field: String,
    },
    /// An option that there is not.
    #[error("cannot mount {given:?}: there is no option {option:?} here; known are {known}")]
    Option {
        /// What was given.
        given: String,
        /// The option.
        option: String,
        /// Those that there are.
        known: &'static str,
    },
    /// A size that is none.
    #[error("cannot mount {given:?}: its size is wrong")]
    Size {
        /// What was given.
        given: String,
        /// Why.
        #[source]
        source: SizeError,
    },
    /// Permission bits that are none.
    #[error("cannot mount {given:?}: the mode {mode:?} is no octal number up to 7777, such as 1777")]
    Mode {
        /// What was given.
        given: String,
        /// The mode.
        mode: String,
    },
    /// Quotes of the CSV format.
    #[error("cannot mount {given:?}: quotes are not supported in --mount; for a path that holds a comma use -v")]
    Quote {
        /// What was given.
        given: String,
    },
    /// A NUL byte, at which the kernel would cut a path.
    #[error("cannot mount {given:?}: it contains a NUL byte, where the kernel would truncate the path")]
    Nul {
        /// What was given.
        given: String,
    },
}
