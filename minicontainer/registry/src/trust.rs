//! Trusted certificate authorities and client certificates.
//!
//! A **certificate** states to whom a key belongs, such as registry.example.com, and is signed by an **authority**. A
//! client has a list of trusted authorities. This one uses the machine's list (on Debian the package
//! *ca-certificates*), and no list that was compiled in; `SSL_CERT_FILE` and `SSL_CERT_DIR` replace it.
//!
//! The registry of an organisation often has a certificate of the organisation's own authority, which is not in that
//! list. For this, Docker and Podman have directories named after the registry, which are used here too:
//!
//! ```text
//! certs.d/registry.example.com:5000/
//!     ca.crt         any *.crt: an additional trusted authority, for this registry and its redirects
//!     client.cert    a *.cert and the *.key of the same name: a client certificate, for a registry that requires one
//!     client.key     (mutual TLS). It is sent only to this registry.
//! ```
//!
//! These directories are in `~/.config/containers/certs.d`, `~/.config/docker/certs.d` and `~/.docker/certs.d` for
//! the user, and in `/etc/containers/certs.d` and `/etc/docker/certs.d` for the machine. All existing ones are used;
//! of client certificates, only the first.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::{
    RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::RegistryError;

/// The size limit of a file with certificates.
const FILE_LIMIT: u64 = 1 << 20;

/// The trusted authorities for one registry.
#[derive(Debug, Default)]
pub(super) struct Trust {
    authorities: Vec<Certificate<'static>>,
    identity: Option<ClientCert>,
    /// Whether there is a directory for this registry: then TLS is used, even on this machine.
    pub(super) is_set_up: bool,
}

impl Trust {
    /// The authorities of the machine and of these directories for a registry.
    pub(super) fn of(registry: &str, directories: &[PathBuf]) -> Result<Trust, RegistryError> {
        let mut trust = Trust { authorities: of_machine()?, ..Trust::default() };
        for directory in directories {
            let directory = directory.join(registry);
            if let Some(files) = files_of(&directory)? {
                trust.is_set_up = true;
                trust.add(&directory, &files)?;
            }
        }
        Ok(trust)
    }

    /// Whether there are no trusted authorities at all.
    pub(super) fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    fn add(&mut self, directory: &Path, files: &[PathBuf]) -> Result<(), RegistryError> {
        let with = |extension: &'static str| {
            files.iter().filter(move |file| file.extension().is_some_and(|found| found == extension))
        };
        for file in with("crt") {
            for certificate in certificates_in(file)? {
                RootCertStore::empty()
                    .add(certificate.clone())
                    .map_err(|error| unusable(file, &error.to_string()))?;
                self.authorities.push(Certificate::from_der(&certificate).to_owned());
            }
        }
        for key in with("key") {
            if !key.with_extension("cert").exists() {
                return Err(unusable(key, "there is no certificate beside it, of the same name and ending in .cert"));
            }
        }
        let identities: Vec<&PathBuf> = with("cert").collect();
        match identities.as_slice() {
            [] => Ok(()),
            [one] => {
                let identity = identity(one)?;
                self.identity.get_or_insert(identity);
                Ok(())
            }
            _ => Err(unusable(directory, "it has more than one *.cert, and only one can be shown")),
        }
    }

    /// The TLS configurations of the HTTP crate: for the registry itself, and for its redirects.
    pub(super) fn of_connections(&self) -> [TlsConfig; 2] {
        // Clones of one list count as equal, so connections can be reused.
        let roots = RootCerts::from(self.authorities.clone());
        let provider = Arc::new(ring::default_provider());
        [self.identity.clone(), None].map(|identity| {
            TlsConfig::builder()
                .provider(TlsProvider::Rustls)
                .root_certs(roots.clone())
                .client_cert(identity)
                .unversioned_rustls_crypto_provider(Arc::clone(&provider))
                .build()
        })
    }
}

/// The parents of the directories named after registries, those of the user first.
pub(super) fn directories() -> Vec<PathBuf> {
    let named = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let below_home = |folder: &str| named("HOME").map(|home| home.join(folder));
    let settings = named("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
    let own = [
        settings.as_ref().map(|settings| settings.join("containers")),
        settings.as_ref().map(|settings| settings.join("docker")),
        named("DOCKER_CONFIG").or_else(|| below_home(".docker")),
    ];
    let all = own.into_iter().flatten().chain(["/etc/containers", "/etc/docker"].map(PathBuf::from));
    all.map(|directory| directory.join("certs.d")).collect()
}

/// The machine's authorities. Unreadable ones are skipped. But if the user named other files and they contain none,
/// that is an error.
fn of_machine() -> Result<Vec<Certificate<'static>>, RegistryError> {
    let loaded = rustls_native_certs::load_native_certs();
    if loaded.certs.is_empty() {
        for name in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
            if let Some(value) = env::var_os(name).filter(|value| !value.is_empty()) {
                let why = loaded.errors.first().map(|error| format!(" ({error})")).unwrap_or_default();
                return Err(unusable(
                    Path::new(&value),
                    &format!("{name} is set to it, but it contains no certificate{why}"),
                ));
            }
        }
    }
    Ok(loaded.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect())
}

/// The files of a directory, sorted by name; `None` if it does not exist or is not readable.
fn files_of(directory: &Path) -> Result<Option<Vec<PathBuf>>, RegistryError> {
    use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied};
    let failed = |source| RegistryError::Config { action: "read", path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Err(error) if matches!(error.kind(), NotFound | NotADirectory | PermissionDenied) => return Ok(None),
        entries => entries.map_err(failed)?,
    };
    let files = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>();
    let mut files = files.map_err(failed)?;
    files.sort();
    Ok(Some(files))
}

/// A client certificate with its chain, and its key.
fn identity(file: &Path) -> Result<ClientCert, RegistryError> {
    let key_file = file.with_extension("key");
    if !key_file.exists() {
        let advice = "there is no key beside it, of the same name and ending in .key (an authority's certificate ends in .crt)";
        return Err(unusable(file, advice));
    }
    let chain = certificates_in(file)?;
    let key = PrivateKeyDer::from_pem_slice(&read(&key_file)?);
    let key = key.map_err(|_| unusable(&key_file, "it has no private key in PEM format"))?;
    // The HTTP crate does not check that they belong together.
    CertifiedKey::from_der(chain.clone(), key.clone_key(), &ring::default_provider())
        .map_err(|error| unusable(&key_file, &format!("it does not belong to {}: {error}", file.display())))?;
    let chain: Vec<Certificate<'static>> = chain.iter().map(|der| Certificate::from_der(der).to_owned()).collect();
    let key = PrivateKey::from_pem(&read(&key_file)?).map_err(|error| unusable(&key_file, &error.to_string()))?;
    Ok(ClientCert::new_with_certs(&chain, key))
}

fn certificates_in(file: &Path) -> Result<Vec<CertificateDer<'static>>, RegistryError> {
    let found = CertificateDer::pem_slice_iter(&read(file)?).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|error| unusable(file, &error.to_string()))?;
    if found.is_empty() { Err(unusable(file, "it has no certificate in PEM format")) } else { Ok(found) }
}

fn read(file: &Path) -> Result<Vec<u8>, RegistryError> {
    let failed = |source| RegistryError::Config { action: "read", path: file.to_owned(), source };
    if fs::metadata(file).map_err(failed)?.len() > FILE_LIMIT {
        return Err(unusable(file, "it is too large for a certificate"));
    }
    fs::read(file).map_err(failed)
}

fn unusable(path: &Path, reason: &str) -> RegistryError {
    RegistryError::ConfigContent { path: path.to_owned(), reason: reason.to_owned() }
}
