//! Redirects, token services and upload locations, and what is sent to them.

use std::net::SocketAddr;

use base64::{Engine, engine::general_purpose::STANDARD};
use ureq::{
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::NextTimeout,
    },
};

use super::*;

/// A registry with one image that redirects requests for a blob to another URL.
fn redirecting(to: impl Fn(&ReceivedRequest) -> String + Send + Sync + 'static) -> Server {
    Shelf::with_image(&[layer("file", 10)]).serve_but(move |request, reply| {
        match request.target.contains("/blobs/") {
            true => Reply::new(307, "").header("Location", to(request)),
            false => reply,
        }
    })
}

/// The same registry, which also requires a password.
fn with_password(shelf: Shelf, fault: impl Fn(&ReceivedRequest, Reply) -> Reply + Send + Sync + 'static) -> Server {
    let expect = format!("Basic {}", STANDARD.encode(format!("user:{SECRET}")));
    shelf.serve_but(move |request, reply| match request.header("authorization") == expect {
        true => fault(request, reply),
        false => Reply::new(401, "").header("WWW-Authenticate", "Basic realm=\"test\""),
    })
}

/// Row H46 of the hostile corpus: another host gets the request without the credentials.
#[test]
fn redirect_does_not_forward_credentials() {
    let shelf = Shelf::with_image(&[layer("file", 10)]);
    let storage = shelf.clone().serve();
    let place = storage.url();
    let server = with_password(shelf, move |request, reply| match request.target.contains("/blobs/") {
        true => Reply::new(302, "").header("Location", format!("{place}{}?X-Signature={SECRET}", request.target)),
        false => reply,
    });
    RegistryEnv::with_login(&server, "user", SECRET).pull(&server).unwrap();
    assert_eq!(storage.count("GET", "?X-Signature="), 2, "the config and the layer came from there");
    for request in storage.requests() {
        assert_eq!(request.header("authorization"), "", "{request:?}");
    }
    // The positive control: the registry itself received them.
    assert!(server.requests().iter().any(|request| request.header("authorization").starts_with("Basic ")));
}

/// Row H46: redirects lead only to HTTP URLs, never from TLS to plain HTTP (see `redirect`), and their number is
/// limited.
#[test]
fn redirects_are_limited_in_scheme_and_number() {
    for place in ["file:///etc/passwd", "ftp://127.0.0.1/x", "unix:///run/x.sock", "http://user:pw@127.0.0.1/x"] {
        let server = redirecting(move |_| place.to_owned());
        RegistryEnv::new().check_refused(&server, "which is not allowed");
    }
    let server = redirecting(|_| "http://registry.invalid/x".to_owned());
    RegistryEnv::new().check_refused(&server, "plain HTTP can be read");
    let server = redirecting(|request| format!("{}?again", request.target.split('?').next().unwrap()));
    RegistryEnv::new().check_refused(&server, "redirects in a row");
    assert_eq!(server.count("GET", "/blobs/"), redirect::HOP_LIMIT + 1);
    let server = Shelf::with_image(&[layer("file", 10)])
        .serve_but(|request, reply| if request.target.contains("/blobs/") { Reply::new(302, "") } else { reply });
    RegistryEnv::new().check_refused(&server, "no Location header");
}

/// Row H47 of the hostile corpus: a redirect, a token service and an upload lead to the metadata service of a cloud.
#[test]
fn link_local_addresses_are_refused() {
    for place in
        ["https://169.254.169.254/latest/meta-data", "https://[fe80::1]/", "https://[::ffff:169.254.169.254]/"]
    {
        RegistryEnv::new().check_refused(
            &redirecting(move |_| place.to_owned()),
            "address of this machine or of a private network",
        );
        let challenge = format!("Bearer realm=\"{place}\"");
        let server = Server::start(move |_| Reply::new(401, "").header("WWW-Authenticate", challenge.clone()));
        RegistryEnv::new().check_refused(&server, "address of this machine or of a private network");
    }
}

/// A registry that requires a token from a realm.
fn wanting_token(realm: impl Fn() -> String + Send + Sync + 'static) -> Server {
    Shelf::with_image(&[layer("file", 10)]).serve_but(move |request, reply| match request.header("authorization") {
        "" => {
            Reply::new(401, "").header("WWW-Authenticate", format!("Bearer realm=\"{}\",service=\"test\"", realm()))
        }
        _ => reply,
    })
}

/// Row H48 of the hostile corpus.
#[test]
fn token_service_is_validated() {
    for (realm, expect) in [
        ("http://auth.invalid/token", "plain HTTP can be read"),
        ("https://user:password@auth.invalid/token", "it contains a user name"),
        ("file:///etc/passwd", "neither https nor http"),
        ("", "it is not a valid URL"),
    ] {
        RegistryEnv::new().check_refused(&wanting_token(move || realm.to_owned()), expect);
    }
    let huge = format!("{{\"token\": \"{}\"}}", "x".repeat(2 << 20));
    let service = Server::start(move |_| Reply::new(200, huge.clone()));
    let realm = service.url();
    RegistryEnv::new().check_refused(&wanting_token(move || realm.clone()), "its answer is too long");
    for (status, body, expect) in [
        (200, "no json", "its answer is not a JSON document with a token"),
        (200, "{}", "its answer has no token"),
        (200, "{\"token\": \"a\\r\\nX: b\"}", "its answer has no token that can be sent"),
        (302, "", "it answered 302"),
        (404, "", "it answered 404"),
    ] {
        let service = Server::start(move |_| Reply::new(status, body).header("Location", "/elsewhere"));
        let realm = service.url();
        RegistryEnv::new().check_refused(&wanting_token(move || realm.clone()), expect);
    }
}

/// Bearer tokens: fetched once for all parts of an image, with credentials if there are any.
#[test]
fn token_is_fetched_once_and_sent_to_registry_only() {
    let service = Server::start(|_| Reply::new(200, format!("{{\"token\": \"{SECRET}\"}}")));
    let realm = format!("{}/token?x=1", service.url());
    let server = wanting_token(move || realm.clone());
    let env = RegistryEnv::with_login(&server, "user", "password");
    env.pull(&server).unwrap();
    let requests = service.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0].target, "/token?x=1&service=test&scope=repository%3Aapp%3Apull");
    assert_eq!(requests[0].header("authorization"), format!("Basic {}", STANDARD.encode("user:password")));
    for request in server.requests().iter().skip(1) {
        assert_eq!(request.header("authorization"), format!("Bearer {SECRET}"));
    }
}

/// Row H49 of the hostile corpus: a registry that rejects every request is asked twice, and its answer quotes the
/// credentials.
#[test]
fn repeated_401_is_an_error_without_secrets() {
    let service = Server::start(|_| Reply::new(200, format!("{{\"token\": \"{SECRET}\"}}")));
    let realm = service.url();
    let quote = |request: &ReceivedRequest| {
        let shown = request.header("authorization");
        Reply::new(401, format!(r#"{{"errors":[{{"code":"UNAUTHORIZED","message":"not {shown}"}}]}}"#))
    };
    let server = Server::start(move |request| {
        quote(request).header("WWW-Authenticate", format!("Bearer realm=\"{realm}\",service=\"test\""))
    });
    RegistryEnv::new().check_refused(&server, "pull access denied for");
    assert_eq!((server.requests().len(), service.requests().len()), (2, 1));
    let server = Server::start(move |request| quote(request).header("WWW-Authenticate", "Basic realm=\"test\""));
    let env = RegistryEnv::with_login(&server, "user", SECRET);
    env.check_refused(&server, "not Basic [secret]");
    assert_eq!(server.requests().len(), 2);
    let server = Server::start(|_| Reply::new(401, "").header("WWW-Authenticate", "Negotiate"));
    RegistryEnv::new().check_refused(&server, "an authentication that is not supported");
}

/// Row H50 of the hostile corpus: once TLS was chosen, no request is ever sent over plain HTTP.
#[test]
fn tls_failure_never_falls_back_to_plain_http() {
    let server = Shelf::with_image(&[layer("file", 10)]).serve();
    let mut env = RegistryEnv::new();
    env.connection.transport = Transport::Tls;
    let error = env.check_refused(&server, "cannot reach");
    assert!(matches!(error, RegistryError::Unreachable { failing: Failing::Tls(TlsError::Plain), .. }), "{error:?}");
    assert!(server.requests().is_empty(), "{:?}", server.requests());
    // The positive control: the same server accepts plain HTTP.
    env.connection.transport = Transport::Default;
    env.pull(&server).unwrap();
    let usual = Connection::default();
    let check = |registry: &str, transport: Transport, expect: url::Security| {
        assert_eq!(
            Connection { transport, ..usual.clone() }.url(registry, false).unwrap().security(),
            expect,
            "{registry}"
        );
    };
    check("registry.example.com", Transport::Default, url::Security::Tls);
    check("10.0.0.1:5000", Transport::Default, url::Security::Tls);
    check("localhost.example.com", Transport::Default, url::Security::Tls);
    check("localhost:443", Transport::Default, url::Security::Tls);
    check("localhost:5000", Transport::Default, url::Security::Plain);
    check("[::1]:5000", Transport::Default, url::Security::Plain);
    check("registry.example.com", Transport::PlainHttp, url::Security::Plain);
    assert_eq!(usual.url("localhost:5000", true).unwrap().security(), url::Security::Tls, "there are certificates");
}

/// A resolver that returns one answer after the other.
#[derive(Debug)]
struct Names(std::sync::Mutex<Vec<Vec<SocketAddr>>>);

impl Resolver for Names {
    fn resolve(&self, _: &Uri, _: &Config, _: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        self.0.lock().unwrap().remove(0).iter().for_each(|address| addresses.push(*address));
        Ok(addresses)
    }
}

/// Resolves the registry's name, then another name; returns the addresses of the second to which connections are
/// allowed.
#[track_caller]
fn check_reachable(registry: &str, then: (&str, &[&str]), expect: &[&str]) {
    let parse =
        |addresses: &[&str]| addresses.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect();
    let names = Names(std::sync::Mutex::new(vec![parse(&[registry]), parse(then.1)]));
    let guard = ssrf_guard::Guard::new(names, "https://registry.test".parse().unwrap());
    let resolve = |name: &str| {
        let uri: Uri = format!("https://{name}/v2/").parse().unwrap();
        guard.resolve(&uri, &Config::default(), NextTimeout::default())
    };
    resolve("registry.test").expect("the registry itself may be anywhere");
    let found = resolve(then.0).map(|found| found.iter().map(|address| address.ip().to_string()).collect::<Vec<_>>());
    match expect {
        [] => assert!(matches!(found, Err(ureq::Error::Other(_))), "{then:?}: {found:?}"),
        _ => assert_eq!(found.unwrap(), expect, "{then:?}"),
    }
}

/// Row H47: each resolution of a name is checked anew.
#[test]
fn redirect_targets_are_checked_after_name_resolution() {
    check_reachable("1.1.1.1", ("storage.test", &["8.8.8.8"]), &["8.8.8.8"]);
    for near in ["127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1"] {
        check_reachable("1.1.1.1", ("storage.test", &[near]), &[]);
        check_reachable("1.1.1.1", ("storage.test", &[near, "8.8.8.8"]), &["8.8.8.8"]);
    }
    // A registry in a private network may store its blobs there.
    check_reachable("10.0.0.1", ("storage.test", &["10.0.0.2"]), &["10.0.0.2"]);
    check_reachable("10.0.0.1", ("storage.test", &["127.0.0.1"]), &[]);
    // DNS rebinding: the registry's own name now resolves to this machine.
    check_reachable("1.1.1.1", ("registry.test", &["127.0.0.1"]), &[]);
    check_reachable("1.1.1.1", ("registry.test", &["8.8.4.4"]), &["8.8.4.4"]);
}
