//! Marks of deletion in a layer's tar: empty files whose names begin with `.wh.`.
//!
//! They take names away from real files: nothing called `.wh.x` can be in an image (OCI image-spec, *layer.md*). And
//! what stands behind `.wh.` is about to be *deleted* by whoever unpacks the layer, so it must be the name of
//! something in this very directory. `.wh...` would delete the directory above, and of a hostile image that is the
//! point.

use std::fmt;

/// What every whiteout's name begins with.
const PREFIX: &str = ".wh.";

/// The name of the file that makes its directory opaque.
pub const OPAQUE_FILE_NAME: &str = ".wh..wh..opq";

/// A mark of deletion. `Display` gives the file's name in the tar.
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
    /// Everything below this directory is hidden; what the layer itself puts in shows.
    Opaque,
}

/// A name that may be deleted: one component, and none of `.`, `..` and the marks themselves.
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

/// The file can be no mark of deletion, and nothing else may be called so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WhiteoutError {
    /// It would delete nothing, its own directory, or the one above.
    #[error(
        "refused whiteout {file_name:?}: it names {name:?}, which is no entry of its directory; the layer is broken or \
         hostile, get the image from elsewhere"
    )]
    NoEntry {
        /// The file's name in the layer.
        file_name: String,
        /// What it would delete.
        name: String,
    },
    /// It would delete another mark.
    #[error(
        "refused whiteout {file_name:?}: names that begin with {PREFIX} are reserved for marks, of which only \
         {OPAQUE_FILE_NAME} is known; build the image again with another builder"
    )]
    Reserved {
        /// The file's name in the layer.
        file_name: String,
    },
}

impl Whiteout {
    /// The mark that deletes `name`.
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

    /// Reads the last component of a path in a layer: a mark, or none if it is an ordinary file.
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
