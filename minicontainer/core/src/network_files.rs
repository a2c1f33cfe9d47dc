//! The three files that configure name resolution and the hostname: `/etc/hosts`, `/etc/hostname` and
//! `/etc/resolv.conf`.
//!
//! Many images have none of them, and those of an image describe the machine on which it was built. So, as in Docker,
//! the engine writes them for each container, into the container's own directory on the host, and bind mounts them.
//! The mounts are part of the runtime config. The content is computed here.
//!
//! | File | With the container's own network | With the host's network |
//! |---|---|---|
//! | hosts(5) | `localhost`, the standard IPv6 names, the hostname | the host's file |
//! | hostname(5) | the hostname | the hostname |
//! | resolv.conf(5) | the host's file, without resolvers on loopback addresses | the host's file |
//!
//! `--add-host` adds lines to the first file, and the `--dns` flags replace lines of the last one. A loopback address
//! is the container's own, so a resolver on the host's loopback address cannot be reached. Docker then writes two
//! public resolvers instead. A container here has no network to reach them.
//!
//! ```
//! use minicontainer_core::network_files::{NetworkFile, Origin};
//!
//! let origin = Origin { hostname: "web", ..Origin::default() };
//! assert!(NetworkFile::Hosts.content(&origin).contains("127.0.0.1\tlocalhost\n127.0.0.1\tweb\n"));
//! ```

use std::{net::IpAddr, path::Path};

use crate::options::{Access, AddedHost, Dns, Isolation, Network, Profile, RunOptions};
use crate::plan::is_at_or_below;

/// What every container's `/etc/hosts` begins with, as in Docker.
const LOCALHOST: &str = "127.0.0.1\tlocalhost\n";
/// The standard IPv6 names, which follow the line for localhost.
const IPV6_NAMES: &str = "::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n\
                          ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n";

/// One of the three files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkFile {
    /// `/etc/hostname`: the hostname.
    Hostname,
    /// `/etc/hosts`: names with their addresses.
    Hosts,
    /// `/etc/resolv.conf`: the DNS servers.
    ResolvConf,
}

/// What the content of the files depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin<'a> {
    /// The container's hostname.
    pub hostname: &'a str,
    /// Whether the container is in the host's network.
    pub network: Network,
    /// The host's `/etc/hosts`; only used with the host's network.
    pub hosts: &'a str,
    /// The host's `/etc/resolv.conf`.
    pub resolv_conf: &'a str,
    /// The values of `--add-host`.
    pub added: &'a [AddedHost],
    /// The values of the `--dns` flags.
    pub dns: Option<&'a Dns>,
}

impl NetworkFile {
    /// All three.
    pub const ALL: [NetworkFile; 3] = [NetworkFile::Hostname, NetworkFile::Hosts, NetworkFile::ResolvConf];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.target().trim_start_matches("/etc/")
    }

    /// Its path in the container.
    pub fn target(self) -> &'static str {
        match self {
            NetworkFile::Hostname => "/etc/hostname",
            NetworkFile::Hosts => "/etc/hosts",
            NetworkFile::ResolvConf => "/etc/resolv.conf",
        }
    }

    /// Its path on the host, in the container's directory.
    pub fn source(self, directory: &Path) -> String {
        directory.join(self.name()).display().to_string()
    }

    /// The files that a container gets: those that no requested mount replaces or covers. Without its own mount
    /// namespace a container gets none.
    pub fn of(options: &RunOptions) -> impl Iterator<Item = NetworkFile> + '_ {
        let has_mounts = !options.without.contains(&Isolation::Mount);
        let is_free =
            |file: &NetworkFile| !options.mounts.iter().any(|mount| is_at_or_below(file.target(), mount.target()));
        NetworkFile::ALL.into_iter().filter(move |file| has_mounts && is_free(file))
    }

    /// Its content.
    pub fn content(self, origin: &Origin<'_>) -> String {
        match self {
            NetworkFile::Hostname => format!("{}\n", origin.hostname),
            NetworkFile::Hosts => hosts(origin),
            NetworkFile::ResolvConf => resolv_conf(origin),
        }
    }
}

/// Whether a container can write to the files. They are outside of its writable layer, so a limit on that layer
/// would not count what is written to them.
pub fn access(options: &RunOptions) -> Access {
    let is_limited = options.storage.is_some() || options.profile == Profile::Untrusted;
    if is_limited { Access::ReadOnly } else { options.root }
}

fn hosts(origin: &Origin<'_>) -> String {
    let mut text = match origin.network {
        Network::None => format!("{LOCALHOST}127.0.0.1\t{}\n{IPV6_NAMES}", origin.hostname),
        Network::Host if origin.hosts.is_empty() => format!("{LOCALHOST}{IPV6_NAMES}"),
        Network::Host => with_final_newline(origin.hosts),
    };
    for AddedHost { name, address } in origin.added {
        text += &format!("{address}\t{name}\n");
    }
    text
}

/// The lines of the host's file, except those that a flag replaces and, with the container's own network, resolvers
/// on loopback addresses.
fn resolv_conf(origin: &Origin<'_>) -> String {
    let nothing = Dns::default();
    let dns = origin.dns.unwrap_or(&nothing);
    if *dns == nothing && origin.network == Network::Host {
        return with_final_newline(origin.resolv_conf);
    }
    let is_kept = |line: &&str| {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => {
                dns.servers.is_empty() && (origin.network == Network::Host || !words.next().is_some_and(is_loopback))
            }
            Some("search" | "domain") => dns.search.is_empty(),
            Some("options") => dns.options.is_empty(),
            _ => true,
        }
    };
    let mut text: String = origin.resolv_conf.lines().filter(is_kept).map(|line| format!("{line}\n")).collect();
    for server in &dns.servers {
        text += &format!("nameserver {server}\n");
    }
    let line = |key: &str, words: &[String]| match words {
        [] => String::new(),
        words => format!("{key} {}\n", words.join(" ")),
    };
    // `--dns-search .` means none.
    let search: Vec<String> = dns.search.iter().filter(|domain| *domain != ".").cloned().collect();
    text + &line("search", &search) + &line("options", &dns.options)
}

/// A resolver's address may have a zone (`fe80::1%eth0`), which is not part of it.
fn is_loopback(address: &str) -> bool {
    let address = address.split('%').next().unwrap_or_default();
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn with_final_newline(text: &str) -> String {
    match text.is_empty() || text.ends_with('\n') {
        true => text.to_owned(),
        false => format!("{text}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With `--network none`, Docker 28 writes these lines (moby's libnetwork/etchosts), without the hostname.
    #[test]
    fn own_network_has_localhost_and_hostname() {
        let added = ["db:10.0.0.2".parse().unwrap(), "six=[2001:db8::1]".parse().unwrap()];
        let origin = Origin { hostname: "web", hosts: "10.0.0.9 host\n", added: &added, ..Origin::default() };
        insta::assert_snapshot!(NetworkFile::Hosts.content(&origin), @r"
        127.0.0.1	localhost
        127.0.0.1	web
        ::1	localhost ip6-localhost ip6-loopback
        fe00::	ip6-localnet
        ff00::	ip6-mcastprefix
        ff02::1	ip6-allnodes
        ff02::2	ip6-allrouters
        10.0.0.2	db
        2001:db8::1	six
        ");
        assert_eq!(NetworkFile::Hostname.content(&origin), "web\n");
    }

    /// docker-run(1), `--network host`: the container has the host's file, with what `--add-host` adds.
    #[test]
    fn host_network_has_copy_of_hosts() {
        let added = ["db:10.0.0.2".parse().unwrap()];
        let host = Origin { network: Network::Host, hosts: "10.0.0.9 host", added: &added, ..Origin::default() };
        assert_eq!(NetworkFile::Hosts.content(&host), "10.0.0.9 host\n10.0.0.2\tdb\n");
        let empty = Origin { hosts: "", added: &[], ..host };
        assert!(NetworkFile::Hosts.content(&empty).starts_with(LOCALHOST));
    }

    /// "DNS services" in Docker's documentation of container networking: loopback addresses are left out, and each
    /// flag replaces the host's lines of its kind.
    #[test]
    fn resolvers_are_filtered_and_replaced() {
        let resolv_conf = "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\n\
                           search example.com\noptions edns0\n";
        let check = |network, dns: &Dns, expect: &str| {
            let origin = Origin { network, resolv_conf, dns: Some(dns), ..Origin::default() };
            assert_eq!(NetworkFile::ResolvConf.content(&origin), expect);
        };
        let rest = "search example.com\noptions edns0\n";
        check(Network::None, &Dns::default(), &format!("# made by hand\nnameserver 192.0.2.1\n{rest}"));
        check(Network::Host, &Dns::default(), resolv_conf);
        let server = Dns { servers: vec!["127.0.0.1".parse().unwrap()], ..Dns::default() };
        check(Network::None, &server, &format!("# made by hand\n{rest}nameserver 127.0.0.1\n"));
        check(Network::Host, &server, &format!("# made by hand\n{rest}nameserver 127.0.0.1\n"));
        let search = Dns { search: vec![".".to_owned()], options: vec!["ndots:2".to_owned()], ..Dns::default() };
        check(Network::None, &search, "# made by hand\nnameserver 192.0.2.1\noptions ndots:2\n");
        let kept = "# made by hand\nnameserver 127.0.0.53\nnameserver ::1\nnameserver 192.0.2.1\noptions ndots:2\n";
        check(Network::Host, &search, kept);
    }

    #[test]
    fn requested_mount_replaces_or_covers_files() {
        let of = |volume: &str| {
            let mounts = vec![crate::options::MountSpec::from_volume(volume, "/").unwrap()];
            NetworkFile::of(&RunOptions { mounts, ..RunOptions::default() }).collect::<Vec<_>>()
        };
        assert_eq!(of("/x:/etc/hosts"), [NetworkFile::Hostname, NetworkFile::ResolvConf]);
        assert_eq!(of("/x:/etc"), []);
        assert_eq!(of("/x:/etc/hosts.d"), NetworkFile::ALL);
    }
}
