//! Prevents a registry from making this client connect to local services.
//!
//! A registry names other URLs: of its blob storage, of a token service, of an upload session. A malicious one can
//! name `http://169.254.169.254/…`, where cloud machines read their secrets, or `http://127.0.0.1:…`, a local service
//! without authentication. Then the client would send the attacker's request from inside the network. This is like
//! *server-side request forgery* with the roles reversed. The rule against it: a registry must not redirect to a
//! network that is closer to this machine than the registry itself.
//!
//! The addresses are checked and not the name, because the owner of a name controls what it resolves to and can
//! change it at any time (*DNS rebinding*). So the check is made on the addresses that are actually connected to, in
//! the [`Guard`] around the resolver. With a proxy, only the proxy knows the addresses, so names cannot be checked.

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

/// The network of an address, the closest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AddressScope {
    /// This machine.
    Machine,
    /// Link-local addresses, such as those of cloud metadata services, which have secrets.
    Link,
    /// A private network.
    Organisation,
    /// The public Internet.
    Internet,
}

impl AddressScope {
    /// The network of an address, according to the registries of special addresses (RFC 6890 and its successors).
    pub(super) fn of(address: IpAddr) -> AddressScope {
        match address {
            IpAddr::V4(address) => AddressScope::of_v4(address),
            IpAddr::V6(address) => match embedded_ipv4(address) {
                Some(embedded_ipv4) => AddressScope::of_v4(embedded_ipv4),
                None => AddressScope::of_v6(address),
            },
        }
    }

    fn of_v4(address: Ipv4Addr) -> AddressScope {
        let [first, second, ..] = address.octets();
        // On Linux, 0.0.0.0 leads to this machine.
        if address.is_loopback() || first == 0 {
            AddressScope::Machine
        } else if address.is_link_local() || address.is_multicast() || first >= 240 {
            AddressScope::Link
        } else if address.is_private()
            || (first == 100 && second & 0xc0 == 64)
            || (first == 198 && second & 0xfe == 18)
        {
            AddressScope::Organisation
        } else {
            AddressScope::Internet
        }
    }

    fn of_v6(address: Ipv6Addr) -> AddressScope {
        if address.is_loopback() || address.is_unspecified() {
            AddressScope::Machine
        } else if address.is_unicast_link_local() || address.is_multicast() {
            AddressScope::Link
        } else if address.is_unique_local() || address.segments()[0] & 0xffc0 == 0xfec0 {
            AddressScope::Organisation
        } else {
            AddressScope::Internet
        }
    }

    /// Whether a registry in this network may redirect to another one. Link-local addresses are never allowed.
    pub(super) fn may_redirect_to(self, other: AddressScope) -> bool {
        other >= self && other != AddressScope::Link
    }
}

/// The IPv4 address in an IPv6 address: mapped (`::ffff:…`), compatible, or translated (`64:ff9b::…`).
fn embedded_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let translated = segments[..6] == [0x64, 0xff9b, 0, 0, 0, 0];
    let compatible = segments[..6] == [0; 6] && (segments[6] != 0 || segments[7] > 1);
    let [.., a, b, c, d] = address.octets();
    let low = Ipv4Addr::new(a, b, c, d);
    if translated || compatible { Some(low) } else { address.to_ipv4_mapped() }
}

/// A resolver that returns no address to which the registry must not redirect.
#[derive(Debug)]
pub(super) struct Guard<R> {
    names: R,
    registry: Url,
    /// The network of the registry itself, when it was first resolved.
    reach: OnceLock<AddressScope>,
}

/// A registry redirected to a forbidden address.
#[derive(Debug, thiserror::Error)]
#[error("the registry refers to {host}, which is an address of this machine or of a private network")]
pub(super) struct ForbiddenAddress {
    host: String,
}

/// A name that cannot be resolved.
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
        let reaches = addresses.iter().map(|address| AddressScope::of(address.ip()));
        let own = uri.to_string().parse::<Url>().is_ok_and(|url| url.same_origin(&self.registry));
        let far = match (self.reach.get(), own) {
            // The user named the registry, so it may be in any network. Its network is recorded at the first look-up.
            (None, true) => {
                let _first = reaches.min().map(|reach| self.reach.set(reach));
                return Ok(addresses);
            }
            (Some(far), true) => {
                // A registry with a link-local address can be used; only redirects to such addresses are forbidden.
                let mut kept = self.names.empty();
                addresses
                    .iter()
                    .filter(|address| AddressScope::of(address.ip()) >= *far)
                    .for_each(|address| kept.push(*address));
                return if kept.is_empty() { Err(forbidden_address(uri)) } else { Ok(kept) };
            }
            (far, false) => far.copied().unwrap_or(AddressScope::Internet),
        };
        let mut kept = self.names.empty();
        let allowed = addresses.iter().filter(|address| far.may_redirect_to(AddressScope::of(address.ip())));
        allowed.for_each(|address| kept.push(*address));
        if kept.is_empty() { Err(forbidden_address(uri)) } else { Ok(kept) }
    }
}

fn forbidden_address(uri: &Uri) -> Error {
    Error::Other(Box::new(ForbiddenAddress { host: uri.host().unwrap_or_default().to_owned() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, expect: AddressScope) {
        assert_eq!(AddressScope::of(address.parse().unwrap()), expect, "{address}");
    }

    #[test]
    fn addresses_are_classified() {
        for machine in ["127.0.0.1", "127.8.9.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "64:ff9b::7f00:1"] {
            check(machine, AddressScope::Machine);
        }
        for link in
            ["169.254.169.254", "224.0.0.1", "255.255.255.255", "fe80::1", "ff02::1", "::ffff:169.254.169.254"]
        {
            check(link, AddressScope::Link);
        }
        for organisation in ["10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"] {
            check(organisation, AddressScope::Organisation);
        }
        for world in ["1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111"] {
            check(world, AddressScope::Internet);
        }
    }

    #[test]
    fn redirects_never_lead_to_a_nearer_network() {
        use AddressScope::*;
        let led = [Machine, Link, Organisation, Internet]
            .map(|to| [Machine, Organisation, Internet].map(|from| from.may_redirect_to(to)));
        assert_eq!(led, [[true, false, false], [false, false, false], [true, true, false], [true, true, true]]);
    }
}
