//! The environment of a fuzzer: a directory to which layers are applied, a store into which they are imported, and a
//! victim next to both.

use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
};

use minicontainer::{Store, store::remove_directory};
use minicontainer_images as images;
use tempfile::TempDir;

/// The directory of one fuzzer.
pub struct StoreEnv {
    directory: TempDir,
}

impl Default for StoreEnv {
    fn default() -> StoreEnv {
        let directory =
            tempfile::Builder::new().prefix("minicontainer-fuzz-").tempdir().expect("a temporary directory");
        fs::DirBuilder::new().mode(0o751).create(directory.path().join("victim")).expect("a directory of ours");
        let env = StoreEnv { directory };
        env.restore_victim();
        env
    }
}

impl StoreEnv {
    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Applies an archive to a directory with some files, among them a hard link to the victim's file and a symlink
    /// to the victim's directory.
    pub fn apply(&self, archive: &[u8]) {
        let tree = self.path("tree");
        fs::create_dir_all(tree.join("d/sub")).expect("a directory of ours");
        fs::write(tree.join("d/old"), "").expect("a file of ours");
        fs::hard_link(self.path("victim/hello"), tree.join("linked")).expect("a file of ours");
        symlink("../victim", tree.join("out")).expect("a link of ours");
        let _outcome = images::check_layer(archive, &tree);
        remove(&tree);
        self.check(&["victim"]);
    }

    /// Imports an archive as an image. A refused archive must leave the store empty.
    pub fn import(&self, archive: &[u8]) {
        let path = self.path("store");
        let store = Store::open(&path).expect("a store of ours");
        let wanted = images::ImportOptions::default();
        if images::import(&store, archive, &wanted).is_ok() {
            assert_eq!(names(&path.join("layers")).len(), 1, "an image of one layer");
            remove(&path);
        } else {
            check_empty(&path);
        }
        self.check(&["victim"]);
    }

    /// Loads a saved image. A refused archive must leave the store empty.
    pub fn load(&self, archive: &[u8]) {
        let path = self.path("store");
        let store = Store::open(&path).expect("a store of ours");
        match images::load(&store, archive) {
            Ok(loaded) => {
                for one in loaded {
                    let found = images::find(&store, one.id.hex()).expect("a loaded image can be found");
                    assert_eq!(found.id, one.id);
                }
                remove(&path);
            }
            Err(_) => check_empty(&path),
        }
        self.check(&["victim"]);
    }

    fn restore_victim(&self) {
        fs::write(self.path("victim/hello"), "hello").expect("a file of ours");
        fs::set_permissions(self.path("victim/hello"), fs::Permissions::from_mode(0o640)).expect("a file of ours");
    }

    /// Checks that nothing outside of the layer's directory has changed.
    fn check(&self, beside: &[&str]) {
        let mut found = names(self.directory.path());
        found.retain(|name| name != "store");
        assert_eq!(found, beside, "something appeared next to the layer");
        assert_eq!(names(&self.path("victim")), ["hello"], "the victim's directory was changed");
        let mode = |path: &str| fs::metadata(self.path(path)).expect("it is there").mode() & 0o7777;
        assert_eq!(mode("victim"), 0o751, "the mode of the victim's directory was changed");
        assert_eq!(fs::read(self.path("victim/hello")).expect("it is there"), b"hello", "the victim was changed");
        self.restore_victim();
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory of ours");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Checks that a store is empty: nothing of a refused image is left.
fn check_empty(store: &Path) {
    for directory in ["layers", "staging", "images/blobs/sha256"] {
        let directory = store.join(directory);
        assert!(!directory.exists() || names(&directory).is_empty(), "{} was left behind", directory.display());
    }
}

/// Removes a directory whose content may have any mode and depth.
fn remove(directory: &Path) {
    remove_directory(fs::File::open("/").expect("the root"), directory).expect("the directory can be removed");
}
