//! Lists the public items of a crate from its sources.
//!
//! The list has one line for each item, field, variant and method, under the shortest path by which a user reaches it.
//! Re-exports of other crates are one line each. Implementations of a type are found by the type's name, so the crate
//! must not have two types of one name with public methods; `surface` fails if it has.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use quote::{ToTokens, quote};
use syn::{Attribute, Fields, ImplItem, Item, ItemImpl, ItemMod, TraitItem, Type, UseTree, Visibility};

use crate::repository;

/// A module with its items, and where its submodules are.
struct Module {
    items: Vec<Item>,
    submodules: BTreeMap<String, (bool, Module)>,
}

/// A public item that a path leads to.
struct Export<'a> {
    path: String,
    item: &'a Item,
    module: &'a Module,
}

/// The lines of a crate, and which of them contain a type of nix.
pub struct Surface {
    pub lines: Vec<String>,
    pub of_nix: Vec<String>,
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|one| {
        let text = compact(one);
        text.contains("cfg(test)") || text.contains("cfg(doctest)")
    })
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// Reads a module: `items` are its own, and `directory` has the files of its submodules.
fn module(items: Vec<Item>, directory: &Path) -> Module {
    let mut submodules = BTreeMap::new();
    for item in &items {
        let Item::Mod(ItemMod { attrs, vis, ident, content, .. }) = item else { continue };
        if is_test(attrs) {
            continue;
        }
        let name = ident.to_string();
        let below = directory.join(&name);
        let inner = match content {
            Some((_, items)) => module(items.clone(), &below),
            None => {
                let file = [below.with_extension("rs"), below.join("mod.rs")].into_iter().find(|path| path.exists());
                read(&file.unwrap_or_else(|| panic!("no file of the module {}", below.display())), &below)
            }
        };
        submodules.insert(name, (is_public(vis), inner));
    }
    Module { items, submodules }
}

fn read(file: &Path, directory: &Path) -> Module {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    module(parsed.items, directory)
}

impl Module {
    /// The types that the module imports from nix.
    fn imports_of_nix(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for item in &self.items {
            if let Item::Use(one) = item {
                leaves(&one.tree, &[], &mut |path, name| {
                    // Only types can be in a signature. A function such as `kill` may have the name of a method.
                    if path.first().is_some_and(|first| first == "nix") && name.starts_with(char::is_uppercase) {
                        names.insert(name.to_owned());
                    }
                });
            }
        }
        names
    }

    /// The module at this path below, and the path without what leads out of the crate.
    fn descend(&self, path: &[String]) -> Option<&Module> {
        match path {
            [] => Some(self),
            [first, rest @ ..] if first == "self" => self.descend(rest),
            [first, rest @ ..] => self.submodules.get(first)?.1.descend(rest),
        }
    }
}

/// Calls `each` with the path and the name of every leaf of a `use`.
fn leaves(tree: &UseTree, path: &[String], each: &mut dyn FnMut(&[String], &str)) {
    match tree {
        UseTree::Path(one) => leaves(&one.tree, &[path, &[one.ident.to_string()]].concat(), each),
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, path, each)),
        UseTree::Name(name) => each(path, &name.ident.to_string()),
        UseTree::Rename(rename) => each(path, &format!("{} as {}", rename.ident, rename.rename)),
        UseTree::Glob(_) => each(path, "*"),
    }
}

/// The name of an item that can be exported, and whether it is public.
fn name_of(item: &Item) -> Option<(String, bool)> {
    let (name, visibility) = match item {
        Item::Struct(one) => (&one.ident, &one.vis),
        Item::Enum(one) => (&one.ident, &one.vis),
        Item::Trait(one) => (&one.ident, &one.vis),
        Item::Type(one) => (&one.ident, &one.vis),
        Item::Const(one) => (&one.ident, &one.vis),
        Item::Static(one) => (&one.ident, &one.vis),
        Item::Fn(one) => (&one.sig.ident, &one.vis),
        _ => return None,
    };
    Some((name.to_string(), is_public(visibility)))
}

/// Collects what is public in a module at this path.
fn exports<'a>(module: &'a Module, path: &str, found: &mut Vec<Export<'a>>, others: &mut Vec<String>) {
    for item in &module.items {
        match item {
            Item::Use(one) if is_public(&one.vis) && !is_test(&one.attrs) => {
                leaves(&one.tree, &[], &mut |way, name| match module.descend(way) {
                    Some(target) if !way.is_empty() => export(target, path, name, found, others),
                    _ => others.push(format!("pub use {}::{name} in {path}", way.join("::"))),
                });
            }
            Item::Macro(one) if compact_all(&one.attrs).contains("macro_export") => {
                others.extend(one.ident.as_ref().map(|name| format!("macro {path}::{name}!")));
            }
            item if name_of(item).is_some_and(|(_, public)| public) => {
                let (name, _) = name_of(item).expect("it has one");
                found.push(Export { path: format!("{path}::{name}"), item, module });
            }
            _ => {}
        }
    }
    for (name, (public, inner)) in &module.submodules {
        if *public {
            others.push(format!("mod {path}::{name}"));
            exports(inner, &format!("{path}::{name}"), found, others);
        }
    }
}

/// Collects the item that a `pub use` takes from a module of the crate, which may have it from another one.
fn export<'a>(target: &'a Module, path: &str, name: &str, found: &mut Vec<Export<'a>>, others: &mut Vec<String>) {
    let (original, shown) = name.split_once(" as ").unwrap_or((name, name));
    if let Some(item) = target.items.iter().find(|item| name_of(item).is_some_and(|(name, _)| name == original)) {
        found.push(Export { path: format!("{path}::{shown}"), item, module: target });
        return;
    }
    for item in &target.items {
        let Item::Use(one) = item else { continue };
        leaves(&one.tree, &[], &mut |way, leaf| {
            if leaf == original {
                match target.descend(way) {
                    Some(deeper) if !way.is_empty() => export(deeper, path, name, found, others),
                    _ => others.push(format!("pub use {}::{leaf} in {path}", way.join("::"))),
                }
            }
        });
    }
}

/// Tokens as text, without the blanks that the token printer puts between all of them.
fn compact(tokens: impl ToTokens) -> String {
    let mut text = tokens.to_token_stream().to_string();
    for sign in ["::", "<", ">", "(", ")", ",", ":", "&", ";", "[", "]", "!", "?", "'"] {
        for spaced in [format!(" {sign} "), format!("{sign} "), format!(" {sign}")] {
            text = text.replace(&spaced, sign);
        }
    }
    let text = text.replace(',', ", ").replace("->", " -> ").replace(";", "; ");
    let text = text.replace("&mut", "&mut ").replace("& ", "&").replace(">where", "> where").replace("  ", " ");
    // A single colon is followed by a blank, a double one by none.
    let text = text.replace("::", "\u{1}").replace(':', ": ").replace('\u{1}', "::");
    text.replace(", )", ")").replace(",  ", ", ").trim_end().to_owned()
}

fn compact_all(attributes: &[Attribute]) -> String {
    attributes.iter().map(compact).collect()
}

/// The attributes that matter to users.
fn marks(attributes: &[Attribute]) -> String {
    let derives = |one: &&Attribute| one.path().is_ident("derive") || one.path().is_ident("non_exhaustive");
    attributes.iter().filter(derives).map(|one| format!(" {}", compact(one))).collect()
}

fn fields(path: &str, fields: &Fields, all_public: bool, lines: &mut Vec<String>) {
    for (place, field) in fields.iter().enumerate().filter(|(_, field)| all_public || is_public(&field.vis)) {
        let name = field.ident.as_ref().map_or(place.to_string(), ToString::to_string);
        lines.push(format!("{path}.{name}: {}", compact(&field.ty)));
    }
}

/// The lines of one exported item, without its implementations.
fn describe(path: &str, item: &Item) -> Vec<String> {
    let mut lines = Vec::new();
    match item {
        Item::Struct(one) => {
            lines.push(format!("struct {path}{}{}", compact(&one.generics), marks(&one.attrs)));
            fields(path, &one.fields, false, &mut lines);
        }
        Item::Enum(one) => {
            lines.push(format!("enum {path}{}{}", compact(&one.generics), marks(&one.attrs)));
            for variant in &one.variants {
                let path = format!("{path}::{}", variant.ident);
                lines.push(path.clone());
                fields(&path, &variant.fields, true, &mut lines);
            }
        }
        Item::Trait(one) => {
            lines.push(format!("trait {path}: {}", compact(&one.supertraits)));
            for item in &one.items {
                if let TraitItem::Fn(method) = item {
                    lines.push(format!("{path}::{}", compact(&method.sig)));
                }
            }
        }
        Item::Type(one) => lines.push(format!("type {path} = {}", compact(&one.ty))),
        Item::Const(one) => lines.push(format!("const {path}: {}", compact(&one.ty))),
        Item::Static(one) => lines.push(format!("static {path}: {}", compact(&one.ty))),
        Item::Fn(one) => lines.push(format!("{path}: {}", compact(&one.sig))),
        _ => {}
    }
    lines
}

/// All implementations in a module and below it, each with its module.
fn implementations<'a>(module: &'a Module, found: &mut Vec<(&'a ItemImpl, &'a Module)>) {
    found.extend(module.items.iter().filter_map(|item| match item {
        Item::Impl(one) if !is_test(&one.attrs) => Some((one, module)),
        _ => None,
    }));
    module.submodules.values().for_each(|(_, inner)| implementations(inner, found));
}

/// The name of a type that something is implemented for.
fn type_name(one: &Type) -> Option<String> {
    match one {
        // A longer path leads to a type of another crate, such as std::io::Error.
        Type::Path(path) if path.path.segments.len() == 1 => Some(path.path.segments[0].ident.to_string()),
        _ => None,
    }
}

/// The macros of `minicontainer_core::diagnostic` that implement traits for errors, with what they implement.
const OF_ERRORS: [(&str, &[&str]); 2] =
    [("readable_debug", &["Debug (a report)"]), ("plain_diagnostic", &["Debug (a report)", "Diagnostic"])];

/// The types for which a module implements traits by these macros, each with the traits.
fn by_macros(module: &Module, found: &mut Vec<(String, &'static [&'static str])>) {
    for item in &module.items {
        let Item::Macro(one) = item else { continue };
        let name = one.mac.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if let Some((_, traits)) = OF_ERRORS.iter().find(|(known, _)| *known == name) {
            let types = one.mac.tokens.to_string();
            let types = types.split(':').next().unwrap_or_default().split(',').map(str::trim);
            found.extend(types.filter(|name| !name.is_empty()).map(|name| (name.to_owned(), *traits)));
        }
    }
    module.submodules.values().for_each(|(_, inner)| by_macros(inner, found));
}

fn implemented(path: &str, one: &ItemImpl) -> Vec<String> {
    if let Some((not, of, _)) = &one.trait_ {
        return vec![format!("impl {}{} for {path}", compact(not), compact(of))];
    }
    let public = one.items.iter().filter_map(|item| match item {
        ImplItem::Fn(method) if is_public(&method.vis) => Some(format!("{path}::{}", compact(&method.sig))),
        ImplItem::Const(one) if is_public(&one.vis) => {
            Some(format!("const {path}::{}: {}", one.ident, compact(&one.ty)))
        }
        _ => None,
    });
    public.collect()
}

/// Reads the crate whose `lib.rs` is in this directory of the repository.
pub fn surface(name: &str, directory: &str) -> Surface {
    let directory: PathBuf = repository().join(directory);
    let root = read(&directory.join("lib.rs"), &directory);
    let (mut found, mut lines) = (Vec::new(), Vec::new());
    exports(&root, name, &mut found, &mut lines);
    // An item may have several paths. The shortest is the one that its users are meant to use.
    found.sort_by_key(|export| (export.path.matches("::").count(), export.path.clone()));
    let mut seen: Vec<*const Item> = Vec::new();
    found.retain(|export| {
        let is_new = !seen.contains(&std::ptr::from_ref(export.item));
        seen.push(export.item);
        is_new
    });
    let mut all = Vec::new();
    implementations(&root, &mut all);
    let mut of_nix = Vec::new();
    let mut add = |text: Vec<String>, module: &Module| {
        let imported = module.imports_of_nix();
        let is_nix = |line: &String| {
            let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
            line.contains("nix::") || words.any(|word| imported.contains(word))
        };
        of_nix.extend(text.iter().filter(|line| is_nix(line)).cloned());
        lines.extend(text);
    };
    let mut types = BTreeMap::new();
    for Export { path, item, module } in &found {
        add(describe(path, item), module);
        if let (Item::Struct(_) | Item::Enum(_), Some((name, _))) = (item, name_of(item)) {
            types.insert(name, path.clone());
        }
    }
    for (one, module) in all {
        let path = type_name(&one.self_ty).and_then(|name| types.get(&name));
        if let Some(path) = path {
            add(implemented(path, one), module);
        }
    }
    let mut errors = Vec::new();
    by_macros(&root, &mut errors);
    for (name, traits) in errors {
        let path = types.get(&name);
        lines
            .extend(path.into_iter().flat_map(|path| traits.iter().map(move |one| format!("impl {one} for {path}"))));
    }
    lines.sort();
    lines.dedup();
    Surface { lines, of_nix }
}

#[test]
fn public_interface_of_the_library_is_reviewed() {
    insta::assert_snapshot!(surface("minicontainer", "minicontainer/src").lines.join("\n"));
}

#[test]
fn public_interface_of_core_is_reviewed() {
    insta::assert_snapshot!(surface("minicontainer_core", "minicontainer/core/src").lines.join("\n"));
}

#[test]
fn nix_is_not_in_the_public_interface() {
    for (name, directory) in
        [("minicontainer", "minicontainer/src"), ("minicontainer_images", "minicontainer/images/src")]
    {
        let of_nix = surface(name, directory).of_nix;
        assert!(of_nix.is_empty(), "types of nix in the public interface:\n{}", of_nix.join("\n"));
    }
}

#[test]
fn every_error_is_readable_as_the_result_of_main() {
    for (name, directory) in [
        ("minicontainer", "minicontainer/src"),
        ("core", "minicontainer/core/src"),
        ("dockerfile", "minicontainer/dockerfile/src"),
        ("images", "minicontainer/images/src"),
        ("build", "minicontainer/build/src"),
        ("engine", "minicontainer/engine/src"),
    ] {
        let lines = surface(name, directory).lines;
        let errors = lines.iter().filter(|line| line.contains("thiserror::Error"));
        let errors = errors.filter_map(|line| line.split([' ', '#']).nth(1)).collect::<Vec<_>>();
        assert!(!errors.is_empty(), "{name} has no errors");
        for error in errors {
            for one in ["Debug (a report)", "Diagnostic"] {
                let expect = format!("impl {one} for {error}");
                assert!(lines.contains(&expect), "{error} lacks {one}");
            }
        }
    }
}

#[test]
fn what_will_grow_is_non_exhaustive() {
    let lines = [surface("minicontainer", "minicontainer/src"), surface("core", "minicontainer/core/src")];
    let lines: Vec<String> = lines.into_iter().flat_map(|surface| surface.lines).collect();
    let of = |name: &str| {
        lines.iter().find(|line| {
            line.split([' ', '#']).nth(1).is_some_and(|path| path.rsplit("::").next() == Some(name))
                && (line.starts_with("struct ") || line.starts_with("enum "))
        })
    };
    for name in [
        "Error",
        "StartError",
        "CgroupError",
        "StoreError",
        "RootFsError",
        "CompileError",
        "SpecError",
        "PlanError",
        "ErrorKind",
        "Verdict",
        "Report",
        "EnforcedLimits",
        "RunOptions",
        "Limits",
        "LaunchSettings",
        "RootLocation",
        "Usage",
    ] {
        let line = of(name).unwrap_or_else(|| panic!("{name} is not public"));
        assert!(line.contains("#[non_exhaustive]"), "{line}");
    }
}

#[test]
fn surface_finds_nested_and_renamed_items() {
    let text = "pub use inner::{Shown as Renamed, deep}; mod inner { pub struct Shown { pub a: u8, b: u8 } pub struct \
                Hidden; impl Shown { pub fn f(&self) -> u8 { 1 } fn g() {} } pub mod deep { pub enum E { A(u8) } } }";
    let root = module(syn::parse_str::<syn::File>(text).expect("a file").items, Path::new("/"));
    let (mut found, mut others) = (Vec::new(), Vec::new());
    exports(&root, "c", &mut found, &mut others);
    let described: Vec<String> = found.iter().flat_map(|one| describe(&one.path, one.item)).collect();
    assert_eq!(described, ["struct c::Renamed", "c::Renamed.a: u8"]);
    assert_eq!(
        compact(quote!(fn f<'a, T: Into<X>>(&'a mut self, b: &[u8]) -> Result<(), E>)),
        "fn f<'a, T: Into<X>>(&'a mut self, b: &[u8]) -> Result<(), E>"
    );
}
