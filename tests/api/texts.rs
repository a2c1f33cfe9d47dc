//! The texts of the libraries: errors, hints and warnings.
//!
//! A library is used by programs that have no flags, so its messages name settings: a method of `Sandbox`, a field, or
//! neutral words. The command replaces those names by its flags (`minicontainer/cli/src/flags.rs`). A whole command
//! line, which a reader can type, may contain flags if it is in backticks.

use std::{fs, str::FromStr};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use crate::{files, repository, sources, surface::surface};

/// The libraries. `dockerfile` is not among them: its messages are about the flags of instructions.
const LIBRARIES: [&str; 6] = [
    "minicontainer/src",
    "minicontainer/core/src",
    "minicontainer/layers/src",
    "minicontainer/images/src",
    "minicontainer/build/src",
    "minicontainer/engine/src",
];

/// Texts with flags that are right where they are, each with the reason.
const EXCEPTIONS: [(&str, &str); 8] = [
    ("core/src/options/security.rs", "`Weakening::flag` is the flag"),
    ("core/src/explain/demo.", "the demo runs the command"),
    ("core/src/explain/en.ftl", "explains what the flags of the command do"),
    ("core/src/explain/pt-BR.ftl", "the same in Portuguese"),
    ("engine/src/container/version1.rs", "reads the flags in old records"),
    ("layers/src/overlay/operation.rs", "prints commands of a shell"),
    ("build/src/", "flags of instructions, such as RUN --network"),
    ("images/src/seed/", "passes arguments to busybox"),
];

/// The string literals of a file, without documentation and the code of its tests.
fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            // `#[doc = "…"]`, which comments for rustdoc become.
            [TokenTree::Punct(sign), TokenTree::Group(group), ..]
                if sign.as_char() == '#' && group.stream().to_string().starts_with("doc") =>
            {
                at += 2;
            }
            [TokenTree::Punct(sign), TokenTree::Punct(not), TokenTree::Group(group), ..]
                if sign.as_char() == '#' && not.as_char() == '!' && group.stream().to_string().starts_with("doc") =>
            {
                at += 3;
            }
            [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(_), ..]
                if word == "mod" && name == "tests" =>
            {
                at += 3;
            }
            [TokenTree::Group(group), ..] => {
                debug_assert!(group.delimiter() != Delimiter::None);
                literals(group.stream(), found);
                at += 1;
            }
            [TokenTree::Literal(literal), ..] => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    found.push(text.value());
                }
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// The messages of a directory, with their files: string literals of several words, and lines of catalogues.
fn messages(directory: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (path, text) in sources(directory) {
        let mut texts = Vec::new();
        literals(TokenStream::from_str(&text).expect("a source file"), &mut texts);
        let file = path.strip_prefix(repository()).unwrap_or(&path).display().to_string();
        // A whole command line, which a catalogue puts in backticks.
        let is_message = |text: &String| text.contains(' ') && !text.starts_with("sudo ");
        found.extend(texts.into_iter().filter(is_message).map(|text| (file.clone(), text)));
    }
    for (path, text) in files(directory, "ftl") {
        let file = path.strip_prefix(repository()).unwrap_or(&path).display().to_string();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        found.extend(lines.map(|line| (file.clone(), line.to_owned())));
    }
    found
}

/// The parts of a text in backticks, and the text without them.
fn quoted(text: &str) -> (Vec<&str>, String) {
    let parts: Vec<&str> = text.split('`').collect();
    let inside = parts.iter().skip(1).step_by(2).copied().collect();
    (inside, parts.iter().step_by(2).copied().collect::<Vec<_>>().join(" "))
}

/// The flags in a text: words that begin with a dash and continue with a letter.
fn flags(text: &str) -> Vec<String> {
    let (_, plain) = quoted(text);
    let is_flag = |word: &&str| {
        let name = word.trim_start_matches('-');
        let dashes = word.len() - name.len();
        (1..=2).contains(&dashes)
            && name.starts_with(|letter: char| letter.is_ascii_alphabetic())
            && (dashes == 2 || name.len() == 1)
    };
    let words = plain.split(|letter: char| letter.is_whitespace() || "(),;:\"'/".contains(letter));
    words.filter(is_flag).map(str::to_owned).collect()
}

/// The settings in backticks, such as `Sandbox::user`.
fn settings(text: &str) -> Vec<String> {
    const TYPES: [&str; 8] = [
        "Sandbox::",
        "RunOptions::",
        "Users::",
        "Network::",
        "MountSpec::",
        "CreateRequest::",
        "Transport::",
        "Request::",
    ];
    let (inside, _) = quoted(text);
    inside.into_iter().filter(|name| TYPES.iter().any(|known| name.starts_with(known))).map(str::to_owned).collect()
}

#[test]
fn messages_of_libraries_name_no_flags() {
    let mut faults = Vec::new();
    for (file, text) in LIBRARIES.into_iter().flat_map(messages) {
        let flags = flags(&text);
        if !flags.is_empty() && !EXCEPTIONS.iter().any(|(place, _)| file.contains(place)) {
            faults.push(format!("{file}: {} in {text:?}", flags.join(" ")));
        }
    }
    assert!(faults.is_empty(), "name a setting of the API instead of a flag:\n{}", faults.join("\n"));
}

#[test]
fn every_setting_in_a_message_exists_and_has_a_flag() {
    let table = fs::read_to_string(repository().join("minicontainer/cli/src/flags.rs")).expect("the table");
    let mut public: Vec<String> = Vec::new();
    for (name, directory) in [
        ("minicontainer", "minicontainer/src"),
        ("core", "minicontainer/core/src"),
        ("images", "minicontainer/images/src"),
        ("build", "minicontainer/build/src"),
        ("engine", "minicontainer/engine/src"),
    ] {
        public.extend(surface(name, directory).lines);
    }
    let mut found = 0;
    for (file, text) in LIBRARIES.into_iter().flat_map(messages) {
        for setting in settings(&text) {
            found += 1;
            let (of, name) = setting.split('(').next().and_then(|name| name.split_once("::")).expect("a setting");
            let is_public = public.iter().any(|line| {
                [format!("::{of}::fn {name}("), format!("::{of}::fn {name}<"), format!("::{of}.{name}:")]
                    .iter()
                    .any(|form| line.contains(form.as_str()))
                    || line.ends_with(&format!("::{of}::{name}"))
            });
            assert!(is_public, "{file}: `{setting}` is not in the public interface");
            assert!(table.contains(&format!("`{setting}`")), "{file}: `{setting}` has no row in flags.rs");
        }
    }
    assert!(found > 20, "only {found} settings were found");
}

#[test]
fn flags_are_found_outside_of_commands() {
    assert_eq!(flags("choose one with -w (for example, -w /)"), ["-w", "-w"]);
    assert_eq!(flags("omit --driver copy; or -t, --tty"), ["--driver", "-t", "--tty"]);
    assert!(flags("`minicontainer rm -f NAME` removes it; a - b, -1, lower-case, rw-r").is_empty());
    assert_eq!(settings("use `Sandbox::user`, `ls -l` or `Users::Own`"), ["Sandbox::user", "Users::Own"]);
}
