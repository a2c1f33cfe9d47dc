//! What every error of this project has in addition to its message: a kind, and a hint how to fix it.
//!
//! Each module has its own error enum, with the paths and names that its message needs. Programs that show these
//! errors need only this trait: the command maps [`ErrorKind`] to an exit code, a server to an HTTP status.
//!
//! The simplest program returns them from `main`, which prints an error with [`Debug`](std::fmt::Debug). So the
//! `Debug` of these errors is the report that [`report`] writes, with the message, its causes and the hint:
//!
//! ```
//! use minicontainer_core::options::ByteSize;
//!
//! let error = "64 apples".parse::<ByteSize>().unwrap_err();
//! assert!(format!("Error: {error:?}").starts_with("Error: invalid size \"64 apples\": "));
//! ```

use std::{borrow::Cow, error::Error, fmt};

/// An error with a kind and, if the message does not already say how to fix it, a hint.
pub trait Diagnostic: Error {
    /// The error's kind. An error that wraps another one has that error's kind.
    fn kind(&self) -> ErrorKind {
        ErrorKind::Failed
    }

    /// One sentence that says how to fix it; none if the message already does.
    fn hint(&self) -> Option<Cow<'_, str>> {
        None
    }
}

/// What an error means for the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request is invalid by itself, whatever the state of the store or the machine.
    InvalidInput,
    /// The named image, container or file does not exist.
    NotFound,
    /// The request conflicts with the current state: a name is taken, an image is in use, a container is running.
    Conflict,
    /// The caller does not have the permission.
    Denied,
    /// A server or the machine cannot do it now, but may be able to later.
    Unavailable,
    /// The program does not exist in the container.
    CommandNotFound,
    /// The program exists in the container but cannot be executed.
    CommandNotExecutable,
    /// Anything else.
    Failed,
}

impl ErrorKind {
    /// The kind of an I/O error.
    pub fn of_io(error: &std::io::Error) -> ErrorKind {
        match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            _ => ErrorKind::Failed,
        }
    }
}

/// Writes an error as a report for people: its message, the causes that the message does not contain already, and the
/// hint.
///
/// ```text
/// cannot save the image: cannot write busybox.tar
///
/// Caused by:
///     No space left on device (os error 28)
///
/// hint: free some space, or choose another file
/// ```
///
/// # Errors
/// When the formatter cannot be written to.
pub fn report(error: &(impl Diagnostic + ?Sized), formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let message = error.to_string();
    formatter.write_str(&message)?;
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if !message.contains(&text) && !causes.iter().any(|other| other.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    if !causes.is_empty() {
        formatter.write_str("\n\nCaused by:")?;
    }
    causes.iter().try_for_each(|cause| write!(formatter, "\n    {cause}"))?;
    error.hint().map_or(Ok(()), |hint| write!(formatter, "\n\nhint: {hint}"))
}

/// Implements [`Debug`](fmt::Debug) for error types that are [`Diagnostic`]s by [`report`].
#[macro_export]
macro_rules! readable_debug {
    ($($error:ty),+ $(,)?) => {$(
        impl ::std::fmt::Debug for $error {
            fn fmt(&self, formatter: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                $crate::diagnostic::report(self, formatter)
            }
        }
    )+};
}

/// Implements [`Diagnostic`] and [`Debug`](fmt::Debug) for an error type that is always of the same kind, and whose
/// message already says how to fix it.
#[macro_export]
macro_rules! plain_diagnostic {
    ($error:ty: $kind:ident) => {
        impl $crate::diagnostic::Diagnostic for $error {
            fn kind(&self) -> $crate::diagnostic::ErrorKind {
                $crate::diagnostic::ErrorKind::$kind
            }
        }
        $crate::readable_debug!($error);
    };
}

/// A fixed text as a hint; none if it is empty.
pub fn fixed_hint(text: &'static str) -> Option<Cow<'static, str>> {
    (!text.is_empty()).then_some(Cow::Borrowed(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a cause, whose message is part of its own if that is asked.
    #[derive(thiserror::Error)]
    #[error("cannot save the image: cannot write a.tar{}", if *.repeated { ": disk is full" } else { "" })]
    struct Failed {
        repeated: bool,
        hint: Option<&'static str>,
        #[source]
        source: Cause,
    }

    #[derive(Debug, thiserror::Error)]
    #[error("disk is full")]
    struct Cause(#[source] Deeper);

    #[derive(Debug, thiserror::Error)]
    #[error("quota of 5 files")]
    struct Deeper;

    impl Diagnostic for Failed {
        fn hint(&self) -> Option<Cow<'_, str>> {
            self.hint.map(Cow::Borrowed)
        }
    }

    readable_debug!(Failed);

    fn check(repeated: bool, hint: Option<&'static str>, expect: &str) {
        assert_eq!(format!("{:?}", Failed { repeated, hint, source: Cause(Deeper) }), expect);
    }

    #[test]
    fn debug_shows_message_causes_and_hint() {
        check(
            false,
            Some("free some space"),
            "cannot save the image: cannot write a.tar\n\nCaused by:\n    disk is full\n    quota of 5 files\n\nhint: \
             free some space",
        );
        check(
            true,
            None,
            "cannot save the image: cannot write a.tar: disk is full\n\nCaused by:\n    quota of 5 files",
        );
    }

    #[test]
    fn invalid_values_are_readable_as_results_of_main() {
        let error = "64 apples".parse::<crate::options::ByteSize>().expect_err("not a size");
        assert_eq!(format!("{error:?}"), error.to_string());
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        let boxed: Box<dyn Error> = Box::new(error.clone());
        assert_eq!(format!("{boxed:?}"), error.to_string());
    }
}
