//! A launch: one value with everything that a start needs, decided and not yet done.
//!
//! **Before this**: a [`Sandbox`](super::Sandbox) describes what is wanted. **Here** the description becomes
//! decisions, one function for each stage, and each stage takes the value of the one before:
//!
//! ```text
//! host::probe ─▶ Host ─ place ─▶ Root ─ process, user ─▶ spec ─▶ Spec ─ tree ─▶ RootFs ─ plan ─▶ Plan ─▶ Launch
//! ```
//!
//! Nothing exists yet while a launch is decided, so whatever is impossible is refused without a trace.
//! [`Launch::start`] then makes everything and consumes the value: a launch is started once, and cannot change
//! between its decision and its start. **Next**: `process::start`, which carries the plan out.
//!
//! There are three ways to a launch. They differ in where the document comes from, and in nothing else:
//!
//! | Constructor | The document |
//! |---|---|
//! | [`Launch::from_options`] | is written from options and an image's config |
//! | [`Launch::from_stored`] | was written by a launch before, such as that of a container that is started again |
//! | [`Launch::from_bundle`] | was written by anyone, in an OCI bundle |

mod layer_limit;
mod root;
mod settings;
mod start;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use minicontainer_core::image::{Config, resolve_process};
use minicontainer_core::options::{ResolvedUser, RunOptions, resolve_user};
use minicontainer_core::plan::{Host, Overlay, Plan, RootFs, plan};
use minicontainer_core::spec;
use oci_spec::runtime::Spec;

use super::Error;
use super::bundle::Bundle;
use crate::host;
use crate::rootfs::{self, Driver};
use root::Root;

pub use root::{Lifetime, RootPlace};
pub use settings::LaunchSettings;

/// How large an image's `/etc/passwd` or `/etc/group` may be: a hostile one would fill the memory.
const ACCOUNT_FILE_LIMIT: u64 = 1024 * 1024;

/// Everything that one start needs, decided and not yet done.
#[derive(Debug)]
pub struct Launch {
    spec: Spec,
    plan: Plan,
    /// None for a bundle, whose root file system is there already and stays.
    root: Option<Root>,
    settings: LaunchSettings,
}

impl Launch {
    /// Decides the start of a container of an image: `id` names it, `defaults` is what the image's config says of how
    /// to run it, and `place` says where its files come from and lie.
    ///
    /// # Errors
    /// When the options contradict each other or the image, or cannot be had on this host, see [`Error`].
    pub fn from_options(
        options: &RunOptions,
        defaults: &Config,
        id: &str,
        place: RootPlace,
        settings: LaunchSettings,
    ) -> Result<Launch, Error> {
        let mut host = probe(&place.layers);
        if spec::own_users(options, host.identity) {
            host.taken = host::taken_ids();
        }
        let root = Root::new(place, options, &host);
        let process = resolve_process(options, defaults)?;
        let user = account(&process.user, root.layers())?;
        let spec = spec::spec(options, &process, &user, id, &host)?;
        let mut tree = root.describe();
        layer_limit::set(&mut tree, options, &host)?;
        Launch::decided(spec, tree, Some(root), settings.within(options), &host)
    }

    /// Decides another start of a container that was made before, from the document that was stored then. The plan is
    /// made anew, for the host as it is now. What the document cannot hold comes as `settings`.
    ///
    /// What is in `place` already is used as it is; what is missing is made at the start.
    ///
    /// # Errors
    /// When this host cannot do any more what the document asks for.
    pub fn from_stored(spec: Spec, place: RootPlace, settings: LaunchSettings) -> Result<Launch, Error> {
        let host = probe(&place.layers);
        let root = Root::stored(place, &host);
        let tree = root.describe();
        Launch::decided(spec, tree, Some(root), settings, &host)
    }

    /// Decides the start of an OCI bundle: a directory with a `config.json` and the root file system that it names.
    ///
    /// # Errors
    /// When the bundle cannot be read, or asks for what this engine or host cannot do.
    pub fn from_bundle(directory: &Path, settings: LaunchSettings) -> Result<Launch, Error> {
        Launch::of_bundle(Bundle::read(directory)?, &new_id()?, settings)
    }

    pub(super) fn of_bundle(bundle: Bundle, id: &str, settings: LaunchSettings) -> Result<Launch, Error> {
        let Bundle { rootfs, mut spec } = bundle;
        let host = probe(&[]);
        // The document need not name a control group; limits need one all the same.
        if let Some(linux) = spec.linux_mut().as_mut().filter(|linux| linux.cgroups_path().is_none()) {
            linux.set_cgroups_path(Some(spec::cgroups_path(id, &host)));
        }
        let tree = RootFs::Directory { path: rootfs.display().to_string() };
        Launch::decided(spec, tree, None, settings, &host)
    }

    /// The last stage: from the document to the plan.
    fn decided(
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

    /// What the container will be, as an OCI runtime document.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// The steps to it.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// How the layers become one tree; none for a bundle, which has no layers.
    pub fn driver(&self) -> Option<Driver> {
        self.root.as_ref().map(Root::driver)
    }
}

/// What this host can do for a root file system of these layers.
fn probe(layers: &[PathBuf]) -> Host {
    let mut host = host::probe();
    if host.overlay == Overlay::UserXattr && !layers.iter().all(|layer| host::keeps_user_attributes(layer)) {
        host.overlay = Overlay::None;
    }
    host
}

/// The user and groups by the image's own accounts.
fn account(user: &minicontainer_core::options::UserSpec, layers: &[PathBuf]) -> Result<ResolvedUser, Error> {
    let files = rootfs::read_files(layers, ["/etc/passwd", "/etc/group"], ACCOUNT_FILE_LIMIT)?;
    let [passwd, group] = files.map(Option::unwrap_or_default);
    Ok(resolve_user(user, &passwd, &group)?)
}

/// A new container id: 64 random hexadecimal digits.
pub(super) fn new_id() -> Result<String, Error> {
    let path = PathBuf::from("/dev/urandom");
    let mut bytes = [0; 32];
    let read = File::open(&path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|source| Error::Read { path, source })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests;
