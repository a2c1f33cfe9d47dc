//! Any bytes as an image's config: what is read is settled or refused, and a build writes what it has read.
#![no_main]

use minicontainer::core::{RunOptions, image::settle, options::resolve_user};
use minicontainer_dockerfile::image::Document;
use minicontainer_fuzz::seeds;
use oci_spec::image::ImageConfiguration;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::CONFIGS),
    |data: &[u8]| {
        if let Ok(config) = serde_json::from_slice::<ImageConfiguration>(data) {
            match settle(&RunOptions::default(), &config) {
                Err(error) => drop(error.to_string()),
                Ok(settled) => {
                    assert!(settled.workdir.starts_with('/') && !settled.args.is_empty());
                    assert!(settled.env.iter().all(|entry| entry.find('=').is_some_and(|at| at > 0)));
                    assert!(settled.env.iter().chain(&settled.args).all(|text| !text.contains('\0')));
                    let _user = resolve_user(&settled.user, &data_text(data), &data_text(data));
                }
            }
        }
        if let Ok(document) = serde_json::from_slice::<Document>(data) {
            let written = serde_json::to_string(&document).expect("values that JSON can hold");
            assert_eq!(serde_json::from_str::<Document>(&written).expect("our own words"), document);
        }
    }
);

/// The same bytes as the image's list of users.
fn data_text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).replace(',', "\n")
}
