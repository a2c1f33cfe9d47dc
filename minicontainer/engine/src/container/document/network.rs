//! The networks of a container, in Docker's format. A container has no addresses of its own yet, so these are empty.

use std::collections::BTreeMap;

use minicontainer::core::options::Network;
use serde::Serialize;

use super::Empty;

/// The networks of a container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the fields are those of Docker's Engine API, NetworkSettings")]
pub struct NetworkSettings {
    pub bridge: &'static str,
    #[serde(rename = "SandboxID")]
    pub sandbox_id: &'static str,
    pub sandbox_key: &'static str,
    /// Its published ports: not supported yet.
    pub ports: BTreeMap<String, Vec<Empty>>,
    pub hairpin_mode: bool,
    #[serde(rename = "LinkLocalIPv6Address")]
    pub link_local_ipv6_address: &'static str,
    #[serde(rename = "LinkLocalIPv6PrefixLen")]
    pub link_local_ipv6_prefix_len: u8,
    #[serde(rename = "SecondaryIPAddresses")]
    pub secondary_ip_addresses: [Empty; 0],
    #[serde(rename = "SecondaryIPv6Addresses")]
    pub secondary_ipv6_addresses: [Empty; 0],
    #[serde(flatten)]
    pub addresses: Addresses,
    /// By their names.
    pub networks: BTreeMap<&'static str, Endpoint>,
}

/// The addresses in one network.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the fields are those of Docker's Engine API, EndpointSettings")]
pub struct Addresses {
    #[serde(rename = "EndpointID")]
    pub endpoint_id: &'static str,
    pub gateway: &'static str,
    #[serde(rename = "GlobalIPv6Address")]
    pub global_ipv6_address: &'static str,
    #[serde(rename = "GlobalIPv6PrefixLen")]
    pub global_ipv6_prefix_len: u8,
    #[serde(rename = "IPAddress")]
    pub ip_address: &'static str,
    #[serde(rename = "IPPrefixLen")]
    pub ip_prefix_len: u8,
    #[serde(rename = "IPv6Gateway")]
    pub ipv6_gateway: &'static str,
    pub mac_address: &'static str,
}

/// One network of a container.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
#[allow(missing_docs, reason = "the fields are those of Docker's Engine API, EndpointSettings")]
pub struct Endpoint {
    #[serde(rename = "IPAMConfig")]
    pub ipam_config: BTreeMap<String, String>,
    pub links: [Empty; 0],
    pub aliases: [Empty; 0],
    pub driver_opts: BTreeMap<String, String>,
    pub gw_priority: i64,
    #[serde(rename = "NetworkID")]
    pub network_id: &'static str,
    #[serde(flatten)]
    pub addresses: Addresses,
    #[serde(rename = "DNSNames")]
    pub dns_names: [Empty; 0],
}

impl NetworkSettings {
    pub(super) fn new(of: Network) -> NetworkSettings {
        NetworkSettings {
            bridge: "",
            sandbox_id: "",
            sandbox_key: "",
            ports: BTreeMap::new(),
            hairpin_mode: false,
            link_local_ipv6_address: "",
            link_local_ipv6_prefix_len: 0,
            secondary_ip_addresses: [],
            secondary_ipv6_addresses: [],
            addresses: Addresses::default(),
            networks: BTreeMap::from([(network(of), Endpoint::default())]),
        }
    }
}

/// Docker's name of a network.
pub(super) fn network(network: Network) -> &'static str {
    match network {
        Network::None => "none",
        Network::Host => "host",
    }
}
