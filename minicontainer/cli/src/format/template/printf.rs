//! `printf`: the verbs of Go's package fmt that apply to JSON values.

use serde_json::Value;

use super::{error::Fault, functions::WIDTH_LIMIT, value::Found};
use crate::output::{json_text, visible};

/// A verb with its flags, width and precision.
#[derive(Default)]
struct Verb {
    left: bool,
    zeros: bool,
    sign: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

/// Formats the arguments.
pub fn printf(format: &str, arguments: &[Found<'_>]) -> Result<String, Fault> {
    let mut text = String::new();
    let mut arguments = arguments.iter();
    let mut rest = format;
    while let Some((before, behind)) = rest.split_once('%') {
        text += before;
        let (verb, length) = read(behind)?;
        rest = &behind[length..];
        if verb.letter == '%' {
            text.push('%');
            continue;
        }
        match arguments.next() {
            Some(argument) => text += &verb.padded(verb.fill(argument)),
            None => text += &format!("%!{}(MISSING)", verb.letter),
        }
    }
    text += rest;
    let extra: Vec<_> =
        arguments.map(|argument| format!("{}={}", type_name(&argument.value), argument.shown())).collect();
    if !extra.is_empty() {
        text += &format!("%!(EXTRA {})", extra.join(", "));
    }
    Ok(text)
}

/// Reads a verb after its `%`, and its length in bytes.
fn read(text: &str) -> Result<(Verb, usize), Fault> {
    let mut verb = Verb::default();
    let flags = text.find(|flag| !"-+0 #".contains(flag)).unwrap_or(text.len());
    verb.left = text[..flags].contains('-');
    verb.zeros = text[..flags].contains('0') && !verb.left;
    verb.sign = text[..flags].contains('+');
    let mut at = flags;
    verb.width = digits(text, &mut at)?.unwrap_or(0);
    if text[at..].starts_with('.') {
        at += 1;
        verb.precision = Some(digits(text, &mut at)?.unwrap_or(0));
    }
    let unknown = || Fault::Verb { verb: text.chars().take(10).collect() };
    verb.letter = text[at..].chars().next().filter(|letter| "svqdxXftc%".contains(*letter)).ok_or_else(unknown)?;
    Ok((verb, at + 1))
}

fn digits(text: &str, at: &mut usize) -> Result<Option<usize>, Fault> {
    let rest = &text[*at..];
    let length = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
    *at += length;
    match rest[..length].parse() {
        _ if length == 0 => Ok(None),
        Ok(number) if number <= WIDTH_LIMIT => Ok(Some(number)),
        _ => Err(Fault::TooWide { name: "printf", limit: WIDTH_LIMIT }),
    }
}

/// The name of a value's type in Go.
fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "<nil>",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "float64",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "[]string",
        Value::Object(_) => "map[string]string",
    }
}

impl Verb {
    fn fill(&self, argument: &Found<'_>) -> String {
        let text = || match self.precision {
            Some(most) => argument.shown().chars().take(most).collect(),
            None => argument.shown().into_owned(),
        };
        let value = &*argument.value;
        match (self.letter, value) {
            ('q', Value::String(text)) => json_text(&Value::from(text.as_str())),
            ('x' | 'X', Value::String(text)) => {
                self.in_case(text.bytes().map(|byte| format!("{byte:02x}")).collect())
            }
            ('d' | 'x' | 'X' | 'c', Value::Number(number)) if number.is_i64() || number.is_u64() => {
                let number = number.as_i64().unwrap_or(i64::MAX);
                match self.letter {
                    'd' => self.signed(number >= 0, number.to_string()),
                    'c' => {
                        let character = u32::try_from(number).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
                        visible(character.encode_utf8(&mut [0; 4])).into_owned()
                    }
                    _ if number < 0 => self.in_case(format!("-{:x}", number.unsigned_abs())),
                    _ => self.in_case(format!("{number:x}")),
                }
            }
            ('f', Value::Number(number)) => {
                let number = number.as_f64().unwrap_or(f64::NAN);
                self.signed(number >= 0.0, format!("{number:.*}", self.precision.unwrap_or(6)))
            }
            ('t', Value::Bool(value)) => value.to_string(),
            ('v', _) | ('s', Value::String(_) | Value::Array(_) | Value::Object(_)) => text(),
            // Go's output for a verb that does not fit the value.
            _ => format!("%!{}({}={})", self.letter, type_name(value), argument.shown()),
        }
    }

    fn in_case(&self, digits: String) -> String {
        if self.letter == 'X' { digits.to_uppercase() } else { digits }
    }

    fn signed(&self, positive: bool, digits: String) -> String {
        if self.sign && positive { format!("+{digits}") } else { digits }
    }

    fn padded(&self, text: String) -> String {
        let width = self.width;
        let is_number = matches!(self.letter, 'd' | 'f' | 'x' | 'X');
        match text.strip_prefix(['-', '+']) {
            _ if self.left => format!("{text:<width$}"),
            Some(digits) if self.zeros && is_number => {
                format!("{}{digits:0>1$}", &text[..1], width.saturating_sub(1))
            }
            None if self.zeros && is_number => format!("{text:0>width$}"),
            _ => format!("{text:>width$}"),
        }
    }
}
