//! The flags of every command that lists objects: `-q`, `--no-trunc`, `--format`, and the syntax of `--filter`.

use clap::Args;

use super::{Format, template::TemplateError};
use crate::error::Failure;

/// How a list is shown.
#[derive(Debug, Args)]
pub struct Listing {
    /// Print only ids
    #[arg(short, long)]
    pub quiet: bool,

    /// Do not truncate the output
    #[arg(long)]
    pub no_trunc: bool,

    /// Format the output: json, '{{.Field}} …' or 'table {{.Field}}\t…'
    #[arg(long, value_name = "TEMPLATE")]
    format: Option<String>,
}

impl Listing {
    /// The requested format; else this table, or with `-q` the ids.
    pub fn format(&self, table: &str) -> Result<Format, TemplateError> {
        match self.format.as_deref().filter(|format| !matches!(*format, "" | "table")) {
            Some(format) => Format::parse(format),
            None if self.quiet => Format::parse("{{.ID}}"),
            None => Format::parse(table),
        }
    }

    /// Whether the requested format shows a field.
    pub fn uses(&self, field: &str) -> bool {
        self.format
            .as_deref()
            .is_some_and(|format| format == "json" || format.contains(field) || format.contains("json ."))
    }

    /// The full or the short id.
    pub fn id<'i>(&self, whole: &'i str, short: &'i str) -> &'i str {
        if self.no_trunc { whole } else { short }
    }
}

/// Splits the value of `--filter` into its key and its value.
pub fn key_and_value(filter: &str) -> Result<(&str, &str), Failure> {
    let parted = filter.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
    parted.filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        Failure::new(format!("bad format of filter '{filter}'"))
            .hint("write KEY=VALUE, such as --filter dangling=true")
    })
}
