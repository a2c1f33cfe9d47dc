//! Any bytes as the documents of an image, loaded from an archive and parsed as a registry's: the image is accepted
//! completely or refused.
//!
//! The input has up to three documents, separated by NUL bytes. The fuzzer cannot guess a digest, so there are
//! placeholders: `@0` and `@1` are the digests of the first two documents, `#0` and `#1` their sizes, and `@l` is the
//! digest of an existing layer.
#![no_main]

use minicontainer::core::Digest;
use minicontainer_fuzz::{env::StoreEnv, seeds, tar::Tar};
use minicontainer_registry::fuzzing;

const LAYER: [u8; 1024] = [0; 1024];

thread_local! {
    static ROOM: StoreEnv = StoreEnv::default();
}

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::IMAGES),
    |data: &[u8]| {
        let text = String::from_utf8_lossy(data);
        let layer = Digest::of(&LAYER);
        let mut documents: Vec<String> = Vec::new();
        for document in text.splitn(3, '\0') {
            let mut document = document.replace("@l", layer.as_str());
            for (number, before) in documents.iter().enumerate() {
                document = document.replace(&format!("@{number}"), Digest::of(before.as_bytes()).as_str());
                document = document.replace(&format!("#{number}"), &before.len().to_string());
            }
            documents.push(document);
        }
        let mut archive = Tar::new().file("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
        let named = |digest: &Digest| format!("blobs/sha256/{}", digest.hex());
        for document in &documents {
            fuzzing::manifest(document.as_bytes());
            archive = archive.file(&named(&Digest::of(document.as_bytes())), document);
        }
        let last = documents.last().map_or("", String::as_str);
        let name = if last.starts_with('[') { "manifest.json" } else { "index.json" };
        let zeros = String::from_utf8_lossy(&LAYER);
        let archive = archive.file(&named(&layer), &zeros).file("layer", &zeros).file(name, last).end();
        ROOM.with(|env| env.load(&archive));
    }
);
