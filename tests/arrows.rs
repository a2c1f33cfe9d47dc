//! Checks the table of arrows in ARCHITECTURE.md, the dependencies between crates and between the modules of some
//! crates, against the source code.
//!
//! The compiler allows cyclic dependencies between modules, so a single `use` line can add a dependency in the wrong
//! direction. This test splits every source file into tokens (without comments and string literals) and resolves its
//! paths to crates and modules. Each dependency must be an arrow of the table. An unused arrow and a cycle in the
//! table are errors too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Each package: its name in the table, the directories of its sources and of its manifest, and its name in code.
const CRATES: [(&str, &str, &str, &str); 13] = [
    ("core", "minicontainer/core/src", "minicontainer/core", "minicontainer_core"),
    ("layers", "minicontainer/layers/src", "minicontainer/layers", "minicontainer_layers"),
    ("dockerfile", "minicontainer/dockerfile/src", "minicontainer/dockerfile", "minicontainer_dockerfile"),
    ("library", "minicontainer/src", "minicontainer", "minicontainer"),
    ("images", "minicontainer/images/src", "minicontainer/images", "minicontainer_images"),
    ("registry", "minicontainer/registry/src", "minicontainer/registry", "minicontainer_registry"),
    ("build", "minicontainer/build/src", "minicontainer/build", "minicontainer_build"),
    ("engine", "minicontainer/engine/src", "minicontainer/engine", "minicontainer_engine"),
    ("cli", "minicontainer/cli/src", "minicontainer/cli", "minicontainer_cli"),
    ("lessons", "lessons", "lessons", "lesson_programs"),
    ("runner", "lessons/runner", "lessons/runner", "lessons"),
    ("web-demo", "web-demo/src", "web-demo", "web_demo"),
    ("book", "book/preprocessor", "book/preprocessor", "book_preprocessor"),
];

/// The dependencies found in the sources (user and used), each with a file that has it.
type Arrows = BTreeMap<(String, String), String>;
/// The allowed dependencies.
type Table = BTreeMap<String, BTreeSet<String>>;

/// Parses the table, the block of ARCHITECTURE.md that is marked as `arrows`.
fn table(architecture: &str) -> Result<Table, String> {
    let block = architecture.split("```arrows\n").nth(1).and_then(|rest| rest.split("```").next());
    let mut table = Table::new();
    for line in block.ok_or("there is no block of arrows")?.lines().filter(|line| !line.trim().is_empty()) {
        let (from, to) = line.split_once('→').ok_or_else(|| format!("{line:?} has no arrow"))?;
        let inside = from.trim().rsplit_once("::").map(|(package, _)| format!("{package}::")).unwrap_or_default();
        let to = to.split_whitespace().map(|name| format!("{inside}{name}")).collect();
        if table.insert(from.trim().to_owned(), to).is_some() {
            return Err(format!("{} has two rows", from.trim()));
        }
    }
    Ok(table)
}

/// All violations of the table, one sentence each.
fn faults(table: &Table, arrows: &Arrows) -> Vec<String> {
    let mut faults = Vec::new();
    for ((from, to), place) in arrows {
        match table.get(from) {
            None => faults.push(format!("{from} has no row; it uses {to} ({place})")),
            Some(allowed) if !allowed.contains(to) => {
                faults.push(format!("{from} → {to} is not allowed, and {place} does so"));
            }
            Some(_) => {}
        }
    }
    for (from, allowed) in table {
        for to in allowed.iter().filter(|to| !arrows.contains_key(&(from.clone(), (*to).clone()))) {
            faults.push(format!("{from} → {to} is in the table, and nothing uses it"));
        }
    }
    faults.extend(circle(table).map(|circle| format!("there is a circle: {}", circle.join(" → "))));
    faults
}

/// A cycle in the table.
fn circle(table: &Table) -> Option<Vec<String>> {
    fn visit(table: &Table, way: &mut Vec<String>, done: &mut BTreeSet<String>) -> bool {
        let here = way[way.len() - 1].clone();
        for to in table.get(&here).into_iter().flatten() {
            if let Some(begin) = way.iter().position(|name| name == to) {
                way.push(to.clone());
                way.drain(..begin);
                return true;
            }
            if !done.contains(to) {
                way.push(to.clone());
                if visit(table, way, done) {
                    return true;
                }
                way.pop();
            }
        }
        done.insert(here);
        false
    }
    let mut done = BTreeSet::new();
    table.keys().find_map(|name| {
        let mut way = vec![name.clone()];
        visit(table, &mut way, &mut done).then_some(way)
    })
}

/// A path in a source file: its segments, and the module that contains it.
struct Used {
    segments: Vec<String>,
    module: Vec<String>,
}

/// Collects all paths in the code of a module.
fn paths(code: TokenStream, module: &[String], found: &mut Vec<Used>) {
    let tokens: Vec<TokenTree> = code.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at..] {
            [TokenTree::Ident(word), TokenTree::Ident(name), TokenTree::Group(body), ..] if word == "mod" => {
                let inner = [module, &[name.to_string()]].concat();
                paths(body.stream(), &inner, found);
                at += 3;
            }
            [TokenTree::Ident(_), ..] => at = path(&tokens, at, &[], module, found),
            [TokenTree::Group(group), ..] => {
                paths(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Collects the path that begins at a token, with all branches of a `use`. Returns the index after it.
fn path(tokens: &[TokenTree], mut at: usize, begin: &[String], module: &[String], found: &mut Vec<Used>) -> usize {
    let mut segments = begin.to_vec();
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => segments.push(name.to_string()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace && !segments.is_empty() => {
                let branches: Vec<TokenTree> = group.stream().into_iter().collect();
                for branch in
                    branches.split(|token| matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
                {
                    path(branch, 0, &segments, module, found);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        let colon = |at: usize| matches!(tokens.get(at), Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
        match colon(at) && colon(at + 1) {
            true => at += 2,
            false => break,
        }
    }
    found.push(Used { segments, module: module.to_vec() });
    at.max(1)
}

/// The crate that a path leads to, or `::` and the module of the same crate. `None` if it does not leave its module.
fn target(used: &Used, modules: &BTreeSet<String>, exported: &BTreeMap<String, String>) -> Option<String> {
    let mut segments = used.segments.iter().map(String::as_str);
    let mut module = used.module.as_slice();
    let first = segments.next()?;
    let name = match first {
        "crate" => segments.next()?,
        "super" => loop {
            module = &module[..module.len().saturating_sub(1)];
            match segments.next()? {
                "super" => {}
                name if module.is_empty() => break name,
                _ => return None,
            }
        },
        other => {
            let known = CRATES.iter().find(|(_, _, _, name)| *name == other && used.segments.len() > 1);
            return known.map(|(name, ..)| (*name).to_owned());
        }
    };
    modules.get(name).or_else(|| exported.get(name)).map(|module| format!("::{module}"))
}

/// The dependencies of one crate. `sources` are its files by their paths below the directory of sources.
fn arrows_of(package: &str, sources: &BTreeMap<PathBuf, String>, with_modules: bool) -> Result<Arrows, String> {
    let top = |file: &Path| file.iter().next().map(|name| Path::new(name).with_extension("").display().to_string());
    let modules: BTreeSet<String> =
        sources.keys().filter_map(|file| top(file)).filter(|name| !matches!(name.as_str(), "lib" | "main")).collect();
    let tokens = |file: &Path, source: &str| {
        TokenStream::from_str(source).map_err(|error| format!("{} cannot be read: {error}", file.display()))
    };
    let mut exported = BTreeMap::new();
    if let Some(root) = sources.get(Path::new("lib.rs")) {
        let mut found = Vec::new();
        paths(tokens(Path::new("lib.rs"), root)?, &[], &mut found);
        for used in found.iter().filter(|used| used.segments.len() > 1 && modules.contains(&used.segments[0])) {
            exported.extend(used.segments.last().map(|item| (item.clone(), used.segments[0].clone())));
        }
    }
    let mut arrows = Arrows::new();
    for (file, source) in sources {
        let mut module: Vec<String> = file.with_extension("").iter().map(|name| name.display().to_string()).collect();
        module.retain(|name| !matches!(name.as_str(), "mod" | "lib" | "main"));
        let mut found = Vec::new();
        paths(tokens(file, source)?, &module, &mut found);
        for used in found {
            let (from, to) = match (target(&used, &modules, &exported), used.module.first()) {
                (Some(to), Some(own)) if to.starts_with("::") && with_modules => {
                    (format!("{package}::{own}"), format!("{package}{to}"))
                }
                (Some(to), _) if !to.starts_with("::") => (package.to_owned(), to),
                _ => continue,
            };
            if from != to {
                arrows.entry((from, to)).or_insert_with(|| format!("{package}/{}", file.display()));
            }
        }
    }
    Ok(arrows)
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every Rust file below a directory by its relative path, without build outputs and other packages.
fn sources(directory: &Path) -> BTreeMap<PathBuf, String> {
    let (mut found, mut ahead) = (BTreeMap::new(), vec![directory.to_owned()]);
    while let Some(next) = ahead.pop() {
        for entry in fs::read_dir(&next).expect("a directory of the repository") {
            let path = entry.expect("an entry").path();
            let name = path.strip_prefix(directory).expect("it is below").to_owned();
            let is_other =
                path.ends_with("target") || path.ends_with("node_modules") || path.join("Cargo.toml").exists();
            if path.is_dir() && !is_other {
                ahead.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.insert(name, fs::read_to_string(path).expect("a source file"));
            }
        }
    }
    found
}

/// The members of the workspace that a manifest depends on, including dev-dependencies.
fn dependencies(manifest: &str) -> Vec<String> {
    let manifest: toml::Table = manifest.parse().expect("a manifest");
    let of_targets =
        manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(|targets| targets.values());
    let tables = of_targets.filter_map(toml::Value::as_table).chain([&manifest]);
    let sections = tables
        .flat_map(|table| ["dependencies", "dev-dependencies", "build-dependencies"].map(|name| table.get(name)));
    let names = sections.flatten().filter_map(toml::Value::as_table).flat_map(|section| section.keys());
    let package = |name: &String| CRATES.iter().find(|(_, _, _, code)| *code == name.replace('-', "_"));
    names.filter_map(package).map(|(name, ..)| (*name).to_owned()).collect()
}

#[test]
fn every_dependency_is_in_the_architecture_table() {
    let read =
        |path: PathBuf| fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let table = table(&read(repository().join("ARCHITECTURE.md"))).unwrap();
    let mut arrows = Arrows::new();
    for (package, directory, manifest, _) in CRATES {
        let with_modules = table.keys().any(|name| name.starts_with(&format!("{package}::")));
        arrows.extend(arrows_of(package, &sources(&repository().join(directory)), with_modules).unwrap());
        let manifest = Path::new(manifest).join("Cargo.toml");
        for dependency in dependencies(&read(repository().join(&manifest))) {
            arrows.entry((package.to_owned(), dependency)).or_insert_with(|| manifest.display().to_string());
        }
    }
    let faults = faults(&table, &arrows);
    assert!(faults.is_empty(), "ARCHITECTURE.md:\n  {}", faults.join("\n  "));
}

/// Checks the violations of a small example library with these files, against a table of three modules.
#[track_caller]
fn check(files: &[(&str, &str)], expect: &[&str]) {
    let text =
        "# Arrows\n```arrows\nlibrary → core\nlibrary::top → middle\nlibrary::middle → low\nlibrary::low →\n```\n";
    let honest = [
        ("top.rs", "use crate::middle::Thing; use minicontainer_core::Digest;"),
        ("middle/mod.rs", "use super::low::{self, Deep as Shallow};"),
        ("low.rs", ""),
        ("lib.rs", "//! crate::top\nmod low; mod middle; mod top; pub use top::{Top, helper};"),
    ];
    let sources = honest.iter().chain(files).map(|(name, text)| (PathBuf::from(name), (*text).to_owned())).collect();
    let arrows = arrows_of("library", &sources, true).unwrap();
    assert_eq!(faults(&table(text).unwrap(), &arrows), expect, "{files:?}");
}

#[test]
fn forbidden_dependencies_are_found_in_any_syntax() {
    check(&[], &[]);
    let wrong = ["library::low → library::top is not allowed, and library/low.rs does so"];
    check(&[("low.rs", "use crate::top::Top;")], &wrong);
    check(&[("low.rs", "use crate::{top::{self, Top}};")], &wrong);
    check(&[("low.rs", "fn f() { crate::top::f(); }")], &wrong);
    check(&[("low.rs", "fn f() { assert!(super::top::f() == 1); }")], &wrong);
    check(&[("low.rs", "mod tests { use super::super::top::Top; }")], &wrong);
    check(&[("low.rs", "use crate::Top;")], &wrong);
    check(&[("low/mod.rs", ""), ("low.rs", "use crate::helper;")], &wrong);
    check(
        &[("low/deep.rs", "use super::super::top::Top;")],
        &["library::low → library::top is not allowed, and library/low/deep.rs does so"],
    );
    check(&[("new.rs", "use crate::low::f;")], &["library::new has no row; it uses library::low (library/new.rs)"]);
    check(
        &[("low.rs", "use minicontainer_engine as engine; fn f() { minicontainer_engine::f() }")],
        &["library → engine is not allowed, and library/low.rs does so"],
    );
    check(&[("middle/mod.rs", "")], &["library::middle → library::low is in the table, and nothing uses it"]);
}

#[test]
fn comments_strings_and_own_submodules_are_ignored() {
    check(
        &[("low.rs", "//! See [`crate::top`].\n/// `crate::top::Top`\nfn f() { g(\"crate::top\") } // crate::top")],
        &[],
    );
    check(&[("low.rs", "mod deep { use super::f; } use self::deep::g; use std::fs; fn top() { top::<u8>() }")], &[]);
}

#[test]
fn cycle_in_the_table_is_found() {
    let table = table("```arrows\na → b c\nb →\nc → d\nd → a\n```").unwrap();
    assert_eq!(circle(&table).unwrap(), ["a", "c", "d", "a"]);
}
