//! When is an answer the expected one? Teachers rarely mean "to the last byte".

use serde::Deserialize;

/// How an answer is compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Comparison {
    /// Every byte counts.
    Exact,
    /// Line by line; blanks at the end of a line and empty lines at the end of all are ignored.
    #[default]
    Lines,
    /// Word by word; how many blanks and line ends stand between is ignored.
    Tokens,
}

/// The first difference in words; none if the answer is as expected.
pub fn difference(answer: &[u8], expected: &[u8], comparison: Comparison) -> Option<String> {
    let (unit, answer, expected): (_, Vec<&[u8]>, Vec<&[u8]>) = match comparison {
        Comparison::Exact if answer == expected => return None,
        Comparison::Exact => ("line", split_lines(answer), split_lines(expected)),
        Comparison::Lines => ("line", trimmed_lines(answer), trimmed_lines(expected)),
        Comparison::Tokens => ("word", words(answer), words(expected)),
    };
    let most = answer.len().max(expected.len());
    let place = (0..most).find(|place| answer.get(*place) != expected.get(*place))?;
    Some(match (answer.get(place), expected.get(place)) {
        (Some(answer), Some(expected)) => {
            format!("{unit} {}: expected {}, not {}", place + 1, shown(expected), shown(answer))
        }
        (None, Some(expected)) => format!("{unit} {} is missing: expected {}", place + 1, shown(expected)),
        (Some(answer), None) => format!("{unit} {} is too much: {}", place + 1, shown(answer)),
        (None, None) => return None,
    })
}

fn split_lines(text: &[u8]) -> Vec<&[u8]> {
    text.split(|byte| *byte == b'\n').collect()
}

fn trimmed_lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = split_lines(text).into_iter().map(<[u8]>::trim_ascii_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

fn words(text: &[u8]) -> Vec<&[u8]> {
    text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

/// The beginning of a text in quotation marks, with nothing in it that a terminal would obey.
fn shown(text: &[u8]) -> String {
    const MOST: usize = 40;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * MOST)]);
    let cut = if text.chars().count() > MOST { "…" } else { "" };
    format!("\"{}{cut}\"", text.chars().take(MOST).collect::<String>().escape_debug())
}
