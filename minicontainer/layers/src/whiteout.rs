//! Whiteouts in a layer's tar: empty files whose names begin with `.wh.` mark deleted files.
//!
//! These names are reserved: an image cannot contain a file called `.wh.x` (OCI image-spec, *layer.md*). A program
//! that unpacks the layer *deletes* the name after `.wh.`, so it must be the name of an entry of the same directory.
//! A hostile image may contain `.wh...`, which would delete the directory above.

use std::fmt;

/// The prefix of every whiteout's name.
const PREFIX: &str = ".wh.";

/// The name of the file that makes its directory opaque.
pub const OPAQUE_FILE_NAME: &str = ".wh..wh..opq";

/// A whiteout. `Display` gives the file's name in the tar.
///
/// ```
/// use minicontainer_layers::Whiteout;
///
/// assert_eq!(Whiteout::parse(".wh.motd")?, Some(Whiteout::of("motd")?));
/// assert_eq!(Whiteout::parse(".wh..wh..opq")?, Some(Whiteout::Opaque));
/// assert_eq!(Whiteout::parse("motd")?, None, "an ordinary file");
/// assert!(Whiteout::parse(".wh...").is_err(), "would delete the directory above");
/// # Ok::<(), minicontainer_layers::WhiteoutError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whiteout {
    /// One name of this directory is deleted.
    Deleted(DeletedName),
    /// The directory is opaque: its content in the layers below is hidden.
    Opaque,
}

/// A name that may be deleted: one component, but not `.`, `..` or a whiteout.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DeletedName {
    name: String,
}

impl DeletedName {
    /// The name, without any directory.
    pub fn as_str(&self) -> &str {
        &self.name
    }
}

/// The file has a reserved name but is not a valid whiteout.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum WhiteoutError {
    /// It would delete nothing, its own directory, or the one above.
    #[error(
        "refused whiteout {file_name:?}: {name:?} is not an entry of its directory; the layer is damaged or hostile, \
         get the image from another source"
    )]
    NoEntry {
        /// The file's name in the layer.
        file_name: String,
        /// What it would delete.
        name: String,
    },
    /// It would delete another whiteout.
    #[error(
        "refused whiteout {file_name:?}: names that begin with {PREFIX} are reserved, and only {OPAQUE_FILE_NAME} is \
         known; rebuild the image with another builder"
    )]
    Reserved {
        /// The file's name in the layer.
        file_name: String,
    },
}

/// The message, for a program that returns the error from `main`.
impl fmt::Debug for WhiteoutError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl Whiteout {
    /// The whiteout that deletes `name`.
    pub fn of(name: &str) -> Result<Whiteout, WhiteoutError> {
        let file_name = || format!("{PREFIX}{name}");
        if name.starts_with(PREFIX) {
            return Err(WhiteoutError::Reserved { file_name: file_name() });
        }
        match matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            true => Err(WhiteoutError::NoEntry { file_name: file_name(), name: name.to_owned() }),
            false => Ok(Whiteout::Deleted(DeletedName { name: name.to_owned() })),
        }
    }

    /// Parses the last component of a path in a layer: a whiteout, or `None` if it is an ordinary file.
    pub fn parse(file_name: &str) -> Result<Option<Whiteout>, WhiteoutError> {
        match file_name.strip_prefix(PREFIX) {
            None => Ok(None),
            Some(_) if file_name == OPAQUE_FILE_NAME => Ok(Some(Whiteout::Opaque)),
            Some(name) => Whiteout::of(name).map(Some),
        }
    }
}

impl fmt::Display for Whiteout {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whiteout::Deleted(name) => write!(formatter, "{PREFIX}{}", name.as_str()),
            Whiteout::Opaque => formatter.write_str(OPAQUE_FILE_NAME),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(file_name: &str, expect: Option<&str>) {
        let whiteout = Whiteout::parse(file_name).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(whiteout.as_ref().map(ToString::to_string).as_deref(), expect.map(|_| file_name));
        match (whiteout, expect) {
            (Some(Whiteout::Deleted(name)), Some(expect)) => assert_eq!(name.as_str(), expect),
            (Some(Whiteout::Opaque), Some("*")) | (None, None) => {}
            (whiteout, expect) => panic!("{file_name}: {whiteout:?}, not {expect:?}"),
        }
    }

    #[test]
    fn whiteouts_are_distinguished_from_files() {
        check("motd", None);
        check(".wh", None);
        check("a.wh.b", None);
        check(".WH.b", None);
        check(".wh.motd", Some("motd"));
        check(".wh..hidden", Some(".hidden"));
        check(".wh....", Some("..."));
        check(".wh. ", Some(" "));
        check(".wh..wh..opq", Some("*"));
    }

    /// Rows H10 and H13 of the hostile corpus.
    #[test]
    fn invalid_whiteouts_are_refused() {
        let names = [
            ".wh.",
            ".wh..",
            ".wh...",
            ".wh.a/b",
            ".wh.../x",
            ".wh..wh.plnk",
            ".wh..wh..opq2",
            ".wh..wh.",
            ".wh.a\0b",
        ];
        let messages: Vec<String> = names.iter().map(|name| Whiteout::parse(name).unwrap_err().to_string()).collect();
        insta::assert_snapshot!(messages.join("\n"));
    }
}
