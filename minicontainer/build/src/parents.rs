//! The sources of `COPY --parents`: files that a pattern selects below a directory, with the directories that lead to
//! them.
//!
//! In `COPY --parents lib/./src/**/*.c /x/`, the part before `/./` is the directory and the rest is the pattern.
//! Without `/./`, the directory is the root of the source. A directory is created only if it leads to a selected
//! file. If a directory is selected, everything in it is selected. Symbolic links are copied and never followed,
//! except before `/./`.

use std::path::{Path, PathBuf};

use minicontainer_dockerfile::ignore::{Pattern, Stars};

use super::{
    BuildError,
    files::{Files, Found, Kind},
};

/// Selects files below a directory by the pattern of `--parents`.
#[derive(Debug)]
pub(super) struct PatternFilter {
    /// `None` if everything is selected.
    pattern: Option<Pattern>,
    /// The pattern for each level of directories, up to one with two stars, which matches any number of levels.
    levels: Vec<Pattern>,
    is_deep: bool,
    /// The path without wildcards, which must exist.
    required: Option<PathBuf>,
}

impl PatternFilter {
    pub(super) fn parse(text: &str) -> Option<PatternFilter> {
        let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
        let flat = parts.iter().take_while(|part| !part.contains("**"));
        let levels = flat.map(|part| Pattern::parse(part, Stars::Double).ok()).collect::<Option<Vec<_>>>()?;
        let pattern = Pattern::parse(text, Stars::Double).ok()?;
        let is_plain = !pattern.has_wildcards() && !text.contains('\\');
        Some(PatternFilter {
            is_deep: levels.len() < parts.len(),
            levels,
            required: is_plain.then(|| PathBuf::from(text)),
            pattern: (!parts.is_empty()).then_some(pattern),
        })
    }

    /// Refuses a path without wildcards that does not exist.
    pub(super) fn check(&self, files: &dyn Files, base: &Found) -> Result<(), BuildError> {
        let Some(required) = &self.required else { return Ok(()) };
        let not_found = || BuildError::NotFound { path: base.path.join(required), of: files.name() };
        let mut here = base.clone();
        for name in required {
            let child = if here.kind == Kind::Directory { files.child(&here, name)? } else { None };
            here = child.ok_or_else(not_found)?;
        }
        Ok(())
    }

    /// Whether the entry at a path, or a directory that contains it, is selected.
    pub(super) fn selects(&self, path: &Path) -> bool {
        let Some(pattern) = &self.pattern else { return true };
        path.ancestors().any(|path| path != Path::new("") && pattern.matches(&path.to_string_lossy()))
    }

    /// Whether something in the directory at a path can be selected.
    pub(super) fn may_select_below(&self, path: &Path) -> bool {
        let names: Vec<_> = path.iter().collect();
        let matches = |(level, name): (&Pattern, &&std::ffi::OsStr)| level.matches(&name.to_string_lossy());
        let is_prefix = self.levels.iter().zip(&names).all(matches);
        is_prefix && (self.is_deep || names.len() < self.levels.len()) || self.selects(path)
    }
}

/// Directories that have been entered and are visited only if something in them is selected.
#[derive(Default)]
pub(super) struct Pending(Vec<(PathBuf, Found)>);

impl Pending {
    pub(super) fn add(&mut self, path: PathBuf, directory: Found) {
        self.0.push((path, directory));
    }

    /// Removes the directories that do not contain the entry at a path.
    pub(super) fn leave(&mut self, path: &Path) {
        while self.0.pop_if(|(directory, _)| !path.starts_with(directory)).is_some() {}
    }

    /// The remaining directories, the outermost first.
    pub(super) fn take(&mut self) -> Vec<(PathBuf, Found)> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, selected: &[&str], left_out: &[&str]) {
        let include = PatternFilter::parse(pattern).unwrap();
        for path in selected {
            assert!(include.selects(Path::new(path)), "{pattern} selects {path}");
            for directory in Path::new(path).ancestors().skip(1).filter(|directory| *directory != Path::new("")) {
                assert!(include.may_select_below(directory), "{pattern} leads below {}", directory.display());
            }
        }
        for path in left_out {
            assert!(!include.selects(Path::new(path)), "{pattern} leaves out {path}");
        }
    }

    #[test]
    fn patterns_select_files_and_whole_directories() {
        check("", &["a", "a/b"], &[]);
        check("a/b", &["a/b", "a/b/c/d"], &["a", "a/c", "b", "x/a/b"]);
        check("a/*/c.txt", &["a/b/c.txt"], &["a/c.txt", "a/b/b/c.txt"]);
        check("c/**/e", &["c/d/e", "c/e", "c/d/d/e/f"], &["c/d", "e"]);
        check("**/*.c", &["x.c", "a/b/x.c"], &["a/x.h"]);
        check("a/\\*", &["a/*"], &["a/b"]);
    }

    #[test]
    fn directories_that_lead_nowhere_are_not_entered() {
        let include = PatternFilter::parse("a/b/c").unwrap();
        assert!(include.may_select_below(Path::new("a")) && include.may_select_below(Path::new("a/b/c/d")));
        assert!(!include.may_select_below(Path::new("b")) && !include.may_select_below(Path::new("a/x")));
    }
}
