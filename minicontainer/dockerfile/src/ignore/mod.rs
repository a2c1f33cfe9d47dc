//! `.dockerignore`: which files of the context are excluded from a build.
//!
//! The file is in the context's root. A file next to the Dockerfile, with the Dockerfile's name and `.dockerignore`
//! appended, takes precedence. Docker reads the Dockerfile and this file even if a pattern excludes them.
//!
//! Each line is a pattern, matched against a path relative to the context. The last pattern that matches decides.
//!
//! | Written | Means |
//! |---|---|
//! | `docs`, `/docs/` | the file or directory `docs` at the top, with everything below it |
//! | `*`, `?` | any text, any character; no slash |
//! | `[a-z]`, `[^a-z]` | one of these characters, none of them |
//! | `**/x`, `x/**` | `x` at any depth; everything below `x` |
//! | `!x` | but not `x`, although a pattern above matches it |
//! | `\*` | a literal `*`; likewise `?`, `[`, `\`, and a `#` at the beginning |
//! | `# …` | a comment, if the `#` is the first character of the line |
//!
//! The rules are those of moby's `patternmatcher`. Two of them are surprising, but kept for compatibility. In a
//! pattern without other wildcards, a leading `**` matches any prefix, so `**x` also matches `ax`. And a class in
//! brackets can match a slash.
//!
//! ```
//! use minicontainer_dockerfile::Ignore;
//!
//! let ignore = Ignore::parse("# built\n**/target\n*.md\n!README.md\n")?;
//! assert!(ignore.excludes("lib/target/debug/x.o"));
//! assert!(ignore.excludes("NOTES.md") && !ignore.excludes("README.md"));
//! assert!(Ignore::parse("a[").unwrap_err().to_string().contains("line 1"));
//! # Ok::<(), minicontainer_dockerfile::IgnoreError>(())
//! ```

mod pattern;

pub use pattern::{Pattern, PatternError, Stars};

/// The patterns of one file, or of `COPY --exclude`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    exception: bool,
    pattern: Pattern,
}

/// A line is not a valid pattern.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of .dockerignore: invalid pattern {pattern:?}: {reason}")]
pub struct IgnoreError {
    /// The line, from 1.
    pub line: usize,
    /// What stands there.
    pub pattern: String,
    /// What is wrong with it.
    pub reason: PatternError,
}

minicontainer_core::plain_diagnostic!(IgnoreError: InvalidInput);

impl Ignore {
    /// Reads the file.
    pub fn parse(text: &str) -> Result<Ignore, IgnoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#') && !line.trim().is_empty());
        let rule = |(index, line): (usize, &str)| {
            Rule::parse(line).map_err(|reason| IgnoreError { line: index + 1, pattern: line.to_owned(), reason })
        };
        Ok(Ignore { rules: lines.map(rule).collect::<Result<_, _>>()? })
    }

    /// The patterns of `--exclude`, one each.
    pub fn from_patterns<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Ignore, PatternError> {
        Ok(Ignore { rules: patterns.into_iter().map(Rule::parse).collect::<Result<_, _>>()? })
    }

    /// Whether a path, relative to the context and with slashes, or one of its parent directories is excluded.
    pub fn excludes(&self, path: &str) -> bool {
        let path = path.trim_matches('/');
        if matches!(path, "" | ".") {
            return false;
        }
        let mut excluded = false;
        for rule in &self.rules {
            // Patterns that cannot change the result are skipped: exceptions for a path that is not excluded, and all
            // others for a path that is.
            if rule.exception == excluded && rule.matches(path) {
                excluded = !rule.exception;
            }
        }
        excluded
    }

    /// Whether an exception may apply to something below an excluded directory. If not, the directory need not be
    /// read.
    pub fn has_exceptions(&self) -> bool {
        self.rules.iter().any(|rule| rule.exception)
    }

    /// Whether nothing is excluded.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }
}

impl Rule {
    fn parse(line: &str) -> Result<Rule, PatternError> {
        let line = line.trim();
        let (exception, line) = match line.strip_prefix('!') {
            Some(rest) => (true, rest.trim()),
            None => (false, line),
        };
        if line.is_empty() {
            return Err(PatternError::Nothing);
        }
        let clean = clean(line);
        let relative = if clean.len() > 1 { clean.trim_start_matches('/') } else { &clean };
        Ok(Rule { exception, pattern: Pattern::parse(relative, Stars::Double)? })
    }

    fn matches(&self, path: &str) -> bool {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        self.pattern.matches(path) || parents.into_iter().any(|parent| self.pattern.matches(parent))
    }
}

/// As Go's `filepath.Clean`: removes doubled and trailing slashes and `.`, and `..` together with the name before it.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

#[cfg(test)]
mod tests;
