//! The ports of `EXPOSE`: `80`, `53/udp`, `8000-8010`. A host port before it (`8080:80`) has no meaning for an image.

use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    position::Span,
};

/// Every port, as `number/protocol`, and whether the protocol was written in upper case.
pub(super) fn ports(text: &str, span: Span) -> Result<(Vec<String>, bool), DockerfileError> {
    let container = text.rsplit(':').next().unwrap_or_default();
    let (range, protocol) = container.split_once('/').unwrap_or((container, "tcp"));
    let lower = protocol.to_lowercase();
    if !matches!(lower.as_str(), "tcp" | "udp" | "sctp") {
        return Err(DockerfileErrorKind::Protocol { given: protocol.to_owned() }.at(span));
    }
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| *number > 0 && !text.starts_with('+'));
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => {
            Ok(((first..=last).map(|port| format!("{port}/{lower}")).collect(), lower != protocol))
        }
        _ => Err(DockerfileErrorKind::Port { given: range.to_owned() }.at(span)),
    }
}
