//! Docker's flags that `build` does not support. Each is an error with a hint. Flags that request the usual behaviour
//! of this build are accepted, because scripts use them.

use clap::Args;
use minicontainer::core::options::parse_bool;

use crate::{booleans, error::Failure};

/// Flags of `docker build` and `docker buildx build`.
#[derive(Debug, Args)]
pub struct UnsupportedFlags {
    #[arg(long, hide = true, value_name = "SOURCE")]
    cache_from: Vec<String>,
    #[arg(long, hide = true, value_name = "TARGET")]
    cache_to: Vec<String>,
    #[arg(long, hide = true, value_name = "NAME=PATH")]
    build_context: Vec<String>,
    #[arg(short, long, hide = true, value_name = "TARGET")]
    output: Vec<String>,
    #[arg(long, hide = true, value_name = "ID", num_args = 0..=1)]
    ssh: Vec<String>,
    #[arg(long, hide = true)]
    push: bool,
    #[arg(long, hide = true)]
    squash: bool,
    #[arg(long, hide = true, value_name = "RIGHT")]
    allow: Vec<String>,
    #[arg(long, hide = true, value_name = "KIND", num_args = 0..=1)]
    attest: Vec<String>,
    #[arg(long, hide = true, value_name = "KIND", num_args = 0..=1)]
    provenance: Vec<String>,
    #[arg(long, hide = true, value_name = "KIND", num_args = 0..=1)]
    sbom: Vec<String>,
    #[arg(short, long, hide = true, value_name = "SIZE")]
    memory: Option<String>,
    /// The image is always in the store after the build.
    #[arg(long, hide = true)]
    load: bool,
    /// Containers of RUN are always removed.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true",
          value_parser = booleans::parse)]
    rm: Option<bool>,
    #[arg(long, hide = true)]
    force_rm: bool,
}
impl UnsupportedFlags {
    /// Returns an error for the first unsupported flag.
    pub fn check(&self) -> Result<(), Failure> {
        let is_off = |given: &[String]| given.iter().all(|value| parse_bool(value) == Some(false));
        let words = [
            (
                "--cache-from",
                !self.cache_from.is_empty(),
                "leave it out: earlier builds are found in the store's cache",
            ),
            ("--cache-to", !self.cache_to.is_empty(), "leave it out: the result is always in the store's cache"),
            (
                "--build-context",
                !self.build_context.is_empty(),
                "build it as an image first, and name the image in FROM or --from",
            ),
            (
                "--output",
                !self.output.is_empty(),
                "build the image, then `minicontainer save` or `minicontainer export`",
            ),
            ("--ssh", !self.ssh.is_empty(), "pass a key with --secret, for RUN --mount=type=secret"),
            ("--push", self.push, "build with -t, then `minicontainer push`"),
            ("--squash", self.squash, "copy the files into a last stage: FROM scratch, COPY --from"),
            ("--allow", !self.allow.is_empty(), "leave it out: --network host needs no permission"),
            ("--attest", !self.attest.is_empty(), "leave it out"),
            ("--provenance", !is_off(&self.provenance), "leave it out"),
            ("--sbom", !is_off(&self.sbom), "leave it out"),
            ("--memory", self.memory.is_some(), "run the build in its own cgroup, for example with systemd-run"),
            ("--rm=false", self.rm == Some(false), "leave it out: containers of RUN are always removed"),
        ];
        // Accepted without effect.
        let _always_so = (self.load, self.force_rm);
        match words.iter().find(|(_, is_given, _)| *is_given) {
            Some((word, _, instead)) => {
                Err(Failure::new(format!("{word} is not supported by this build")).hint(*instead))
            }
            None => Ok(()),
        }
    }
}
