//! `--format` of commands that have forms of their own, such as lines for people: one of these, or a template.

use clap::ValueEnum;

use super::Format;
use crate::error::Failure;

/// What was chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice<F> {
    /// A form of the command's own.
    Own(F),
    /// A template for each thing.
    Template(Format),
}

impl<F: ValueEnum> Choice<F> {
    /// Reads what stands behind `--format`. A template has an action in it; anything else is a slip.
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
        Err(failure.hint(format!("there are {}, and templates such as '{{{{json .}}}}'", known.join(", "))))
    }
}
