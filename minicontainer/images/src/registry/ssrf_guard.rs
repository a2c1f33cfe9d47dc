//! How far away an address is, and whether a registry may lead there.
//!
//! A registry says where to go next: a redirect to where its blobs lie, a token service, a place for an upload. A bad
//! one says `http://169.254.169.254/…`, where a cloud's machines find their own secrets, or `http://127.0.0.1:…`, a
//! service that trusts whoever reaches it: a stranger's request, carried out from inside. That is *server-side
//! request forgery* turned round, and the remedy is simple: nobody leads us nearer to ourselves than he is.
//!
//! The addresses count and not the name, since whoever owns a name decides what it resolves to, and may decide
//! otherwise a second later (*DNS rebinding*). So the check is made on the very addresses that are connected to, in
//! the [`Guard`] around the resolver. Behind a proxy only the proxy knows them; there, names cannot be checked.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::OnceLock,
};

use ureq::{
    Error,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use super::url::Url;

/// Where an address leads, the nearest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// This machine.
    Machine,
    /// Only the same link: among them the services that give a cloud's machines their secrets.
    Link,
    /// A network of an organisation's own.
    Organisation,
    /// Anybody.
    World,
}

impl Reach {
    /// What an address is, by the registries of special addresses (RFC 6890 and its successors).
    pub(super) fn of(address: IpAddr) -> Reach {
        match address {
            IpAddr::V4(address) => Reach::of_v4(address),
            IpAddr::V6(address) => match embedded(address) {
                Some(embedded) => Reach::of_v4(embedded),
                None => Reach::of_v6(address),
            },
        }
    }

    fn of_v4(address: Ipv4Addr) -> Reach {
        let [first, second, ..] = address.octets();
        // 0.0.0.0 reaches this machine on Linux.
        if address.is_loopback() || first == 0 {
            Reach::Machine
        } else if address.is_link_local() || address.is_multicast() || first >= 240 {
            Reach::Link
        } else if address.is_private()
            || (first == 100 && second & 0xc0 == 64)
            || (first == 198 && second & 0xfe == 18)
        {
            Reach::Organisation
        } else {
            Reach::World
        }
    }

    fn of_v6(address: Ipv6Addr) -> Reach {
        if address.is_loopback() || address.is_unspecified() {
            Reach::Machine
        } else if address.is_unicast_link_local() || address.is_multicast() {
            Reach::Link
        } else if address.is_unique_local() || address.segments()[0] & 0xffc0 == 0xfec0 {
            Reach::Organisation
        } else {
            Reach::World
        }
    }

    /// Whether a registry that is this far away may lead somewhere. What is only on the link it never may.
    pub(super) fn may_lead_to(self, other: Reach) -> bool {
        other >= self && other != Reach::Link
    }
}

/// The IPv4 address within one of IPv6: mapped (`::ffff:…`), compatible, or translated (`64:ff9b::…`).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let translated = segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let compatible = segments[..6] == [0; 6] && (segments[6] != 0 || segments[7] > 1);
    let [.., a, b, c, d] = address.octets();
    let low = Ipv4Addr::new(a, b, c, d);
    if translated || compatible { Some(low) } else { address.to_ipv4_mapped() }
}

/// A resolver that gives no address which the registry must not lead to.
#[derive(Debug)]
pub(super) struct Guard<R> {
    names: R,
    registry: Url,
    /// How far away the registry itself was when it was first asked.
    reach: OnceLock<Reach>,
}

/// A registry led to where it must not.
#[derive(Debug, thiserror::Error)]
#[error("the registry leads to {host}, an address of this machine or of a network of its own")]
pub(super) struct Misled {
    host: String,
}

/// A name that leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("cannot resolve the name {host}: {reason}")]
pub(super) struct Unresolved {
    host: String,
    reason: io::Error,
}

impl<R> Guard<R> {
    pub(super) fn new(names: R, registry: Url) -> Guard<R> {
        Guard { names, registry, reach: OnceLock::new() }
    }
}

impl<R: Resolver> Resolver for Guard<R> {
    fn resolve(&self, uri: &Uri, config: &Config, timeout: NextTimeout) -> Result<ResolvedSocketAddrs, Error> {
        let unresolved = |reason| match reason {
            Error::Timeout(_) => reason,
            reason => {
                let host = uri.host().unwrap_or_default().to_owned();
                Error::Other(Box::new(Unresolved { host, reason: reason.into_io() }))
            }
        };
        let addresses = self.names.resolve(uri, config, timeout).map_err(unresolved)?;
        let reaches = addresses.iter().map(|address| Reach::of(address.ip()));
        let own = uri.to_string().parse::<Url>().is_ok_and(|url| url.same_origin(&self.registry));
        let far = match (self.reach.get(), own) {
            // The user named it, so it may be anywhere; from then on it stays there.
            (None, true) => {
                let _first = reaches.min().map(|reach| self.reach.set(reach));
                return Ok(addresses);
            }
            (Some(far), true) => {
                // A registry on the link stays reachable: only leading there is barred.
                let mut kept = self.names.empty();
                addresses
                    .iter()
                    .filter(|address| Reach::of(address.ip()) >= *far)
                    .for_each(|address| kept.push(*address));
                return if kept.is_empty() { Err(misled(uri)) } else { Ok(kept) };
            }
            (far, false) => far.copied().unwrap_or(Reach::World),
        };
        let mut kept = self.names.empty();
        let allowed = addresses.iter().filter(|address| far.may_lead_to(Reach::of(address.ip())));
        allowed.for_each(|address| kept.push(*address));
        if kept.is_empty() { Err(misled(uri)) } else { Ok(kept) }
    }
}

fn misled(uri: &Uri) -> Error {
    Error::Other(Box::new(Misled { host: uri.host().unwrap_or_default().to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expect: Reach) {
        assert_eq!(Reach::of(address.parse().unwrap()), expect, "{address}");
    }

    #[test]
    fn addresses_are_classified() {
        for machine in ["127.0.0.1", "127.8.9.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            check(machine, Reach::Machine);
        }
        for link in
            ["169.254.169.254", "224.0.0.1", "255.255.255.255", "fe80::1", "ff02::1", "::ffff:169.254.169.254"]
        {
            check(link, Reach::Link);
        }
        for organisation in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"] {
            check(organisation, Reach::Organisation);
        }
        for world in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            check(world, Reach::World);
        }
    }

    #[test]
    fn redirects_never_lead_to_a_nearer_network() {
        use Reach::*;
        let led = [Machine, Link, Organisation, World]
            .map(|to| [Machine, Organisation, World].map(|from| from.may_lead_to(to)));
        assert_eq!(led, [[true, false, false], [false, false, false], [true, true, false], [true, true, true]]);
    }
}
