//! TLS errors, with hints.
//!
//! The hint is never to ignore an invalid certificate: without a valid one, the connection is encrypted, but the
//! other side may be an attacker.

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The certificate's authority is not trusted here.
    Unknown,
    /// It has expired.
    Expired,
    /// It is not valid yet.
    Early,
    /// It is for another server.
    OtherName,
    /// It is a certificate of an authority, not of a server.
    Authority,
    /// The registry requires a client certificate, or another one.
    Client,
    /// The server does not use TLS.
    Plain,
    /// The server requires TLS, but plain HTTP was used.
    Tls,
    /// There is no common version or cipher, or one side has an error.
    Other,
}

impl TlsError {
    /// The kind of the TLS crate's error.
    pub(super) fn of(error: &rustls::Error) -> TlsError {
        use rustls::Error;
        match error {
            Error::InvalidCertificate(error) => TlsError::of_certificate(error),
            Error::AlertReceived(
                AlertDescription::CertificateRequired
                | AlertDescription::BadCertificate
                | AlertDescription::UnknownCA
                | AlertDescription::CertificateExpired
                | AlertDescription::CertificateUnknown
                | AlertDescription::AccessDenied,
            ) => TlsError::Client,
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => TlsError::Plain,
            _ => TlsError::Other,
        }
    }

    fn of_certificate(error: &CertificateError) -> TlsError {
        match error {
            // An authority of the same name is trusted, but with another key: it was created again.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsError::Unknown,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsError::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsError::Early,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsError::OtherName
            }
            // Some errors have a name only in the crate that verifies certificates, and not in the TLS crate.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => TlsError::Authority,
            _ => TlsError::Other,
        }
    }

    /// A hint how to fix it.
    pub(super) fn hint(self, host: &str) -> String {
        match self {
            TlsError::Unknown => format!(
                "if you trust its operator, put the certificate of its authority into \
                 ~/.config/containers/certs.d/{host}/ca.crt (for all users: /etc/containers/certs.d/{host}/ca.crt)"
            ),
            TlsError::Expired => {
                "its operator must renew the certificate; or this machine's clock is wrong (`date`)".to_owned()
            }
            TlsError::Early => "this machine's clock is wrong (`date`), or the certificate is".to_owned(),
            TlsError::OtherName => {
                "use the name that the certificate is for, or have it made for this one (subjectAltName)".to_owned()
            }
            TlsError::Authority => {
                "give the registry a certificate of its own, signed by that authority, or one made with \
                                    `openssl req -x509 -addext basicConstraints=critical,CA:FALSE …`"
                    .to_owned()
            }
            TlsError::Client => format!(
                "it wants to be shown a certificate of yours: put it, and its key, into \
                 ~/.config/containers/certs.d/{host}/ as client.cert and client.key"
            ),
            TlsError::Plain => {
                "check the port; only for a registry that you know to be without TLS there is `Transport::PlainHttp`"
                    .to_owned()
            }
            TlsError::Tls => format!(
                "leave `Transport::PlainHttp` away; one on this machine is taken to speak TLS if there is a directory \
                 ~/.config/containers/certs.d/{host}, with the certificate of its authority"
            ),
            TlsError::Other => "ask its operator; minicontainer supports TLS 1.2 and 1.3".to_owned(),
        }
    }
}
