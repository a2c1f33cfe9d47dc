//! The files of `--env-file` and `--label-file`: one `NAME=VALUE` or `NAME` per line.
//!
//! The format is that of Docker's package [`kvfile`][1]. Spaces before a name are ignored, and so are empty lines and
//! lines that begin with `#`. Everything after the `=` is the value: quotes and spaces are part of it, and nothing is
//! expanded. A byte order mark at the beginning is ignored.
//!
//! ```
//! use minicontainer_core::options::key_value_file;
//!
//! let lines = key_value_file::parse("env", b"# colours\nCOLOUR=\"red\"\r\n\n  EDITOR\n")?;
//! assert_eq!(lines, [("COLOUR", Some("\"red\"")), ("EDITOR", None)]);
//!
//! let error = key_value_file::parse("env", b"A=1\nB C=2\n").unwrap_err();
//! assert!(error.to_string().starts_with("env, line 2: "));
//! # Ok::<(), key_value_file::KeyValueError>(())
//! ```
//!
//! [1]: https://pkg.go.dev/github.com/docker/cli/pkg/kvfile

use super::{EnvVar, Label};

/// A name, and its value if there is one.
type KeyValue<'text> = (&'text str, Option<&'text str>);

/// A line is invalid.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {reason}")]
pub struct KeyValueError {
    /// The file, as it was given.
    pub file: String,
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

crate::plain_diagnostic!(KeyValueError: InvalidInput);

/// The lines of a file with this name and content.
///
/// # Errors
/// If a line is not UTF-8, has no name, or a name that contains whitespace or a NUL byte.
pub fn parse<'text>(file: &str, content: &'text [u8]) -> Result<Vec<KeyValue<'text>>, KeyValueError> {
    convert(file, content, |name, value| Ok(Some((name, value))))
}

/// The variables of a file for `--env-file`. `lookup` finds the value of a bare name, which is omitted if it has
/// none.
///
/// # Errors
/// If a line is invalid.
pub fn variables(
    file: &str,
    content: &[u8],
    lookup: impl Fn(&str) -> Option<String>,
) -> Result<Vec<EnvVar>, KeyValueError> {
    convert(file, content, |name, value| {
        let value = value.map(str::to_owned).or_else(|| lookup(name));
        value.map(|value| EnvVar::new(name, &value)).transpose().map_err(|error| error.to_string())
    })
}

/// The labels of a file for `--label-file`. A bare name has an empty value.
///
/// # Errors
/// If a line is invalid.
pub fn labels(file: &str, content: &[u8]) -> Result<Vec<Label>, KeyValueError> {
    convert(file, content, |name, value| {
        Ok(Some(Label { name: name.to_owned(), value: value.unwrap_or_default().to_owned() }))
    })
}

/// Converts each line that is neither empty nor a comment.
fn convert<'text, T>(
    file: &str,
    content: &'text [u8],
    line_to: impl Fn(&'text str, Option<&'text str>) -> Result<Option<T>, String>,
) -> Result<Vec<T>, KeyValueError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let mut converted = Vec::new();
    for (index, line) in content.split(|byte| *byte == b'\n').enumerate() {
        let wrong = |reason| KeyValueError { file: file.to_owned(), line: index + 1, reason };
        if let Some((name, value)) = parse_line(line.strip_suffix(b"\r").unwrap_or(line)).map_err(wrong)? {
            converted.extend(line_to(name, value).map_err(wrong)?);
        }
    }
    Ok(converted)
}

fn parse_line(line: &[u8]) -> Result<Option<KeyValue<'_>>, String> {
    let line = str::from_utf8(line).map_err(|_| "the line is not valid UTF-8".to_owned())?.trim_start();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let (name, value) = line.split_once('=').map_or((line, None), |(name, value)| (name, Some(value)));
    if name.is_empty() {
        return Err(format!("no name in {line:?} (for example, NAME=value)"));
    }
    if name.contains([' ', '\t']) {
        return Err(format!("the name {name:?} contains whitespace (for example, NAME=value)"));
    }
    match line.contains('\0') {
        true => Err(format!("{line:?} contains a NUL byte")),
        false => Ok(Some((name, value))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], expect: &[(&str, Option<&str>)]) {
        assert_eq!(parse("f", content).unwrap(), expect);
    }

    /// The cases are those of Docker's `kvfile_test.go`.
    #[test]
    fn lines_are_parsed_as_in_docker() {
        check(b"", &[]);
        check(
            b"foo=bar\n    baz=quux\n# comment\n\n_foobar=foobaz\nwith.dots=working",
            &[
                ("foo", Some("bar")),
                ("baz", Some("quux")),
                ("_foobar", Some("foobaz")),
                ("with.dots", Some("working")),
            ],
        );
        check(b"\xef\xbb\xbf\xef\xbb\xbfA=1", &[("\u{feff}A", Some("1"))]);
        check(b"\xef\xbb\xbfA=1\r\nB= two \r\n", &[("A", Some("1")), ("B", Some(" two "))]);
        check(
            b"A='x'\nB=\"y\"\nC=$HOME # no comment\nD==\nE=",
            &[
                ("A", Some("'x'")),
                ("B", Some("\"y\"")),
                ("C", Some("$HOME # no comment")),
                ("D", Some("=")),
                ("E", Some("")),
            ],
        );
        check(b"\t \x0bNAME\n", &[("NAME", None)]);
    }

    #[test]
    fn errors_name_file_and_line() {
        let message = |content: &[u8]| parse("a.env", content).unwrap_err().to_string();
        assert_eq!(message(b"A=1\n\n=x\n"), "a.env, line 3: no name in \"=x\" (for example, NAME=value)");
        assert_eq!(
            message(b"A B=1"),
            "a.env, line 1: the name \"A B\" contains whitespace (for example, NAME=value)"
        );
        assert_eq!(
            message(b"#\nA \n"),
            "a.env, line 2: the name \"A \" contains whitespace (for example, NAME=value)"
        );
        assert_eq!(message(b"A=\xff"), "a.env, line 1: the line is not valid UTF-8");
        assert_eq!(message(b"A=\0"), "a.env, line 1: \"A=\\0\" contains a NUL byte");
    }

    #[test]
    fn bare_names_are_looked_up_or_empty() {
        let lookup = |name: &str| (name == "SET").then(|| "1".to_owned());
        let variables = variables("f", b"SET\nUNSET\nX=\n", lookup).unwrap();
        assert_eq!(variables.iter().map(ToString::to_string).collect::<Vec<_>>(), ["SET=1", "X="]);
        let labels = labels("f", b"a\nb=c\n").unwrap();
        assert_eq!(labels.iter().map(|label| label.value.as_str()).collect::<Vec<_>>(), ["", "c"]);
    }
}
