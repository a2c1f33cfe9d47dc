//! Any bytes as an image's config: it is resolved or refused, and a config that is written again reads as the same.
#![no_main]

use minicontainer::core::{
    RunOptions,
    image::{ImageConfig, resolve_process},
    options::resolve_user,
};
use minicontainer_fuzz::seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::CONFIGS),
    |data: &[u8]| {
        let Ok(image) = serde_json::from_slice::<ImageConfig>(data) else { return };
        match resolve_process(&RunOptions::default(), &image.config) {
            Err(error) => drop(error.to_string()),
            Ok(process) => {
                assert!(process.workdir.starts_with('/') && !process.args.is_empty());
                assert!(process.env.iter().all(|entry| entry.find('=').is_some_and(|at| at > 0)));
                assert!(process.env.iter().chain(&process.args).all(|text| !text.contains('\0')));
                let _user = resolve_user(&process.user, &data_text(data), &data_text(data));
            }
        }
        let written = serde_json::to_string(&image).expect("values that JSON can hold");
        assert_eq!(serde_json::from_str::<ImageConfig>(&written).expect("a document that was written here"), image);
    }
);

/// The same bytes as the image's `/etc/passwd`.
fn data_text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).replace(',', "\n")
}
