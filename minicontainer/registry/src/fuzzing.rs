//! Parsing of a registry's answers, for the fuzz targets of `tests/fuzz` only.

use super::{
    challenge::challenges,
    download::covers_rest,
    manifest::parse,
    redirect::follow,
    url::{Security, Url},
};

/// A header of an answer, whichever it is.
pub fn header(text: &str) {
    for challenge in challenges(text) {
        assert_eq!(challenge.scheme, challenge.scheme.to_ascii_lowercase());
    }
    covers_rest(text, 100, 200);
    let Ok(registry) = Url::new(Security::Tls, "registry.test", "/v2/app/blobs/x?y") else { return };
    if let Ok(place) = follow(&registry, &registry, text) {
        assert_eq!(place.security(), Security::Tls, "{text:?} leads out of TLS");
        assert!(!place.is_loopback(), "{text:?} leads to this machine");
        assert_eq!(place.text().parse().as_ref(), Ok(&place), "{text:?} is printed as {:?}", place.text());
    }
}

/// A manifest or an index.
pub fn manifest(bytes: &[u8]) {
    let kinds = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"];
    let read = kinds.map(|kind| parse(bytes, kind, "it", "it").is_ok());
    assert_ne!(read, [true; 2], "a document with two meanings");
}
