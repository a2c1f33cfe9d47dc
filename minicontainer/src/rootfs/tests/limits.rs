//! Trees deeper than the maximum path length, endlessly nested trees, and names that are not UTF-8.

use super::*;
use minicontainer_core::Diagnostic as _;

#[test]
fn tree_deeper_than_path_max_is_walked() {
    let place = EntryPath::new(&[vec![("a", Directory), ("a/kept", Regular("x"))]]);
    prepare(&place.layers, &place.container(), Driver::Overlay, false).unwrap();
    let upper = place.container().join("upper");
    fill(&upper, &[("a", Directory), ("z", Directory), ("z/last", Regular("last"))]);
    let innermost = nest(&upper.join("a"), "abcdefghij", 1500);
    let mut file = File::from(openat(&innermost, "file", OFlag::O_CREAT | OFlag::O_WRONLY, Mode::S_IRUSR).unwrap());
    io::Write::write_all(&mut file, b"deep").unwrap();

    let found = lines(&changes(&place.layers, &place.container(), Driver::Overlay).unwrap());
    assert_eq!(found.len(), 1 + 1500 + 1 + 2);
    assert!(found[1501].starts_with("A /a/abcdefghij/abcdefghij/") && found[1501].ends_with("/abcdefghij/file"));
    assert!(found[1501].len() > 16_000);
    assert_eq!(found[1502..], ["A /z", "A /z/last"]);
    assert_eq!(size(&upper).unwrap(), 8);

    // The copy driver reads and writes such a tree.
    let copy = place.directory.path().join("copy");
    fs::create_dir(&copy).unwrap();
    prepare(&[place.layers[0].clone(), upper.clone()], &copy, Driver::Copy, false).unwrap();
    assert_eq!(size(&copy.join("rootfs")).unwrap(), 8 + 1);
    for tree in [copy, place.container()] {
        remove(&tree).unwrap();
    }
}

#[test]
fn too_long_paths_are_refused_and_size_is_partial() {
    let place = EntryPath::new::<&str>(&[]);
    prepare(&[], &place.container(), Driver::Overlay, false).unwrap();
    let upper = place.container().join("upper");
    let name = "x".repeat(255);
    drop(nest(&upper, &name, 300));
    fs::write(upper.join("file"), "12345").unwrap();
    let error = changes(&[], &place.container(), Driver::Overlay).unwrap_err();
    let expect = format!("cannot walk through {}: a path in it is longer than 65536 bytes", upper.display());
    assert_eq!(error.to_string(), expect);
    assert!(error.hint().unwrap().contains("minicontainer rm -f"));
    assert_eq!(size(&upper).unwrap(), 5);
    remove(&place.container()).unwrap();
}

/// Two names that differ only in bytes that are not UTF-8, in a layer, an upper directory and a copy.
#[test]
fn non_utf8_names_survive() {
    let place = EntryPath::new(&[vec![("kept", Regular("1"))]]);
    let [one, other] = [b"n\xff", b"n\xfe"].map(|name| std::ffi::OsStr::from_bytes(name).to_owned());
    fs::write(place.layers[0].join(&one), "one").unwrap();
    prepare(&place.layers, &place.container(), Driver::Overlay, false).unwrap();
    let upper = place.container().join("upper");
    fs::write(upper.join(&one), "changed").unwrap();
    fs::write(upper.join(&other), "new").unwrap();
    let list = |driver| changes(&place.layers, &place.container(), driver).unwrap();
    assert_eq!(lines(&list(Driver::Overlay)), [r"A /n\xfe", r"C /n\xff"]);
    assert_eq!(list(Driver::Overlay)[1].path, b"/n\xff");

    prepare(&place.layers, &place.container(), Driver::Copy, false).unwrap();
    let copy = place.container().join("rootfs");
    assert_eq!(fs::read_to_string(copy.join(&one)).unwrap(), "one");
    fs::rename(copy.join(&one), copy.join(&other)).unwrap();
    assert_eq!(lines(&list(Driver::Copy)), [r"A /n\xfe", r"D /n\xff"]);
}
