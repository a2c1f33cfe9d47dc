//! `--format`: what to show of each thing, as `json`, as a template, or as a table of templates.
//!
//! Templates are Docker's, a small part of Go's text/template (pkg.go.dev/text/template): text in which `{{.Field}}` stands
//! for a field, `{{.Field.Inner}}` for a field of a field, `{{.}}` for the whole, and `{{json .Field}}` for the field as
//! JSON. `table ` before it adds a line of headings. `\t` and `\n` may be written as two characters, since shells make
//! the real ones hard to type. What a field holds may come from an image, so that a terminal gets nothing to obey.
//!
//! ```text
//! minicontainer ps -a --format 'table {{.Names}}\t{{.Status}}'
//! minicontainer inspect --format '{{json .State}}' web
//! ```

use serde_json::Value;

use crate::{error::Failure, output::visible, table};

/// What `--format` asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// Each thing as JSON.
    Json,
    /// Each thing by a template.
    Template(Template),
    /// The same in columns under headings.
    Table(Template),
}

/// Text and places to fill in.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    Field { path: Vec<String>, json: bool },
}

/// What is wrong with a template.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Braces that are not closed.
    #[error("template parsing error: \"{{{{\" is not closed by \"}}}}\" in \"{given}\"")]
    Open {
        /// The template.
        given: String,
    },
    /// An action that is not understood.
    #[error(
        "template parsing error: \"{{{{{action}}}}}\" is not understood: write {{{{.Field}}}}, {{{{.Field.Inner}}}} or {{{{json .Field}}}}"
    )]
    Action {
        /// What stands between the braces.
        action: String,
    },
    /// A field that is not there.
    #[error("template: there is no field {field}{}", if known.is_empty() { String::new() } else { format!("; there are {}", known.join(", ")) })]
    Field {
        /// The field.
        field: String,
        /// Those that there are.
        known: Vec<String>,
    },
}

impl From<TemplateError> for Failure {
    fn from(error: TemplateError) -> Failure {
        Failure::new(error.to_string())
    }
}

impl Format {
    /// Reads what stands behind `--format`.
    pub fn parse(text: &str) -> Result<Format, TemplateError> {
        match text.strip_prefix("table ") {
            _ if text == "json" => Ok(Format::Json),
            Some(template) => Template::parse(template.trim_start()).map(Format::Table),
            None => Template::parse(text).map(Format::Template),
        }
    }

    /// Shows a list. `heading` names the column of a field.
    pub fn render(&self, rows: &[Value], heading: impl Fn(&str) -> String) -> Result<String, TemplateError> {
        match self {
            Format::Json => Ok(rows.iter().map(|row| format!("{row}\n")).collect()),
            Format::Template(template) => rows.iter().map(|row| Ok(template.fill(row)? + "\n")).collect(),
            Format::Table(template) => {
                let cells = |line: String| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
                let mut lines = vec![cells(template.headings(heading))];
                for row in rows {
                    lines.push(cells(template.fill(row)?));
                }
                Ok(table::render(&lines))
            }
        }
    }
}

impl Template {
    fn parse(text: &str) -> Result<Template, TemplateError> {
        let text = text.replace("\\t", "\t").replace("\\n", "\n");
        let mut pieces = Vec::new();
        let mut rest = text.as_str();
        while let Some((before, behind)) = rest.split_once("{{") {
            let Some((action, after)) = behind.split_once("}}") else {
                return Err(TemplateError::Open { given: text.clone() });
            };
            pieces.extend([Piece::Text(before.to_owned()), parse_action(action)?]);
            rest = after;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Template { pieces })
    }

    fn fill(&self, value: &Value) -> Result<String, TemplateError> {
        self.pieces.iter().map(|piece| piece.fill(value)).collect()
    }

    fn headings(&self, heading: impl Fn(&str) -> String) -> String {
        let of = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Field { path, .. } => heading(path.last().map_or("", String::as_str)),
        };
        self.pieces.iter().map(of).collect()
    }
}

fn parse_action(action: &str) -> Result<Piece, TemplateError> {
    let wrong = || TemplateError::Action { action: action.to_owned() };
    let words: Vec<&str> = action.split_whitespace().collect();
    let (json, field) = match words[..] {
        ["json", field] => (true, field),
        [field] => (false, field),
        _ => return Err(wrong()),
    };
    let path = field.strip_prefix('.').ok_or_else(wrong)?;
    let names: Vec<String> = path.split('.').map(str::to_owned).collect();
    match path.is_empty() {
        true => Ok(Piece::Field { path: Vec::new(), json }),
        false if names.iter().any(String::is_empty) => Err(wrong()),
        false => Ok(Piece::Field { path: names, json }),
    }
}

impl Piece {
    fn fill(&self, value: &Value) -> Result<String, TemplateError> {
        let (path, json) = match self {
            Piece::Text(text) => return Ok(text.clone()),
            Piece::Field { path, json } => (path, *json),
        };
        let mut found = value;
        for name in path {
            found = found.get(name).ok_or_else(|| {
                let known = found.as_object().map(|object| object.keys().cloned().collect()).unwrap_or_default();
                TemplateError::Field { field: format!(".{}", path.join(".")), known }
            })?;
        }
        Ok(match found {
            Value::String(text) if !json => visible(text).into_owned(),
            Value::Null if !json => String::new(),
            other => other.to_string(),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn render(format: &str) -> Result<String, TemplateError> {
        let rows = [
            json!({"ID": "4f3c", "Names": "web", "State": {"Pid": 7, "Error": null}}),
            json!({"ID": "91", "Names": "a \"b\"", "State": {"Pid": 0, "Error": "x"}}),
        ];
        Format::parse(format)?.render(&rows, |field| field.to_uppercase())
    }

    #[track_caller]
    fn check(format: &str, expect: &str) {
        assert_eq!(render(format).as_deref(), Ok(expect));
    }

    #[test]
    fn templates() {
        check("{{.Names}}", "web\na \"b\"\n");
        check("{{ .ID }}={{.State.Pid}}", "4f3c=7\n91=0\n");
        check("{{.State.Error}}", "\nx\n");
        check(
            "{{json .Names}} {{json .State}}",
            "\"web\" {\"Error\":null,\"Pid\":7}\n\"a \\\"b\\\"\" {\"Error\":\"x\",\"Pid\":0}\n",
        );
        check(
            "json",
            "{\"ID\":\"4f3c\",\"Names\":\"web\",\"State\":{\"Error\":null,\"Pid\":7}}\n{\"ID\":\"91\",\"Names\":\"a \\\"b\\\"\",\"State\":{\"Error\":\"x\",\"Pid\":0}}\n",
        );
        check("table {{.ID}}\\t{{.Names}}", "ID     NAMES\n4f3c   web\n91     a \"b\"\n");
        check("plain", "plain\nplain\n");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let wrong = ["{{.Names", "{{Names}}", "{{len .Names}}", "{{}}", "{{..ID}}", "{{.Nmaes}}", "{{.ID.Inner}}"];
        let table = wrong.map(|format| render(format).unwrap_err().to_string());
        insta::assert_snapshot!(table.join("\n"));
    }
}
