//! `--format`: how to show each object, as `json`, with a template, or as a table of templates.
//!
//! `table ` before a template adds a line of headings. The values of fields may come from an image, so characters
//! that terminals interpret are escaped. JSON has the exact values.
//!
//! ```text
//! minicontainer ps -a --format 'table {{.Names}}\t{{.Status}}'
//! minicontainer inspect --format '{{json .State}}' web
//! ```

pub mod choice;
pub mod list;
pub mod template;

use minicontainer::{Diagnostic, ErrorKind};
use serde::Serialize;
use serde_json::Value;

use self::template::{Heading, Template, TemplateError, json_of};
use crate::{
    error::{Context, Failure},
    table,
};

/// What `--format` asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Each object as JSON.
    Json,
    /// Each object with a template.
    Template(Template),
    /// The same in columns with headings.
    Table(Template),
}

impl Diagnostic for TemplateError {
    fn kind(&self) -> ErrorKind {
        ErrorKind::InvalidInput
    }
}

impl Format {
    /// Parses the value of `--format`.
    pub fn parse(text: &str) -> Result<Format, TemplateError> {
        match text.strip_prefix("table ") {
            _ if text == "json" => Ok(Format::Json),
            Some(template) => Template::parse(template.trim_start()).map(Format::Table),
            None => Template::parse(text).map(Format::Template),
        }
    }

    /// Formats a list. `heading` names the column of a field.
    pub fn render(&self, rows: &[Value], heading: Heading<'_>) -> Result<String, TemplateError> {
        match self {
            Format::Json => Ok(rows.iter().map(|row| json_of(row) + "\n").collect()),
            Format::Template(template) => rows.iter().map(|row| Ok(template.fill(row)? + "\n")).collect(),
            Format::Table(template) => {
                let cells = |line: String| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
                let mut lines = vec![cells(template.headings(heading)?)];
                for row in rows {
                    lines.push(cells(template.fill(row)?));
                }
                Ok(table::render(&lines))
            }
        }
    }

    /// Formats a list of objects. `heading` names the column of a field.
    pub fn render_rows(&self, things: &[impl Serialize], heading: Heading<'_>) -> Result<String, Failure> {
        let documents: Vec<Value> =
            things.iter().map(serde_json::to_value).collect::<Result<_, _>>().context("cannot write JSON")?;
        Ok(self.render(&documents, heading)?)
    }

    /// Formats objects whose fields are their own headings.
    pub fn render_each(&self, things: &[impl Serialize]) -> Result<String, Failure> {
        self.render_rows(things, &str::to_uppercase)
    }
}
