//! Listing the tags of a repository.
//!
//! A registry may return them in pages: then the answer has a `Link` to the next page (OCI distribution-spec,
//! *Listing tags*; RFC 8288). The rules for redirects apply to this link.

use minicontainer::core::Reference;
use serde::Deserialize;

use super::{
    Connection, RegistryError,
    authorization::Scope,
    exchange::{Answer, Request},
    manifest::denied,
    rate_limit::read_document,
    url::Url,
};

/// The size limit of one page.
const PART_LIMIT: u64 = 4 << 20;
/// The maximum number of pages, of a hundred tags or more each.
const PARTS_LIMIT: usize = 1000;

#[derive(Deserialize)]
struct Part {
    tags: Option<Vec<String>>,
}

/// All tags of a reference's repository, in the order of the registry.
pub fn tags(reference: &Reference, connection: &Connection) -> Result<Vec<String>, RegistryError> {
    let client = connection.client(reference.registry())?;
    let scope = Scope::pull(reference.path());
    let action = format!("list the tags of {}", reference.familiar_repository());
    let mut url = client.registry.with_target(&format!("/v2/{}/tags/list", reference.path()));
    let mut tags = Vec::new();
    for _ in 0..PARTS_LIMIT {
        let request = Request::get(&url, &scope, &action);
        let answer = client.send(&request)?;
        match answer.status {
            200 => {}
            401 | 403 => return Err(denied(&client, reference, answer)),
            404 => return Err(RegistryError::UnknownRepository { repository: reference.familiar_repository() }),
            _ => return Err(client.refused(&action, answer)),
        }
        let next: Option<Url> = match next(&answer) {
            Some(link) => Some(client.place(&action, &answer.url, link)?),
            None => None,
        };
        let broken = |source| RegistryError::Local { action: action.clone(), source };
        let body = read_document(answer.body, PART_LIMIT, client.retry_policy.answer).map_err(broken)?;
        let part = body.and_then(|body| serde_json::from_slice::<Part>(&body).ok());
        tags.extend(
            part.ok_or_else(|| client.protocol(&action, "its answer is not a list of tags"))?
                .tags
                .into_iter()
                .flatten(),
        );
        match next {
            Some(next) => url = next,
            None if tags.is_empty() => {
                return Err(RegistryError::UnknownRepository { repository: reference.familiar_repository() });
            }
            None => return Ok(tags),
        }
    }
    Err(client.protocol(&action, "its list of tags does not end"))
}

/// The URL of the next page: `Link: </v2/app/tags/list?last=9&n=10>; rel="next"`.
fn next(answer: &Answer) -> Option<&str> {
    let (link, rest) = answer.header("link")?.trim().strip_prefix('<')?.split_once('>')?;
    rest.contains("next").then_some(link)
}
