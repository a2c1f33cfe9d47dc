//! Templates in Docker's language, a part of [Go's text/template](https://pkg.go.dev/text/template).
//!
//! ```text
//! "{{.ID}} {{json .X}}" ─ lex ─▶ tokens ─ parse ─▶ nodes ─ evaluate ─▶ text
//!                                                    └ functions, printf on values
//! ```
//!
//! | Syntax | Meaning |
//! |---|---|
//! | `{{.Field.Inner}}` `{{.}}` `{{$}}` | a field, the current value, the whole document |
//! | `{{if X}} … {{else if Y}} … {{else}} … {{end}}` | the part whose condition is not empty, zero or false |
//! | `{{range X}} … {{else}} … {{end}}` | once for each element, which is the dot; `$i, $e := X` names both; `break`,
//! `continue` |
//! | `{{with X}} … {{end}}` | with X as the dot, if it is not empty |
//! | `{{$name := X}}` `{{$name = X}}` | variables |
//! | `{{f X Y}}` `{{Y \| f X}}` `{{(f X).Field}}` | functions: see [`functions`] |
//! | `{{.Label "NAME"}}` | one label of a row of a list |
//! | `{{- X -}}` `{{/* … */}}` | without the surrounding white space; a comment |
//!
//! This is not a crate because none fits. `gtmpl` has had no release since 2021; `gotmpl` is new, has one maintainer,
//! and has 9,000 lines for the whole language with files and HTML. Neither can point at the place of a missing field
//! and list the existing ones. Neither can escape untrusted text for terminals while `json` gets it unchanged.

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
pub use functions::json_of;

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

    /// Evaluates the template for a document.
    pub fn fill(&self, document: &Value) -> Result<String, TemplateError> {
        evaluate::fill(&self.text, &self.nodes, document)
    }

    /// Evaluates the template with each field replaced by its heading.
    pub fn headings(&self, heading: Heading<'_>) -> Result<String, TemplateError> {
        evaluate::headings(&self.text, &self.nodes, heading)
    }
}
