//! What a launch needs in addition to its document: streams, and the limits that the engine enforces itself.

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use minicontainer_core::options::{ByteSize, RunOptions};
use minicontainer_core::plan::Plan;
use minicontainer_core::report::EnforcedLimits;

use super::super::Error;
use super::super::stdio::{self, Connected, Stdio, StreamOptions};
use super::super::streams::OutputBudget;
use crate::process::{JoinedNamespace, ProcessBytes};

/// What a launch needs and its OCI document cannot express.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LaunchSettings {
    /// The program's stdin, stdout and stderr. Ignored if the container has its own terminal.
    pub stdio: [Stdio; 3],
    /// Whether stderr goes to the same pipe as stdout, so that the order of what is written is kept.
    pub merges_stderr: bool,
    /// The time limit of the program.
    pub wall_time: Option<Duration>,
    /// The limit on the CPU time of the whole container.
    pub cpu_time: Option<Duration>,
    /// The limit in bytes on what it writes to stdout and stderr together.
    pub output_limit: Option<u64>,
    /// Whether the time of every step is measured.
    pub traced: bool,
    /// Whether the calls that the seccomp filter refuses are recorded.
    pub traces_denied_calls: bool,
    /// Whether the container is killed when the thread that started it exits.
    pub ends_with_caller: bool,
    /// The open files that bind mounts use instead of their source paths, by the target in the container.
    pub bind_sources: Vec<(String, Arc<File>)>,
    /// Whether the container has its own `/etc/hosts`, `/etc/hostname` and `/etc/resolv.conf`.
    pub network_files: bool,
    /// Namespaces that the container joins, instead of those in its document.
    pub namespaces: Vec<JoinedNamespace>,
    /// The arguments, variables and working directory that are not UTF-8.
    pub process_bytes: ProcessBytes,
}

impl Default for LaunchSettings {
    /// Empty stdin, the caller's stdout and stderr, and no limits.
    fn default() -> LaunchSettings {
        LaunchSettings {
            stdio: [Stdio::Null, Stdio::Inherit, Stdio::Inherit],
            merges_stderr: false,
            wall_time: None,
            cpu_time: None,
            output_limit: None,
            traced: false,
            traces_denied_calls: false,
            ends_with_caller: false,
            bind_sources: Vec::new(),
            network_files: true,
            namespaces: Vec::new(),
            process_bytes: ProcessBytes::default(),
        }
    }
}

impl LaunchSettings {
    /// The default settings, changed by `change`.
    pub fn with(change: impl FnOnce(&mut LaunchSettings)) -> LaunchSettings {
        let mut settings = LaunchSettings::default();
        change(&mut settings);
        settings
    }

    /// Adds the limits of the options or their profile where none is set yet.
    pub(in crate::sandbox) fn within(mut self, options: &RunOptions) -> LaunchSettings {
        let bounds = options.bounds();
        self.wall_time = self.wall_time.or(bounds.wall_time);
        self.cpu_time = self.cpu_time.or(options.limits.cpu_time);
        self.output_limit = self.output_limit.or(bounds.output.map(ByteSize::bytes));
        self
    }

    /// The limits that the engine enforces itself.
    pub(super) fn watched_limits(&self) -> EnforcedLimits {
        let mut limits = EnforcedLimits::default();
        (limits.wall_time, limits.cpu_time) = (self.wall_time, self.cpu_time);
        limits.output = self.output_limit;
        limits
    }

    /// Makes the pipes between the caller's streams and the container's.
    pub(super) fn connect(&self, plan: &Plan) -> Result<Connected, Error> {
        let budget = OutputBudget::new(self.output_limit);
        if plan.opens_terminal() {
            return Ok(stdio::placeholders(budget));
        }
        let choices = StreamOptions {
            merges: self.merges_stderr,
            has_null: plan.makes_null_device(),
            is_counted: self.output_limit.is_some(),
        };
        stdio::connect(&self.stdio, choices, budget)
    }
}
