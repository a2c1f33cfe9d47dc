use std::io::Read;

use proptest::prelude::*;
use tar::{Builder, EntryType, Header};

use super::{ArchiveError, Limits, diff_id, read, write};
use crate::tree::{DeviceClass, Inode, Kind, Tree, strategy};

/// An entry as another program may write it: kind, name, target of a link, content.
type Entry<'a> = (EntryType, &'a [u8], &'a [u8], &'a [u8]);

fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, target, content) in entries {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target);
        header.set_entry_type(*kind);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_device_major(0).unwrap();
        header.set_device_minor(0).unwrap();
        header.set_size(content.len() as u64);
        header.set_cksum();
        builder.append(&header, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn message_of(error: &ArchiveError) -> String {
    let source = std::error::Error::source(error).map(|source| format!(": {source}"));
    format!("{error}{}", source.unwrap_or_default())
}

const FILE: EntryType = EntryType::Regular;
const DIRECTORY: EntryType = EntryType::Directory;
const LINK: EntryType = EntryType::Link;

#[track_caller]
fn check(entries: &[Entry], expect: Tree) {
    let layer =
        read(archive(entries).as_slice(), Limits::default()).unwrap_or_else(|error| panic!("{}", message_of(&error)));
    assert_eq!(layer, expect);
}

fn opaque(mut directory: Inode) -> Inode {
    if let Kind::Directory { opaque, .. } = &mut directory.kind {
        *opaque = true;
    }
    directory
}

#[test]
fn entry_names_are_normalized_as_in_tar() {
    let expect = || Tree::from([("/a/b", Inode::file("x"))]);
    check(&[(FILE, b"a/b", b"", b"x")], expect());
    check(&[(FILE, b"./a//./b", b"", b"x")], expect());
    check(&[(FILE, b"/a/b", b"", b"x")], expect());
    // Of two entries with the same name the last one applies; a repeated directory keeps its entries.
    check(&[(FILE, b"a/b", b"", b"old"), (FILE, b"a/b", b"", b"x")], expect());
    let mut listed = expect();
    listed.inode_mut(listed.find("/a").unwrap()).metadata.mode = 0o644;
    check(&[(FILE, b"a/b", b"", b"x"), (DIRECTORY, b"a/", b"", b"")], listed);
    // The tar of 1979.
    let mut directory = Inode::directory();
    directory.metadata.mode = 0o644;
    check(&[(FILE, b"a/", b"", b"")], Tree::from([("/a", directory)]));
}

/// A whiteout applies to the layers below, wherever in the archive it is.
#[test]
fn whiteouts_and_entries_replacing_them() {
    let gone: Entry = (FILE, b".wh.a", b"", b"");
    check(&[gone], Tree::from([("/a", Inode::whiteout())]));
    check(&[gone, (FILE, b"a", b"", b"x")], Tree::from([("/a", Inode::file("x"))]));
    check(&[(FILE, b"a", b"", b"x"), gone], Tree::from([("/a", Inode::file("x"))]));
    let replaced = || Tree::from([("/a", opaque(Inode::directory())), ("/a/b", Inode::file("x"))]);
    check(&[gone, (FILE, b"a/b", b"", b"x")], replaced());
    check(&[(FILE, b"a/b", b"", b"x"), gone], replaced());
    check(&[(FILE, b"a/b", b"", b"x"), (FILE, b"a/.wh..wh..opq", b"", b"")], replaced());
    check(&[(FILE, b"a/.wh..wh..opq", b"", b""), (FILE, b"a/b", b"", b"x")], replaced());
}

#[test]
fn invalid_layers_are_refused() {
    let entries: [&[Entry]; 17] = [
        &[(FILE, b"../a", b"", b"")],
        &[(FILE, b"a/../b", b"", b"")],
        &[(FILE, b"\xff", b"", b"")],
        &[(FILE, b"./", b"", b""), (EntryType::Fifo, b".", b"", b"")],
        &[(LINK, b"a", b"b", b"")],
        &[(LINK, b"a", b"../b", b"")],
        &[(DIRECTORY, b"d/", b"", b""), (LINK, b"a", b"d", b"")],
        &[(FILE, b".wh.b", b"", b""), (LINK, b"a", b"b", b"")],
        &[(EntryType::Symlink, b"a", b"", b"")],
        &[(EntryType::Symlink, b"a", b"\xff", b"")],
        &[(EntryType::Char, b"a", b"", b"")],
        &[(EntryType::new(b'Q'), b"a", b"", b"")],
        &[(FILE, b".wh.", b"", b"")],
        &[(FILE, b".wh...", b"", b"")],
        &[(DIRECTORY, b".wh.a/", b"", b""), (FILE, b".wh.a/b", b"", b"")],
        &[(EntryType::XHeader, b"", b"", b"9 size=1\n"), (FILE, b"a", b"", b"xy")],
        &[(EntryType::XHeader, b"", b"", b"nonsense"), (FILE, b"a", b"", b"xy")],
    ];
    let refusal = |entries: &&[Entry]| {
        message_of(&read(archive(entries).as_slice(), Limits::default()).expect_err("a refusal"))
    };
    insta::assert_snapshot!(entries.iter().map(refusal).collect::<Vec<_>>().join("\n"));
}

/// Symbolic links are not followed, so an entry below one replaces it.
#[test]
fn entry_below_a_symlink_replaces_it() {
    let entries: [Entry; 2] = [(EntryType::Symlink, b"a", b"/etc", b""), (FILE, b"a/passwd", b"", b"x")];
    check(&entries, Tree::from([("/a/passwd", Inode::file("x"))]));
}

#[test]
fn read_limits_are_enforced() {
    let two = archive(&[(FILE, b"a", b"", b"123"), (FILE, b"b", b"", b"456")]);
    let within = |entries, bytes| read(two.as_slice(), Limits { entries, bytes }).map_err(|error| error.to_string());
    assert!(within(2, 6).is_ok());
    insta::assert_snapshot!(within(1, 6).unwrap_err(), @"the layer has more than 1 entries; if it is meant to be so large, allow more");
    insta::assert_snapshot!(within(2, 5).unwrap_err(), @"the layer has more than 5 bytes; if it is meant to be so large, allow more");
    // A header with a size larger than the content does not allocate memory for it.
    let mut liar = archive(&[(FILE, b"a", b"", b"123")]);
    let mut header = Header::new_ustar();
    header.as_mut_bytes().copy_from_slice(&liar[..512]);
    header.set_size(1 << 29);
    header.set_cksum();
    liar[..512].copy_from_slice(header.as_bytes());
    assert!(matches!(read(liar.as_slice(), Limits::default()), Err(ArchiveError::Damaged { .. })));
}

/// Long names, names in other scripts, large numbers, attributes with newlines.
#[test]
fn values_too_large_for_headers_are_kept() {
    let long = format!("/{}/{}", "d".repeat(200), "ção".repeat(30));
    let mut file = Inode::file("x");
    file.metadata.uid = 4_000_000_000;
    file.metadata.xattrs.insert("security.capability".into(), b"\x01\n10 path=b\n\0".to_vec());
    let mut layer = Tree::from([(long.as_str(), file), ("/link", Inode::symlink("é/".repeat(300)))]);
    layer.link(&long, "/other");
    let device = Kind::Device { class: DeviceClass::Block, major: 7, minor: 200_000 };
    layer.insert("/loop", Inode::new(device, 0o660));
    let mut archive = Vec::new();
    write(&layer, u64::MAX, &mut archive).unwrap();
    assert_eq!(read(archive.as_slice(), Limits::default()).unwrap(), layer);
}

#[test]
fn times_are_clamped_to_the_latest() {
    let mut file = Inode::file("x");
    file.metadata.modified = 2_000_000_000;
    let layer = Tree::from([("/a", file)]);
    let id = |latest| diff_id(&layer, latest).unwrap();
    assert_ne!(id(1_500_000_000), id(1_600_000_000));
    assert_eq!(id(2_000_000_000), id(u64::MAX), "an earlier time stays");
}

#[test]
fn whiteout_like_names_are_not_written() {
    for name in ["/.wh.a", "/d/.wh..wh..opq", "/.wh."] {
        let error = write(&Tree::from([(name, Inode::file(""))]), 0, std::io::sink()).unwrap_err();
        assert!(matches!(error, ArchiveError::Refused { .. }), "{error}");
    }
}

/// The digest of a known layer. A change of the output would change the diff-id of every image.
#[test]
fn archive_bytes_are_stable() {
    let mut layer = Tree::from([
        ("/etc/motd", Inode::file("hello\n")),
        ("/etc/issue", Inode::whiteout()),
        ("/var", opaque(Inode::directory())),
        ("/sh", Inode::symlink("bin/sh")),
    ]);
    layer.link("/etc/motd", "/motd");
    let mut bytes = Vec::new();
    write(&layer, 0, &mut bytes).unwrap();
    let mut names = String::new();
    let mut archive = tar::Archive::new(bytes.as_slice());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let (kind, name) = (entry.header().entry_type(), String::from_utf8(entry.path_bytes().to_vec()).unwrap());
        let mut content = String::new();
        entry.read_to_string(&mut content).unwrap();
        names += &format!("{kind:?} {name} {content:?}\n");
    }
    insta::assert_snapshot!(format!("{names}{}", diff_id(&layer, 0).unwrap()));
}

proptest! {
    #[test]
    fn layer_round_trips_through_archive(layer in strategy::layers()) {
        let mut bytes = Vec::new();
        write(&layer, u64::MAX, &mut bytes).unwrap();
        prop_assert_eq!(read(bytes.as_slice(), Limits::default()).unwrap(), layer);
    }

    /// A tree that was read from its own archive, with other inode numbers, is written in the same way.
    #[test]
    fn equal_trees_give_identical_bytes(layer in strategy::layers(), latest in 0..2_000u64) {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        write(&layer, u64::MAX, &mut one).unwrap();
        let again = read(one.as_slice(), Limits::default()).unwrap();
        one.clear();
        write(&layer, latest, &mut one).unwrap();
        write(&again, latest, &mut other).unwrap();
        prop_assert_eq!(one, other);
    }

    /// Reading any input terminates, with a layer or an error.
    #[test]
    fn malformed_archives_do_not_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..2048), place in 0..2048usize, valid: bool) {
        if valid {
            let mut archive = archive(&[(FILE, b"a", b"", b"123"), (EntryType::XHeader, b"", b"", b"10 path=b\n"), (FILE, b"c", b"", b"")]);
            let place = place % archive.len();
            archive[place] ^= 1 << (bytes.len() % 8);
            bytes = archive;
        }
        let _ = read(bytes.as_slice(), Limits::default());
    }
}
