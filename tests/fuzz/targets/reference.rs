//! Any text as the name of an image, which reads as the same when it is printed; and as what a registry says in the
//! headers of its answers, of itself and of where to go.
#![no_main]

use minicontainer::core::Reference;
use minicontainer_fuzz::seeds;
use minicontainer_images::registry::fuzzing;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::REFERENCES),
    |data: &[u8]| {
        let text = String::from_utf8_lossy(data);
        match text.parse::<Reference>() {
            Err(error) => drop(error.to_string()),
            Ok(reference) => {
                for printed in [reference.to_string(), reference.familiar()] {
                    assert_eq!(printed.parse().as_ref(), Ok(&reference), "{text:?} is printed as {printed:?}");
                }
            }
        }
        fuzzing::header(&text);
    }
);
