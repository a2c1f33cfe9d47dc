//! `--filter`: conditions that an image must meet to be listed, or to go.
//!
//! All of them must hold; of several names (`reference`) one is enough, as with Docker.

use minicontainer::{
    Store,
    core::{Reference, options::Timeout},
    store::Image,
};
use minicontainer_engine::{container::Moment, image::Condition};

use super::{super::find_image, moment};
use crate::{error::Failure, format::list::key_and_value};

/// What there is for images that shall go.
const OF_PRUNE: &str = "there are until=TIME, label=NAME[=VALUE], label!=NAME[=VALUE]";
const OF_LIST: &str =
    "there are dangling=true|false, reference=PATTERN, before=IMAGE, since=IMAGE, until=TIME, label=NAME[=VALUE]";

/// What images must meet to be listed.
#[derive(Debug, Default)]
pub struct Filters {
    conditions: Vec<Condition>,
    dangling: Option<bool>,
    /// Made before or after this moment. What has no time is older than all that has one.
    before: Vec<Option<Moment>>,
    since: Vec<Option<Moment>>,
    references: Vec<String>,
}

/// What images must meet to go.
pub fn conditions(filters: &[String]) -> Result<Vec<Condition>, Failure> {
    let condition = |filter: &String| {
        let (key, value) = key_and_value(filter)?;
        condition(key, value)?.ok_or_else(|| invalid(filter).hint(OF_PRUNE))
    };
    filters.iter().map(condition).collect()
}

fn condition(key: &str, value: &str) -> Result<Option<Condition>, Failure> {
    let label = |wanted| {
        let (name, value) = value.split_once('=').map_or((value, None), |(name, value)| (name, Some(value.to_owned())));
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
    /// Reads them. A pattern beside them is one more name.
    pub fn parse(store: &Store, filters: &[String], pattern: Option<&str>) -> Result<Filters, Failure> {
        let mut parsed = Filters { references: pattern.map(str::to_owned).into_iter().collect(), ..Filters::default() };
        for filter in filters {
            let (key, value) = key_and_value(filter)?;
            let created = || Ok::<_, Failure>(moment(find_image(store, value)?.created.as_deref()));
            match (key, value) {
                ("reference", _) => parsed.references.push(value.to_owned()),
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

    /// Whether there are none: then also an image is listed of which nothing is known but that it is damaged.
    pub fn is_empty(&self) -> bool {
        let times = self.before.is_empty() && self.since.is_empty();
        times && self.conditions.is_empty() && self.references.is_empty() && self.dangling.is_none()
    }

    /// Whether an image meets them.
    pub fn admits(&self, image: &Image) -> bool {
        let created = moment(image.created.as_deref());
        let is_meant = |pattern: &String| image.reference.as_ref().is_some_and(|name| names(pattern, name));
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

/// A moment, as RFC 3339, as a date, or as so long ago.
fn until(text: &str) -> Result<Moment, Failure> {
    let of_date = || Moment::parse(&format!("{text}T00:00:00Z")).filter(|_| text.len() == "2026-01-31".len());
    let ago = || text.parse::<Timeout>().ok().map(|ago| Moment::now().before(ago.duration()));
    Moment::parse(text).or_else(of_date).or_else(ago).ok_or_else(|| {
        let failure = Failure::new(format!("invalid filter 'until={text}': it is no time"));
        failure.hint("write how long ago, such as 24h or 1h30m, or a date such as 2026-01-31T08:00:00Z")
    })
}

/// Whether a pattern fits a name, with its tag or without.
fn names(pattern: &str, name: &Reference) -> bool {
    let whole = name.familiar();
    let repository = whole.rsplit_once(':').map_or(whole.as_str(), |(repository, _)| repository);
    fits(pattern.as_bytes(), whole.as_bytes()) || fits(pattern.as_bytes(), repository.as_bytes())
}

/// Go's path.Match without its classes: `*` stands for any characters but `/`, `?` for one.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    // Where to go on if what follows the last star does not fit here.
    let (mut at, mut position, mut again) = (0, 0, None);
    while position < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                again = Some((at, position));
                at += 1;
            }
            Some(byte) if *byte == text[position] || (*byte == b'?' && text[position] != b'/') => {
                at += 1;
                position += 1;
            }
            _ => match again {
                Some((star, from)) if text[from] != b'/' => {
                    again = Some((star, from + 1));
                    (at, position) = (star + 1, from + 1);
                }
                _ => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[track_caller]
    fn check(pattern: &str, text: &str, expect: bool) {
        assert_eq!(fits(pattern.as_bytes(), text.as_bytes()), expect, "{pattern} {text}");
    }

    #[test]
    fn patterns() {
        check("busybox", "busybox", true);
        check("busybox", "busybox:1", false);
        check("busy*:?", "busybox:1", true);
        check("*", "a/b", false);
        check("*/*", "a/b", true);
        check("a*b*c", "aXbYbZc", true);
        check("a*b*c", "aXbYbZ", false);
        check("", "", true);
        check("**", "", true);
        check("?", "/", false);
    }
}
