//! Layers that rely on the layers below them. The right values are those of containerd (`pkg/archive/tar.go`, and
//! `fs.RootPath` of continuity), unless a test says otherwise.

use super::*;

/// A layer's tree, with another layer above it.
struct Stack {
    lower: StoreEnv,
    upper: StoreEnv,
}

impl Stack {
    fn new(lower: &[Entry]) -> Stack {
        let stack = Stack { lower: StoreEnv::new(), upper: StoreEnv::new() };
        stack.lower.unpack(lower).unwrap();
        stack
    }

    fn unpack(&self, upper: &[Entry]) -> Result<Unpacked, UnpackError> {
        unpack_on(&self.upper.root(), &[self.lower.root()], &archive(upper), Privilege::current())
    }
}

#[track_caller]
fn check(lower: &[Entry], upper: &[Entry], expect: &str) {
    let stack = Stack::new(lower);
    stack.unpack(upper).unwrap();
    let expect: Vec<_> = expect.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(stack.upper.listing(), expect.join("\n"));
}

#[track_caller]
fn check_refused(lower: &[Entry], upper: &[Entry], expect: &str) {
    let error = Stack::new(lower).unpack(upper).expect_err("it should have been refused");
    assert_eq!(error.to_string(), expect);
}

#[test]
fn implied_parents_keep_the_metadata_of_the_layer_below() {
    let pax: Vec<(&str, &[u8])> = vec![("SCHILY.xattr.user.note", b"kept")];
    let stack = Stack::new(&[
        Entry { mode: 0o1777, owner: (12, 34), pax, ..directory("tmp/") },
        Entry { mode: 0o750, ..directory("tmp/d/") },
    ]);
    stack.unpack(&[file("tmp/d/e/x", "")]).unwrap();
    let of = |path: &str| fs::metadata(stack.upper.root().join(path)).unwrap();
    assert_eq!((of("tmp").mode() & 0o7777, of("tmp").mtime()), (0o1777, 1_000_000));
    assert_eq!((of("tmp/d").mode() & 0o7777, of("tmp/d").mtime()), (0o750, 1_000_000));
    assert_eq!(of("tmp/d/e").mode() & 0o7777, 0o755, "no layer has it");
    if Privilege::current() == Privilege::Root {
        assert_eq!((of("tmp").uid(), of("tmp").gid()), (12, 34));
    }
    let tmp = std::fs::File::open(stack.upper.root().join("tmp")).unwrap();
    assert_eq!(tmp.get_xattr("user.note").unwrap().as_deref(), Some(b"kept".as_slice()));
    // A later entry of the archive counts more.
    let stack = Stack::new(&[Entry { mode: 0o1777, ..directory("tmp/") }]);
    stack.unpack(&[file("tmp/x", ""), Entry { mode: 0o700, ..directory("tmp/") }]).unwrap();
    assert_eq!(fs::metadata(stack.upper.root().join("tmp")).unwrap().mode() & 0o7777, 0o700);
}

#[test]
fn hidden_parents_are_new() {
    let lower = || [Entry { mode: 0o1777, ..directory("a/") }, Entry { mode: 0o1777, ..directory("a/b/") }];
    for (first, path) in [(".wh.a", "a"), (".wh.a", "a/b"), ("a/.wh.b", "a/b"), ("a/.wh..wh..opq", "a/b")] {
        let stack = Stack::new(&lower());
        stack.unpack(&[file(first, ""), file("a/b/x", "")]).unwrap();
        let mode = fs::metadata(stack.upper.root().join(path)).unwrap().mode() & 0o7777;
        assert_eq!(mode, 0o755, "{first} hides {path}");
    }
}

#[test]
fn links_below_are_followed_inside_the_root() {
    let lower = || [directory("usr/"), directory("usr/lib/"), symlink("lib", "usr/lib"), file("usr/lib/keep", "")];
    let under = |rest: &str| format!("usr/\nusr/lib/{rest}");
    check(&lower(), &[file("lib/systemd/x", "new")], &under("\nusr/lib/systemd/\nusr/lib/systemd/x = new"));
    check(&lower(), &[directory("lib/systemd/")], &under("\nusr/lib/systemd/"));
    check(&lower(), &[file("lib/.wh.keep", "")], &under("\nusr/lib/keep whiteout"));
    check(&lower(), &[file("lib/.wh..wh..opq", "")], &under(" opaque"));
    check(&lower(), &[file("lib/x", "same"), link("y", "lib/x")], &under("\nusr/lib/x = same\ny = same"));
    // An entry replaces the link itself, as in tar.go: only a directory on a directory stays.
    check(&lower(), &[directory("lib/"), file("lib/x", "")], "lib/\nlib/x =");
    // Nothing is outside the root.
    check(&[symlink("out", "/../../victim")], &[file("out/x", "")], "victim/\nvictim/x =");
    check_refused(
        &[symlink("loop", "loop")],
        &[file("loop/x", "")],
        "refused the entry \"loop/x\": there are more than 40 symbolic links on its path",
    );
}

#[test]
fn file_below_cannot_be_a_parent() {
    check_refused(
        &[file("x", "")],
        &[file("x/y", "")],
        "refused the entry \"x/y\": one of its parents is not a directory",
    );
    check(&[file("x", "")], &[directory("x/"), file("x/y", "")], "x/\nx/y =");
}

/// link(2) on an overlay copies the file up, and makes both names one file.
#[test]
fn hard_link_to_file_below_copies_it_up() {
    let stack = Stack::new(&[directory("bin/"), Entry { mode: 0o4755, ..file("bin/a", "tool") }]);
    stack.unpack(&[link("b", "bin/a")]).unwrap();
    assert_eq!(stack.upper.listing(), "b = tool\nbin/\nbin/a = tool");
    let of = |path: &str| fs::metadata(stack.upper.root().join(path)).unwrap();
    assert_eq!(of("b").ino(), of("bin/a").ino());
    assert_eq!((of("b").mode() & 0o7777, of("b").mtime()), (0o4755, 1_000_000));
    check(&[symlink("s", "/victim/hello")], &[link("x", "s")], "s -> /victim/hello\nx -> /victim/hello");
    let missing = "cannot find the target of a hard link for the entry \"x\"";
    check_refused(&[], &[link("x", "gone")], missing);
    check_refused(
        &[file("a", "")],
        &[file(".wh.a", ""), link("x", "a")],
        "refused the entry \"x\": a hard link to something that cannot have one",
    );
    check_refused(
        &[directory("d/")],
        &[link("x", "d")],
        "refused the entry \"x\": a hard link to something below that is neither a file nor a symbolic link",
    );
}

#[test]
fn only_archives_that_need_the_layers_below_depend_on_them() {
    let is_dependent = |entries: &[Entry]| {
        let tar = archive(entries);
        let archive = Archive::new(tar.as_slice(), End::Optional);
        let root = StoreEnv::new();
        match unpack(archive, &root.root(), Whiteouts::Kept, Privilege::current(), Below::Unknown) {
            Err(UnpackError::DependsOnBelow) => true,
            unpacked => unpacked.map(|_| false).unwrap(),
        }
    };
    assert!(!is_dependent(&[file("x", ""), directory("d/"), file("d/x", ""), link("y", "d/x"), file("d/.wh.z", "")]));
    assert!(!is_dependent(&[directory("d/"), file("d/.wh..wh..opq", ""), file("d/new/x", "")]));
    assert!(is_dependent(&[file("d/x", "")]));
    assert!(is_dependent(&[file("d/.wh.x", "")]));
    assert!(is_dependent(&[link("y", "x")]));
    assert!(is_dependent(&[symlink("a", "b"), file("a/x", "")]));
}
