//! The flags that configure name resolution: `--add-host` and the `--dns` flags.

use clap::Args;
use minicontainer::core::options::{AddedHost, Dns};

use super::options::{NETWORK, parse_all};
use crate::error::Failure;

/// The flags that configure name resolution.
#[derive(Debug, Args)]
#[command(next_help_heading = NETWORK)]
pub struct DnsArguments {
    /// Add a name to /etc/hosts, such as db:10.0.0.2
    #[arg(long, value_name = "NAME:ADDRESS")]
    add_host: Vec<String>,

    /// Address of a DNS server [default: those of the host]
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<String>,

    /// Domain that is tried for short names, or . for none [default: those of the host]
    #[arg(long, value_name = "DOMAIN")]
    dns_search: Vec<String>,

    /// Option of the DNS resolver, such as ndots:2 [default: those of the host]
    #[arg(long, alias = "dns-opt", value_name = "OPTION")]
    dns_option: Vec<String>,
}

impl DnsArguments {
    /// The names that are added.
    pub fn added_hosts(&self) -> Result<Vec<AddedHost>, Failure> {
        parse_all("--add-host", &self.add_host, str::parse)
    }

    /// What replaces the host's resolvers.
    pub fn dns(&self) -> Result<Dns, Failure> {
        Ok(Dns {
            servers: parse_all("--dns", &self.dns, Dns::parse_server)?,
            search: parse_all("--dns-search", &self.dns_search, Dns::parse_domain)?,
            options: parse_all("--dns-option", &self.dns_option, Dns::parse_option)?,
        })
    }
}
