//! A launch: one value that holds everything that a start needs. Nothing has been created yet.
//!
//! **Before this**: a [`Sandbox`](super::Sandbox) describes the container. **Here** the description becomes a plan.
//! There is one function for each stage, and each stage takes the value of the stage before:
//!
//! ```text
//! host::probe ─▶ Host ─ place ─▶ Root ─ process, user ─▶ spec ─▶ Spec ─ tree ─▶ RootFs ─ plan ─▶ Plan ─▶ Launch
//! ```
//!
//! No resources exist while a launch is planned, so a request that cannot be satisfied leaves nothing to clean up.
//! [`Launch::start`] then creates everything and consumes the value. So a launch is started at most once, and cannot
//! change after it is planned. **Next**: `minicontainer_core::spec`.
//!
//! There are three constructors, which differ only in where the OCI runtime document comes from:
//!
//! | Constructor | The runtime config |
//! |---|---|
//! | [`Launch::from_options`] | is made from options and an image's config |
//! | [`Launch::from_stored`] | was made by an earlier launch, such as that of a container that is started again |
//! | [`Launch::from_bundle`] | is the `config.json` of an OCI bundle |

mod layer_limit;
mod network_files;
mod root;
mod settings;
mod start;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use minicontainer_core::image::{Config, resolve_process};
use minicontainer_core::options::{GroupSpec, ResolvedUser, RunOptions, UserSpec, resolve_group, resolve_user};
use minicontainer_core::plan::{Host, Overlay, Plan, RootFs, plan};
use minicontainer_core::spec;
use oci_spec::runtime::Spec;

use super::Error;
use super::bundle::Bundle;
use crate::host;
use crate::rootfs::{self, Driver};
use root::Root;

pub use root::{Lifetime, RootLocation};
pub use settings::LaunchSettings;

/// The size limit of an image's `/etc/passwd` and `/etc/group`. Without it, a hostile image could exhaust memory.
const ACCOUNT_FILE_LIMIT: u64 = 1024 * 1024;

/// Everything that one start needs. Nothing has been created yet.
#[derive(Debug)]
pub struct Launch {
    spec: Spec,
    plan: Plan,
    /// None for a bundle or a plain directory, which exists already and is kept.
    root: Option<Root>,
    settings: LaunchSettings,
}

impl Launch {
    /// Plans the start of a container of an image. `id` is the container's ID, `defaults` are the process settings of
    /// the image's config, and `place` names the layers and the directory for the writable layer.
    ///
    /// # Errors
    /// When the options conflict with each other or with the image, or this host cannot satisfy them, see [`Error`].
    pub fn from_options(
        options: &RunOptions,
        defaults: &Config,
        id: &str,
        place: RootLocation,
        settings: LaunchSettings,
    ) -> Result<Launch, Error> {
        let mut host = probe(&place.layers);
        if spec::own_users(options, host.identity) {
            host.taken = host::taken_ids();
        }
        let mut root = Root::new(place, options, &host);
        let process = resolve_process(options, defaults)?;
        let user = account(&process.user, &options.added_groups, root.layers())?;
        let files = settings.network_files.then_some(root.directory().to_owned());
        let spec = spec::spec(options, &process, &user, id, &host, files.as_deref())?;
        root.add_files(network_files::of(&spec, root.directory(), Some(options))?)?;
        let mut tree = root.describe();
        layer_limit::set(&mut tree, options, &host)?;
        Launch::from_spec(spec, tree, Some(root), settings.within(options), &host)
    }

    /// Plans another start of an existing container, from the runtime config stored when it was created. The plan is
    /// made again, for the host in its present state. `settings` holds what the runtime config cannot express.
    ///
    /// The start uses what exists in `place` already, and creates what is missing.
    ///
    /// # Errors
    /// When this host can no longer run the container as the runtime config describes it.
    pub fn from_stored(spec: Spec, place: RootLocation, settings: LaunchSettings) -> Result<Launch, Error> {
        let host = probe(&place.layers);
        let mut root = Root::stored(place, &host);
        root.add_files(network_files::of(&spec, root.directory(), None)?)?;
        let tree = root.describe();
        Launch::from_spec(spec, tree, Some(root), settings, &host)
    }

    /// Plans the start of an OCI bundle: a directory with a `config.json` and the root file system that it names.
    ///
    /// # Errors
    /// When the bundle cannot be read, or this engine or host cannot run it.
    pub fn from_bundle(directory: &Path, settings: LaunchSettings) -> Result<Launch, Error> {
        Launch::of_bundle(Bundle::read(directory)?, &new_id()?, settings)
    }

    /// Plans a start in a plain directory. It has no layers, and no directory for files of the engine.
    pub(super) fn of_rootfs(
        options: &RunOptions,
        rootfs: &Path,
        id: &str,
        settings: LaunchSettings,
    ) -> Result<Launch, Error> {
        let read = |source| Error::Read { path: rootfs.to_owned(), source };
        let path = fs::canonicalize(rootfs).map_err(read)?;
        if !path.is_dir() {
            return Err(read(io::ErrorKind::NotADirectory.into()));
        }
        let Some(text) = path.to_str() else {
            let reason = format!("cannot use {path:?} as a root file system: the path must be UTF-8");
            return Err(Error::Invalid { reason });
        };
        let mut tree = RootFs::Directory { path: text.to_owned() };
        let mut host = probe(&[]);
        if spec::own_users(options, host.identity) {
            host.taken = host::taken_ids();
        }
        let process = resolve_process(options, &Config::default())?;
        let user = account(&process.user, &options.added_groups, &[path])?;
        let spec = spec::spec(options, &process, &user, id, &host, None)?;
        layer_limit::set(&mut tree, options, &host)?;
        Launch::from_spec(spec, tree, None, settings.within(options), &host)
    }

    pub(super) fn of_bundle(bundle: Bundle, id: &str, settings: LaunchSettings) -> Result<Launch, Error> {
        let Bundle { rootfs, mut spec } = bundle;
        let host = probe(&[]);
        // The runtime config may omit the cgroup, but limits need one.
        if let Some(linux) = spec.linux_mut().as_mut().filter(|linux| linux.cgroups_path().is_none()) {
            linux.set_cgroups_path(Some(spec::cgroups_path(id, &host)));
        }
        let tree = RootFs::Directory { path: rootfs.display().to_string() };
        Launch::from_spec(spec, tree, None, settings, &host)
    }

    /// The last stage: from the runtime config to the plan.
    fn from_spec(
        mut spec: Spec,
        tree: RootFs,
        root: Option<Root>,
        settings: LaunchSettings,
        host: &Host,
    ) -> Result<Launch, Error> {
        for joined in &settings.namespaces {
            spec::join_namespace(&mut spec, joined.namespace, &joined.path.to_string_lossy());
        }
        let mut plan = plan(&spec, &tree, host)?;
        if settings.ends_with_caller {
            plan.end_with_engine();
        }
        Ok(Launch { spec, plan, root, settings })
    }

    /// The OCI runtime document of the container.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    pub(super) fn settings(&self) -> &LaunchSettings {
        &self.settings
    }

    /// The steps that create it.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How the layers become one tree; none for a bundle or a plain directory, which have no layers.
    pub fn driver(&self) -> Option<Driver> {
        self.root.as_ref().map(Root::driver)
    }
}

/// The features of this host, with overlayfs as far as it works with these layers.
fn probe(layers: &[PathBuf]) -> Host {
    let mut host = host::probe();
    if host.overlay == Overlay::UserXattr && !layers.iter().all(|layer| host::keeps_user_attributes(layer)) {
        host.overlay = Overlay::None;
    }
    host
}

/// The user and groups, looked up in the image's own `/etc/passwd` and `/etc/group`.
fn account(user: &UserSpec, added_groups: &[GroupSpec], layers: &[PathBuf]) -> Result<ResolvedUser, Error> {
    let files = rootfs::read_files(layers, ["/etc/passwd", "/etc/group"], ACCOUNT_FILE_LIMIT)?;
    let [passwd, group] = files.map(Option::unwrap_or_default);
    let mut resolved = resolve_user(user, &passwd, &group)?;
    for added in added_groups {
        let gid = resolve_group(added, &group)?;
        if !resolved.groups.contains(&gid) {
            resolved.groups.push(gid);
        }
    }
    Ok(resolved)
}

/// A new container ID: 64 random hexadecimal digits.
pub(super) fn new_id() -> Result<String, Error> {
    let path = PathBuf::from("/dev/urandom");
    let mut bytes = [0; 32];
    let read = File::open(&path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|source| Error::Read { path, source })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
