//! How a container finds addresses for names: `--add-host` and the `--dns` flags, with Docker's syntax.
//!
//! ```
//! use minicontainer_core::options::AddedHost;
//!
//! let host: AddedHost = "db:10.0.0.2".parse()?;
//! assert_eq!(host, "db=10.0.0.2".parse()?);
//! assert!("db:host-gateway".parse::<AddedHost>().is_err());
//! # Ok::<(), minicontainer_core::options::DnsError>(())
//! ```

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{Deserialize, Serialize};

/// Docker's name for the host's address on a bridge.
const HOST_GATEWAY: &str = "host-gateway";

/// A name with its address, for `/etc/hosts`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddedHost {
    /// The name.
    pub name: String,
    /// The address.
    pub address: IpAddr,
}

/// What replaces the lines of the host's `/etc/resolv.conf`. An empty list replaces nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Dns {
    /// The addresses of the resolvers.
    pub servers: Vec<IpAddr>,
    /// The domains that are tried for a short name; `.` for none.
    pub search: Vec<String>,
    /// The resolver's options, such as `ndots:2`.
    pub options: Vec<String>,
}

impl Dns {
    /// Whether nothing is replaced.
    pub fn is_empty(&self) -> bool {
        *self == Dns::default()
    }

    /// Parses an address of `--dns`.
    ///
    /// # Errors
    /// If it is not an IP address.
    pub fn parse_server(text: &str) -> Result<IpAddr, DnsError> {
        text.parse().map_err(|_| DnsError::Server { given: text.to_owned() })
    }

    /// Parses a domain of `--dns-search`.
    ///
    /// # Errors
    /// If it is not a domain, which would add a line of its own to the file.
    pub fn parse_domain(text: &str) -> Result<String, DnsError> {
        let is_name = is_name(text.strip_suffix('.').unwrap_or(text));
        match text == "." || is_name {
            true => Ok(text.to_owned()),
            false => Err(DnsError::Domain { given: text.to_owned() }),
        }
    }

    /// Parses an option of `--dns-option`.
    ///
    /// # Errors
    /// If it is not one word.
    pub fn parse_option(text: &str) -> Result<String, DnsError> {
        let is_word = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        match is_word {
            true => Ok(text.to_owned()),
            false => Err(DnsError::Option { given: text.to_owned() }),
        }
    }
}

/// The text is not a name with its address, or not a value for `/etc/resolv.conf`.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// The syntax of `--add-host` is wrong.
    #[error("invalid host {given:?}: must be NAME:ADDRESS (for example, db:10.0.0.2)")]
    Host {
        /// What was given.
        given: String,
    },
    /// The address is not one.
    #[error("invalid host {given:?}: {address:?} is not an IP address (for example, 10.0.0.2)")]
    Address {
        /// What was given.
        given: String,
        /// Its address.
        address: String,
    },
    /// The address would be that of a bridge.
    #[error(
        "invalid host {given:?}: host-gateway is the host's address on a bridge, and bridges are not supported yet; \
         with `Network::Host`, 127.0.0.1 is the host"
    )]
    HostGateway {
        /// What was given.
        given: String,
    },
    /// Not an address of a resolver.
    #[error("invalid DNS server {given:?}: must be an IP address (for example, 192.0.2.1)")]
    Server {
        /// What was given.
        given: String,
    },
    /// Not a domain.
    #[error("invalid search domain {given:?}: must be a domain, or . for none (for example, example.com)")]
    Domain {
        /// What was given.
        given: String,
    },
    /// Not an option of the resolver.
    #[error("invalid resolver option {given:?}: must be one word (for example, ndots:2)")]
    Option {
        /// What was given.
        given: String,
    },
}

crate::plain_diagnostic!(DnsError: InvalidInput);

impl FromStr for AddedHost {
    type Err = DnsError;

    /// As in Docker, the first `=` separates the two, else the first `:`, because an address may contain colons. An
    /// address may be in brackets.
    fn from_str(text: &str) -> Result<AddedHost, DnsError> {
        let given = || text.to_owned();
        let (name, address) =
            text.split_once('=').or_else(|| text.split_once(':')).ok_or_else(|| DnsError::Host { given: given() })?;
        if !is_name(name) {
            return Err(DnsError::Host { given: given() });
        }
        if address == HOST_GATEWAY {
            return Err(DnsError::HostGateway { given: given() });
        }
        let bare = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        let wrong = |_| DnsError::Address { given: given(), address: address.to_owned() };
        Ok(AddedHost { name: name.to_owned(), address: bare.parse().map_err(wrong)? })
    }
}

/// Whether the text can be a name in `/etc/hosts`. Some names there have underscores.
fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

impl fmt::Display for AddedHost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.name, self.address)
    }
}

impl TryFrom<String> for AddedHost {
    type Error = DnsError;

    fn try_from(text: String) -> Result<AddedHost, DnsError> {
        text.parse()
    }
}

impl From<AddedHost> for String {
    fn from(host: AddedHost) -> String {
        host.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// docker-run(1), `--add-host`, and `ValidateExtraHost` of the Docker CLI.
    #[test]
    fn hosts_have_docker_syntax() {
        let check = |text: &str, name: &str, address: &str| {
            let host: AddedHost = text.parse().expect("a host");
            assert_eq!((host.name.as_str(), host.address.to_string().as_str()), (name, address));
            assert_eq!(host, host.to_string().parse().expect("the same host"));
        };
        check("db:10.0.0.2", "db", "10.0.0.2");
        check("db=10.0.0.2", "db", "10.0.0.2");
        check("my_db.internal:::1", "my_db.internal", "::1");
        check("db=[2001:db8::1]", "db", "2001:db8::1");
    }

    #[test]
    fn invalid_values_are_rejected() {
        let mut table = Vec::new();
        let hosts = ["", "db", ":10.0.0.2", "db:", "db:10.0.0", "a b:10.0.0.2", "a\n:10.0.0.2", "db:host-gateway"];
        for text in hosts {
            table.push(text.parse::<AddedHost>().expect_err(text).to_string());
        }
        table.extend(
            ["", "a b", "a\nnameserver 1.1.1.1"].map(|text| Dns::parse_domain(text).unwrap_err().to_string()),
        );
        table.push(Dns::parse_server("example.com").unwrap_err().to_string());
        table.extend(["", "a b"].map(|text| Dns::parse_option(text).unwrap_err().to_string()));
        insta::assert_snapshot!(table.join("\n"));
    }
}
