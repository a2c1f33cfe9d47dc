//! The mount points that an image lacks, as a layer between the image and the writable layer.
//!
//! A file can only be mounted on an existing file. The engine mounts three files in `/etc` (see
//! [`network_files`](minicontainer_core::network_files)), but an image may lack them, or have a link or a directory
//! there. If the writable layer got the missing files, they would count as changes of the container. So a small layer
//! below the writable one holds the missing files. Docker calls it the *init layer*. If the image has all three
//! files, there is no init layer.
//!
//! The layer also contains the parent directories of the files. In a merged tree the uppermost directory defines
//! owner and mode, so both are copied from the image. Most images have the same ones, so their containers share one
//! init layer in the store: creating it takes longer than mounting it.

use std::{
    ffi::OsString,
    fs::{self, File, Permissions},
    io,
    os::unix::fs::{MetadataExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use minicontainer_core::network_files::NetworkFile;
use nix::unistd::{getegid, geteuid};

use super::{
    RootFsError,
    merged::{EntryPath, Links, Merged},
};

/// The name of the layer in the container's directory.
const NAME: &str = "init";
/// The shared layer in the directory of a container, until it is complete.
pub(super) const NEW_SHARED: &str = "shared-init";
/// The directory of the files, in an image that has none.
const DIRECTORY: &str = "etc";

/// What the layer of a container has to contain.
#[derive(Clone, Debug)]
pub struct InitLayer {
    /// From the root down to the directory of the files.
    directories: Vec<Attributes>,
    /// The names of the files.
    files: Vec<OsString>,
}

/// A directory with the owner and mode copied from the image.
#[derive(Clone, Debug)]
struct Attributes {
    /// Relative to the layer; empty for its root.
    path: PathBuf,
    mode: u32,
    owner: [u32; 2],
}

impl InitLayer {
    /// Finds which of these files an image lacks in `/etc`; `None` if it has all of them. `layers` are the image's,
    /// the lowest first.
    ///
    /// # Errors
    /// If a layer cannot be read.
    pub fn of<'a>(
        layers: &[PathBuf],
        names: impl Iterator<Item = &'a str>,
    ) -> Result<Option<InitLayer>, RootFsError> {
        // A missing layer is reported by the mount, which needs all layers.
        let layers: Vec<PathBuf> = layers.iter().filter(|layer| layer.exists()).cloned().collect();
        let image = Merged::new(&layers)?;
        // A link from `/etc` to another directory is followed.
        let etc = image.look(Path::new(DIRECTORY), Links::Follow)?.filter(|entry| entry.metadata().is_dir());
        let etc: Option<EntryPath> = etc.map(|entry| entry.place);
        let mut files = Vec::new();
        for name in names {
            let found = etc.as_ref().map(|etc| image.child(etc, name.as_ref())).transpose()?.flatten();
            if !found.is_some_and(|entry| entry.metadata().is_file()) {
                files.push(name.into());
            }
        }
        if files.is_empty() {
            return Ok(None);
        }
        let way = etc.map_or_else(|| PathBuf::from(DIRECTORY), |etc| etc.path().to_owned());
        let mut directories = vec![attributes(Path::new(""), &image)?];
        for path in way.ancestors().filter(|path| !path.as_os_str().is_empty()).collect::<Vec<_>>().into_iter().rev()
        {
            directories.push(attributes(path, &image)?);
        }
        Ok(Some(InitLayer { directories, files }))
    }

    /// Whether its directories belong to root with mode 0755, as in most images, so that the layer can be shared.
    pub fn is_shareable(&self) -> bool {
        let root = [geteuid().as_raw(), getegid().as_raw()];
        let is_shareable = |directory: &Attributes| (directory.mode, directory.owner) == (0o755, root);
        self.directories.iter().skip(1).all(is_shareable) && self.path() == Path::new(DIRECTORY)
    }

    /// The directory of the files, relative to the layer.
    fn path(&self) -> &Path {
        self.directories.last().map_or(Path::new(""), |last| &last.path)
    }

    /// Creates the layer of a container. `layer` does not exist yet.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn create(&self, layer: &Path) -> Result<(), RootFsError> {
        for directory in &self.directories {
            let path = layer.join(&directory.path);
            // Until it is filled it must be accessible, whatever the umask is.
            let created =
                fs::create_dir(&path).and_then(|()| fs::set_permissions(&path, Permissions::from_mode(0o700)));
            created.map_err(RootFsError::io("create the directory", &path))?;
        }
        for name in &self.files {
            let path = layer.join(self.path()).join(name);
            let created = File::create_new(&path);
            let readable = created.and_then(|file| file.set_permissions(Permissions::from_mode(0o644)));
            readable.map_err(RootFsError::io("create", &path))?;
        }
        for directory in &self.directories {
            let path = layer.join(&directory.path);
            directory.set(&path).map_err(RootFsError::io("set the owner and mode of", &path))?;
        }
        Ok(())
    }
}

/// Creates the shared layer in an existing directory. It is filled below `container`, the directory of the container
/// that is created, so an interrupted attempt is removed with that container.
///
/// # Errors
/// If it cannot be written.
pub fn create_shared(directory: &Path, container: &Path) -> Result<(), RootFsError> {
    let shared = shared_init_layer(directory);
    let usual =
        |path: &str| Attributes { path: path.into(), mode: 0o755, owner: [geteuid().as_raw(), getegid().as_raw()] };
    let layer = InitLayer {
        directories: ["", DIRECTORY].map(usual).to_vec(),
        files: NetworkFile::ALL.iter().map(|file| file.name().into()).collect(),
    };
    // It gets its name when it is complete, because another container may be about to use it.
    let staged = container.join(NEW_SHARED);
    layer.create(&staged)?;
    match fs::rename(&staged, &shared) {
        Err(_) if shared.exists() => super::remove(&staged),
        renamed => renamed.map_err(RootFsError::io("rename a new layer to", &shared)),
    }
}

/// The layer that containers share, in its directory.
pub fn shared_init_layer(directory: &Path) -> PathBuf {
    directory.join("fs")
}

impl Attributes {
    fn set(&self, path: &Path) -> io::Result<()> {
        let directory = File::open(path)?;
        let [uid, gid] = self.owner;
        match fchown(&directory, Some(uid), Some(gid)) {
            // An ordinary user cannot give files away. Then it belongs to root of the container.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            owned => owned?,
        }
        directory.set_permissions(Permissions::from_mode(self.mode))
    }
}

/// What a directory of the layer takes over from the image's.
fn attributes(path: &Path, image: &Merged) -> Result<Attributes, RootFsError> {
    let found = match path.as_os_str().is_empty() {
        true => image.look_up_again(&image.root())?,
        false => image.look(path, Links::Keep)?,
    };
    let owner = [geteuid().as_raw(), getegid().as_raw()];
    let new = Attributes { path: path.to_owned(), mode: 0o755, owner };
    Ok(match found.as_ref().map(|entry| entry.metadata()).filter(|metadata| metadata.is_dir()) {
        Some(metadata) => {
            Attributes { mode: metadata.mode() & 0o7777, owner: [metadata.uid(), metadata.gid()], ..new }
        }
        None => new,
    })
}

/// The path of the init layer in a container's directory.
pub(crate) fn init_layer(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// The layers of a container: those of its image (lowest first) and its init layer, if it has one.
pub fn with_init_layer(layers: &[PathBuf], directory: &Path) -> Vec<PathBuf> {
    let own = Some(init_layer(directory)).filter(|own| own.exists());
    layers.iter().cloned().chain(own).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    const NAMES: [&str; 2] = ["hosts", "resolv.conf"];

    /// The init layer of an image of one layer, which `fill` creates.
    fn layer_of(fill: impl FnOnce(&Path)) -> Option<(InitLayer, tempfile::TempDir)> {
        let place = tempfile::tempdir().expect("a directory");
        let image = place.path().join("image");
        fs::create_dir(&image).expect("a directory");
        fill(&image);
        let layer = InitLayer::of(&[image], NAMES.into_iter()).expect("the layer can be read")?;
        layer.create(&init_layer(place.path())).expect("the layer is created");
        Some((layer, place))
    }

    fn etc(image: &Path) -> PathBuf {
        let etc = image.join("etc");
        fs::create_dir(&etc).expect("a directory");
        etc
    }

    #[test]
    fn image_with_regular_files_needs_no_layer() {
        let full = layer_of(|image| {
            let etc = etc(image);
            NAMES.iter().for_each(|name| fs::write(etc.join(name), "its own").expect("a file"));
        });
        assert!(full.is_none());
    }

    #[test]
    fn missing_files_links_and_directories_are_replaced() {
        let (layer, place) = layer_of(|image| {
            let etc = etc(image);
            symlink("../proc/net/pnp", etc.join("resolv.conf")).expect("a link");
            fs::create_dir(etc.join("hosts")).expect("a directory");
            fs::set_permissions(etc, Permissions::from_mode(0o750)).expect("a mode");
        })
        .expect("a layer");
        assert!(!layer.is_shareable(), "its mode is unusual");
        let made = init_layer(place.path()).join("etc");
        assert_eq!(fs::metadata(&made).expect("a directory").mode() & 0o7777, 0o750);
        for name in NAMES {
            let file = fs::symlink_metadata(made.join(name)).expect("a file");
            assert_eq!((file.is_file(), file.len(), file.mode() & 0o777), (true, 0, 0o644), "{name}");
        }
    }

    /// Docker puts the files where the link leads, as long as that is in the image.
    #[test]
    fn link_in_place_of_etc_is_followed_inside() {
        let (layer, place) = layer_of(|image| {
            fs::create_dir_all(image.join("usr/etc")).expect("a directory");
            symlink("/usr/etc", image.join("etc")).expect("a link");
        })
        .expect("a layer");
        assert!(!layer.is_shareable());
        assert!(init_layer(place.path()).join("usr/etc/hosts").exists());
        let (layer, place) = layer_of(|image| symlink("/nowhere", image.join("etc")).expect("a link")).expect("one");
        assert!(layer.is_shareable());
        assert!(init_layer(place.path()).join("etc/hosts").exists());
    }

    #[test]
    fn shared_layer_is_created_once() {
        let place = tempfile::tempdir().expect("a directory");
        let directory = place.path().join("init");
        fs::create_dir(&directory).expect("a directory");
        for container in ["one", "other"].map(|name| place.path().join(name)) {
            fs::create_dir(&container).expect("a directory");
            create_shared(&directory, &container).expect("the layer is created");
            assert_eq!(fs::read_dir(&container).expect("a directory").count(), 0);
        }
        let names: Vec<_> =
            fs::read_dir(&directory).expect("a directory").map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["fs"]);
        assert!(shared_init_layer(&directory).join("etc/resolv.conf").exists());
    }
}
