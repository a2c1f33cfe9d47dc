//! The public interface of the libraries, as their users see it.
//!
//! - `surface` reads the sources and lists every public item. A snapshot shows each change of it in a review, as
//!   cargo-public-api does from rustdoc's JSON, which only the nightly toolchain writes.
//! - `texts` reads the messages: a library names its settings, never the flags of the command.

mod surface;
mod texts;

use std::{
    fs,
    path::{Path, PathBuf},
};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust file below a directory of the repository, without tests, with its path.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    files(directory, "rs")
}

/// Every file with this extension below a directory of the repository, without tests, with its path.
fn files(directory: &str, extension: &str) -> Vec<(PathBuf, String)> {
    let (mut found, mut ahead) = (Vec::new(), vec![repository().join(directory)]);
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(&next).expect("a directory of the repository") {
            let path = entry.expect("an entry").path();
            let is_test = path.file_stem().is_some_and(|name| name == "tests" || name == "test_store");
            if path.is_dir() && !is_test {
                ahead.push(path);
            } else if path.extension().is_some_and(|found| found == extension) && !is_test {
                let text = fs::read_to_string(&path).expect("a source file");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}
