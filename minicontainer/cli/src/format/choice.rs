//! `--format` of commands that have their own formats, such as plain text: one of these, or a template.

use clap::ValueEnum;

use super::Format;
use crate::error::Failure;

/// The chosen format.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice<F> {
    /// A format of the command.
    Own(F),
    /// A template for each object.
    Template(Format),
}

impl<F: ValueEnum> Choice<F> {
    /// Parses the value of `--format`. A template contains an action; anything else is an error.
    pub fn parse(text: &str) -> Result<Choice<F>, Failure> {
        if let Ok(own) = F::from_str(text, false) {
            return Ok(Choice::Own(own));
        }
        if text.contains("{{") {
            return Ok(Choice::Template(Format::parse(text)?));
        }
        let known = F::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let known: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        let failure = Failure::new(format!("invalid value '{text}' for --format"));
        Err(failure.hint(format!("use {}, or a template such as '{{{{json .}}}}'", known.join(", "))))
    }
}
