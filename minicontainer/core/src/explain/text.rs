//! Messages that are put into words later.
//!
//! Code that finds a cause, a warning or a reason does not know the language of its reader. So it returns a
//! [`Message`]: a key of a [`Catalogue`], and the arguments. The command puts it into the reader's language with
//! [`Message::text`]; in an error, which is English, it is displayed in English.
//!
//! ```
//! use minicontainer_core::explain::{Language, Message};
//!
//! let cause = Message::new("cause-files-of-root", []);
//! assert_eq!(cause.to_string(), "the cgroup hierarchy belongs to root");
//! assert_eq!(cause.text(Language::Portuguese), "a hierarquia de cgroups pertence ao root");
//! ```

use std::{borrow::Cow, cmp::Ordering, fmt};

use serde::{Serialize, Serializer};

use super::{Argument, Catalogue, Language, catalogue::CATALOGUE};

/// A message of a catalogue with its arguments. It is small, because errors contain messages.
#[derive(Clone)]
pub struct Message {
    parts: Box<Parts>,
}

#[derive(Clone)]
struct Parts {
    catalogue: &'static Catalogue,
    key: Cow<'static, str>,
    arguments: Vec<(&'static str, Value)>,
    /// The error behind it. Errors are in English, so in another language it follows on a line of its own.
    error: Option<String>,
}

/// An argument of a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A name, a path or other text that is the same in every language.
    Text(String),
    /// A number, by which a message can select singular or plural.
    Number(u64),
    /// A message, in the language of the outer one.
    Message(Message),
}

impl Message {
    /// A message of this crate's catalogue.
    pub fn new(
        key: impl Into<Cow<'static, str>>,
        arguments: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Message {
        Message::of(&CATALOGUE, key, arguments)
    }

    /// A message of a catalogue.
    pub fn of(
        catalogue: &'static Catalogue,
        key: impl Into<Cow<'static, str>>,
        arguments: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Message {
        let arguments = arguments.into_iter().collect();
        Message { parts: Box::new(Parts { catalogue, key: key.into(), arguments, error: None }) }
    }

    /// Adds the error behind the message.
    pub fn because(mut self, error: impl fmt::Display) -> Message {
        self.parts.error = Some(error.to_string());
        self
    }

    /// Changes the text of the error behind the message, if there is one.
    pub fn map_error(mut self, change: impl FnOnce(&str) -> String) -> Message {
        self.parts.error = self.parts.error.as_deref().map(change);
        self
    }

    /// The name of an error of the kernel, such as `EACCES`, with its meaning if it is a common one.
    pub fn errno(name: &str) -> Message {
        Message::new("errno", [("name", name.into())])
    }

    /// The message in a language.
    pub fn text(&self, language: Language) -> String {
        let argument = |value: &Value| match value {
            Value::Text(text) => Argument::from(text.clone()),
            Value::Number(number) => Argument::from(*number),
            Value::Message(message) => Argument::from(message.text(language)),
        };
        let Parts { catalogue, key, arguments, error } = &*self.parts;
        let arguments: Vec<(&str, Argument)> =
            arguments.iter().map(|(name, value)| (*name, argument(value))).collect();
        let text = catalogue.message(language, key, &arguments);
        match (error, language) {
            (None, _) => text,
            (Some(error), Language::English) => format!("{text}: {error}"),
            (Some(error), Language::Portuguese) => format!("{text}\n  {error}"),
        }
    }

    /// What is compared.
    fn identity(&self) -> (&str, &[(&'static str, Value)], Option<&str>) {
        (&self.parts.key, &self.parts.arguments, self.parts.error.as_deref())
    }
}

/// In English.
impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text(Language::English))
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), formatter)
    }
}

/// In English: documents are for programs.
impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Message) -> bool {
        self.identity() == other.identity()
    }
}

impl Eq for Message {}

impl Ord for Message {
    fn cmp(&self, other: &Message) -> Ordering {
        self.identity().cmp(&other.identity())
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Message) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::Text(text)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Value {
        Value::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Value {
        Value::Number(number as u64)
    }
}

impl From<Message> for Value {
    fn from(message: Message) -> Value {
        Value::Message(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inner_message_has_the_language_of_the_outer_one() {
        let message = Message::new(
            "cause-no-delegation-denied",
            [("place", "/sys/fs/cgroup/a".into()), ("errno", Message::errno("EACCES").into())],
        );
        insta::assert_snapshot!(message, @"no cgroup is delegated to you: /sys/fs/cgroup/a cannot be written: EACCES (permission denied)");
        insta::assert_snapshot!(message.text(Language::Portuguese), @"nenhum cgroup foi delegado a você: não é possível escrever em /sys/fs/cgroup/a: EACCES (permissão negada)");
        assert_eq!(serde_json::to_value(&message).unwrap(), message.to_string());
    }

    #[test]
    fn error_is_not_mixed_into_another_language() {
        let message = Message::new("cause-mount-denied", []).because("EPERM: Operation not permitted");
        insta::assert_snapshot!(message, @"a user namespace can be created, but mounting in it is denied: EPERM: Operation not permitted");
        insta::assert_snapshot!(message.text(Language::Portuguese), @r"
        um namespace de usuário pode ser criado, mas a montagem nele é negada
          EPERM: Operation not permitted
        ");
    }

    #[test]
    fn error_without_description_keeps_its_name() {
        assert_eq!(Message::errno("EBADE").text(Language::Portuguese), "EBADE");
    }
}
