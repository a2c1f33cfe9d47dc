//! Any text as an image reference, which must parse as the same after it is printed; and as the value of a registry's
//! response headers.
#![no_main]

use minicontainer::core::Reference;
use minicontainer_fuzz::seeds;
use minicontainer_registry::fuzzing;

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
