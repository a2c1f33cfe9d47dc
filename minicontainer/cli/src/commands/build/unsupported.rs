//! Docker's words that mean something which `build` does not do: each is refused with what to do instead, for whoever
//! has them in a script; and those that ask for what is so anyway are taken.

use clap::Args;

use crate::error::Failure;

/// What `docker build` and `docker buildx build` have, too.
#[derive(Debug, Args)]
pub struct Refused {
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
    /// The image is in the store when it is built.
    #[arg(long, hide = true)]
    load: bool,
    /// Nothing of a RUN stays.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    rm: Option<bool>,
    #[arg(long, hide = true)]
    force_rm: bool,
}

impl Refused {
    /// Refuses the first of them that was given.
    pub fn check(&self) -> Result<(), Failure> {
        let is_off = |given: &[String]| given.iter().all(|value| value == "false");
        let words = [
            ("--cache-from", !self.cache_from.is_empty(), "what was built here before is found by itself"),
            ("--cache-to", !self.cache_to.is_empty(), "what was built is in this store's own cache"),
            (
                "--build-context",
                !self.build_context.is_empty(),
                "build it first, and name the image in FROM or --from",
            ),
            (
                "--output",
                !self.output.is_empty(),
                "build the image, then `minicontainer save` or `minicontainer export`",
            ),
            ("--ssh", !self.ssh.is_empty(), "pass a key with --secret, for RUN --mount=type=secret"),
            ("--push", self.push, "build with -t, then `minicontainer push`"),
            ("--squash", self.squash, "copy what is to stay into a last stage: FROM scratch, COPY --from"),
            ("--allow", !self.allow.is_empty(), "--network host is the only right that there is"),
            ("--attest", !self.attest.is_empty(), "leave it out"),
            ("--provenance", !is_off(&self.provenance), "leave it out"),
            ("--sbom", !is_off(&self.sbom), "leave it out"),
            ("--memory", self.memory.is_some(), "run the build in a control group of its own, as by systemd-run"),
            ("--rm=false", self.rm == Some(false), "what a RUN leaves is its layer, or nothing"),
        ];
        // Nothing is to be done for these.
        let _always_so = (self.load, self.force_rm);
        match words.iter().find(|(_, is_given, _)| *is_given) {
            Some((word, _, instead)) => {
                Err(Failure::new(format!("{word} is not supported by this build")).hint(*instead))
            }
            None => Ok(()),
        }
    }
}
