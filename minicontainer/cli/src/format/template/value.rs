//! The values that templates work with, how they are printed, and which of them are escaped.
//!
//! A text in the document may come from an image, and terminals interpret control characters, so such a text is
//! printed with these escaped. The template's own text, such as the line ends of `println`, comes from the user. A
//! value therefore records whether the template *made* it: then it is printed as it is. `json` prints the text
//! exactly.

use std::{borrow::Cow, cmp::Ordering};

use serde_json::Value;

use crate::output::visible;

/// A value.
#[derive(Clone, Debug)]
pub struct Found<'v> {
    /// The value.
    pub value: Cow<'v, Value>,
    /// Whether it is a text that the template made.
    pub made: bool,
}

impl<'v> Found<'v> {
    /// A value of the document.
    pub fn of(value: &'v Value) -> Found<'v> {
        Found { value: Cow::Borrowed(value), made: false }
    }

    /// A value computed from the document. Its texts need the same escaping.
    pub fn computed(value: impl Into<Value>) -> Found<'v> {
        Found { value: Cow::Owned(value.into()), made: false }
    }

    /// A text that is printed as it is.
    pub fn made(text: impl Into<String>) -> Found<'v> {
        Found { value: Cow::Owned(Value::String(text.into())), made: true }
    }

    /// A part of the value.
    pub fn part(&self, find: impl Fn(&Value) -> Option<&Value>) -> Option<Found<'v>> {
        let value = match &self.value {
            Cow::Borrowed(value) => find(value).map(Cow::Borrowed),
            Cow::Owned(value) => find(value).cloned().map(Cow::Owned),
        };
        value.map(|value| Found { value, made: self.made })
    }

    /// Whether `if` takes it as true: not null, zero or empty.
    pub fn is_true(&self) -> bool {
        match &*self.value {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(elements) => !elements.is_empty(),
            Value::Object(fields) => !fields.is_empty(),
        }
    }

    /// Its keys and elements, if it has any.
    pub fn elements(&self) -> Option<Vec<(Found<'v>, Found<'v>)>> {
        let element =
            |key: Value, find: &dyn Fn(&Value) -> Option<&Value>| Some((Found::computed(key), self.part(find)?));
        match &*self.value {
            Value::Null => Some(Vec::new()),
            Value::Array(elements) => {
                (0..elements.len()).map(|index| element(index.into(), &|value| value.get(index))).collect()
            }
            Value::Object(fields) => {
                fields.keys().map(|key| element(key.as_str().into(), &|value| value.get(key))).collect()
            }
            _ => None,
        }
    }

    /// The printed form.
    pub fn shown(&self) -> Cow<'_, str> {
        match &*self.value {
            Value::String(text) if self.made => Cow::Borrowed(text),
            Value::String(text) => visible(text),
            other => Cow::Owned(printed(other)),
        }
    }

    /// The name of its type.
    pub fn kind(&self) -> &'static str {
        match &*self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a text",
            Value::Array(_) => "a list",
            Value::Object(_) => "an object",
        }
    }

    /// The order of two values, if they can be compared.
    pub fn compare(&self, other: &Found<'_>) -> Option<Ordering> {
        match (&*self.value, &*other.value) {
            (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
            (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
            (Value::Null, Value::Null) => Some(Ordering::Equal),
            (Value::Number(one), Value::Number(other)) => match (one.as_i64(), other.as_i64()) {
                (Some(one), Some(other)) => Some(one.cmp(&other)),
                _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
            },
            _ => None,
        }
    }
}

/// A value as Go prints it.
fn printed(value: &Value) -> String {
    let all = |parts: Vec<String>| parts.join(" ");
    match value {
        Value::Null => "<nil>".to_owned(),
        Value::String(text) => visible(text).into_owned(),
        Value::Array(elements) => format!("[{}]", all(elements.iter().map(printed).collect())),
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match value {
                // Docker's sets, of ports and volumes, are maps to empty structs.
                Value::Object(inner) if inner.is_empty() => format!("{}:{{}}", visible(name)),
                other => format!("{}:{}", visible(name), printed(other)),
            };
            format!("map[{}]", all(fields.iter().map(field).collect()))
        }
        other => other.to_string(),
    }
}
