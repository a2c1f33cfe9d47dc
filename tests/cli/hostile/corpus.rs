//! The hostile archives, row by row of `tests/hostile.toml`.

use self::Expect::{Harmless, Refused};
use super::tar::{Head, Tar, head};

/// The expected result of an archive.
#[derive(Clone, Copy, Debug)]
pub enum Expect {
    /// It is refused, and the message contains this text.
    Refused(&'static str),
    /// It is accepted and does no harm.
    Harmless,
}

/// One archive.
pub struct Case {
    pub row: &'static str,
    pub layer: Vec<u8>,
    /// The layer below it.
    pub lower: Option<Vec<u8>>,
    /// The result when it is applied to a directory or imported.
    pub applied: Expect,
    /// The result when it is loaded as a layer of an image, which has a digest and its own directory.
    pub loaded: Expect,
    /// The paths that must exist in the tree afterwards, and those that must not.
    pub present: &'static [&'static str],
    pub absent: &'static [&'static str],
}

fn case(row: &'static str, layer: Vec<u8>, expect: Expect) -> Case {
    Case { row, layer, lower: None, applied: expect, loaded: expect, present: &[], absent: &[] }
}

const CLIMBS: Expect = Refused("its path climbs with ..");
const LOOP: Expect = Refused("more than 40 symbolic links");
const NO_DIRECTORY: Expect = Refused("one of its parents is not a directory");
const SPARSE: Expect = Refused("its map of a sparse file");
const HUGE: Expect = Refused("a member has 9223372036854775807 bytes");
const TOO_LONG: Expect = Refused("at most 1048576 are allowed");

fn tar() -> Tar {
    Tar::new()
}

pub fn corpus() -> Vec<Case> {
    let parts = [paths(), links(), whiteouts(), kinds(), attributes(), extensions(), sizes(), names(), ends()];
    parts.into_iter().flatten().collect()
}

fn paths() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in ["../x", "a/../../victim/x", "/..", "a/..", ".."] {
        cases.push(case("H01", tar().file(name, "x").end(), CLIMBS));
    }
    cases.push(Case { present: &["etc/x"], ..case("H02", tar().file("/etc/x", "x").end(), Harmless) });
    for name in [".", "/", "./.", "//"] {
        let expect = Refused("the root of a layer can only be a directory");
        cases.push(case("H05", tar().symlink(name, "../victim").end(), expect));
        cases.push(case("H05", tar().member(head(b'1', name), b"").end(), expect));
    }
    cases.push(case("H15", tar().file("x", "").file("x/y", "").end(), NO_DIRECTORY));
    let below = tar().file("x", "").end();
    cases.push(Case { lower: Some(below), ..case("H15", tar().file("x/y", "").end(), NO_DIRECTORY) });
    for (first, second) in [
        (tar().file("x", ""), tar().directory("x/")),
        (tar().directory("x/").file("x/y", ""), tar().file("x", "")),
        (tar().directory("x/").file("x/y", ""), tar().symlink("x", "../victim")),
        (tar().symlink("x", "../victim"), tar().directory("x/").file("x/y", "")),
    ] {
        let both = first.clone().bytes(&second.clone().without_end()).end();
        cases.push(case("H16", both, Harmless));
        cases.push(Case { lower: Some(first.end()), ..case("H16", second.end(), Harmless) });
    }
    cases
}

fn links() -> Vec<Case> {
    let mut cases = Vec::new();
    for target in ["../victim", "/victim", "../../../../../../tmp", "/proc/self/root/tmp", "out", "."] {
        // As containerd does it, directories are created where the link leads inside the root.
        let refused = if target == "out" { LOOP } else { Harmless };
        cases.push(case("H03", tar().symlink("out", target).file("out/x", "").end(), refused));
        cases.push(case("H09", tar().symlink("out", target).directory("out/a/b/").end(), refused));
        let lower = Some(tar().symlink("out", target).end());
        cases.push(Case { lower, ..case("H04", tar().file("out/x", "").end(), refused) });
    }
    cases.push(case("H03", tar().symlink("a", "b").symlink("b", "../victim").file("a/x", "").end(), Harmless));
    for target in ["../victim/hello", "/../victim/hello"] {
        cases.push(case("H06", tar().link("x", target).end(), CLIMBS));
    }
    let hard = Refused("hard link");
    cases.push(case("H06", tar().link("x", "later").file("later", "").end(), hard));
    cases.push(case("H06", tar().directory("d/").link("x", "d").end(), hard));
    cases.push(case("H06", tar().file(".wh.gone", "").link("x", "gone").end(), hard));
    cases.push(case("H06", tar().symlink("out", "../victim").link("x", "out/hello").end(), hard));
    cases.push(case("H06", tar().link("x", "/").end(), hard));
    // When a layer is applied to a directory, `linked` is a hard link to the victim's file there.
    cases.push(case("H07", tar().file("linked", "overwritten").end(), Harmless));
    let again = Head { mode: 0o777, ..head(b'0', "again") };
    let through = tar().file("linked", "").link("again", "linked").member(again, b"");
    cases.push(case("H07", through.end(), Harmless));
    let open = |name| Head { mode: 0o777, ..head(b'5', name) };
    cases.push(case("H08", tar().symlink("x", "../victim").member(open("x/"), b"").end(), Harmless));
    cases.push(case("H08", tar().member(open("x/"), b"").symlink("x", "../victim").end(), Harmless));
    cases
}

fn whiteouts() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [".wh.", ".wh..", ".wh...", "a/.wh...", "a/.wh.."] {
        cases.push(case("H10", tar().file(name, "").end(), Refused("a whiteout of nothing, of . or of ..")));
    }
    for name in ["a/.wh.../x", ".wh.a/x"] {
        cases.push(case("H10", tar().file(name, "").end(), Refused("below a whiteout")));
    }
    let through = tar().symlink("out", "../victim").file("out/.wh.hello", "").end();
    cases.push(case("H11", through, Harmless));
    let lower = Some(tar().symlink("out", "../victim").end());
    cases.push(Case { lower, ..case("H11", tar().file("out/.wh.hello", "").end(), Harmless) });
    let opaque = "d/.wh..wh..opq";
    let below = || Some(tar().directory("d/").file("d/old", "").directory("d/sub/").file("d/sub/old", "").end());
    for layer in [
        tar().directory("d/").file(opaque, "").file("d/new", ""),
        tar().directory("d/").file("d/new", "").file(opaque, ""),
        tar().file(opaque, "").file(opaque, "").file("d/new", ""),
        tar().file("d/new", "").file(opaque, ""),
    ] {
        let case = Case {
            lower: below(),
            present: &["d/new"],
            absent: &["d/old", "d/sub"],
            ..case("H12", layer.end(), Harmless)
        };
        cases.push(case);
    }
    cases.push(Case {
        lower: below(),
        present: &["d/sub/new"],
        absent: &["d/old", "d/sub/old"],
        ..case("H12", tar().file("d/sub/new", "").file(opaque, "").end(), Harmless)
    });
    cases.push(case("H12", tar().symlink("s", "../victim").file("s/.wh..wh..opq", "").end(), Harmless));
    cases.push(Case {
        loaded: Refused("cannot make the root of a layer opaque"),
        ..case("H12", tar().file(".wh..wh..opq", "").end(), Harmless)
    });
    for name in [".wh..wh.plnk", ".wh..wh.aufs", ".wh..wh.plnk/1.2"] {
        cases.push(Case { absent: &[".wh..wh.plnk"], ..case("H13", tar().file(name, "").end(), Harmless) });
    }
    for layer in [tar().file(".wh.x", "").file("x", "new"), tar().file("x", "new").file(".wh.x", "")] {
        cases.push(Case {
            lower: Some(tar().file("x", "old").end()),
            present: &["x"],
            ..case("H14", layer.end(), Harmless)
        });
    }
    for layer in [tar().file(".wh.d", "").file("d/x", ""), tar().file("d/x", "").file(".wh.d", "")] {
        let hidden: &[&str] = &["d/old", "d/sub"];
        cases.push(Case { lower: below(), present: &["d/x"], absent: hidden, ..case("H14", layer.end(), Harmless) });
    }
    cases
}

fn kinds() -> Vec<Case> {
    let device = |kind, device| tar().member(Head { device, ..head(kind, "x") }, b"").end();
    vec![
        case("H17", device(b'3', (0, 0)), Refused("a device 0:0")),
        case("H18", device(b'3', (1, 1 << 20)), Refused("a device number out of range")),
        case("H18", device(b'4', (1 << 12, 1)), Refused("a device number out of range")),
        case("H18", device(b'3', (1, 3)), Harmless),
        case("H18", device(b'4', (7, 200)), Harmless),
        case("H18", device(b'6', (0, 0)), Harmless),
        case("H18", device(b's', (0, 0)), Refused("a type that no layer has")),
        case("H18", device(b'V', (0, 0)), Refused("a type that no layer has")),
        case("H19", tar().member(Head { mode: 0o6755, ..head(b'0', "su") }, b"").end(), Harmless),
        case(
            "H28",
            tar().member(Head { uid: u64::from(u32::MAX), ..head(b'0', "x") }, b"").end(),
            Refused("out of range"),
        ),
        case("H28", tar().member(Head { uid: 1 << 32, ..head(b'0', "x") }, b"").end(), Refused("out of range")),
        case("H28", tar().member(Head { uid: 1 << 31, ..head(b'0', "x") }, b"").end(), Harmless),
    ]
}

fn attributes() -> Vec<Case> {
    let with = |name: &str, value: &[u8]| tar().pax(&[(&format!("SCHILY.xattr.{name}"), value)]).file("x", "").end();
    let capability = |version: u8| {
        let mut value = vec![1, 0, 0, version, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        value.extend(if version == 3 { vec![0, 0, 1, 0] } else { vec![] });
        value
    };
    let names: Vec<String> = (0..10_000).map(|number| format!("SCHILY.xattr.user.{number}")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"v".as_slice())).collect();
    vec![
        case("H20", with("security.capability", &capability(2)), Harmless),
        case("H20", with("security.capability", &capability(3)), Harmless),
        case("H21", with("trusted.overlay.opaque", b"y"), Harmless),
        case("H21", with("trusted.overlay.redirect", b"/victim"), Harmless),
        case("H21", with("trusted.overlay.metacopy", b""), Harmless),
        case("H21", with("user.overlay.redirect", b"/victim"), Harmless),
        case("H21", with("trusted.overlay.overlay.redirect", b"/victim"), Harmless),
        case("H22", with(&"n".repeat(300), b"v"), Refused("an attribute's name is longer than 255 bytes")),
        case("H22", with("user.large", &vec![b'v'; (64 << 10) + 1]), Refused("or its value than 64 KiB")),
        case("H22", tar().pax(&many).file("x", "").end(), Refused("more than 1024 extended attributes")),
        case("H22", with("security.selinux", b"label"), Harmless),
        case("H22", with("a\0b", b"v"), Refused("contains a NUL byte")),
    ]
}

fn extensions() -> Vec<Case> {
    let claims = |kind: u8, size: u64| tar().member(Head { size, ..head(kind, "extension") }, b"short").end();
    let pax = |key: &str, value: &[u8]| tar().pax(&[(key, value)]).file("x", "").end();
    let malformed = Refused("an extended header is malformed");
    let inner = tar().file("evil", "").without_end();
    let swallowed = tar().pax(&[("size", inner.len().to_string().as_bytes())]).file("outer", "").bytes(&inner).end();
    vec![
        case("H23", claims(b'L', (1 << 20) + 1), TOO_LONG),
        case("H23", claims(b'L', 100 << 20), TOO_LONG),
        case("H23", claims(b'K', 100 << 20), TOO_LONG),
        case("H23", tar().extension('L', b"no end").file("x", "").end(), Harmless),
        // Go's archive/tar takes the last one.
        Case {
            present: &["b"],
            absent: &["a", "x"],
            ..case("H23", tar().extension('L', b"a\0").extension('L', b"b\0").file("x", "").end(), Harmless)
        },
        case("H23", tar().extension('L', b"a\0").end(), Refused("no member follows a long name")),
        case("H23", tar().extension('L', &[b'n'; 5000]).file("x", "").end(), Refused("longer than 4095 bytes")),
        Case { present: &["outer"], absent: &["evil"], ..case("H24", swallowed, Harmless) },
        case(
            "H24",
            tar().member(Head { size: 512, ..head(b'5', "d/") }, &inner).end(),
            Refused("has no content, but a size"),
        ),
        // A link has no content, as in Go's archive/tar: the next member follows its header.
        Case {
            present: &["evil"],
            ..case("H24", tar().member(Head { size: 512, link: b"x", ..head(b'2', "l") }, &inner).end(), Harmless)
        },
        case("H24", pax("size", b"99999999999999999999"), malformed),
        case("H25", pax("path", b"../victim/x"), CLIMBS),
        case("H25", tar().pax(&[("linkpath", b"../victim/hello")]).link("x", "y").end(), CLIMBS),
        case("H25", pax("uid", b"4294967296"), Refused("out of range")),
        case("H25", pax("uid", b"-1"), malformed),
        case("H25", pax("mtime", b"NaN"), malformed),
        case("H25", pax("mtime", b"-1.5"), Harmless),
        case("H25", pax("path", b"\xff\xfe"), Harmless),
        case("H25", tar().extension('x', b"99 path=a\n").file("x", "").end(), malformed),
        case("H25", claims(b'x', 1 << 30), TOO_LONG),
        case("H25", tar().extension('g', b"19 path=../victim/x\n").file("x", "").end(), Harmless),
        // Only GNU tar's header has a map.
        case("H26", tar().member(head(b'S', "x"), b"").end(), SPARSE),
        case("H26", tar().member(Head { raw: gnu_sparse(1 << 30), ..head(b'S', "x") }, b"").end(), Harmless),
        case("H26", tar().member(Head { raw: gnu_sparse(i64::MAX), ..head(b'S', "x") }, b"").end(), HUGE),
        case("H26", pax("GNU.sparse.numblocks", b"1000000000"), Harmless),
        case("H26", pax("GNU.sparse.map", b"0,1,0,1"), SPARSE),
        case("H26", pax("GNU.sparse.numbytes", b"1"), SPARSE),
        case("H26", pax("GNU.sparse.major", b"1"), Harmless),
        case("H26", sparse(&[("numblocks", "0"), ("map", ""), ("size", "9223372036854775807")]), HUGE),
        case("H26", sparse(&[("numblocks", "2"), ("map", "4,4,0,4"), ("size", "8")]), SPARSE),
        case("H26", sparse(&[("numblocks", "1"), ("map", "9223372036854775807,1"), ("size", "8")]), SPARSE),
        case("H26", sparse(&[("major", "1"), ("minor", "0"), ("realsize", "8")]), Refused("it is truncated")),
    ]
}

/// A file with these records of GNU tar, and no content.
fn sparse(records: &[(&str, &str)]) -> Vec<u8> {
    let named: Vec<(String, &[u8])> =
        records.iter().map(|(key, value)| (format!("GNU.sparse.{key}"), value.as_bytes())).collect();
    let records: Vec<(&str, &[u8])> = named.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    tar().pax(&records).file("x", "").end()
}

/// The fields of GNU tar's header for a file that consists of one hole.
fn gnu_sparse(size: i64) -> Vec<(usize, Vec<u8>)> {
    let binary = [vec![0x80, 0, 0, 0], size.to_be_bytes().to_vec()].concat();
    vec![(257, b"ustar  \0".to_vec()), (483, binary)]
}

fn sizes() -> Vec<Case> {
    let raw = |at: usize, bytes: &[u8]| {
        tar().member(Head { raw: vec![(at, bytes.to_vec())], ..head(b'0', "x") }, b"").end()
    };
    let binary = |size: i64| {
        [
            &[if size < 0 { 0xff } else { 0x80 }; 1],
            [if size < 0 { 0xff } else { 0 }; 3].as_slice(),
            &size.to_be_bytes(),
        ]
        .concat()
    };
    vec![
        case("H27", raw(124, &binary(i64::MAX)), Refused("are allowed")),
        case("H27", raw(124, &binary(-1)), Refused("a number in a header is malformed")),
        case("H27", raw(124, b"99999999999"), Refused("a number in a header is malformed")),
        case(
            "H27",
            tar().member(Head { size: 8 << 30, ..head(b'0', "x") }, b"short").end(),
            Refused("it is truncated"),
        ),
        case("H27", tar().member(Head { checksum: false, ..head(b'0', "x") }, b"").end(), Refused("checksum")),
    ]
}

fn names() -> Vec<Case> {
    let long = |name: &[u8]| tar().pax(&[("path", name)]).file("x", "").end();
    let same = |count: usize, make: fn(Tar) -> Tar| (0..count).fold(tar(), |tar, _| make(tar)).end();
    let crowd = (0..5000).fold(tar(), |tar, number| tar.file(&format!("d/{number}"), "")).end();
    vec![
        case("H29", same(2000, |tar| tar.file("x", "")), Harmless),
        case("H29", same(2000, |tar| tar.directory("x/")), Harmless),
        case("H29", crowd, Harmless),
        case("H29", long("a/".repeat(1500).as_bytes()), Harmless),
        case("H29", long("a/".repeat(10_000).as_bytes()), Refused("longer than 4095 bytes")),
        case("H29", long(&[b'n'; 256]), Refused("longer than 255 bytes")),
        Case {
            present: &["a/b/c", "back\\slash"],
            ..case("H30", tar().file("a//b/./c", "").file("back\\slash", "").end(), Harmless)
        },
        case("H30", long(b"\xff\x1b[2J\n"), Harmless),
        case("H30", long(b"a\0b"), Refused("contains a NUL byte")),
        case("H30", tar().file("x/", "content").end(), Refused("has no content, but a size")),
        Case {
            present: &["A", "a", "\u{e9}", "e\u{301}"],
            ..case("H31", tar().file("A", "").file("a", "").file("\u{e9}", "").file("e\u{301}", "").end(), Harmless)
        },
    ]
}

fn ends() -> Vec<Case> {
    let whole = || tar().file("x", "content");
    let no_end = Refused("the two blocks of zeros at its end are missing");
    vec![
        case("H33", [whole().end(), b"garbage".to_vec()].concat(), Harmless),
        case("H33", whole().bytes(&[0; 512]).without_end(), Harmless),
        Case { loaded: Harmless, ..case("H33", whole().without_end(), no_end) },
        case("H33", whole().bytes(&[0; 512]).file("y", "").end(), Refused("data follows the block of zeros")),
        Case { loaded: Harmless, ..case("H35", Vec::new(), no_end) },
        case("H35", whole().end()[..700].to_vec(), Refused("it is truncated")),
        case("H35", b"no archive".to_vec(), Refused("it is truncated")),
    ]
}
