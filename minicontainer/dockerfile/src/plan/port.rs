//! The ports of `EXPOSE`: `80`, `53/udp`, `8000-8010`. A host port and an address before it, as in
//! `127.0.0.1:8080:80`, have no meaning for an image. They are checked as in BuildKit (`parsePortSpec`).

use std::{net::IpAddr, ops::RangeInclusive};

use crate::{
    error::{DockerfileError, DockerfileErrorKind},
    position::Span,
};

/// Every port, as `number/protocol`, and whether the protocol was written in upper case.
pub(super) fn ports(text: &str, span: Span) -> Result<(Vec<String>, bool), DockerfileError> {
    let refused = |kind: DockerfileErrorKind| kind.at(span);
    let (host, container) = text.rsplit_once(':').map_or((None, text), |(host, port)| (Some(host), port));
    let (port, protocol) = container.split_once('/').unwrap_or((container, ""));
    if port.is_empty() {
        return Err(refused(DockerfileErrorKind::NoPort { given: container.to_owned() }));
    }
    let lower = match protocol.to_lowercase() {
        empty if empty.is_empty() => "tcp".to_owned(),
        known if matches!(known.as_str(), "tcp" | "udp" | "sctp") => known,
        _ => return Err(refused(DockerfileErrorKind::Protocol { given: protocol.to_owned() })),
    };
    let ports = range(port)
        .ok_or_else(|| refused(DockerfileErrorKind::Port { part: "containerPort", given: port.to_owned() }))?;
    check_host(host.unwrap_or_default(), &ports).map_err(refused)?;
    let is_odd = protocol.chars().any(char::is_uppercase);
    Ok((ports.map(|port| format!("{port}/{lower}")).collect(), is_odd))
}

/// Checks the host port and the address before it.
fn check_host(host: &str, ports: &RangeInclusive<u16>) -> Result<(), DockerfileErrorKind> {
    let (address, port) = host.rsplit_once(':').unwrap_or(("", host));
    let plain = address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address);
    if !plain.is_empty() && plain.parse::<IpAddr>().is_err() {
        return Err(DockerfileErrorKind::Port { part: "IP address", given: address.to_owned() });
    }
    if port.is_empty() {
        return Ok(());
    }
    let wrong = || DockerfileErrorKind::Port { part: "hostPort", given: port.to_owned() };
    let host = range(port).ok_or_else(wrong)?;
    // For a single port, Docker may choose a port from a range of host ports.
    let is_one = ports.len() == 1;
    if is_one || host.len() == ports.len() { Ok(()) } else { Err(wrong()) }
}

/// `8000` or `8000-8010`.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|digit| digit.is_ascii_digit()));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let range = number(first)?..=number(last)?;
    (!range.is_empty()).then_some(range)
}
