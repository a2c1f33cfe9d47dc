//! `--filter`: conditions that select images for listing or removal.
//!
//! An image must meet all of them. If there are several patterns (`reference`), one match is enough, as with Docker.

use std::time::SystemTime;

use jiff::Timestamp;
use minicontainer::{
    Store,
    core::{Reference, options::Timeout},
    store::Image,
};
use minicontainer_dockerfile::ignore::{Pattern, Stars};
use minicontainer_images::Condition;

use super::{super::find_image, time_of};
use crate::table::before_now;
use crate::{error::Failure, format::list::key_and_value};

/// The filters of `image prune`.
const OF_PRUNE: &str = "use until=TIME, label=NAME[=VALUE] or label!=NAME[=VALUE]";
const OF_LIST: &str =
    "use dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, until=TIME or label=NAME[=VALUE]";

/// The conditions for listing.
#[derive(Debug, Default)]
pub struct Filters {
    conditions: Vec<Condition>,
    dangling: Option<bool>,
    /// Created before or after this time. An image without a time is older than all that have one.
    before: Vec<Option<Timestamp>>,
    since: Vec<Option<Timestamp>>,
    references: Vec<Pattern>,
}

/// The conditions for removal.
pub fn conditions(filters: &[String]) -> Result<Vec<Condition>, Failure> {
    let condition = |filter: &String| {
        let (key, value) = key_and_value(filter)?;
        condition(key, value)?.ok_or_else(|| invalid(filter).hint(OF_PRUNE))
    };
    filters.iter().map(condition).collect()
}

fn condition(key: &str, value: &str) -> Result<Option<Condition>, Failure> {
    let label = |wanted| {
        let (name, value) =
            value.split_once('=').map_or((value, None), |(name, value)| (name, Some(value.to_owned())));
        Condition::Label { name: name.to_owned(), value, wanted }
    };
    Ok(match key {
        "until" => Some(Condition::Until(until(value)?)),
        "label" => Some(label(true)),
        "label!" => Some(label(false)),
        _ => None,
    })
}

impl Filters {
    /// Parses filters. `typed` is an additional name pattern, given as an argument.
    pub fn parse(store: &Store, filters: &[String], typed: Option<&str>) -> Result<Filters, Failure> {
        let named = typed.map(pattern).transpose()?;
        let mut parsed = Filters { references: named.into_iter().collect(), ..Filters::default() };
        for filter in filters {
            let (key, value) = key_and_value(filter)?;
            let created = || Ok::<_, Failure>(time_of(find_image(store, value)?.config.created.as_deref()));
            match (key, value) {
                ("reference", _) => parsed.references.push(pattern(value)?),
                ("dangling", "true" | "1") => parsed.dangling = Some(true),
                ("dangling", "false" | "0") => parsed.dangling = Some(false),
                ("before", _) => parsed.before.push(created()?),
                ("since", _) => parsed.since.push(created()?),
                _ => {
                    let condition = condition(key, value)?.ok_or_else(|| invalid(filter).hint(OF_LIST))?;
                    parsed.conditions.push(condition);
                }
            }
        }
        Ok(parsed)
    }

    /// Whether there are no filters. Only then damaged images are listed, because their data cannot be checked.
    pub fn is_empty(&self) -> bool {
        let times = self.before.is_empty() && self.since.is_empty();
        times && self.conditions.is_empty() && self.references.is_empty() && self.dangling.is_none()
    }

    /// Whether an image meets all filters.
    pub fn admits(&self, image: &Image) -> bool {
        let created = time_of(image.config.created.as_deref());
        let is_meant = |pattern: &Pattern| image.reference.as_ref().is_some_and(|name| names(pattern, name));
        self.conditions.iter().all(|condition| condition.admits(image))
            && self.dangling.is_none_or(|wanted| image.reference.is_none() == wanted)
            && self.before.iter().all(|before| created < *before)
            && self.since.iter().all(|since| created > *since)
            && (self.references.is_empty() || self.references.iter().any(is_meant))
    }
}

fn invalid(filter: &str) -> Failure {
    Failure::new(format!("invalid filter '{filter}'"))
}

/// A name in which `*` and `?` match anything except `/`, and `[a-z]` one of these, as in Go's path.Match.
fn pattern(text: &str) -> Result<Pattern, Failure> {
    Pattern::parse(text, Stars::Single).map_err(|error| Failure::of_argument("the name pattern", error))
}

/// A time as RFC 3339, as a date, or as a duration before now.
fn until(text: &str) -> Result<SystemTime, Failure> {
    let of_date = || time_of(Some(&format!("{text}T00:00:00Z"))).filter(|_| text.len() == "2026-01-31".len());
    let ago = || text.parse::<Timeout>().ok().map(|ago| before_now(ago.duration()));
    let time = time_of(Some(text)).or_else(of_date).or_else(ago);
    time.and_then(|time| time.try_into().ok()).ok_or_else(|| {
        let failure = Failure::new(format!("invalid filter 'until={text}': not a time"));
        failure.hint("write a duration such as 24h or 1h30m, or a time such as 2026-01-31T08:00:00Z")
    })
}

/// Whether a pattern matches a name, with or without its tag.
fn names(pattern: &Pattern, name: &Reference) -> bool {
    pattern.matches(&name.familiar()) || pattern.matches(&name.familiar_repository())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, name: &str, expect: bool) {
        assert_eq!(names(&pattern(text).unwrap(), &name.parse().unwrap()), expect, "{text} {name}");
    }

    #[test]
    fn reference_filter_matches_with_or_without_tag() {
        check("busybox", "busybox:1.36", true);
        check("busybox", "busybox2", false);
        check("busy*:1.?6", "busybox:1.36", true);
        check("*", "team/app", false);
        check("*/*", "team/app:2", true);
        check("team/[a-c]pp", "team/app", true);
        check("team/[^a]pp", "team/app", false);
        check("localhost:5000/*", "localhost:5000/app", true);
        assert!(pattern("[a").is_err());
    }
}
