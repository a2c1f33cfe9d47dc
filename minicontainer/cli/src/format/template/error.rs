//! What can be wrong with a template, and where: the reason in Go's words where it has them, with a caret under the
//! part of the template that it is about.

use std::ops::Range;

use minicontainer_dockerfile::{Position, Span, error::snippet, suggest::nearest};

use super::functions::FUNCTIONS;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct TemplateError {
    /// What is wrong.
    pub fault: Fault,
    /// Which bytes of the template it is about.
    pub at: Range<usize>,
    /// The template as it was typed.
    pub template: String,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what each is, and the fields what they quote")]
pub enum Fault {
    // The template as it is written.
    #[error("unclosed action")]
    UnclosedAction,
    #[error("unclosed comment")]
    UnclosedComment,
    #[error("comment ends before closing delimiter")]
    CommentNotAlone,
    #[error("unterminated quoted string")]
    UnclosedString,
    #[error("invalid escape in a string")]
    Escape,
    #[error("bad number syntax")]
    Number,
    #[error("unexpected {found}")]
    Unexpected { found: String },
    #[error("missing value for {what}")]
    Missing { what: &'static str },
    #[error("{what} has no {{{{end}}}}")]
    NoEnd { what: &'static str },
    #[error("{{{{{word}}}}} is not known here")]
    Unsupported { word: String },
    #[error("{{{{{word}}}}} outside of {{{{range}}}}")]
    OutsideRange { word: &'static str },
    #[error("function \"{name}\" not defined")]
    UnknownFunction { name: String },
    #[error("undefined variable \"{name}\"")]
    UnknownVariable { name: String },
    #[error("more than {limit} blocks or parentheses lie within one another")]
    Nesting { limit: usize },
    // The template as it is filled in.
    #[error("there is no field .{field}")]
    NoField { field: String, known: Vec<String> },
    #[error("can't evaluate field {field} in {kind}")]
    NoFields { field: String, kind: &'static str },
    #[error("can't give argument to non-function")]
    NotAFunction,
    #[error("wrong number of args for {name}: want {want} got {got}")]
    Arguments { name: &'static str, want: &'static str, got: usize },
    #[error("{name}: expected {expected}, found {found}")]
    Kind { name: &'static str, expected: &'static str, found: &'static str },
    #[error("{name}: index out of range: {index}")]
    OutOfRange { name: &'static str, index: i64 },
    #[error("range can't iterate over {kind}")]
    NotIterable { kind: &'static str },
    #[error("{name}: incompatible types for comparison")]
    Incomparable { name: &'static str },
    #[error("printf: %{verb} is not known here")]
    Verb { verb: String },
    #[error("{name}: no more than {limit} characters")]
    TooWide { name: &'static str, limit: usize },
}

impl Fault {
    /// The fault at its place.
    pub fn at(self, at: Range<usize>, template: &str) -> TemplateError {
        TemplateError { fault: self, at, template: template.to_owned() }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Fault::NoField { field, known } => Some(match nearest(field, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean .{near}?"),
                None if known.is_empty() => return None,
                None => format!("there are {}", known.join(", ")),
            }),
            Fault::UnknownFunction { name } => Some(match nearest(name, FUNCTIONS.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("there are {}; a field begins with a dot", FUNCTIONS.join(", ")),
            }),
            Fault::Unsupported { .. } => Some("there are if, else, end, range, with, break, continue".to_owned()),
            Fault::Verb { .. } => Some("there are %s %v %q %d %x %X %f %t %c and %%".to_owned()),
            Fault::OutOfRange { name: "index", .. } => {
                Some("ask first: {{if .List}}{{index .List 0}}{{end}}".to_owned())
            }
            _ => None,
        }
    }
}

impl TemplateError {
    /// The message with the template and a caret, as a terminal shows it.
    pub fn render(&self) -> String {
        let span = Span { start: self.position(self.at.start), end: self.position(self.at.end) };
        let message = format!("template: {}", self.fault);
        snippet("--format", &self.template, span, &message, self.fault.hint().as_deref()).trim_end().to_owned()
    }

    fn position(&self, byte: usize) -> Position {
        let before = self.template.get(..byte).unwrap_or(&self.template);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Position { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}
