//! `.dockerignore`: patterns, and which files of a context remain.

use minicontainer_dockerfile::Ignore;

/// The section of the documentation, and the file. Sections of
/// <https://docs.docker.com/build/concepts/context/#dockerignore-files>.
const FILES: [(&str, &str); 19] = [
    ("Syntax: the example", "# comment\n*/temp*\n*/*/temp*\ntemp?\n"),
    ("Syntax: relative and absolute are the same", "/foo/bar\n"),
    ("Matching: any number of directories", "**/*.go\n"),
    ("Matching: everything below", "foo/**\n"),
    ("Negating matches", "*.md\n!README.md\n"),
    ("Negating matches: the last one decides", "*.md\n!README*.md\nREADME-secret.md\n"),
    ("Negating matches: no effect", "*.md\nREADME-secret.md\n!README*.md\n"),
    ("Negating matches: only these", "*\n!foo\n"),
    ("filepath.Clean: dots", "./foo/../temp\n"),
    ("filepath.Clean: the root is not excluded", ".\n/\n"),
    ("ReadAll: blanks around", "  temp  \n! README.md\n\n"),
    ("ReadAll: a comment only in the first column", " # foo\n"),
    ("ReadAll: a byte order mark", "\u{feff}foo\n"),
    ("filepath.Match: classes", "temp[a-b]\n[^f]oo\n"),
    ("filepath.Match: escapes", "\\*\nte\\mp\n"),
    ("patternmatcher: a directory with exceptions", "foo\n!foo/bar\n"),
    ("patternmatcher: an exception only", "!\n"),
    ("filepath.Match: an open class", "foo\ntemp[\n"),
    ("filepath.Match: a range backwards", "[b-a]\n"),
];

const PATHS: [&str; 14] = [
    "Dockerfile",
    "README.md",
    "README-secret.md",
    "notes.md",
    "temp",
    "tempa",
    "tempab",
    "foo",
    "foo/bar",
    "foo/temp.x",
    "foo/foo/tempa",
    "main.go",
    "foo/x/main.go",
    "*",
];

#[test]
fn ignore_files_leave_what_the_reference_says() {
    let mut shown = String::new();
    for (source, text) in FILES {
        let lines = text.trim_end_matches('\n').replace('\n', "\n| ");
        let result = match Ignore::parse(text) {
            Err(error) => format!("error: {error}"),
            Ok(ignore) => {
                let left: Vec<&str> = PATHS.into_iter().filter(|path| !ignore.excludes(path)).collect();
                format!("left: {}", left.join(" "))
            }
        };
        shown += &format!("=== {source}\n| {lines}\n{result}\n");
    }
    insta::assert_snapshot!("dockerignore", shown);
}
