//! Why there is no TLS with a registry, and what to do about each reason.
//!
//! The remedy is never to believe the certificate all the same: whoever does has a wire that nobody can listen to,
//! with nobody knows whom at its end.

use rustls::{AlertDescription, CertificateError, InvalidMessage};

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsError {
    /// The certificate is of an authority that is not believed here.
    Unknown,
    /// It was valid once.
    Expired,
    /// It will be.
    Early,
    /// It is another server's.
    OtherName,
    /// It is an authority's own and not a server's.
    Authority,
    /// The registry wants to see a client's certificate, or another one.
    Client,
    /// Whoever answers there speaks no TLS.
    Plain,
    /// TLS was spoken to, where plain HTTP was.
    Tls,
    /// The two have no version or cipher in common, or one of them errs.
    Other,
}

impl TlsError {
    /// What the TLS crate's error means.
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
            // One of the same name is believed, with another key: it was made anew.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => TlsError::Unknown,
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsError::Expired,
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => TlsError::Early,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsError::OtherName
            }
            // The crate that checks certificates has names for more than the one that speaks TLS.
            CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => TlsError::Authority,
            _ => TlsError::Other,
        }
    }

    /// One sentence that says how to fix it.
    pub(super) fn hint(self, host: &str) -> String {
        match self {
            TlsError::Unknown => format!(
                "if you trust whoever runs it, put the certificate of its authority into \
                 ~/.config/containers/certs.d/{host}/ca.crt (for all users: /etc/containers/certs.d/{host}/ca.crt)"
            ),
            TlsError::Expired => {
                "whoever runs it must renew its certificate; or this machine's clock is wrong (`date`)".to_owned()
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
                "check the port; only for a registry that you know to be without TLS there is --insecure".to_owned()
            }
            TlsError::Tls => format!(
                "leave --insecure away; one on this machine is taken to speak TLS if there is a directory \
                 ~/.config/containers/certs.d/{host}, with the certificate of its authority"
            ),
            TlsError::Other => "ask whoever runs it; minicontainer speaks TLS 1.2 and 1.3".to_owned(),
        }
    }
}
