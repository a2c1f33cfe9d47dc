//! The functions of templates: Go's own, and those that Docker adds (docs.docker.com/engine/cli/formatting).

use std::cmp::Ordering;

use serde_json::Value;

use super::{error::Fault, printf::printf, value::Found};
use crate::output::json_text;

/// Their names.
pub const FUNCTIONS: [&str; 23] = [
    "and", "eq", "ge", "gt", "index", "join", "json", "le", "len", "lower", "lt", "ne", "not", "or", "pad", "print",
    "printf", "println", "slice", "split", "title", "truncate", "upper",
];

/// The maximum width of a padded text.
pub const WIDTH_LIMIT: usize = 10_000;

/// The method `.Label` of rows. The labels are in a field of this name, which JSON does not show.
pub const LABEL: &str = "Label";

/// A value as JSON, without the field for labels.
pub fn json_of(value: &Value) -> String {
    match value {
        Value::Object(fields) if fields.contains_key(LABEL) && fields.contains_key("Labels") => {
            let mut fields = fields.clone();
            fields.remove(LABEL);
            json_text(&Value::Object(fields))
        }
        value => json_text(value),
    }
}

/// Calls a function. The caller evaluates `and` and `or`, because these do not use all of their arguments.
pub fn call<'v>(name: &'static str, arguments: &[Found<'v>]) -> Result<Found<'v>, Fault> {
    let got = arguments.len();
    let wrong = |want| Err(Fault::Arguments { name, want, got });
    match (name, arguments) {
        ("not", [one]) => Ok(Found::computed(!one.is_true())),
        ("eq", [first, others @ ..]) if got > 1 => equals(first, others).map(Found::computed),
        ("ne" | "lt" | "le" | "gt" | "ge", [one, other]) => compare(name, one, other).map(Found::computed),
        ("len", [one]) => length(one).map(Found::computed),
        ("index", [from, keys @ ..]) => keys.iter().try_fold(from.clone(), |from, key| index(&from, key)),
        ("slice", [from, bounds @ ..]) if got < 4 => slice(from, bounds),
        ("json", [one]) => Ok(Found::made(json_of(&one.value))),
        ("join", [list, between]) => join(list, between),
        ("split", [whole, between]) => {
            let parts: Vec<&str> = match text("split", between)? {
                // Splits into characters, as Go does.
                "" => text("split", whole)?.split("").filter(|part| !part.is_empty()).collect(),
                between => text("split", whole)?.split(between).collect(),
            };
            Ok(Found { value: std::borrow::Cow::Owned(parts.into()), made: whole.made })
        }
        ("lower", [one]) => changed(one, text("lower", one)?.to_lowercase()),
        ("upper", [one]) => changed(one, text("upper", one)?.to_uppercase()),
        ("title", [one]) => changed(one, title(text("title", one)?)),
        ("truncate", [one, most]) => {
            changed(one, text("truncate", one)?.chars().take(number("truncate", most)?).collect())
        }
        ("pad", [one, before, behind]) => {
            let (before, behind) = (number("pad", before)?, number("pad", behind)?);
            match text("pad", one)? {
                "" => Ok(one.clone()),
                padded => changed(one, format!("{:before$}{padded}{:behind$}", "", "")),
            }
        }
        ("print", _) => Ok(Found::made(print(arguments))),
        ("println", _) => {
            let words: Vec<_> = arguments.iter().map(Found::shown).collect();
            Ok(Found::made(words.join(" ") + "\n"))
        }
        ("printf", [format, arguments @ ..]) => printf(text("printf", format)?, arguments).map(Found::made),
        ("eq", _) => wrong("at least 2"),
        ("ne" | "lt" | "le" | "gt" | "ge" | "join" | "split" | "truncate", _) => wrong("2"),
        ("pad", _) => wrong("3"),
        ("index" | "printf", _) => wrong("at least 1"),
        ("slice", _) => wrong("1 to 3"),
        _ => wrong("1"),
    }
}

/// A text made from another one needs the same escaping.
fn changed<'v>(of: &Found<'v>, text: String) -> Result<Found<'v>, Fault> {
    Ok(Found { made: of.made, ..Found::computed(text) })
}

fn text<'f>(name: &'static str, of: &'f Found<'_>) -> Result<&'f str, Fault> {
    of.value.as_str().ok_or(Fault::Kind { name, expected: "a text", found: of.kind() })
}

/// A number of characters.
fn number(name: &'static str, of: &Found<'_>) -> Result<usize, Fault> {
    let number = of.value.as_i64().ok_or(Fault::Kind { name, expected: "a number", found: of.kind() })?;
    let number = usize::try_from(number).map_err(|_| Fault::OutOfRange { name, index: number })?;
    if number > WIDTH_LIMIT { Err(Fault::TooWide { name, limit: WIDTH_LIMIT }) } else { Ok(number) }
}

fn equals(first: &Found<'_>, others: &[Found<'_>]) -> Result<bool, Fault> {
    for other in others {
        match first.compare(other) {
            Some(Ordering::Equal) => return Ok(true),
            Some(_) => {}
            None if first.value.is_null() || other.value.is_null() => {}
            None => return Err(Fault::Incomparable { name: "eq" }),
        }
    }
    Ok(false)
}

fn compare(name: &'static str, one: &Found<'_>, other: &Found<'_>) -> Result<bool, Fault> {
    let order = match one.compare(other) {
        Some(order) => order,
        None if name == "ne" && (one.value.is_null() || other.value.is_null()) => return Ok(true),
        None => return Err(Fault::Incomparable { name }),
    };
    Ok(match name {
        "ne" => order.is_ne(),
        "lt" => order.is_lt(),
        "le" => order.is_le(),
        "gt" => order.is_gt(),
        _ => order.is_ge(),
    })
}

fn length(of: &Found<'_>) -> Result<usize, Fault> {
    match &*of.value {
        Value::String(text) => Ok(text.len()),
        Value::Array(elements) => Ok(elements.len()),
        Value::Object(fields) => Ok(fields.len()),
        // A missing list has no elements.
        Value::Null => Ok(0),
        _ => Err(Fault::Kind { name: "len", expected: "a text, a list or an object", found: of.kind() }),
    }
}

/// An element of a list, or a field whose name cannot be written after a dot. A missing field is null.
fn index<'v>(from: &Found<'v>, key: &Found<'_>) -> Result<Found<'v>, Fault> {
    let wrong = |expected, found: &Found<'_>| Err(Fault::Kind { name: "index", expected, found: found.kind() });
    match (&*from.value, &*key.value) {
        (Value::Object(_) | Value::Null, Value::String(name)) => {
            Ok(from.part(|value| value.get(name)).unwrap_or(Found::made("")))
        }
        (Value::Array(_), Value::Number(index)) => {
            let index = index.as_i64().unwrap_or(-1);
            let element = usize::try_from(index).ok().and_then(|index| from.part(|value| value.get(index)));
            element.ok_or(Fault::OutOfRange { name: "index", index })
        }
        (Value::Array(_), _) => wrong("a number after the list", key),
        (Value::Object(_), _) => wrong("a text after the object", key),
        _ => wrong("a list or an object", from),
    }
}

/// A part of a list or of a text, from one index up to another.
fn slice<'v>(from: &Found<'v>, bounds: &[Found<'_>]) -> Result<Found<'v>, Fault> {
    let name = "slice";
    let length = match &*from.value {
        Value::String(text) => text.chars().count(),
        Value::Array(elements) => elements.len(),
        _ => return Err(Fault::Kind { name, expected: "a text or a list", found: from.kind() }),
    };
    let bound = |at: usize, otherwise| bounds.get(at).map_or(Ok(otherwise), |bound| number(name, bound));
    let (start, end) = (bound(0, 0)?, bound(1, length)?);
    if start > end || end > length {
        return Err(Fault::OutOfRange { name, index: i64::try_from(start.max(end)).unwrap_or(i64::MAX) });
    }
    let part = match &*from.value {
        Value::Array(elements) => Value::Array(elements[start..end].to_vec()),
        other => other.as_str().unwrap_or_default().chars().skip(start).take(end - start).collect::<String>().into(),
    };
    Ok(Found { value: std::borrow::Cow::Owned(part), made: from.made })
}

fn join<'v>(list: &Found<'v>, between: &Found<'_>) -> Result<Found<'v>, Fault> {
    let between = text("join", between)?;
    let elements = match (&*list.value, list.elements()) {
        (Value::Array(_) | Value::Null, Some(elements)) => elements,
        _ => return Err(Fault::Kind { name: "join", expected: "a list", found: list.kind() }),
    };
    let words: Vec<String> = elements.iter().map(|(_, element)| element.shown().into_owned()).collect();
    Ok(Found::made(words.join(between)))
}

/// As Go's Sprint: a space between two arguments if neither is a text.
fn print(arguments: &[Found<'_>]) -> String {
    let mut printed = String::new();
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 && !argument.value.is_string() && !arguments[index - 1].value.is_string() {
            printed.push(' ');
        }
        printed += &argument.shown();
    }
    printed
}

/// Capitalizes every word.
fn title(text: &str) -> String {
    let mut begins = true;
    let mut titled = String::new();
    for character in text.chars() {
        match begins {
            true => titled.extend(character.to_uppercase()),
            false => titled.push(character),
        }
        begins = !(character.is_alphanumeric() || character == '_' || character == '\'');
    }
    titled
}
