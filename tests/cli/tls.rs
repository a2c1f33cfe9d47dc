//! TLS with a real registry and a certificate authority that the test creates: where the engine looks for the
//! authority, and the error if it is not found. `registry::tests::tls` of the engine tests other certificate errors.

use std::{fs, process::Command};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::{
    answer::Answer,
    registry::{self, Registry, has},
    test_env::TestEnv,
};

/// A certificate and its key, in PEM.
struct Identity {
    certificate: String,
    key: String,
}

/// The certificate of an authority, and an identity that it has signed for 127.0.0.1.
fn authority() -> (String, Identity) {
    let mut parameters = CertificateParams::new(Vec::new()).unwrap();
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = parameters.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(parameters, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    (own, Identity { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// A command whose HOME is in the test environment.
fn command(place: &TestEnv, store: &str, arguments: &[&str]) -> Command {
    let mut command = registry::command(place, store, arguments);
    command.env("HOME", place.path("home"));
    command
}

/// Runs a command. The registry's address is redacted in its output.
fn answer(place: &TestEnv, registry: &Registry, mut command: Command) -> Answer {
    let answer = place.answer(command.output().unwrap());
    let plain = |text: String| text.replace(&registry.address, "REGISTRY");
    Answer { stdout: plain(answer.stdout), stderr: plain(answer.stderr), ..answer }
}

fn put(place: &TestEnv, file: &str, content: &str) {
    let path = place.path(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

#[test]
fn registry_authority_is_found_as_in_docker_and_podman() {
    let (certificate, identity) = authority();
    let Some(registry) = Registry::start_tls((&identity.certificate, &identity.key)) else { return };
    let place = TestEnv::new();
    let name = registry.name("mine:1");
    place.succeed(&["tag", "busybox", &name]);
    let words = ["push", name.as_str()];
    // Plain http is the default for loopback addresses, but this registry rejects it.
    insta::assert_snapshot!("plain", answer(&place, &registry, command(&place, "store", &words)).show());

    let directory = format!("home/.config/containers/certs.d/{}", registry.address);
    put(&place, &format!("{directory}/ca.crt"), &certificate);
    let pushed = answer(&place, &registry, command(&place, "store", &words));
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let ran = answer(&place, &registry, command(&place, "second", &["run", "--rm", &name, "echo", "hello"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, "hello\n"), "{}", ran.stderr);
    let insecure = command(&place, "third", &["pull", "--insecure", &name]);
    insta::assert_snapshot!("insecure", answer(&place, &registry, insecure).show());
    if has("skopeo") {
        check_skopeo_trusts_the_registry(&place, &name);
    }

    // The authority is also found in Docker's configuration directory.
    fs::remove_dir_all(place.path("home/.config")).unwrap();
    put(&place, &format!("docker/certs.d/{}/ca.crt", registry.address), &certificate);
    let pulled = answer(&place, &registry, command(&place, "fourth", &["pull", "-q", &name]));
    assert_eq!((pulled.code, pulled.stdout.as_str()), (0, "REGISTRY/mine:1\n"), "{}", pulled.stderr);
}

fn check_skopeo_trusts_the_registry(place: &TestEnv, name: &str) {
    let remote = format!("docker://{name}");
    let words = ["inspect", "--format", "{{.Name}}", &remote];
    let output = place.program("skopeo", &words).env("HOME", place.path("home")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // The control: with another home, skopeo does not trust the registry.
    let output = place.program("skopeo", &words).env("HOME", place.path("nowhere")).output().unwrap();
    assert!(!output.status.success());
}

#[test]
fn untrusted_registry_is_named() {
    let (certificate, identity) = authority();
    let Some(registry) = Registry::start_tls((&identity.certificate, &identity.key)) else { return };
    let place = TestEnv::new();
    let name = registry.name("mine:1");
    // The registry has a directory of certificates, but no authority in it.
    put(&place, &format!("home/.config/docker/certs.d/{}/README", registry.address), "");
    put(&place, "ca.pem", &certificate);
    put(&place, "empty.pem", "");
    let pull = |file: Option<&str>| {
        let mut command = command(&place, "store", &["pull", &name]);
        file.map(|file| command.env("SSL_CERT_FILE", place.path(file)));
        answer(&place, &registry, command)
    };
    put(&place, "other.pem", &authority().0);
    let wrong_issuer = pull(Some("other.pem"));
    let expect = "put the certificate of its authority into ~/.config/containers/certs.d/REGISTRY/ca.crt";
    assert!(wrong_issuer.code == 1 && wrong_issuer.stderr.contains(expect), "{}", wrong_issuer.stderr);
    insta::assert_snapshot!("no_such_file", pull(Some("nothing.pem")).show());
    assert!(pull(Some("empty.pem")).stderr.contains("SSL_CERT_FILE is set to it, but it contains no certificate"));
    // The positive control: with the right authority the connection succeeds, and the registry answers that the image
    // does not exist.
    let unknown = pull(Some("ca.pem"));
    assert!(unknown.stderr.contains("not found: manifest unknown"), "{}", unknown.stderr);
}
