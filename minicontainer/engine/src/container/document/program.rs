//! The options of a container that concern its program, in Docker's format.

use std::collections::BTreeMap;

use minicontainer::core::image::{Config as ImageDefaults, HealthConfig, Member};
use oci_spec::runtime::Spec;
use serde::Serialize;

use super::super::Container;

/// The options that concern the program.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProgramConfig {
    /// The host name inside.
    pub hostname: String,
    /// The domain name, always empty.
    pub domainname: &'static str,
    /// The user and group, as ids.
    pub user: String,
    /// Whether stdin is attached.
    pub attach_stdin: bool,
    /// Whether stdout is attached.
    pub attach_stdout: bool,
    /// Whether stderr is attached.
    pub attach_stderr: bool,
    /// The ports that the image exposes.
    pub exposed_ports: BTreeMap<String, Member>,
    /// Whether it has its own terminal.
    pub tty: bool,
    /// Whether stdin is open.
    pub open_stdin: bool,
    /// Whether stdin is closed after the first connection.
    pub stdin_once: bool,
    /// Its environment.
    pub env: Vec<String>,
    /// The program and its arguments.
    pub cmd: Vec<String>,
    /// The image, as it was requested.
    pub image: String,
    /// The volumes that the image declares. They are plain directories, because volumes are not supported yet.
    pub volumes: BTreeMap<String, Member>,
    /// Its working directory.
    pub working_dir: String,
    /// The entrypoint: the image's, or the requested one.
    pub entrypoint: Vec<String>,
    /// The image's triggers for builds.
    pub on_build: Vec<String>,
    /// The image's signal to stop the program; empty for SIGTERM.
    pub stop_signal: String,
    /// How long `stop` waits for the program: not supported yet.
    pub stop_timeout: Option<u32>,
    /// The image's health check, which is not run yet.
    pub healthcheck: Option<HealthConfig>,
    /// The image's shell for builds.
    pub shell: Vec<String>,
    /// Its labels: those of the image, and the requested ones.
    pub labels: BTreeMap<String, String>,
}

impl ProgramConfig {
    pub(super) fn new(container: &Container, runtime: &Spec, defaults: &ImageDefaults) -> ProgramConfig {
        let options = &container.config.options;
        let process = runtime.process().as_ref();
        let user = process.map(|process| format!("{}:{}", process.user().uid(), process.user().gid()));
        let config = &container.config;
        let (entrypoint, command) = config.command.split_at(config.entrypoint_length.min(config.command.len()));
        ProgramConfig {
            hostname: runtime.hostname().clone().unwrap_or_default(),
            domainname: "",
            user: user.unwrap_or_default(),
            attach_stdin: options.interactive,
            attach_stdout: true,
            attach_stderr: true,
            exposed_ports: defaults.exposed_ports.clone(),
            tty: process.and_then(|process| process.terminal()).unwrap_or_default(),
            open_stdin: options.interactive,
            stdin_once: options.interactive,
            env: process.and_then(|process| process.env().clone()).unwrap_or_default(),
            cmd: command.to_owned(),
            image: container.config.image.clone(),
            volumes: defaults.volumes.clone(),
            working_dir: process.map(|process| process.cwd().display().to_string()).unwrap_or_default(),
            entrypoint: entrypoint.to_owned(),
            on_build: defaults.on_build.clone(),
            stop_signal: defaults.stop_signal.clone().unwrap_or_default(),
            stop_timeout: None,
            healthcheck: defaults.healthcheck.clone(),
            shell: defaults.shell.clone(),
            labels: config.labels.clone(),
        }
    }
}
