//! Finds tests in the sources by their paths, such as `kernel::limits::memory_limit_is_enforced`. Two tests include this
//! file: `hostile` and `documents`.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Whether a test with this path, such as `kernel::limits::memory_limit_is_enforced`, exists and is run: it has
/// `#[test]` and no `#[ignore]`.
pub fn is_in_sources(test: &str) -> bool {
    let Some((path, name)) = test.rsplit_once("::") else { return false };
    // A module `tests` is in the file that it tests, or in its own file.
    [path.replace("::tests", ""), path.to_owned()].iter().any(|path| is_in_module(path, name))
}

fn is_in_module(path: &str, name: &str) -> bool {
    files_of(path).iter().any(|file| runs_test(&fs::read_to_string(file).unwrap_or_default(), name))
}

/// The existing files that may contain a module such as `kernel::limits`. The first segment is a crate of tests, or a
/// package.
pub fn files_of(path: &str) -> Vec<PathBuf> {
    let segments: Vec<&str> = path.split("::").collect();
    let [root, modules @ ..] = segments.as_slice() else { return Vec::new() };
    let root = repository().join(match *root {
        "kernel" => "tests/kernel",
        "command" => "tests/cli",
        "core" => "minicontainer/core/src",
        "layers" => "minicontainer/layers/src",
        "library" => "minicontainer/src",
        "images" => "minicontainer/images/src",
        "registry" => "minicontainer/registry/src",
        "build" => "minicontainer/build/src",
        "engine" => "minicontainer/engine/src",
        "cli" => "minicontainer/cli/src",
        _ => return Vec::new(),
    });
    let module = root.join(modules.join("/"));
    let files = [module.with_extension("rs"), module.join("mod.rs"), module.join("tests.rs"), module.join("main.rs")];
    files.into_iter().filter(|file| file.is_file()).collect()
}

/// Whether a source file has a test with this name that is run.
pub fn runs_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let declaration = format!("fn {name}(");
    let Some(at) = lines.iter().position(|line| line.starts_with(&declaration)) else { return false };
    let above: Vec<&&str> = lines[..at].iter().rev().take_while(|line| line.starts_with(['#', '/'])).collect();
    above.iter().any(|line| line.starts_with("#[test]")) && !above.iter().any(|line| line.starts_with("#[ignore"))
}
