//! What the fuzz targets share: where they start from, and a place in which a layer may do its worst.
//!
//! A fuzz target is a function of bytes that must hold for *any* bytes. libFuzzer calls it some thousand times a
//! second with changed copies of inputs that it knows, its **corpus**, and keeps every change that reached code which
//! no other had reached: counters that the compiler puts into every branch tell that (`tests/fuzz/run` has the flags,
//! which a stable compiler takes). The corpus starts from **seeds**, examples of everything that a format has. They
//! are code: the hostile corpus that the tests of the command have, and a few documents.

// libFuzzer's own symbols come with it, which everything that is compiled with counters needs.
use libfuzzer_sys as _;

/// The archives that the tests of the command know.
#[path = "../../cli/hostile/corpus.rs"]
#[allow(dead_code)]
mod corpus;
pub mod env;
pub mod seeds;
#[path = "../../cli/hostile/tar.rs"]
#[allow(dead_code)]
pub mod tar;
