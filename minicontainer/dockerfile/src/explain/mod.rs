//! Every instruction in words, in two languages: what it does to layers, to metadata and to the cache.
//!
//! `build --explain` prints it, without building or fetching anything. The words come from the Fluent files next to
//! this one, one message for each kind of instruction, and work like those of core. `checks.*.ftl` has the
//! messages of warnings
//! ([`minicontainer_core::explain`]).
//!
//! ```
//! use minicontainer_core::explain::Language;
//! use minicontainer_dockerfile::explain::explain;
//!
//! let file = minicontainer_dockerfile::parse(b"FROM scratch\nLABEL version=1\n").unwrap();
//! let words = explain(&file.instructions[1], Language::Portuguese);
//! assert_eq!(words.title, "Adicionar labels: version=1");
//! assert_eq!(words.layers, "Nenhuma: os arquivos não mudam.");
//! ```

use minicontainer_core::explain::{Catalogue, Language, Message, Value, wrap};
use serde::Serialize;

use crate::instruction::{Dockerfile, Instruction, Kind};

static CATALOGUE: Catalogue = Catalogue::new(
    &[include_str!("en.ftl"), include_str!("checks.en.ftl")],
    &[include_str!("pt-BR.ftl"), include_str!("checks.pt-BR.ftl")],
);

/// A message of this crate's catalogue, such as that of a warning.
pub(crate) fn message(key: &'static str, arguments: impl IntoIterator<Item = (&'static str, Value)>) -> Message {
    Message::of(&CATALOGUE, key, arguments)
}

/// Where [`render`] breaks lines.
const WIDTH: usize = 100;
/// Longer titles are cut.
const LONGEST: usize = 80;

/// An instruction in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// What is done, in one sentence.
    pub title: String,
    /// Which files change, and in which layer.
    pub layers: String,
    /// How the image's config changes.
    pub metadata: String,
    /// When the result of an earlier build can be used.
    pub cache: String,
}

/// Explains an instruction in words.
pub fn explain(instruction: &Instruction, language: Language) -> Explanation {
    let kind = match &instruction.kind {
        Kind::From(from) if from.base.text == "scratch" => "from-scratch".to_owned(),
        Kind::Copy(copy) if copy.from.is_some() => "copy-from".to_owned(),
        kind => kind.keyword().name().to_lowercase(),
    };
    let text = instruction.to_string();
    let words = text.split_once(' ').map_or("", |(_, words)| words);
    // Only the first line of a value, and only the beginning of a long line.
    let first = words.lines().next().unwrap_or_default();
    let mut short: String = first.chars().take(LONGEST).collect();
    if short.len() < words.len() {
        short.push('…');
    }
    let part = |part: &str| {
        CATALOGUE.message(language, &format!("instruction-{kind}{part}"), &[("words", short.as_str().into())])
    };
    Explanation { title: part(""), layers: part(".layers"), metadata: part(".metadata"), cache: part(".cache") }
}

/// The whole file as plain text: what `build --explain` prints.
pub fn render(file: &Dockerfile, language: Language) -> String {
    let label = |name: &str| CATALOGUE.message(language, name, &[]);
    let mut text = String::new();
    for instruction in &file.instructions {
        let Explanation { title, layers, metadata, cache } = explain(instruction, language);
        text += &format!("{:>4}  {title}\n", instruction.span.start.line);
        for (name, words) in [("label-layers", layers), ("label-metadata", metadata), ("label-cache", cache)] {
            let lines = wrap(&format!("{} {words}", label(name)), WIDTH - 8);
            text.extend(
                lines
                    .iter()
                    .enumerate()
                    .map(|(at, line)| format!("{}{line}\n", if at == 0 { "      " } else { "        " })),
            );
        }
        text.push('\n');
    }
    text + &wrap(&label("closing"), WIDTH).join("\n") + "\n"
}

#[cfg(test)]
mod tests;
