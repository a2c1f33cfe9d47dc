//! The common parts of the fuzz targets: their seeds, and an environment in which a layer cannot do damage.
//!
//! A fuzz target is a function that must not fail for *any* bytes. libFuzzer calls it some thousand times a second
//! with modified copies of its **corpus**, the inputs that it knows. It adds an input to the corpus if the input
//! reached new code, as counters show that the compiler inserts into every branch (`tests/fuzz/run` has the flags for
//! the stable compiler). The corpus starts from **seeds**, examples of everything that a format has. The seeds are
//! code: the hostile corpus of the command's tests, and a few documents.

// Code that is compiled with counters needs the symbols of libFuzzer.
use libfuzzer_sys as _;

/// The hostile archives of the command's tests.
#[path = "../../cli/hostile/corpus.rs"]
#[allow(dead_code)]
mod corpus;
pub mod env;
pub mod seeds;
#[path = "../../cli/hostile/tar.rs"]
#[allow(dead_code)]
pub mod tar;
