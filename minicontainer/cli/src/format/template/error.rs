//! Errors of templates: the reason, in Go's words if Go has them, and the place, shown with a caret.

use std::ops::Range;

use minicontainer_dockerfile::{Span, error::snippet, suggest::nearest};

use super::functions::FUNCTIONS;

/// An error in a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct TemplateError {
    /// The reason.
    pub fault: Fault,
    /// The bytes of the template that it is about.
    pub at: Range<usize>,
    /// The template as given.
    pub template: String,
}

/// The reasons.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each message says what its fields are")]
pub enum Fault {
    // Syntax errors.
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
    #[error("{{{{{word}}}}} is not supported")]
    Unsupported { word: String },
    #[error("{{{{{word}}}}} outside of {{{{range}}}}")]
    OutsideRange { word: &'static str },
    #[error("function \"{name}\" not defined")]
    UnknownFunction { name: String },
    #[error("undefined variable \"{name}\"")]
    UnknownVariable { name: String },
    #[error("blocks and parentheses are nested more than {limit} levels deep")]
    Nesting { limit: usize },
    // Errors while the template is evaluated.
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
    #[error("printf: %{verb} is not supported")]
    Verb { verb: String },
    #[error("{name}: the limit is {limit} characters")]
    TooWide { name: &'static str, limit: usize },
}

impl Fault {
    /// The error at its place.
    pub fn at(self, at: Range<usize>, template: &str) -> TemplateError {
        TemplateError { fault: self, at, template: template.to_owned() }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Fault::NoField { field, known } => Some(match nearest(field, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean .{near}?"),
                None if known.is_empty() => return None,
                None => format!("the fields are {}", known.join(", ")),
            }),
            Fault::UnknownFunction { name } => Some(match nearest(name, FUNCTIONS.iter().copied()) {
                Some(near) => format!("did you mean {near}?"),
                None => format!("the functions are {}; a field begins with a dot", FUNCTIONS.join(", ")),
            }),
            Fault::Unsupported { .. } => Some("use if, else, end, range, with, break or continue".to_owned()),
            Fault::Verb { .. } => Some("use %s %v %q %d %x %X %f %t %c or %%".to_owned()),
            Fault::OutOfRange { name: "index", .. } => {
                Some("check first: {{if .List}}{{index .List 0}}{{end}}".to_owned())
            }
            _ => None,
        }
    }
}

impl TemplateError {
    /// The message with the template and a caret, as a terminal shows it.
    pub fn render(&self) -> String {
        let span = Span::of_bytes(&self.template, &self.at);
        let message = format!("template: {}", self.fault);
        snippet("--format", &self.template, span, &message, self.fault.hint().as_deref()).trim_end().to_owned()
    }
}
