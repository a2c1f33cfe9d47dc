//! Unpacks random layers. The result must be the tree of a reference implementation, which works in memory, and
//! nothing outside of the root may change. The layers are unpacked in two ways: separately, as in a store, and one
//! after the other into one directory.

use std::{
    collections::{BTreeMap, VecDeque},
    fs::File,
};

use minicontainer::rootfs::merged::{EntryPath as Place, Merged};
use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::*;

#[derive(Clone, Debug)]
enum Member {
    File(String, u8),
    Directory(String),
    Symlink(String, String),
    Link(String, String),
    Fifo(String),
}

/// A file of the reference implementation.
#[derive(Clone, Debug, PartialEq)]
enum Node {
    File(u8),
    Directory(BTreeMap<String, Node>),
    Symlink(String),
    Fifo,
}

#[derive(Debug, PartialEq)]
enum Failure {
    Refused,
    /// It depends on whether the layers are applied: a hard link to a FIFO of a layer below, or of a directory to
    /// itself.
    Either,
}

fn path() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..4).prop_map(|names| names.join("/"))
}

fn member() -> impl Strategy<Value = Member> {
    let targets = vec!["a", "b/c", "../a", "../../b", "/c", "/", ".", "../../../victim", "/victim/hello", "c/../b"];
    prop_oneof![
        3 => (path(), any::<u8>()).prop_map(|(path, content)| Member::File(path, content)),
        3 => path().prop_map(Member::Directory),
        3 => (path(), prop::sample::select(targets)).prop_map(|(path, to)| Member::Symlink(path, to.to_owned())),
        2 => (path(), path()).prop_map(|(path, to)| Member::Link(path, to)),
        1 => path().prop_map(Member::Fifo),
    ]
}

/// The names that are removed from the layer below: the first of each path is a directory, the last one is removed.
fn whiteouts() -> impl Strategy<Value = Vec<(String, bool)>> {
    prop::collection::vec((path(), any::<bool>()), 0..3)
}

fn archive_of(whiteouts: &[(String, bool)], members: &[Member]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    let mut add = |kind: EntryType, path: &str, link: &str, content: &[u8]| {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(content.len() as u64);
        header.set_link_name_literal(link).unwrap();
        header.set_path(path).unwrap();
        header.set_cksum();
        builder.append(&header, content).unwrap();
    };
    for (path, is_opaque) in whiteouts {
        let (parent, name) = path.rsplit_once('/').unwrap_or((".", path));
        let mark = if *is_opaque { format!("{path}/.wh..wh..opq") } else { format!("{parent}/.wh.{name}") };
        add(EntryType::Regular, &mark, "", b"");
    }
    for member in members {
        match member {
            Member::File(path, content) => add(EntryType::Regular, path, "", &[*content]),
            Member::Directory(path) => add(EntryType::Directory, path, "", b""),
            Member::Symlink(path, to) => add(EntryType::Symlink, path, to, b""),
            Member::Link(path, to) => add(EntryType::Link, path, to, b""),
            Member::Fifo(path) => add(EntryType::Fifo, path, "", b""),
        }
    }
    builder.into_inner().unwrap()
}

impl Node {
    fn empty() -> Node {
        Node::Directory(BTreeMap::new())
    }

    fn at(&mut self, path: &[String]) -> Option<&mut Node> {
        path.iter().try_fold(self, |node, name| match node {
            Node::Directory(entries) => entries.get_mut(name),
            _ => None,
        })
    }

    fn entries(&mut self, path: &[String]) -> &mut BTreeMap<String, Node> {
        match self.at(path) {
            Some(Node::Directory(entries)) => entries,
            other => panic!("{path:?} is not a directory: {other:?}"),
        }
    }

    /// Resolves the path of a directory. Symbolic links are followed inside the root.
    fn resolve(&mut self, path: &str, create: bool) -> Result<Option<Vec<String>>, Failure> {
        let mut way: Vec<String> = Vec::new();
        let mut ahead: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            if matches!(name.as_str(), "" | "." | "..") {
                if name == ".." {
                    way.pop();
                }
                continue;
            }
            let entries = self.entries(&way);
            if create {
                entries.entry(name.clone()).or_insert_with(Node::empty);
            }
            match entries.get(&name) {
                None => return Ok(None),
                Some(Node::Directory(_)) => way.push(name),
                Some(Node::Symlink(target)) => {
                    links += 1;
                    if links > 40 {
                        return Err(Failure::Refused);
                    }
                    if target.starts_with('/') {
                        way.clear();
                    }
                    target.rsplit('/').for_each(|name| ahead.push_front(name.to_owned()));
                }
                Some(_) => return Err(Failure::Refused),
            }
        }
        Ok(Some(way))
    }

    fn put(&mut self, path: &str, node: Node) -> Result<(), Failure> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.resolve(parent, true)?.ok_or(Failure::Refused)?;
        let entries = self.entries(&parent);
        let stays = matches!((&node, entries.get(name)), (Node::Directory(_), Some(Node::Directory(_))));
        if !stays {
            entries.insert(name.to_owned(), node);
        }
        Ok(())
    }

    fn link(&mut self, path: &str, to: &str) -> Result<(), Failure> {
        let split = |path: &str| {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            (parent.to_owned(), name.to_owned())
        };
        let ((parent, name), (to_parent, to_name)) = (split(path), split(to));
        let place = [self.resolve(&parent, true)?.ok_or(Failure::Refused)?, vec![name.clone()]].concat();
        let target = [self.resolve(&to_parent, false)?.ok_or(Failure::Refused)?, vec![to_name]].concat();
        let node = match self.at(&target) {
            Some(Node::Directory(_)) if target == place => return Err(Failure::Either),
            None | Some(Node::Directory(_)) => return Err(Failure::Refused),
            Some(Node::Fifo) => return Err(Failure::Either),
            Some(node) => node.clone(),
        };
        if target.starts_with(&place) && target != place {
            return Err(Failure::Refused); // The directory that the link replaces contains its target.
        }
        self.entries(&place[..place.len() - 1]).insert(name, node);
        Ok(())
    }

    fn apply(&mut self, member: &Member) -> Result<(), Failure> {
        match member {
            Member::File(path, content) => self.put(path, Node::File(*content)),
            Member::Directory(path) => self.put(path, Node::empty()),
            Member::Symlink(path, to) => self.put(path, Node::Symlink(to.clone())),
            Member::Fifo(path) => self.put(path, Node::Fifo),
            Member::Link(path, to) => self.link(path, to),
        }
    }

    /// Applies the members one by one. Returns the accepted and the refused ones.
    fn apply_all(&mut self, members: Vec<Member>) -> (Vec<Member>, Vec<Member>) {
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for member in members {
            let mut next = self.clone();
            match next.apply(&member) {
                Ok(()) => {
                    *self = next;
                    accepted.push(member);
                }
                Err(Failure::Refused) => refused.push(member),
                Err(Failure::Either) => {}
            }
        }
        (accepted, refused)
    }

    /// Removes what a whiteout hides, if its directory is a real one; otherwise the whiteout is left out of the test.
    fn hide(&mut self, path: &str, is_opaque: bool) -> bool {
        let names: Vec<String> = path.split('/').map(str::to_owned).collect();
        let (name, parent) = names.split_last().unwrap();
        let directory = if is_opaque { &names[..] } else { parent };
        let Some(Node::Directory(entries)) = self.at(directory) else { return false };
        if is_opaque {
            entries.clear();
        } else {
            entries.remove(name);
        }
        true
    }

    fn list(&self, path: &str, found: &mut BTreeMap<String, String>) {
        let Node::Directory(entries) = self else { return };
        for (name, node) in entries {
            let path = format!("{path}/{name}");
            let what = match node {
                Node::File(content) => format!("file {content}"),
                Node::Directory(_) => "directory".to_owned(),
                Node::Symlink(target) => format!("link to {target}"),
                Node::Fifo => "fifo".to_owned(),
            };
            found.insert(path.clone(), what);
            node.list(&path, found);
        }
    }
}

/// What a stack of layers shows.
fn shown(merged: &Merged, directory: &Place, path: &str, found: &mut BTreeMap<String, String>) {
    for name in merged.names(directory).unwrap() {
        let Some(entry) = merged.child(directory, &name).unwrap() else { continue };
        let path = format!("{path}/{}", name.to_str().unwrap());
        let kind = entry.metadata().file_type();
        let what = match () {
            () if kind.is_dir() => "directory".to_owned(),
            () if kind.is_symlink() => format!("link to {}", entry.target().unwrap().display()),
            () if kind.is_fifo() => "fifo".to_owned(),
            () => {
                let mut content = [0];
                std::io::Read::read_exact(&mut { entry.open().unwrap() } as &mut File, &mut content).unwrap();
                format!("file {}", content[0])
            }
        };
        found.insert(path.clone(), what);
        if kind.is_dir() {
            shown(merged, &entry.place, &path, found);
        }
    }
}

fn tree_of(layers: &[PathBuf]) -> BTreeMap<String, String> {
    let merged = Merged::new(layers).unwrap();
    let mut found = BTreeMap::new();
    shown(&merged, &merged.root(), "", &mut found);
    found
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn random_layers_become_the_tree_of_the_reference(
        lower in prop::collection::vec(member(), 0..8),
        hidden in whiteouts(),
        upper in prop::collection::vec(member(), 0..8),
        is_refused in prop::bool::weighted(0.2),
    ) {
        let mut reference = Node::empty();
        let (lower, _) = reference.apply_all(lower);
        let mut marks: Vec<(String, bool)> = Vec::new();
        for (path, is_opaque) in hidden {
            // A layer is inconsistent if it hides a directory and also has a whiteout in it.
            let contradicts = marks.iter().any(|(other, other_is_opaque)| {
                let parent = other.rsplit_once('/').map_or("", |(parent, _)| parent);
                let directory = if *other_is_opaque { other } else { parent };
                directory.starts_with(&format!("{path}/")) || (!is_opaque && directory == path)
            });
            if !contradicts && reference.hide(&path, is_opaque) {
                marks.push((path, is_opaque));
            }
        }
        let (mut upper, refused) = reference.apply_all(upper);
        // If the last member is refused, the whole layer is refused.
        let last = refused.into_iter().find(|member| reference.clone().apply(member) == Err(Failure::Refused));
        let expected = last.is_none() || !is_refused;
        upper.extend(last.filter(|_| is_refused));
        let archives = [archive_of(&[], &lower), archive_of(&marks, &upper)];

        let env = StoreEnv::new();
        let place = |name: &str| {
            let path = env.directory.path().join(name);
            fs::create_dir(&path).unwrap();
            path
        };
        let privilege = Privilege::current();
        let (first, second, again, whole) = (place("first"), place("second"), place("again"), place("whole"));
        unpack_on(&first, &[], &archives[0], privilege).unwrap();
        let kept = unpack_on(&second, std::slice::from_ref(&first), &archives[1], privilege);
        let repeated = unpack_on(&again, std::slice::from_ref(&first), &archives[1], privilege);
        let apply = |tar: &[u8]| {
            let below = Below::layers(&[]).unwrap();
            unpack(Archive::new(tar, End::Optional), &whole, Whiteouts::Applied, privilege, below).map(drop)
        };
        apply(&archives[0]).unwrap();
        let applied = apply(&archives[1]);
        prop_assert_eq!(fs::read_to_string(env.victim().join("hello")).unwrap(), "hello");
        prop_assert_eq!(fs::read_dir(env.victim()).unwrap().count(), 1);
        prop_assert_eq!(kept.is_ok(), expected, "{:?}", kept.err());
        prop_assert_eq!(applied.is_ok(), expected, "{:?}", applied.err());
        if expected {
            let mut tree = BTreeMap::new();
            reference.list("", &mut tree);
            prop_assert_eq!(tree_of(&[first.clone(), second]), tree.clone(), "kept");
            prop_assert_eq!(tree_of(&[whole]), tree.clone(), "applied");
            repeated.unwrap();
            prop_assert_eq!(tree_of(&[first, again]), tree, "a second time");
        }
    }
}
