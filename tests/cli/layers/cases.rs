//! The tested archives: every kind of entry, with every kind of parent directory, over every kind of file in the
//! layer below. Also every header format.

use crate::hostile::tar::{Head, Tar, head};

/// Two layers of an image.
pub struct Case {
    /// The name lists the combined kinds, such as `fifo parent=implied lower=file`.
    pub name: String,
    pub lower: Vec<u8>,
    pub upper: Vec<u8>,
}

/// The kinds of entries in the upper layer, which is always `p/e`.
pub const KINDS: [&str; 9] = ["file", "directory", "symlink", "link", "fifo", "char", "block", "whiteout", "opaque"];
/// The directory `p` in the upper layer: listed, only implied by the path of the entry, or a symbolic link in the
/// lower layer.
pub const PARENTS: [&str; 3] = ["listed", "implied", "link"];
/// The kinds of files at `p/e` in the lower layer.
pub const LOWERS: [&str; 4] = ["nothing", "file", "directory", "link"];

/// All combinations of the three.
pub fn entries() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        for parent in PARENTS {
            for lower in LOWERS {
                cases.push(Case {
                    name: format!("{kind} parent={parent} lower={lower}"),
                    lower: lower_layer(parent, lower),
                    upper: upper_layer(kind, parent),
                });
            }
        }
    }
    cases
}

/// The lower layer: the directory `p`, or `real` with a link `p` to it, a file at `p/e`, and a sibling of it.
pub fn lower_layer(parent: &str, lower: &str) -> Vec<u8> {
    let base = if parent == "link" { "real" } else { "p" };
    let at = |name: &str| format!("{base}/{name}");
    let mut tar = Tar::new().member(Head { mode: 0o750, uid: 7, ..head(b'5', base) }, b"").file(&at("sibling"), "s");
    if parent == "link" {
        tar = tar.symlink("p", "real");
    }
    tar = match lower {
        "file" => tar.file(&at("e"), "below"),
        "directory" => tar.directory(&at("e")).file(&at("e/inside"), "below"),
        "link" => tar.directory("other").file("other/kept", "kept").symlink(&at("e"), "/other"),
        _ => tar,
    };
    tar.file("target", "linked").end()
}

pub fn upper_layer(kind: &str, parent: &str) -> Vec<u8> {
    let tar = Tar::new();
    let tar = if parent == "listed" { tar.member(Head { mode: 0o711, uid: 5, ..head(b'5', "p") }, b"") } else { tar };
    entry(tar, kind).end()
}

/// The entry `p/e`, with an owner and permissions of its own.
fn entry(tar: Tar, kind: &str) -> Tar {
    let own = |kind: u8, name: &'static str| Head { mode: 0o640, uid: 3, ..head(kind, name) };
    match kind {
        "file" => tar.member(Head { size: 5, ..own(b'0', "p/e") }, b"above"),
        "directory" => tar.member(Head { mode: 0o3751, ..own(b'5', "p/e") }, b"").file("p/e/new", "new"),
        "symlink" => tar.member(Head { link: b"../target", ..own(b'2', "p/e") }, b""),
        "link" => tar.member(Head { size: 1, ..own(b'0', "first") }, b"1").link("p/e", "first"),
        "fifo" => tar.member(own(b'6', "p/e"), b""),
        "char" => tar.member(Head { device: (1, 3), ..own(b'3', "p/e") }, b""),
        "block" => tar.member(Head { device: (7, 300), ..own(b'4', "p/e") }, b""),
        "whiteout" => tar.member(own(b'0', "p/.wh.e"), b""),
        _ => tar.member(own(b'0', "p/e/.wh..wh..opq"), b"").file("p/e/new", "new"),
    }
}

/// An entry that a later entry of the same layer replaces, over a directory of the lower layer.
pub fn replaced() -> Vec<Case> {
    let directory = |tar: Tar| tar.directory("p/e/").file("p/e/new", "new");
    let cases = [
        ("twice file then directory", directory(Tar::new().file("p/e", "x"))),
        ("twice symlink then directory", directory(Tar::new().symlink("p/e", "../target"))),
        ("twice directory then file then directory", directory(directory(Tar::new()).file("p/e", "x"))),
        ("hidden whiteout then directory", directory(Tar::new().file("p/.wh.e", ""))),
        ("hidden directory then whiteout", directory(Tar::new()).file("p/.wh.e", "")),
        ("twice fifo then file", Tar::new().member(head(b'6', "p/e"), b"").file("p/e", "x")),
    ];
    let case = |(name, tar): (&str, Tar)| Case {
        name: name.to_owned(),
        lower: lower_layer("listed", "directory"),
        upper: tar.end(),
    };
    cases.into_iter().map(case).collect()
}

/// The header formats, over a lower layer without `p/e`.
#[expect(clippy::too_many_lines, reason = "a table of headers")]
pub fn dialects() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, tar: Tar| {
        cases.push(Case {
            name: format!("dialect {name}"),
            lower: lower_layer("listed", "nothing"),
            upper: tar.end(),
        });
    };
    let magics: [(&str, &[u8]); 3] = [("v7", &[0; 255]), ("ustar", b"ustar\x0000"), ("gnu", b"ustar  \0")];
    for (dialect, magic) in magics {
        for (name, kind, link) in [
            ("file", b'0', ""),
            ("old file", 0, ""),
            ("directory", b'5', ""),
            ("symlink", b'2', "a"),
            ("link", b'1', "target"),
        ] {
            let head = Head { link: link.as_bytes(), raw: vec![(257, magic.to_vec())], ..head(kind, "p/e") };
            let tar = if kind == b'1' { Tar::new().file("target", "t") } else { Tar::new() };
            add(&format!("{dialect} {name}"), tar.member(head, b""));
        }
    }
    let raw = |at: usize, bytes: &[u8]| Head { raw: vec![(at, bytes.to_vec())], ..head(b'0', "e") };
    add(
        "v7 directory by its slash",
        Tar::new().member(Head { mode: 0o755, raw: vec![(257, vec![0; 255])], ..head(0, "p/e/") }, b""),
    );
    add("contiguous file", Tar::new().member(Head { size: 1, ..head(b'7', "p/e") }, b"7"));
    add("ustar prefix", Tar::new().member(raw(345, b"p"), b""));
    add(
        "ustar prefix under gnu magic",
        Tar::new()
            .member(Head { raw: vec![(257, b"ustar  \0".to_vec()), (345, b"p".to_vec())], ..head(b'0', "e") }, b""),
    );
    add(
        "empty numeric fields",
        Tar::new().member(Head { raw: vec![(108, vec![0; 16]), (136, vec![b' '; 12])], ..head(b'0', "p/e") }, b""),
    );
    add("base-256 owner", Tar::new().member(Head { uid: 1 << 30, ..head(b'0', "p/e") }, b""));
    add(
        "base-256 size",
        Tar::new()
            .member(Head { raw: vec![(124, [&[0x80][..], &[0; 10], &[3]].concat())], ..head(b'0', "p/e") }, b"abc"),
    );
    add(
        "base-256 time before 1970",
        Tar::new().member(Head { raw: vec![(136, [&[0xff; 11][..], &[0xfe]].concat())], ..head(b'0', "p/e") }, b""),
    );
    add(
        "link with a size",
        Tar::new()
            .file("target", "t")
            .member(Head { link: b"target", size: 512, ..head(b'1', "p/e") }, b"")
            .file("p/after", "x"),
    );
    add(
        "symlink with a size",
        Tar::new().member(Head { link: b"a", size: 512, ..head(b'2', "p/e") }, b"").file("p/after", "x"),
    );
    add(
        "gnu long name",
        Tar::new().extension('L', &[b"p/".to_vec(), vec![b'n'; 200], vec![0]].concat()).file("short", "x"),
    );
    add("gnu long link", Tar::new().extension('K', &[vec![b't'; 200], vec![0]].concat()).symlink("p/e", "short"));
    let pax = |records: &[(&str, &[u8])]| Tar::new().pax(records);
    add("pax path", pax(&[("path", "p/não".as_bytes())]).file("short", "x"));
    add("pax linkpath", pax(&[("linkpath", b"far/away")]).symlink("p/e", "short"));
    add("pax size", pax(&[("size", b"3")]).member(head(b'0', "p/e"), b"abc"));
    add("pax owner", pax(&[("uid", b"100000"), ("gid", b"200000")]).file("p/e", "x"));
    add("pax time", pax(&[("mtime", b"1350244992.25")]).file("p/e", "x"));
    add("pax attribute", pax(&[("SCHILY.xattr.user.note", b"hi")]).file("p/e", "x"));
    add("pax unknown record", pax(&[("comment", b"hi"), ("VENDOR.x", b"y")]).file("p/e", "x"));
    add("pax global header", Tar::new().extension('g', b"11 uid=123\n").file("p/e", "x"));
    add("repeated pax headers", pax(&[("path", b"p/one")]).pax(&[("path", b"p/two")]).file("short", "x"));
    add("repeated pax record", pax(&[("path", b"p/one"), ("path", b"p/two")]).file("short", "x"));
    add(
        "pax after a long name",
        Tar::new().extension('L', b"p/long\0").pax(&[("path", b"p/pax")]).file("short", "x"),
    );
    sparse(&mut add);
    cases
}

/// The four formats of GNU tar. As in GNU tar, each map ends with an empty fragment at the end of the file.
fn sparse(add: &mut dyn FnMut(&str, Tar)) {
    const MAP: [(u32, u32); 3] = [(4096, 512), (32768, 512), (65536, 0)];
    let bytes = ["1", "2"].map(|byte| byte.repeat(512)).concat();
    let file = |kind| Head { size: 1024, ..head(kind, "p/e") };
    let data = |tar: Tar| tar.member(file(b'0'), bytes.as_bytes());
    let common: [(&str, &[u8]); 2] = [("GNU.sparse.size", b"65536"), ("GNU.sparse.numblocks", b"3")];
    let pairs = MAP.map(|(offset, length)| [("offset", offset.to_string()), ("numbytes", length.to_string())]);
    let pairs: Vec<(String, String)> =
        pairs.into_iter().flatten().map(|(key, value)| (format!("GNU.sparse.{key}"), value)).collect();
    let pairs = pairs.iter().map(|(key, value)| (key.as_str(), value.as_bytes()));
    add("sparse 0.0", data(Tar::new().pax(&common.into_iter().chain(pairs).collect::<Vec<_>>())));
    let map = MAP.map(|(offset, length)| format!("{offset},{length}")).join(",");
    add("sparse 0.1", data(Tar::new().pax(&[&common[..], &[("GNU.sparse.map", map.as_bytes())]].concat())));
    let version: [(&str, &[u8]); 4] = [
        ("GNU.sparse.major", b"1"),
        ("GNU.sparse.minor", b"0"),
        ("GNU.sparse.name", b"p/e"),
        ("GNU.sparse.realsize", b"65536"),
    ];
    let lines = MAP.map(|(offset, length)| format!("{offset}\n{length}\n")).concat();
    let mut content = format!("{}\n{lines}", MAP.len()).into_bytes();
    content.resize(512, 0);
    content.extend(bytes.as_bytes());
    let place = Head { size: content.len() as u64, ..head(b'0', "p/GNUSparseFile.1/e") };
    add("sparse 1.0", Tar::new().pax(&version).member(place, &content));
    let map = MAP.map(|(offset, length)| format!("{offset:011o}\0{length:011o}\0")).concat();
    let raw =
        vec![(257, b"ustar  \0".to_vec()), (386, map.into_bytes()), (483, format!("{:011o}\0", 65536).into_bytes())];
    add("sparse old", Tar::new().member(Head { raw, ..file(b'S') }, bytes.as_bytes()));
}
