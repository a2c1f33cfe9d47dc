//! Errors of parsing a mount.

use super::super::SizeError;

/// The text is not a valid mount.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MountError {
    /// Too many colons.
    #[error(
        "invalid mount {given:?}: must be SOURCE:TARGET or SOURCE:TARGET:OPTIONS (for example, /srv/data:/data:ro)"
    )]
    Syntax {
        /// What was given.
        given: String,
    },
    /// A volume, named or not.
    #[error("cannot mount {given:?}: volumes are not supported yet; mount a directory instead, with `Sandbox::bind`")]
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
    /// An invalid mount point.
    #[error("cannot mount {given:?}: invalid target {target:?} in the container: {why}")]
    Target {
        /// What was given.
        given: String,
        /// The target.
        target: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An unknown type.
    #[error("cannot mount {given:?}: unknown type {kind:?}; must be type=bind or type=tmpfs")]
    Type {
        /// What was given.
        given: String,
        /// The type.
        kind: String,
    },
    /// A type that Docker has, but not this engine.
    #[error("cannot mount {given:?}: type={kind} is not supported: {reason}; must be type=bind or type=tmpfs")]
    UnsupportedType {
        /// What was given.
        given: String,
        /// The type.
        kind: &'static str,
        /// Why it is not supported.
        reason: &'static str,
    },
    /// A required field is missing.
    #[error("cannot mount {given:?}: {field} is missing (for example, {field}=/data)")]
    Missing {
        /// What was given.
        given: String,
        /// The field.
        field: &'static str,
    },
    /// A field of another type of mount.
    #[error("cannot mount {given:?}: a mount of type {kind} has no {field}; omit it")]
    Foreign {
        /// What was given.
        given: String,
        /// The mount's type.
        kind: &'static str,
        /// The field.
        field: String,
    },
    /// An unknown option.
    #[error("cannot mount {given:?}: unknown option {option:?}; must be one of {known}")]
    Option {
        /// What was given.
        given: String,
        /// The option.
        option: String,
        /// The known options.
        known: &'static str,
    },
    /// An option that would have an effect in Docker, but cannot have it here.
    #[error("cannot mount {given:?}: option {option:?} is not supported: {reason}; omit it")]
    Unsupported {
        /// What was given.
        given: String,
        /// The option.
        option: String,
        /// Why it is not supported.
        reason: &'static str,
    },
    /// Two options that exclude each other, or the same one twice.
    #[error("cannot mount {given:?}: option {option:?} conflicts with an earlier one; omit one of them")]
    Twice {
        /// What was given.
        given: String,
        /// The second one.
        option: String,
    },
    /// An invalid value of one of the file system's own options.
    #[error("cannot mount {given:?}: invalid value {value:?} for {name}: must be {expected}")]
    Data {
        /// What was given.
        given: String,
        /// The option.
        name: String,
        /// Its value.
        value: String,
        /// What it must be.
        expected: &'static str,
    },
    /// An invalid size.
    #[error("cannot mount {given:?}")]
    Size {
        /// What was given.
        given: String,
        /// Why.
        #[source]
        source: SizeError,
    },
    /// Invalid permission bits.
    #[error("cannot mount {given:?}: invalid mode {mode:?}: must be an octal number up to 7777 (for example, 1777)")]
    Mode {
        /// What was given.
        given: String,
        /// The mode.
        mode: String,
    },
    /// Quotes of the CSV format.
    #[error(
        "cannot mount {given:?}: quotes are not supported in `MountSpec::from_fields`; for a path with a comma use \
         `MountSpec::from_volume`"
    )]
    Quote {
        /// What was given.
        given: String,
    },
    /// A NUL byte, where the kernel would truncate a path.
    #[error("cannot mount {given:?}: it contains a NUL byte, where the kernel would truncate the path")]
    Nul {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(MountError: InvalidInput);
