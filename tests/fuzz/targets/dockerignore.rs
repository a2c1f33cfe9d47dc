//! Any text as `.dockerignore`, and any paths: it is parsed and matched without a panic or a long delay.
#![no_main]

use minicontainer_dockerfile::Ignore;
use minicontainer_fuzz::seeds;

libfuzzer_sys::fuzz_target!(
    init: seeds::plant(seeds::IGNORES),
    |data: &[u8]| {
        let text = String::from_utf8_lossy(data);
        let (patterns, paths) = text.split_once('\0').unwrap_or((&text, "a/b"));
        match Ignore::parse(patterns) {
            Err(error) => drop(error.to_string()),
            Ok(ignore) => paths.lines().for_each(|path| check(&ignore, path)),
        }
    }
);

fn check(ignore: &Ignore, path: &str) {
    let excluded = ignore.excludes(path);
    assert!(!(excluded && ignore.is_empty()), "{path:?} is excluded without any pattern");
    if excluded && !ignore.has_exceptions() {
        assert!(ignore.excludes(&format!("{}/below", path.trim_matches('/'))), "a path below {path:?} is included");
    }
}
