//! The preprocessor as mdBook calls it: a book with one page, before and after its original changes.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_book-preprocessor");

/// Passes the Portuguese book, with this one page, to the preprocessor.
fn preprocess(root: &Path, content: &str, strict: bool) -> Output {
    let context = json!({
        "root": root.join("pt-BR"), "config": { "book": { "language": "pt-BR" } },
        "renderer": "html", "mdbook_version": "0.5.4",
    });
    let chapter = json!({
        "name": "Página", "content": content, "number": null, "sub_items": [],
        "path": "page.md", "source_path": "page.md", "parent_names": [],
    });
    let mut command = Command::new(PROGRAM);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_remove("BOOK_STRICT");
    if strict {
        command.env("BOOK_STRICT", "1");
    }
    let mut child = command.spawn().unwrap();
    let input = json!([context, { "items": [{ "Chapter": chapter }] }]).to_string();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn content_of(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let book: Value = serde_json::from_slice(&output.stdout).unwrap();
    book["items"][0]["Chapter"]["content"].as_str().unwrap().to_owned()
}

#[test]
fn stale_translation_shows_banner_or_fails_strict_build() {
    let root = tempfile::tempdir().unwrap();
    for language in ["en", "pt-BR"] {
        fs::create_dir_all(root.path().join(language).join("src")).unwrap();
    }
    let original = root.path().join("en/src/page.md");
    let translation = root.path().join("pt-BR/src/page.md");
    fs::write(&original, "# Page {#page}\n").unwrap();
    fs::write(&translation, "# Página {#page}\n").unwrap();
    assert!(Command::new(PROGRAM).arg("stamp").arg(&translation).status().unwrap().success());
    let stamped = fs::read_to_string(&translation).unwrap();

    let fresh = content_of(&preprocess(root.path(), &stamped, true));
    assert!(fresh.contains("../en/page.html") && !fresh.contains("desatualizada"), "{fresh}");

    fs::write(&original, "# Page {#page}\n\nMore.\n").unwrap();
    assert!(content_of(&preprocess(root.path(), &stamped, false)).contains("desatualizada"));
    let strict = preprocess(root.path(), &stamped, true);
    assert!(!strict.status.success());
    assert!(String::from_utf8_lossy(&strict.stderr).contains("pt-BR/src/page.md"));
}
