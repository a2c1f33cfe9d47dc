//! Reads the file line by line, joins continued lines, and reads the directives at the top.
//!
//! A line that ends in the escape character, optionally followed by blanks, is continued on the next; two escape
//! characters mean one escape character and do not continue the line. Comments and empty lines between continued
//! lines are left out. A directive is a comment of the form `# name=value` before all other lines; the first other
//! comment ends the directives.

use crate::{
    check::options,
    error::{DockerfileError, DockerfileErrorKind},
    instruction::Directives,
    line::Line,
    position::{Position, Span},
};

/// The names of Docker's own frontend, whose syntax is supported.
const FRONTENDS: [&str; 4] = [
    "docker/dockerfile",
    "docker.io/docker/dockerfile",
    "docker/dockerfile-upstream",
    "docker.io/docker/dockerfile-upstream",
];

pub(super) struct Reader<'a> {
    pub(super) directives: Directives,
    pub(super) empty_continuations: Vec<Position>,
    /// The lines of the file with their ends.
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(source: &'a str) -> Result<Reader<'a>, DockerfileError> {
        let source = source.strip_prefix('\u{feff}').unwrap_or(source);
        let lines: Vec<&str> = source.split_inclusive('\n').collect();
        Ok(Reader { directives: directives(&lines)?, empty_continuations: Vec::new(), lines, next: 0 })
    }

    /// The next line that is neither empty nor a comment, with its continuation lines.
    pub(super) fn next_line(&mut self) -> Option<Line> {
        let mut line = Line::default();
        let mut continued = false;
        while let Some(physical) = self.take_line() {
            let text = physical.trim_end_matches(['\r', '\n']);
            let position = Position { line: self.next, column: 1 };
            let trimmed = text.trim_start();
            if trimmed.starts_with('#') {
                continue;
            }
            if trimmed.is_empty() {
                self.empty_continuations.extend(continued.then_some(position));
                continue;
            }
            let before = self.continued(text);
            line.push(before.unwrap_or(text), position);
            continued = before.is_some();
            if !continued && !line.whole().is_empty() {
                return Some(line);
            }
        }
        (!line.whole().is_empty()).then_some(line)
    }

    /// The next line of the file, unchanged.
    pub(super) fn take_line(&mut self) -> Option<&'a str> {
        let line = self.lines.get(self.next)?;
        self.next += 1;
        Some(line)
    }

    /// The current position, for [`Reader::return_to`].
    pub(super) fn place(&self) -> usize {
        self.next
    }

    pub(super) fn return_to(&mut self, place: usize) {
        self.next = place;
    }

    /// The text before the continuation character, if there is one.
    fn continued<'b>(&self, text: &'b str) -> Option<&'b str> {
        let before = text.trim_end_matches([' ', '\t']).strip_suffix(self.directives.escape)?;
        (!before.ends_with(self.directives.escape)).then_some(before)
    }
}

fn directives(lines: &[&str]) -> Result<Directives, DockerfileError> {
    let mut found = Directives { escape: '\\', syntax: None, check: None };
    let mut escape = None;
    for (index, line) in lines.iter().enumerate() {
        let Some((name, value)) = directive(line) else { break };
        let text = line.trim();
        let start = line.chars().take_while(|character| character.is_whitespace()).count();
        let error = |kind: DockerfileErrorKind| kind.at(Span::at(index + 1, start + 1, text.chars().count()));
        let slot = match name.as_str() {
            "escape" => &mut escape,
            "syntax" => &mut found.syntax,
            "check" => &mut found.check,
            _ => break,
        };
        if slot.replace(value.to_owned()).is_some() {
            return Err(error(DockerfileErrorKind::DirectiveTwice { name }));
        }
        match (name.as_str(), value) {
            ("escape", "`") => found.escape = '`',
            ("escape", "\\") => {}
            ("escape", _) => return Err(error(DockerfileErrorKind::EscapeToken { given: value.to_owned() })),
            ("check", _) => {
                let wrong = |given: String| Err(error(DockerfileErrorKind::CheckOption { given }));
                options(value).try_for_each(|option| option.map(drop)).or_else(wrong)?;
            }
            ("syntax", _) if !FRONTENDS.contains(&value.split([':', '@']).next().unwrap_or_default()) => {
                return Err(error(DockerfileErrorKind::Frontend { given: value.to_owned() }));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// `# name=value`: the name in lower case, and the value without surrounding blanks.
fn directive(line: &str) -> Option<(String, &str)> {
    let (name, value) = line.trim().strip_prefix('#')?.split_once('=')?;
    let (name, value) = (name.trim(), value.trim());
    let named = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|character| character.is_ascii_alphanumeric());
    (named && !value.is_empty()).then(|| (name.to_ascii_lowercase(), value))
}
