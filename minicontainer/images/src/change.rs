//! `--change`: an instruction of a Dockerfile, carried out on an image's config.

use serde_json::{Map, Value, json};

/// The instructions that say something of how to run an image, and need nothing else.
const KNOWN: &str = "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME, WORKDIR";

/// A change that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says what its fields are")]
pub enum ChangeError {
    /// An instruction that needs a build, or is none.
    #[error("{instruction} is not a valid change command: there are {KNOWN}")]
    Unknown { instruction: String },
    /// An instruction without what it needs.
    #[error("the change \"{change}\" is incomplete: {needed}")]
    Incomplete { change: String, needed: &'static str },
}

/// Changes the `config` object of an image's config as the instruction says.
pub(super) fn apply(config: &mut Map<String, Value>, change: &str) -> Result<(), ChangeError> {
    let change = change.trim();
    let (instruction, rest) = change.split_once(char::is_whitespace).unwrap_or((change, ""));
    let rest = rest.trim();
    let incomplete = |needed| ChangeError::Incomplete { change: change.to_owned(), needed };
    let instruction = instruction.to_uppercase();
    let needs_text = instruction != "CMD" && instruction != "ENTRYPOINT";
    if !KNOWN.split(", ").any(|known| known == instruction) {
        return Err(ChangeError::Unknown { instruction });
    }
    if rest.is_empty() && needs_text {
        return Err(incomplete("it needs at least one word"));
    }
    match instruction.as_str() {
        "CMD" => drop(config.insert("Cmd".to_owned(), command(rest))),
        "ENTRYPOINT" => drop(config.insert("Entrypoint".to_owned(), command(rest))),
        "USER" => drop(config.insert("User".to_owned(), rest.into())),
        "STOPSIGNAL" => drop(config.insert("StopSignal".to_owned(), rest.into())),
        "WORKDIR" => {
            let before = config.get("WorkingDir").and_then(Value::as_str).unwrap_or("/").trim_end_matches('/');
            let path = if rest.starts_with('/') { rest.to_owned() } else { format!("{before}/{rest}") };
            config.insert("WorkingDir".to_owned(), path.into());
        }
        "ENV" => {
            let mut variables: Vec<Value> = config.get("Env").and_then(Value::as_array).cloned().unwrap_or_default();
            for (name, value) in pairs(rest).ok_or(incomplete("it needs NAME=VALUE"))? {
                let start = format!("{name}=");
                variables.retain(|one| !one.as_str().is_some_and(|one| one.starts_with(&start)));
                variables.push(format!("{name}={value}").into());
            }
            config.insert("Env".to_owned(), variables.into());
        }
        "LABEL" => {
            let labels = pairs(rest).ok_or(incomplete("it needs NAME=VALUE"))?;
            object(config, "Labels").extend(labels.into_iter().map(|(name, value)| (name, value.into())));
        }
        "EXPOSE" => {
            let port = |word: &str| if word.contains('/') { word.to_owned() } else { format!("{word}/tcp") };
            object(config, "ExposedPorts").extend(rest.split_whitespace().map(|word| (port(word), json!({}))));
        }
        "VOLUME" => {
            let listed: Option<Vec<String>> = serde_json::from_str(rest).ok();
            let paths = listed.unwrap_or_else(|| rest.split_whitespace().map(str::to_owned).collect());
            object(config, "Volumes").extend(paths.into_iter().map(|path| (path, json!({}))));
        }
        _ => {
            let mut triggers = config.get("OnBuild").and_then(Value::as_array).cloned().unwrap_or_default();
            triggers.push(rest.into());
            config.insert("OnBuild".to_owned(), triggers.into());
        }
    }
    Ok(())
}

/// The exec form is a list as JSON has it; all else is for the shell.
fn command(text: &str) -> Value {
    match serde_json::from_str::<Vec<String>>(text) {
        Ok(words) => words.into(),
        Err(_) if text.is_empty() => Value::Null,
        Err(_) => json!(["/bin/sh", "-c", text]),
    }
}

fn object<'a>(config: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let value = config.entry(name).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it has just been made an object")
}

/// `NAME=VALUE NAME="A VALUE"`, or the old form `NAME VALUE` for one.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let words = words(text)?;
    if words.first().is_some_and(|first| !first.contains('=')) {
        let (name, value) = text.split_once(char::is_whitespace)?;
        return Some(vec![(name.to_owned(), value.trim().to_owned())]);
    }
    let pair = |word: &String| word.split_once('=').filter(|(name, _)| !name.is_empty()).map(owned);
    words.iter().map(pair).collect()
}

fn owned((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

/// Words as a shell parts them: quotes hold together, a backslash takes the next character as it is.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            _ if quote == Some(character) => quote = None,
            '"' | '\'' if quote.is_none() => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            '\\' if quote != Some('\'') => word.get_or_insert_default().push(characters.next()?),
            _ if character.is_whitespace() && quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(changes: &[&str], expect: Value) {
        let mut config = Map::new();
        changes.iter().for_each(|change| apply(&mut config, change).unwrap());
        assert_eq!(Value::Object(config), expect);
    }

    #[test]
    fn instructions_change_the_config() {
        check(
            &["CMD [\"a\", \"b c\"]", "entrypoint run it"],
            json!({"Cmd": ["a", "b c"], "Entrypoint": ["/bin/sh", "-c", "run it"]}),
        );
        check(
            &["ENV A=1 B='2 3'", "ENV A=\"x\\\"y\"", "ENV OLD form of it"],
            json!({"Env": ["B=2 3", "A=x\"y", "OLD=form of it"]}),
        );
        check(&["LABEL a=b", "LABEL c=\"d e\""], json!({"Labels": {"a": "b", "c": "d e"}}));
        check(&["EXPOSE 80 53/udp"], json!({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}));
        check(&["VOLUME [\"/a b\"]", "VOLUME /c /d"], json!({"Volumes": {"/a b": {}, "/c": {}, "/d": {}}}));
        check(&["WORKDIR /a", "WORKDIR b", "USER 5:6"], json!({"WorkingDir": "/a/b", "User": "5:6"}));
        check(&["ONBUILD RUN true", "STOPSIGNAL INT"], json!({"OnBuild": ["RUN true"], "StopSignal": "INT"}));
    }

    #[track_caller]
    fn check_refused(change: &str, expect: &str) {
        assert_eq!(apply(&mut Map::new(), change).unwrap_err().to_string(), expect);
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        check_refused("RUN true", &format!("RUN is not a valid change command: there are {KNOWN}"));
        check_refused("", &format!(" is not a valid change command: there are {KNOWN}"));
        check_refused("USER", "the change \"USER\" is incomplete: it needs at least one word");
        check_refused("ENV A", "the change \"ENV A\" is incomplete: it needs NAME=VALUE");
        check_refused("LABEL =b", "the change \"LABEL =b\" is incomplete: it needs NAME=VALUE");
        check_refused("ENV A='b", "the change \"ENV A='b\" is incomplete: it needs NAME=VALUE");
    }
}
