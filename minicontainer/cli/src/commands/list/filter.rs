//! `ps --filter`: conditions that select containers.
//!
//! The keys are those of [docker ps][1]. A container must meet the conditions of all keys. If a key is repeated, one
//! of its conditions is enough, except for `label`, where all must be met.
//!
//! [1]: https://docs.docker.com/reference/cli/docker/container/ls/#filter

use std::collections::BTreeMap;

use jiff::Timestamp;
use minicontainer::{
    Store,
    core::{
        Digest,
        options::{MountSpec, Network, parse_bool},
    },
};
use minicontainer_engine::{Container, Containers};
use regex::Regex;

use super::super::find_image;
use crate::{error::Failure, format::list::key_and_value};

const KEYS: &str = "use id, name, label, exited, status, ancestor, before, since, volume, network, health or is-task";

/// Docker's names for the states.
const STATES: [&str; 7] = ["created", "restarting", "running", "removing", "paused", "exited", "dead"];

/// Docker's names for the results of health checks. All containers here have the last one.
const HEALTH: [&str; 4] = ["starting", "healthy", "unhealthy", "none"];

/// The conditions, by their keys.
pub struct Filters<'s> {
    store: &'s Store,
    conditions: BTreeMap<String, Vec<Condition>>,
}

/// One condition.
enum Condition {
    Id(Regex),
    Name(Regex),
    Label(String, Option<String>),
    Exited(i32),
    Status(String),
    /// The image's layers and its id; `None` if there is no such image.
    Ancestor(Option<(Vec<Digest>, Digest)>),
    Before(Timestamp),
    Since(Timestamp),
    Volume(String),
    Network(String),
    /// A condition that all containers meet, or none: there are no health checks and no swarms here.
    Constant(bool),
}

impl<'s> Filters<'s> {
    /// Parses the conditions.
    ///
    /// # Errors
    /// If a key is unknown or a value invalid.
    pub fn parse(store: &'s Store, filters: &[String]) -> Result<Filters<'s>, Failure> {
        let mut conditions: BTreeMap<String, Vec<Condition>> = BTreeMap::new();
        for filter in filters {
            let (key, value) = key_and_value(filter)?;
            conditions.entry(key.to_owned()).or_default().push(parse(store, key, value)?);
        }
        Ok(Filters { store, conditions })
    }

    /// Whether containers are selected by their state, so that those that are not running are listed too.
    pub fn select_states(&self) -> bool {
        self.conditions.contains_key("status")
    }

    /// Whether a container meets all conditions.
    pub fn admit(&self, container: &Container) -> bool {
        self.conditions.iter().all(|(key, conditions)| {
            let mut admitted = conditions.iter().map(|condition| condition.admits(container, self.store));
            if key == "label" { admitted.all(|one| one) } else { admitted.any(|one| one) }
        })
    }
}

fn parse(store: &Store, key: &str, value: &str) -> Result<Condition, Failure> {
    let invalid = |reason: String| Failure::new(format!("invalid filter '{key}={value}'")).hint(reason);
    let created = || Ok::<_, Failure>(Containers::of(store).find(value)?.created);
    let one_of = |known: &[&str]| match known.contains(&value) {
        true => Ok(value.to_owned()),
        false => Err(invalid(format!("use one of {}", known.join(", ")))),
    };
    let unsupported = |reason: &str| Err(Failure::new(format!("--filter {key}: {reason}")).hint(KEYS));
    Ok(match key {
        "id" => Condition::Id(expression(value).map_err(invalid)?),
        "name" => Condition::Name(expression(value).map_err(invalid)?),
        "label" => match value.split_once('=') {
            Some((name, value)) => Condition::Label(name.to_owned(), Some(value.to_owned())),
            None => Condition::Label(value.to_owned(), None),
        },
        "exited" => {
            Condition::Exited(value.parse().map_err(|_| invalid("use an exit code, such as exited=0".to_owned()))?)
        }
        "status" => Condition::Status(one_of(&STATES)?),
        "ancestor" => Condition::Ancestor(
            find_image(store, value).ok().map(|image| (image.config.rootfs.diff_ids.clone(), image.id)),
        ),
        "before" => Condition::Before(created()?),
        "since" => Condition::Since(created()?),
        "volume" => Condition::Volume(value.to_owned()),
        "network" => Condition::Network(value.to_owned()),
        "health" => Condition::Constant(one_of(&HEALTH)? == "none"),
        "is-task" => {
            let wanted = parse_bool(value).ok_or_else(|| invalid("use true or false".to_owned()))?;
            Condition::Constant(!wanted)
        }
        "publish" | "expose" => return unsupported("published ports are not supported yet"),
        "isolation" => return unsupported("only containers of Windows have this property"),
        _ => return Err(Failure::new(format!("invalid filter '{key}'")).hint(KEYS)),
    })
}

impl Condition {
    fn admits(&self, container: &Container, store: &Store) -> bool {
        let config = &container.config;
        match self {
            Condition::Id(pattern) => pattern.is_match(container.id.as_str()),
            Condition::Name(pattern) => is_name(pattern, container.name.as_str()),
            Condition::Label(name, value) => {
                let given = config.labels.get(name);
                given.is_some_and(|given| value.as_ref().is_none_or(|value| value == given))
            }
            Condition::Exited(code) => {
                container.state.docker_status() == "exited" && container.state.exit_code() == Some(*code)
            }
            Condition::Status(status) => container.state.docker_status() == status,
            Condition::Ancestor(image) => {
                image.as_ref().is_some_and(|(layers, id)| is_made_from(store, &config.image_id, layers, id))
            }
            Condition::Before(time) => container.created < *time,
            Condition::Since(time) => container.created > *time,
            Condition::Volume(place) => config.options.mounts.iter().any(|mount| match mount {
                MountSpec::Bind { source, target, .. } => source == place || target == place,
                MountSpec::Tmpfs { .. } => false,
            }),
            Condition::Network(name) => match config.options.network {
                Network::None => name == "none",
                Network::Host => name == "host",
            },
            Condition::Constant(all) => *all,
        }
    }
}

/// Whether an image is another image, or was built from it. Then its layers begin with the layers of the other.
fn is_made_from(store: &Store, image: &str, layers: &[Digest], id: &Digest) -> bool {
    let begins = || {
        let own = find_image(store, image).map(|image| image.config.rootfs.diff_ids.clone());
        own.is_ok_and(|own| !layers.is_empty() && own.starts_with(layers))
    };
    image == id.as_str() || begins()
}

/// A regular expression, which matches any part of a text. Docker's are those of Go's package `regexp`, which has the
/// same syntax as the crate.
fn expression(text: &str) -> Result<Regex, String> {
    let reason = |error: regex::Error| match error {
        // The last line of a syntax error says what is wrong, and the ones before show where.
        regex::Error::Syntax(text) => {
            text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
        }
        other => other.to_string(),
    };
    let wrong = |error| format!("not a regular expression: {} (for example, name=^web$)", reason(error));
    Regex::new(text).map_err(wrong)
}

/// Whether a name is meant, with or without the slash with which Docker's names begin.
fn is_name(pattern: &Regex, name: &str) -> bool {
    pattern.is_match(name) || pattern.is_match(&format!("/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, name: &str, expect: bool) {
        assert_eq!(is_name(&expression(pattern).unwrap(), name), expect, "{pattern} {name}");
    }

    /// The rule is that of moby's `daemon/list.go`.
    #[test]
    fn names_are_matched_by_regular_expressions() {
        check("web", "my-web-1", true);
        check("^web", "my-web-1", false);
        check("^/web$", "web", true);
        check("web$", "my-web", true);
        check("^web$", "web-1", false);
        check("", "web", true);
        check("web|db", "my-db", true);
        check("^(web|db)-[0-9]+$", "db-12", true);
        check("^(web|db)-[0-9]+$", "db-x", false);
        check("w.*b", "wxxb", true);
        check("(?i)WEB", "web", true);
    }

    #[test]
    fn invalid_expressions_are_rejected() {
        for (pattern, reason) in [("a(", "unclosed group"), ("[", "unclosed character class"), ("*", "repetition")] {
            let error = expression(pattern).unwrap_err();
            assert!(error.starts_with("not a regular expression: ") && error.contains(reason), "{error}");
        }
    }
}
