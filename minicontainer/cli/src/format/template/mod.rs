//! Templates in Docker's language, a part of [Go's text/template](https://pkg.go.dev/text/template).
//!
//! ```text
//! "{{.ID}} {{json .X}}" ─ lex ─▶ tokens ─ parse ─▶ nodes ─ evaluate ─▶ text
//!                                                    └ functions, printf on values
//! ```
//!
//! | What can be written | |
//! |---|---|
//! | `{{.Field.Inner}}` `{{.}}` `{{$}}` | a field, the whole, the outermost whole |
//! | `{{if X}} … {{else if Y}} … {{else}} … {{end}}` | the part whose condition is not empty, zero or false |
//! | `{{range X}} … {{else}} … {{end}}` | once for each element, which is the dot; `$i, $e := X` names both; `break`, `continue` |
//! | `{{with X}} … {{end}}` | with X as the dot, if it is not empty |
//! | `{{$name := X}}` `{{$name = X}}` | variables |
//! | `{{f X Y}}` `{{Y \| f X}}` `{{(f X).Field}}` | functions: see [`functions`] |
//! | `{{- X -}}` `{{/* … */}}` | without the white space around; a comment |
//!
//! It is written here, not taken from a crate. `gtmpl` has seen no release since 2021; `gotmpl` is new, one person's,
//! and 9,000 lines for the whole language with files and HTML. And neither can do what matters here: point at the
//! place of a field that is not there and name those that are; and show a text of a stranger's so that a terminal has
//! nothing to obey, while `json` gets it unchanged.

mod error;
mod evaluate;
mod functions;
mod lex;
mod node;
mod parse;
mod printf;
#[cfg(test)]
mod tests;
mod value;

use serde_json::Value;

pub use error::TemplateError;
pub use evaluate::Heading;

/// A template.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    text: String,
    nodes: Vec<node::Node>,
}

impl Template {
    /// Reads a template.
    pub fn parse(text: &str) -> Result<Template, TemplateError> {
        Ok(Template { text: text.to_owned(), nodes: parse::parse(text)? })
    }

    /// Writes it for a document.
    pub fn fill(&self, document: &Value) -> Result<String, TemplateError> {
        evaluate::fill(&self.text, &self.nodes, document)
    }

    /// Writes it with the heading of each field in its place.
    pub fn headings(&self, heading: Heading<'_>) -> Result<String, TemplateError> {
        evaluate::headings(&self.text, &self.nodes, heading)
    }
}
