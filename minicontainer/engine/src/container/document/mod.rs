//! The document that `inspect` shows for a container. It has Docker's format (`GET /containers/ID/json` of its Engine
//! API), so that scripts and templates written for Docker work. Empty lists and maps are written as such, never as
//! null.
//!
//! The requested values come from the options in the record, the effective values from the container's runtime
//! config.
//! Fields that Docker does not have are last in their structs.

mod host_config;
mod network;
mod program;
mod resources;
mod state;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use minicontainer::{
    core::{
        image::Config as ImageDefaults,
        network_files::NetworkFile,
        options::{Access, Isolation, MountSpec, Weakening},
        plan::RootFs,
    },
    rootfs::{self, Driver},
    store::Image,
};
use oci_spec::runtime::{LinuxTimeOffset, Mount, Spec};
use serde::Serialize;

pub use host_config::{HostConfig, LogConfig, RestartPolicy};
pub use network::{Addresses, Endpoint, NetworkSettings};
pub use program::ProgramConfig;
pub use resources::{DeviceMapping, Resources, UlimitDocument};
pub use state::{NEVER, StateDocument};

use super::{Container, ContainerError, Containers};

/// The details of a container.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Document {
    /// Its id.
    pub id: String,
    /// When it was created.
    pub created: String,
    /// The program.
    pub path: String,
    /// The program's arguments.
    pub args: Vec<String>,
    /// Its state.
    pub state: StateDocument,
    /// The image's id.
    pub image: String,
    /// The path of its `/etc/resolv.conf` on the host; empty if it has none of its own.
    pub resolv_conf_path: String,
    /// The path of its `/etc/hostname` on the host; empty if it has none of its own.
    pub hostname_path: String,
    /// The path of its `/etc/hosts` on the host; empty if it has none of its own.
    pub hosts_path: String,
    /// The path of its log on the host: there is none yet.
    pub log_path: &'static str,
    /// Its name after a slash.
    pub name: String,
    /// How often its restart policy has restarted it.
    pub restart_count: u32,
    /// How its layers are combined.
    pub driver: String,
    /// The operating system.
    pub platform: &'static str,
    /// Its SELinux label for files: always empty.
    pub mount_label: &'static str,
    /// Its SELinux label for processes: always empty.
    pub process_label: &'static str,
    /// Its AppArmor profile: always empty.
    pub app_armor_profile: &'static str,
    /// The processes that `exec` started in it: not supported yet.
    #[serde(rename = "ExecIDs")]
    pub exec_ids: [Empty; 0],
    /// The options that concern the host.
    pub host_config: HostConfig,
    /// The directories of its layers.
    pub graph_driver: GraphDriver,
    /// The size of the files that it has written, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_rw: Option<u64>,
    /// The same and the size of its image, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size_root_fs: Option<u64>,
    /// The requested mounts.
    pub mounts: Vec<MountDocument>,
    /// The options that concern the program.
    pub config: ProgramConfig,
    /// Its networks.
    pub network_settings: NetworkSettings,
    /// The offsets of its clocks.
    pub time_offsets: BTreeMap<String, LinuxTimeOffset>,
    /// The isolations that were left out.
    pub without: Vec<String>,
    /// The flags that weakened its isolation, as they would be typed.
    pub weakened: Vec<String>,
    /// The path of its runtime config.
    pub runtime_config: PathBuf,
}

/// The directories of the layers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GraphDriver {
    /// The driver.
    pub name: String,
    /// `LowerDir` (the uppermost first), `UpperDir`, `WorkDir` and `MergedDir` of an overlay; else `RootDir`.
    pub data: BTreeMap<&'static str, String>,
}

/// A requested mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct MountDocument {
    /// `bind` or `tmpfs`.
    pub r#type: &'static str,
    /// The volume's name. There are no volumes yet.
    pub name: &'static str,
    /// The volume's driver. There are no volumes yet.
    pub driver: &'static str,
    /// The path on the host; empty for a tmpfs.
    pub source: String,
    /// The mount point inside.
    pub destination: String,
    /// The options after the last colon of `-v`.
    pub mode: &'static str,
    /// Whether the container can write to it.
    #[serde(rename = "RW")]
    pub writable: bool,
    /// The mount propagation.
    pub propagation: &'static str,
}

/// An object without fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Empty {}

impl Containers {
    /// The details of a container of this image.
    ///
    /// # Errors
    /// If its runtime config cannot be read.
    pub fn inspect(&self, container: &Container, image: &Image) -> Result<Document, ContainerError> {
        let path = self.place(&container.id).join("config.json");
        let text = self.runtime_config(&container.id).map_err(ContainerError::io("read", &path))?;
        let runtime = serde_json::from_str(&text);
        let runtime: Spec = runtime.map_err(|source| ContainerError::RuntimeConfig { path: path.clone(), source })?;
        let layers: Vec<PathBuf> = image.layers.iter().map(|layer| layer.directory.clone()).collect();
        Ok(Document::new(container, &self.place(&container.id), &runtime, &layers, &image.config.config))
    }
}

impl Document {
    /// Adds the sizes of the files: `written` by the container, and those of its image.
    #[must_use]
    pub fn with_sizes(self, written: u64, image: &Image) -> Document {
        Document { size_rw: Some(written), size_root_fs: Some(written + image.size()), ..self }
    }

    fn new(
        container: &Container,
        place: &Path,
        runtime: &Spec,
        layers: &[PathBuf],
        defaults: &ImageDefaults,
    ) -> Document {
        let Container { id, name, created, config, state } = container;
        let options = &config.options;
        let (path, args) = config.command.split_first().map_or(("", &[][..]), |(path, args)| (path, args));
        let network_file = |file: NetworkFile| {
            // Containers of an earlier version have none.
            let at_target = |mount: &&Mount| mount.destination() == Path::new(file.target());
            let mount = runtime.mounts().iter().flatten().find(at_target);
            mount
                .and_then(|mount| mount.source().as_ref())
                .map_or_else(String::new, |path| path.display().to_string())
        };
        let offsets = runtime.linux().as_ref().and_then(|linux| linux.time_offsets().clone());
        Document {
            id: id.to_string(),
            created: rfc3339(*created),
            path: path.to_owned(),
            args: args.to_vec(),
            state: StateDocument::new(state),
            image: config.image_id.clone(),
            resolv_conf_path: network_file(NetworkFile::ResolvConf),
            hostname_path: network_file(NetworkFile::Hostname),
            hosts_path: network_file(NetworkFile::Hosts),
            log_path: "",
            name: format!("/{name}"),
            restart_count: 0,
            driver: config.driver.to_string(),
            platform: "linux",
            mount_label: "",
            process_label: "",
            app_armor_profile: "",
            exec_ids: [],
            host_config: HostConfig::new(config, runtime),
            graph_driver: GraphDriver::new(layers, place, config.driver),
            size_rw: None,
            size_root_fs: None,
            mounts: options.mounts.iter().map(MountDocument::new).collect(),
            config: ProgramConfig::new(container, runtime, defaults),
            network_settings: NetworkSettings::new(options.network),
            time_offsets: offsets.into_iter().flatten().collect(),
            without: options.without.iter().copied().map(Isolation::name).map(str::to_owned).collect(),
            weakened: options.weakenings().iter().map(Weakening::flag).collect(),
            runtime_config: place.join("config.json"),
        }
    }
}

impl GraphDriver {
    fn new(layers: &[PathBuf], place: &Path, driver: Driver) -> GraphDriver {
        let data = match rootfs::describe(&rootfs::with_init_layer(layers, place), place, driver, false) {
            RootFs::Overlay { lowers, upper, work, target, .. } => BTreeMap::from([
                ("LowerDir", lowers.join(":")),
                ("UpperDir", upper),
                ("WorkDir", work),
                ("MergedDir", target),
            ]),
            RootFs::Directory { path } => BTreeMap::from([("RootDir", path)]),
        };
        GraphDriver { name: driver.to_string(), data }
    }
}

impl MountDocument {
    fn new(mount: &MountSpec) -> MountDocument {
        use minicontainer::core::plan::MountAttribute;
        let destination = mount.target().to_owned();
        match mount {
            MountSpec::Bind { source, access, .. } => MountDocument {
                r#type: "bind",
                name: "",
                driver: "",
                source: source.clone(),
                destination,
                mode: if *access == Access::ReadOnly { "ro" } else { "" },
                writable: *access == Access::ReadWrite,
                propagation: "rprivate",
            },
            MountSpec::Tmpfs { attributes, .. } => MountDocument {
                r#type: "tmpfs",
                name: "",
                driver: "",
                source: String::new(),
                destination,
                mode: "",
                writable: !attributes.contains(&MountAttribute::ReadOnly),
                propagation: "",
            },
        }
    }
}

/// A time in the format of the document, to the nanosecond.
fn rfc3339(time: Timestamp) -> String {
    format!("{time:.9}")
}
