//! Slow servers, and names that cannot be resolved.

use std::net::{Ipv6Addr, SocketAddr};

use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use super::*;

/// Timeouts that are short enough for a test, and long enough for correct answers of a busy machine.
fn short_timeouts() -> RegistryEnv {
    let mut env = RegistryEnv::new();
    env.connection.retry_policy = RetryPolicy {
        connect: Duration::from_secs(6),
        read: Duration::from_secs(6),
        answer: Duration::from_secs(6),
        window: Duration::from_secs(6),
        bytes_in_window: 10_000,
        pause: Duration::from_millis(1),
        attempts: 1,
        ..RetryPolicy::default()
    };
    env
}

/// Row F20 of the hostile corpus: a byte now and then does not prevent the timeout.
#[test]
fn trickling_download_is_too_slow() {
    let big = layer("big", 1 << 20);
    let digest = Digest::of(&big).to_string();
    let server = Shelf::with_image(&[big]).serve_but(move |request, reply| match request.target.contains(&digest) {
        true => Reply { drip: Some(Duration::from_millis(20)), ..reply },
        false => reply,
    });
    short_timeouts().check_refused(&server, "is too slow: it sent less than 10000 bytes in 6 seconds");
    // A slow manifest has the same limit.
    let server = Server::start(|_| {
        let reply = Reply::new(200, vec![b' '; 1 << 20]).header("Content-Type", MANIFEST);
        Reply { drip: Some(Duration::from_millis(20)), ..reply }
    });
    short_timeouts().check_refused(&server, "cannot fetch the manifest");
}

/// Row F20: silence after the request, in the middle of a blob, and in place of the TLS handshake.
#[test]
fn silent_server_times_out() {
    let server = Server::start(|_| Reply { silent: true, ..Reply::default() });
    let error = short_timeouts().check_refused(&server, "cannot reach");
    assert!(matches!(error, RegistryError::Unreachable { failing: Failing::Time, .. }), "{error:?}");
    let mut env = short_timeouts();
    env.connection.transport = Transport::Tls;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("127.0.0.1:{}/app:1", listener.local_addr().unwrap().port());
    let error = env.pull_name(&name).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { failing: Failing::Time, .. }), "{error:?}");
}

/// Row F20: an answer whose headers never end.
#[test]
fn endless_response_header_times_out() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let name = format!("127.0.0.1:{}/app:1", listener.local_addr().unwrap().port());
    std::thread::spawn(move || {
        use std::io::{Read, Write};
        for stream in listener.incoming().take(1) {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
            for number in 0.. {
                std::thread::sleep(Duration::from_millis(50));
                if write!(stream, "X-{number}: x\r\n").is_err() {
                    break;
                }
            }
        }
    });
    let error = short_timeouts().pull_name(&name).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { failing: Failing::Time, .. }), "{error:?}");
}

/// A resolver with one fixed answer.
#[derive(Debug)]
struct Names(Vec<SocketAddr>);

impl Resolver for Names {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        self.0.iter().for_each(|address| addresses.push(*address));
        if self.0.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// The name is loopback, so that no configured proxy is used; `names` resolves it.
fn fetch_with(names: Names, registry: &str, retry_policy: RetryPolicy) -> Result<(), RegistryError> {
    let url = Connection::new(Transport::PlainHttp).url(registry, false).unwrap();
    let client = Client::with_names(url, &Trust::default(), retry_policy, Authorization::default(), names);
    let reference: Reference = format!("{registry}/app:1").parse().unwrap();
    manifest::fetch(&client, &reference, "1", &authorization::Scope::pull("app")).map(drop)
}

/// Row F23 of the hostile corpus: a name that cannot be resolved is reported at once; of several addresses the next
/// is tried.
#[test]
fn unresolvable_name_is_reported_at_once() {
    let error = fetch_with(Names(Vec::new()), "localhost:5000", RetryPolicy::default()).unwrap_err();
    let message = full_message(&error);
    assert!(message.contains("cannot resolve the name localhost"), "{message}");
    assert!(matches!(error, RegistryError::Unreachable { failing: Failing::Name, .. }), "{error:?}");

    let server = Shelf::with_image(&[layer("file", 10)]).serve();
    // An address of RFC 6666, which discards packets; then one without a listener; then the right one.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let black_hole = SocketAddr::from((Ipv6Addr::new(0x100, 0, 0, 0, 0, 0, 0, 1), 9));
    let names = Names(vec![black_hole, closed, server.address]);
    let retry_policy = RetryPolicy { connect: Duration::from_secs(10), ..RetryPolicy::default() };
    fetch_with(names, "localhost:5000", retry_policy).unwrap();

    let names = Names(vec![closed]);
    let error = fetch_with(names, "localhost:5000", RetryPolicy::default()).unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable { failing: Failing::Refused, .. }), "{error:?}");
    assert!(error.to_string().contains("cannot reach localhost:5000"), "{error}");
}
