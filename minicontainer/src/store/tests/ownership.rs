//! Who may own a store, and which permissions other users may have.

use super::*;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn new_store_is_closed_to_other_users() {
    let StoreEnv { store, directory: _directory } = env();
    for directory in ["", "images", "images/blobs/sha256", "layers", "staging"] {
        assert_eq!(mode(&store.root().join(directory)), 0o700, "{directory}");
    }
    assert!(store.restricted_directories().is_empty());
}

/// A store created by mkdir(2) with the mode 0755.
#[test]
fn readable_store_is_closed_and_reported_once() {
    let StoreEnv { store, directory: _directory } = env();
    let root = store.root().to_owned();
    let open = [root.clone(), root.join("images"), root.join("layers")];
    open.iter().for_each(|directory| set_mode(directory, 0o755));
    let opened = Store::open(&root).unwrap();
    assert_eq!(opened.restricted_directories(), open);
    assert!(open.iter().all(|directory| mode(directory) == 0o700));
    assert!(Store::open(&root).unwrap().restricted_directories().is_empty());
}

#[test]
fn store_writable_by_others_is_refused() {
    let StoreEnv { store, directory: _directory } = env();
    let root = store.root().to_owned();
    for directory in [root.clone(), root.join("images"), root.join("layers"), root.join("staging")] {
        for open in [0o770, 0o702, 0o1777] {
            set_mode(&directory, open);
            let error = Store::open(&root).unwrap_err();
            let expect = format!(
                "cannot use the store {}: other users can write in it (mode {open:04o})",
                directory.display()
            );
            assert_eq!(error.to_string(), expect);
            assert!(error.hint().is_some_and(|hint| hint.contains("chmod go=")), "{:?}", error.hint());
            assert_eq!(mode(&directory), open, "it was changed all the same");
        }
        set_mode(&directory, 0o700);
    }
    Store::open(&root).unwrap();
}

#[test]
fn store_of_another_user_is_refused() {
    // Only root can change the owner of a directory; an ordinary user tests with a directory of root.
    let directory = tempfile::tempdir().unwrap();
    let (root, owner) = if geteuid().is_root() {
        chown(directory.path(), Some(54321), Some(54321)).unwrap();
        (directory.path().to_owned(), 54321)
    } else {
        (PathBuf::from("/etc"), 0)
    };
    let error = Store::open(&root).unwrap_err();
    let expect = format!(
        "cannot use the store {}: it belongs to user {owner}, and this is user {}",
        root.display(),
        geteuid()
    );
    assert_eq!(error.to_string(), expect);
    assert!(error.hint().unwrap().contains("MINICONTAINER_ROOT"));
}

#[test]
fn store_replaceable_by_others_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let above = directory.path().join("above");
    fs::create_dir(&above).unwrap();
    let root = above.join("store");
    // In a directory with the sticky bit only the owner of an entry can replace it.
    for (open, is_refused) in [(0o777, true), (0o702, true), (0o1777, false), (0o755, false)] {
        set_mode(&above, open);
        let opened = Store::open(&root);
        assert_eq!(matches!(opened, Err(StoreError::Replaceable { .. })), is_refused, "{open:o}: {opened:?}");
        assert_eq!(opened.is_ok(), !is_refused, "{open:o}: {opened:?}");
    }
    if geteuid().is_root() {
        // A parent directory that belongs to another user, who can replace its entries.
        chown(&above, Some(54321), None).unwrap();
        let error = Store::open(&root).unwrap_err().to_string();
        assert!(error.contains("because") && error.contains("belongs to user 54321 and has mode 0755"), "{error}");
    }
}

/// A symbolic link of the user may lead to the store, but not one of another user. Its target is checked too.
#[test]
fn store_symlink_must_belong_to_the_user() {
    let directory = tempfile::tempdir().unwrap();
    let (link, target) = (directory.path().join("link"), directory.path().join("target"));
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink("target/../target", &link).unwrap();
    set_mode(&target, 0o777);
    assert!(matches!(Store::open(&link), Err(StoreError::Writable { .. })));
    set_mode(&target, 0o700);
    let store = Store::open(&link).unwrap();
    assert_eq!(store.root(), target.canonicalize().unwrap());
    // The layers may be elsewhere by such a link, too.
    let elsewhere = directory.path().join("elsewhere");
    fs::rename(target.join("layers"), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, target.join("layers")).unwrap();
    Store::open(&link).unwrap();
    set_mode(&elsewhere, 0o777);
    assert!(matches!(Store::open(&link), Err(StoreError::Writable { .. })));
    set_mode(&elsewhere, 0o700);
    if geteuid().is_root() {
        set_mode(directory.path(), 0o1777);
        std::os::unix::fs::lchown(&link, Some(54321), None).unwrap();
        assert!(matches!(Store::open(&link), Err(StoreError::Replaceable { .. })));
    }
    let around = directory.path().join("around");
    std::os::unix::fs::symlink("around", &around).unwrap();
    let error = Store::open(&around).unwrap_err();
    assert!(format!("{error:?}").contains("Too many levels of symbolic links"), "{error:?}");
}
