//! `RUN --mount`: prepares mounts, which are visible to a command but never part of a layer.
//!
//! Files of the context, a stage or an image are *copied* into a directory of the build, which is then mounted. So no
//! part of the path can be replaced by a link between check and mount (CVE-2024-23651). Files excluded by
//! `.dockerignore` are not copied. Changes by the command (`rw`) are removed with the copy.
//!
//! A secret is a file of the build, and is removed when the command has exited. A cache is a directory of the store
//! that other users cannot access.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, Permissions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use minicontainer::{
    core::{
        options::{Access, ByteSize, EnvVar, MountSpec},
        plan::MountAttribute,
    },
    host::{self, Owners},
    store::{Staging, private},
};
use minicontainer_dockerfile::{
    mount::{Mount, Owner, Sharing},
    plan::{CopyFiles, RunCommand, Source},
};
use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, Flock, FlockArg, OFlag, RenameFlags, renameat2},
};

use super::{
    BuildError, Secrets,
    archive::Clock,
    cache::Cache,
    copy::{Target, copy},
    files::Finder,
    layers::Layers,
    select::fingerprint,
};
use minicontainer_images::unpack_built;

/// The destination of the copied files in their temporary layer.
const COPIES: &str = "/files";
/// The files of a cache, in its directory of the store.
const CACHE_FILES: &str = "files";
/// The interval for retrying a cache that another build uses.
const AGAIN: Duration = Duration::from_millis(20);
/// The maximum size of a secret (BuildKit's limit).
pub const LARGEST_SECRET: usize = 500 * 1024;

/// Prepared mounts, with the files and locks that must exist until the command exits.
#[derive(Debug, Default)]
pub(super) struct Mounts {
    pub(super) specs: Vec<MountSpec>,
    /// Secrets that are passed as environment variables.
    pub(super) env: Vec<EnvVar>,
    /// The files to remove at the end.
    files: Vec<PathBuf>,
    /// The locks on caches.
    _locks: Vec<Flock<File>>,
}

impl Drop for Mounts {
    fn drop(&mut self) {
        for file in &self.files {
            // Best effort: if this fails, the file is removed with the staging directory.
            let _gone = fs::remove_file(file);
        }
    }
}

/// The inputs for preparing mounts.
pub(super) struct Sources<'a> {
    pub(super) staging: &'a Staging,
    pub(super) cache: &'a Cache<'a>,
    pub(super) secrets: &'a Secrets,
    pub(super) clock: Clock,
    /// Opens the files of a stage, an image or the context.
    pub(super) files: &'a Finder<'a>,
    /// Whether the build has been cancelled; waiting for a lock then ends.
    pub(super) is_cancelled: &'a dyn Fn() -> bool,
}

impl Sources<'_> {
    /// Prepares the mounts of a command.
    pub(super) fn prepare(&self, command: &RunCommand) -> Result<Mounts, BuildError> {
        let mut mounts = Mounts::default();
        // All builds lock their caches in the same order, so that there is no deadlock.
        let mut caches: Vec<&(Mount, Source)> = command.mounts.iter().collect();
        caches.retain(|(mount, _)| matches!(mount, Mount::Cache { .. }));
        caches.sort_by_key(|(mount, _)| match mount {
            Mount::Cache { id, .. } => id.clone(),
            _ => String::new(),
        });
        let mut places = Vec::new();
        for (mount, source) in caches {
            places.push((mount, self.cache_directory(mount, source, &mut mounts)?));
        }
        for (mount, source) in &command.mounts {
            match mount {
                Mount::Bind { source: path, target, read_only, .. } => {
                    let files = self.copy(source, path)?;
                    mounts.specs.push(bind(&files, target, *read_only));
                }
                Mount::Cache { target, read_only, .. } => {
                    let place = places.iter().find(|(cache, _)| std::ptr::eq(*cache, mount));
                    mounts.specs.extend(place.map(|(_, place)| bind(place, target, *read_only)));
                }
                Mount::Tmpfs { target, size } => {
                    let size = size.and_then(ByteSize::new);
                    let attributes = BTreeSet::from([MountAttribute::NoSuid, MountAttribute::NoDev]);
                    let (target, data) = (target.clone(), BTreeMap::new());
                    mounts.specs.push(MountSpec::Tmpfs { target, size, mode: None, data, attributes });
                }
                Mount::Secret { id, target, env, required, owner } => {
                    let Some(secret) = self.secrets.get(id) else {
                        match required {
                            true => return Err(BuildError::Secret { id: id.clone() }),
                            false => continue,
                        }
                    };
                    if let Some(target) = target {
                        self.mount_file(secret, target, owner, &mut mounts)?;
                    }
                    if let Some(name) = env {
                        let text = std::str::from_utf8(secret);
                        let text = text.map_err(|_| BuildError::SecretText { id: id.clone() })?;
                        let variable = EnvVar::new(name, text);
                        let wrong = |source| BuildError::Variable { name: name.clone(), source };
                        mounts.env.push(variable.map_err(wrong)?);
                    }
                }
            }
        }
        if let Some(script) = &command.script {
            let owner = Owner { mode: 0o755, uid: 0, gid: 0 };
            self.mount_file(script.content.as_bytes(), &script.path, &owner, &mut mounts)?;
        }
        Ok(mounts)
    }

    /// Creates a file of the build with this content and mounts it.
    pub(super) fn mount_file(
        &self,
        content: &[u8],
        target: &str,
        owner: &Owner,
        mounts: &mut Mounts,
    ) -> Result<(), BuildError> {
        let path = self.staging.unused_path();
        let failed = |source| BuildError::Make { path: path.clone(), source };
        let mut file = private::create(&path).map_err(failed)?;
        mounts.files.push(path.clone());
        file.write_all(content).map_err(failed)?;
        set_owner(&file, owner).map_err(failed)?;
        mounts.specs.push(bind(&path, target, true));
        Ok(())
    }

    /// Copies the files of a bind mount into a new directory.
    fn copy(&self, source: &Source, path: &str) -> Result<PathBuf, BuildError> {
        let files = (self.files)(source)?;
        let copying = CopyFiles {
            from: source.clone(),
            sources: vec![path.to_owned()],
            inline: Vec::new(),
            destination: COPIES.to_owned(),
            into_directory: false,
            chown: None,
            chmod: None,
            exclude: Vec::new(),
            link: false,
            parents: false,
            unpack: false,
        };
        let contents = [fingerprint(files.as_ref(), path, &Default::default())?];
        let nothing = Layers::new("nothing", &[])?;
        let target = Target { files: &nothing, directories: &[] };
        let (packed, _left_out) = copy(&copying, files.as_ref(), &target, &contents, self.staging, self.clock)?;
        let copied = unpack_built(self.staging, &packed)?;
        Ok(copied.directory.join(COPIES.trim_start_matches('/')))
    }

    /// Locks the directory of a cache. Creates it if it does not exist.
    fn cache_directory(&self, mount: &Mount, from: &Source, mounts: &mut Mounts) -> Result<PathBuf, BuildError> {
        let Mount::Cache { id, from: named, source, sharing, owner, .. } = mount else { return Ok(PathBuf::new()) };
        if named.is_none() && source != "/" {
            return Err(BuildError::Unsupported { what: "RUN --mount=type=cache with source= and without from=" });
        }
        // As in BuildKit, a cache with initial files is distinct from a cache that starts empty.
        let mut id = if named.is_some() { format!("{id}:{source}:{named:?}") } else { id.clone() };
        // A cache with another owner or mode is also distinct, because this command might not be able to use its
        // files.
        if *owner != (Owner { mode: 0o755, uid: 0, gid: 0 }) {
            id = format!("{id}:{:o}:{}:{}", owner.mode, owner.uid, owner.gid);
        }
        let how =
            if *sharing == Sharing::Shared { FlockArg::LockSharedNonblock } else { FlockArg::LockExclusiveNonblock };
        let mut copy = 0;
        loop {
            let place = self.cache.mount(&id, copy)?;
            let failed = |source| BuildError::Make { path: place.clone(), source };
            if !place.exists() {
                self.create_cache(&place, named.is_some().then_some((from, source.as_str())), owner)?;
            }
            let directory = File::open(&place).map_err(failed)?;
            match Flock::lock(directory, how) {
                // If the directory was removed before it was locked, it is created again.
                Ok(lock) if lock.metadata().is_ok_and(|metadata| metadata.nlink() == 0) => continue,
                Ok(lock) => {
                    self.cache.note(self.staging, &place, &id)?;
                    mounts._locks.push(lock);
                    return Ok(place.join(CACHE_FILES));
                }
                Err((_, Errno::EWOULDBLOCK)) if *sharing == Sharing::Private => copy += 1,
                Err((_, Errno::EWOULDBLOCK)) if (self.is_cancelled)() => return Err(BuildError::Interrupted),
                Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => thread::sleep(AGAIN),
                Err((_, errno)) => return Err(failed(errno.into())),
            }
        }
    }

    /// Creates the directory of a cache. It is complete before it gets its name, because other builds may use it at
    /// once.
    ///
    /// The files are in a directory of their own below it. The outer directory always belongs to the user: an
    /// ordinary user can neither lock nor move a directory that belongs to a subordinate id and has the mode 0700.
    fn create_cache(&self, place: &Path, files: Option<(&Source, &str)>, owner: &Owner) -> Result<(), BuildError> {
        let failed = |source| BuildError::Make { path: place.to_owned(), source };
        let made = self.staging.unused_path();
        private::make_new_directory(&made).map_err(failed)?;
        let inner = made.join(CACHE_FILES);
        match files {
            Some((from, path)) => fs::rename(self.copy(from, path)?, &inner).map_err(failed)?,
            None => private::make_new_directory(&inner).map_err(failed)?,
        }
        // The files come from an image or a context, so a link there is not followed: its owner would be changed.
        let not_followed = (OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW).bits();
        let directory = match File::options().read(true).custom_flags(not_followed).open(&inner) {
            Err(error) if error.kind() == ErrorKind::NotADirectory => {
                let path = files.map(|(_, path)| path.into()).unwrap_or_default();
                return Err(BuildError::NotADirectory { path, of: "the cache's source".to_owned() });
            }
            opened => opened.map_err(failed)?,
        };
        set_owner(&directory, owner).map_err(failed)?;
        match renameat2(AT_FDCWD, &made, AT_FDCWD, place, RenameFlags::RENAME_NOREPLACE) {
            // With EEXIST, another build created it first.
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(failed(errno.into())),
        }
    }
}

fn set_owner(file: &File, owner: &Owner) -> std::io::Result<()> {
    let is_root = nix::unistd::geteuid().is_root();
    if is_root {
        fchown(file, Some(owner.uid), Some(owner.gid))?;
    }
    file.set_permissions(Permissions::from_mode(owner.mode))?;
    match (owner.uid, owner.gid) {
        (uid, gid) if (uid, gid) != (0, 0) && !is_root => {
            Owners::of_caller().give(file, host::Owner { uid, gid }, Some(owner.mode))
        }
        _ => Ok(()),
    }
}

fn bind(source: &Path, target: &str, read_only: bool) -> MountSpec {
    let access = if read_only { Access::ReadOnly } else { Access::ReadWrite };
    MountSpec::Bind { source: source.display().to_string(), target: target.to_owned(), access, owner: None }
}
