//! Arguments, variables and a working directory that are not UTF-8.
//!
//! The plan is text, like the OCI runtime config that it is made from. execve(2) takes any bytes except NUL. Where
//! the caller's bytes are not text, they replace the plan's text when the plan is compiled.

use std::borrow::Cow;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// What of the process is not UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessBytes {
    /// Arguments, with their places counted from the last one, because an entrypoint may stand before them.
    pub(crate) args: Vec<(usize, OsString)>,
    /// Variables, by name.
    pub(crate) env: Vec<(String, OsString)>,
    /// The working directory.
    pub(crate) workdir: Option<OsString>,
}

impl ProcessBytes {
    /// Whether the whole process is UTF-8, so that the runtime config describes it exactly.
    pub fn is_empty(&self) -> bool {
        *self == ProcessBytes::default()
    }

    /// The arguments, the first of which is the program.
    pub(super) fn args<'a>(&'a self, args: &'a [String]) -> Vec<&'a [u8]> {
        let mut all: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
        for (from_last, bytes) in &self.args {
            if let Some(place) = args.len().checked_sub(from_last + 1) {
                all[place] = bytes.as_bytes();
            }
        }
        all
    }

    /// The variables, as `NAME=VALUE`.
    pub(super) fn env<'a>(&self, env: &'a [String]) -> Vec<Cow<'a, [u8]>> {
        let variable = |entry: &'a String| {
            let name = entry.split('=').next().unwrap_or_default();
            let exact = self.env.iter().find(|(other, _)| other == name);
            exact.map_or(Cow::Borrowed(entry.as_bytes()), |(_, value)| {
                Cow::Owned([name.as_bytes(), b"=", value.as_bytes()].concat())
            })
        };
        env.iter().map(variable).collect()
    }

    /// The working directory.
    pub(super) fn workdir<'a>(&'a self, path: &'a str) -> &'a [u8] {
        self.workdir.as_ref().map_or(path.as_bytes(), |path| path.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn exact_bytes_replace_the_text_of_the_plan() {
        let bytes = |bytes: &[u8]| OsStr::from_bytes(bytes).to_owned();
        let exact = ProcessBytes {
            args: vec![(0, bytes(b"\xff")), (2, bytes(b"/bin/\xfe"))],
            env: vec![("B".to_owned(), bytes(b"\xfd="))],
            workdir: Some(bytes(b"/\xfc")),
        };
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        let (args, env) = (texts(&["/entry", "\u{fffd}", "x", "\u{fffd}"]), texts(&["A=1", "B=\u{fffd}=", "BB=2"]));
        assert_eq!(exact.args(&args), [b"/entry".as_slice(), b"/bin/\xfe", b"x", b"\xff"]);
        assert_eq!(exact.env(&env), [b"A=1".as_slice(), b"B=\xfd=", b"BB=2"]);
        assert_eq!(exact.workdir("/x"), b"/\xfc");
        assert_eq!(ProcessBytes::default().workdir("/x"), b"/x");
        assert!(ProcessBytes::default().is_empty() && !exact.is_empty());
    }
}
