//! Running an isolated process: from what was asked for to how it ended.
//!
//! A [`Sandbox`] is a description, like [`std::process::Command`]: it can be built once and run many times, from many
//! threads. [`Sandbox::spawn`] goes through the stages that the crate's front page draws, each consuming the value of
//! the one before:
//!
//! ```text
//! RunOptions + image config ─ spec ─▶ Spec ─ plan ─▶ Plan ─ start ─▶ Running ─ wait ─▶ Report
//! └──────────────── pure, cannot leave anything behind ──┘ └── the kernel's ──────────────┘
//! ```
//!
//! ```no_run
//! use minicontainer::{Sandbox, Store};
//!
//! let store = Store::open_default()?;
//! let image = store.image("busybox")?;
//! let report = Sandbox::from_image(&image).command("true").status()?;
//! println!("{:?} after {:?}", report.verdict, report.wall_time);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod builder;
mod error;
mod running;
mod stdio;
mod streams;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use minicontainer_core::options::{ByteSize, Isolation, RunOptions, resolve_user};
use minicontainer_core::plan::{Host, Overlay, Plan, PlanError, RootFs, plan};
use minicontainer_core::report::EnforcedLimits;
use minicontainer_core::{image, spec};
use oci_spec::image::ImageConfiguration;
use oci_spec::runtime::Spec;

use crate::cgroup::Group;
use crate::rootfs::{self, Driver};
use crate::store::Image;
use crate::{host, process};
use streams::Room;

pub use error::Error;
pub use minicontainer_core::diagnostic::{Diagnostic, ErrorKind};
pub use running::{Event, Output, Running, Signaller};
pub use stdio::Stdio;
pub use streams::StandardStream;

/// How large an image's `/etc/passwd` or `/etc/group` may be: a hostile one would fill the memory.
const ACCOUNT_FILE_LIMIT: u64 = 1024 * 1024;

/// A process to be run in isolation, described but not started.
#[derive(Clone, Debug)]
pub struct Sandbox {
    options: RunOptions,
    source: Source,
    place: Place,
    driver: Option<Driver>,
    wall_time: Option<Duration>,
    output_limit: Option<u64>,
    stdio: [Stdio; 3],
    merges_stderr: bool,
    traced: bool,
    ends_with_caller: bool,
    invalid: Option<String>,
    /// What bind mounts show in place of what their paths lead to, by their targets.
    held: Vec<(String, Arc<File>)>,
}

/// Where the root file system and the process's defaults come from.
#[derive(Clone, Debug)]
enum Source {
    Image { layers: Vec<PathBuf>, config: Box<ImageConfiguration> },
    Bundle { rootfs: PathBuf, spec: Box<Spec> },
}

/// Where the writable layer lies.
#[derive(Clone, Debug)]
enum Place {
    /// In a directory of its own below this one, removed at the end.
    Below(PathBuf),
    /// In a directory that outlives the call.
    Kept { directory: PathBuf, id: String, volatile: bool },
}

impl Sandbox {
    /// A container of the image. What it writes is gone when it is over.
    pub fn from_image(image: &Image) -> Sandbox {
        let layers = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        let source = Source::Image { layers, config: Box::new(image.config.clone()) };
        Sandbox::new(source, image.containers.clone())
    }

    /// A container of an OCI runtime bundle: a directory with a `config.json` and the root file system that it names.
    /// The document alone says what is run and how; only `stdin`, `stdout`, `stderr`, `wall_time` and `traced` count.
    ///
    /// # Errors
    /// When there is no `config.json`, or it is none of the runtime specification's.
    pub fn from_bundle(bundle: &Path) -> Result<Sandbox, Error> {
        let path = bundle.join("config.json");
        let text = fs::read(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        let spec: Spec = serde_json::from_slice(&text).map_err(|source| Error::Bundle { path, source })?;
        let root = spec.root().as_ref().map_or_else(|| PathBuf::from("rootfs"), |root| root.path().clone());
        let path = bundle.join(root);
        let rootfs = fs::canonicalize(&path).map_err(|source| Error::Read { path, source })?;
        Ok(Sandbox::new(Source::Bundle { rootfs, spec: Box::new(spec) }, bundle.to_owned()))
    }

    fn new(source: Source, below: PathBuf) -> Sandbox {
        Sandbox {
            options: RunOptions { init: true, ..RunOptions::default() },
            source,
            place: Place::Below(below),
            driver: None,
            wall_time: None,
            output_limit: None,
            stdio: [Stdio::Null, Stdio::Inherit, Stdio::Inherit],
            merges_stderr: false,
            traced: false,
            ends_with_caller: false,
            invalid: None,
            held: Vec::new(),
        }
    }
}

/// What a start needs, decided and not yet done.
#[derive(Clone, Debug)]
pub struct Decided {
    directory: PathBuf,
    /// How the layers become one tree.
    pub driver: Driver,
    /// What the container shall be.
    pub spec: Spec,
    /// The steps to it.
    pub plan: Plan,
}

impl Sandbox {
    /// The OCI runtime `Spec` of what was asked for. Nothing is made.
    ///
    /// # Errors
    /// When what was asked for cannot be, see [`Error`].
    pub fn spec(&self) -> Result<Spec, Error> {
        Ok(self.decide()?.spec)
    }

    /// The plan, which [`explain`](minicontainer_core::explain) puts into words. Nothing is made.
    ///
    /// # Errors
    /// When what was asked for cannot be, see [`Error`].
    pub fn plan(&self) -> Result<Plan, Error> {
        Ok(self.decide()?.plan)
    }

    fn choose_driver(&self, host: &Host) -> Driver {
        // Without a mount namespace of its own the container cannot have a mount at all.
        let no_mounts = self.options.without.contains(&Isolation::Mount);
        self.driver.unwrap_or(if no_mounts || host.overlay == Overlay::None { Driver::Copy } else { Driver::Overlay })
    }

    /// Decides everything and makes nothing, for those who look at it before they [`start`](Sandbox::start) it.
    ///
    /// # Errors
    /// When what was asked for cannot be, see [`Error`].
    pub fn decide(&self) -> Result<Decided, Error> {
        if let Some(reason) = &self.invalid {
            return Err(Error::Invalid { reason: reason.clone() });
        }
        let mut host = host::probe();
        if spec::own_users(&self.options, host.identity) {
            host.taken = host::taken_ids();
        }
        if let (Overlay::UserXattr, Source::Image { layers, .. }) = (host.overlay, &self.source)
            && !layers.iter().all(|layer| host::keeps_user_attributes(layer))
        {
            host.overlay = Overlay::None;
        }
        let (directory, id, volatile) = match &self.place {
            Place::Kept { directory, id, volatile } => (directory.clone(), id.clone(), *volatile),
            Place::Below(parent) => {
                let id = new_id()?;
                (parent.join(&id), id, true)
            }
        };
        let driver = self.choose_driver(&host);
        let (spec, root) = match &self.source {
            Source::Bundle { rootfs, spec } => {
                let mut spec = spec.as_ref().clone();
                // The document need not say where; limits need a place all the same.
                if let Some(linux) = spec.linux_mut().as_mut().filter(|linux| linux.cgroups_path().is_none()) {
                    linux.set_cgroups_path(Some(spec::cgroups_path(&id, &host)));
                }
                (spec, RootFs::Directory { path: rootfs.display().to_string() })
            }
            Source::Image { layers, config } => {
                let process = image::settle(&self.options, config)?;
                let account = |path| rootfs::read_file(layers, path, ACCOUNT_FILE_LIMIT).map(Option::unwrap_or_default);
                let user = resolve_user(&process.user, &account("/etc/passwd")?, &account("/etc/group")?)?;
                let spec = spec::spec(&self.options, &process, &user, &id, &host)?;
                let mut root = rootfs::describe(layers, &directory, driver, volatile);
                self.limit_layer(&mut root, &host)?;
                (spec, root)
            }
        };
        let mut plan = plan(&spec, &root, &host)?;
        if self.ends_with_caller {
            plan.end_with_engine();
        }
        Ok(Decided { directory, driver, spec, plan })
    }

    /// What was asked for must be had; a bound that a profile sets is set where it can be.
    fn limit_layer(&self, root: &mut RootFs, host: &Host) -> Result<(), PlanError> {
        let Some(wanted) = self.options.storage.or(self.options.bounds().storage) else { return Ok(()) };
        let fault = (host.overlay != Overlay::None && !host::can_limit_layers(host)).then_some(
            PlanError::LayerLimitNeedsNewerKernel {
                lack: "keep an ordinary user's marks (user.* attributes)",
                version: "6.6",
                instead: ", or run as root",
            },
        );
        match (root, self.options.storage, fault) {
            (RootFs::Overlay { .. }, Some(_), Some(fault)) => return Err(fault),
            (RootFs::Directory { .. }, Some(_), _) => return Err(PlanError::LayerLimitNeedsOverlay),
            (RootFs::Overlay { limit, .. }, Some(_), None) => *limit = Some(wanted),
            (RootFs::Overlay { limit, volatile: true, .. }, None, None) => *limit = Some(wanted),
            _ => {}
        }
        Ok(())
    }

    /// Starts the process and comes back as soon as the program runs. Streams that are copied (see [`Stdio`]) are copied in
    /// a thread.
    ///
    /// # Errors
    /// When the program could not be started. Then nothing of it is left.
    pub fn spawn(&self) -> Result<Running, Error> {
        let mut running = self.start(self.decide()?)?;
        running.copy_in_background()?;
        Ok(running)
    }

    /// Starts what this sandbox has decided before. Streams that are copied (see [`Stdio`]) are copied while the caller
    /// waits, by [`Running::wait`], [`Running::wait_with`] or [`Running::poll_with`].
    ///
    /// # Errors
    /// When the program could not be started. Then nothing of it is left.
    pub fn start(&self, decided: Decided) -> Result<Running, Error> {
        let Decided { directory, driver, plan, .. } = decided;
        let bounds = self.options.bounds();
        let limits = EnforcedLimits {
            wall_time: self.wall_time.or(bounds.wall_time),
            cpu_time: self.options.limits.cpu_time,
            output: self.output_limit.or(bounds.output.map(ByteSize::bytes)),
            ..EnforcedLimits::default()
        };
        let connected = self.connect(&plan, limits.output)?;
        let scratch = self.make_root(&directory, driver)?;
        let group = Group::from_plan(&plan)?;
        let started = process::start::start(&plan, connected.standard, &self.held, group.as_ref(), self.traced)?;
        let holdings = running::Holdings { group, _scratch: scratch };
        Ok(Running::new(started, holdings, plan, limits, (connected.ends, connected.streams)))
    }

    /// With a terminal of its own nothing of the caller's is connected.
    fn connect(&self, plan: &Plan, output_limit: Option<u64>) -> Result<stdio::Connected, Error> {
        let room = Room::new(output_limit);
        if plan.opens_terminal() {
            return Ok(stdio::placeholders(room));
        }
        let (merges, has_null, is_counted) = (self.merges_stderr, plan.makes_null_device(), output_limit.is_some());
        stdio::connect(&self.stdio, stdio::Choices { merges, has_null, is_counted }, room)
    }

    /// Makes the writable layer, or the copy; what comes back removes it in the end, if it is not kept.
    fn make_root(&self, directory: &Path, driver: Driver) -> Result<Option<running::Scratch>, Error> {
        let Source::Image { layers, .. } = &self.source else { return Ok(None) };
        let made = |source| Error::MakeDirectory { path: directory.to_owned(), source };
        let scratch = match self.place {
            Place::Kept { .. } => None,
            Place::Below(_) => {
                crate::store::private::make_directory(directory).map_err(made)?;
                Some(running::Scratch { directory: directory.to_owned() })
            }
        };
        rootfs::prepare(layers, directory, driver, scratch.is_some())?;
        Ok(scratch)
    }
}

/// A new container id: 64 hexadecimal digits of chance.
fn new_id() -> Result<String, Error> {
    let path = PathBuf::from("/dev/urandom");
    let mut bytes = [0; 32];
    let read = fs::File::open(&path).and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|source| Error::Read { path, source })?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
