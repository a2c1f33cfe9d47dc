//! What every command that lists things understands: `-q`, `--no-trunc`, `--format`, and the form of a `--filter`.

use clap::Args;

use super::{Format, template::TemplateError};
use crate::error::Failure;

/// How a list is shown.
#[derive(Debug, Args)]
pub struct Listing {
    /// Show ids only
    #[arg(short, long)]
    pub quiet: bool,

    /// Show whole ids, and nothing cut off
    #[arg(long)]
    pub no_trunc: bool,

    /// Show by a template: json, '{{.Field}} …' or 'table {{.Field}}\t…'
    #[arg(long, value_name = "TEMPLATE")]
    format: Option<String>,
}

impl Listing {
    /// The form that was asked for; else this table, or with `-q` the ids.
    pub fn format(&self, table: &str) -> Result<Format, TemplateError> {
        match self.format.as_deref().filter(|format| !matches!(*format, "" | "table")) {
            Some(format) => Format::parse(format),
            None if self.quiet => Format::parse("{{.ID}}"),
            None => Format::parse(table),
        }
    }

    /// An id, whole or short.
    pub fn id<'i>(&self, whole: &'i str, short: &'i str) -> &'i str {
        if self.no_trunc { whole } else { short }
    }
}

/// The key and the value of a `--filter`.
pub fn key_and_value(filter: &str) -> Result<(&str, &str), Failure> {
    let parted = filter.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
    parted.filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
        Failure::new(format!("bad format of filter '{filter}'"))
            .hint("write KEY=VALUE, such as --filter dangling=true")
    })
}
