//! TLS, with an authority, a registry and a client that are created for each test, and with every possible
//! certificate error.

use minicontainer::Diagnostic as _;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

use super::*;

/// An authority that signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// A certificate and its key.
struct Identity {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

impl Authority {
    fn new() -> Authority {
        Authority::named("the authority")
    }

    fn named(name: &str) -> Authority {
        let mut parameters = CertificateParams::new(Vec::new()).unwrap();
        parameters.distinguished_name.push(DnType::CommonName, name);
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        Authority { issuer: Issuer::new(parameters, key), certificate }
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut parameters = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        Identity { certificate: parameters.signed_by(&key, &self.issuer).unwrap(), key }
    }
}

impl Identity {
    /// A server's configuration; it requests client certificates that this authority has signed, or none.
    fn serving(&self, clients_of: Option<(&Authority, Need)>) -> Arc<ServerConfig> {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let builder = match clients_of {
            None => builder.with_no_client_auth(),
            Some((authority, need)) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.certificate.der().clone()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                let verifier = if need == Need::Requested { verifier.allow_unauthenticated() } else { verifier };
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        Arc::new(builder.with_single_cert(vec![self.certificate.der().clone()], key).unwrap())
    }
}

/// Whether a client may or must send a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Requested,
    Required,
}

/// Serves one image as this identity.
fn serving(config: Arc<ServerConfig>) -> Server {
    let shelf = Shelf::with_image(&[layer("file", 100_000)]);
    Server::start_tls(config, move |request| shelf.answer(request))
}

/// Creates a file in the registry's certificate directory.
fn put(env: &RegistryEnv, server: &Server, file: &str, content: &str) {
    let directory = env.directory.path().join("certs.d").join(server.name());
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join(file), content).unwrap();
}

#[test]
fn registry_with_known_authority_is_trusted() {
    let authority = Authority::new();
    let server = serving(authority.sign("127.0.0.1", |_| {}).serving(None));
    let env = RegistryEnv::new();
    put(&env, &server, "ca.crt", &authority.certificate.pem());
    env.pull(&server).unwrap();
    assert!(server.count("GET", "/blobs/") == 2 && server.requests().iter().all(|request| !request.has_certificate));
    // Two authorities in one file, and an empty directory.
    let env = RegistryEnv::new();
    fs::create_dir_all(env.directory.path().join("more").join(server.name())).unwrap();
    put(&env, &server, "both.crt", &(Authority::new().certificate.pem() + &authority.certificate.pem()));
    env.pull(&server).unwrap();
}

/// Each TLS error is reported, nothing is sent to an untrusted server, and there is no retry.
#[track_caller]
fn check_doubt(server: &Server, env: &mut RegistryEnv, tls_error: TlsError, hint: &str) {
    env.connection.transport = Transport::Tls;
    let error = env.check_refused(server, "cannot reach");
    let RegistryError::Unreachable { failing: Failing::Tls(found), .. } = &error else { panic!("{error:?}") };
    assert_eq!(*found, tls_error, "{}", full_message(&error));
    assert!(error.hint().is_some_and(|text| text.contains(hint)), "{:?}", error.hint());
    assert!(server.requests().is_empty(), "{:?}", server.requests());
}

#[test]
fn each_certificate_error_has_its_reason() {
    let authority = Authority::new();
    let with_authority = |server: &Server| {
        let env = RegistryEnv::new();
        put(&env, server, "ca.crt", &authority.certificate.pem());
        env
    };
    let untrusted = serving(Authority::named("another").sign("127.0.0.1", |_| {}).serving(None));
    check_doubt(&untrusted, &mut with_authority(&untrusted), TlsError::Unknown, "certs.d/127.0.0.1:");
    // An authority with the same name, but another key.
    let namesake = serving(Authority::new().sign("127.0.0.1", |_| {}).serving(None));
    check_doubt(&namesake, &mut with_authority(&namesake), TlsError::Unknown, "certs.d/127.0.0.1:");
    // An authority that is trusted for one registry is not trusted for another.
    let other = serving(authority.sign("127.0.0.1", |_| {}).serving(None));
    check_doubt(&other, &mut with_authority(&untrusted), TlsError::Unknown, "ca.crt");
    let check = |change: fn(&mut CertificateParams), tls_error, hint| {
        let server = serving(authority.sign("127.0.0.1", change).serving(None));
        check_doubt(&server, &mut with_authority(&server), tls_error, hint);
    };
    check(|it| it.not_after = date_time_ymd(2020, 1, 1), TlsError::Expired, "renew");
    check(|it| it.not_before = date_time_ymd(3000, 1, 1), TlsError::Early, "clock");
    check(|it| it.is_ca = IsCa::Ca(BasicConstraints::Unconstrained), TlsError::Authority, "CA:FALSE");
    let named = serving(authority.sign("registry.example.com", |_| {}).serving(None));
    check_doubt(&named, &mut with_authority(&named), TlsError::OtherName, "subjectAltName");
}

/// Plain HTTP to a TLS server: `tls_failure_never_falls_back_to_plain_http` is the reverse.
#[test]
fn plain_http_to_tls_registry_is_reported() {
    let authority = Authority::new();
    let tls = serving(authority.sign("127.0.0.1", |_| {}).serving(None));
    let go = Server::start(|_| Reply::new(400, "Client sent an HTTP request to an HTTPS server.\n"));
    for server in [tls, go] {
        let mut env = RegistryEnv::new();
        env.connection.transport = Transport::PlainHttp;
        let error = env.check_refused(&server, "cannot reach");
        let failing = matches!(error, RegistryError::Unreachable { failing: Failing::Tls(TlsError::Tls), .. });
        assert!(failing, "{error:?}");
        assert!(
            error.hint().is_some_and(|hint| hint.contains("leave `Transport::PlainHttp` away")),
            "{:?}",
            error.hint()
        );
        assert!(server.requests().len() <= 1, "it is asked once");
    }
}

#[test]
fn client_certificate_is_sent_to_its_registry_only() {
    let authority = Authority::new();
    let elsewhere = authority.sign("127.0.0.1", |_| {}).serving(Some((&authority, Need::Requested)));
    let shelf = Shelf::with_image(&[layer("file", 100_000)]);
    let storage = {
        let shelf = shelf.clone();
        Server::start_tls(elsewhere, move |request| shelf.answer(request))
    };
    let place = format!("https://{}", storage.name());
    let own = authority.sign("127.0.0.1", |_| {}).serving(Some((&authority, Need::Required)));
    let server = Server::start_tls(own, move |request| match request.target.contains("/blobs/") {
        true => Reply::new(307, "").header("Location", format!("{place}{}", request.target)),
        false => shelf.answer(request),
    });
    let mut env = RegistryEnv::new();
    put(&env, &server, "ca.crt", &authority.certificate.pem());
    check_doubt(&server, &mut env, TlsError::Client, "client.cert and client.key");
    let client = authority.sign("somebody", |_| {});
    put(&env, &server, "client.cert", &client.certificate.pem());
    put(&env, &server, "client.key", &client.key.serialize_pem());
    env.pull(&server).unwrap();
    assert!(server.requests().len() >= 3 && server.requests().iter().all(|request| request.has_certificate));
    // After the redirect, the authority is still trusted, but the client certificate is not sent.
    assert!(storage.requests().len() == 2 && storage.requests().iter().all(|request| !request.has_certificate));
}

/// An invalid certificate file is an error and is not skipped; no such error causes a panic.
#[test]
fn invalid_certificate_files_are_named() {
    let authority = Authority::new();
    let server = serving(authority.sign("127.0.0.1", |_| {}).serving(None));
    let [one, two] = [authority.sign("somebody", |_| {}), authority.sign("another", |_| {})];
    let (certificate, key) = (one.certificate.pem(), one.key.serialize_pem());
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[("ca.crt", "")], "ca.crt: it has no certificate"),
        (&[("ca.crt", "nonsense")], "ca.crt: it has no certificate"),
        (&[("ca.crt", broken)], "ca.crt: "),
        (&[("client.cert", &certificate)], "client.cert: there is no key beside it"),
        (&[("client.key", &key)], "client.key: there is no certificate beside it"),
        (&[("client.cert", &certificate), ("client.key", "")], "client.key: it has no private key"),
        (
            &[("client.cert", &certificate), ("client.key", &two.key.serialize_pem())],
            "client.key: it does not belong to",
        ),
        (
            &[("a.cert", &certificate), ("a.key", &key), ("b.cert", &certificate), ("b.key", &key)],
            "it has more than one *.cert",
        ),
    ];
    for (files, expect) in cases {
        let env = RegistryEnv::new();
        files.iter().for_each(|(name, content)| put(&env, &server, name, content));
        env.check_refused(&server, expect);
    }
    assert!(server.requests().is_empty());
}
