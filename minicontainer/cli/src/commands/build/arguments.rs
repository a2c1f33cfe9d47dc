//! The words of `build`, most of them Docker's.

use std::path::PathBuf;

use clap::Args;
use minicontainer::core::explain::Language;

use super::{progress::Told, unsupported::Refused};
use crate::language;

/// Make an image of a Dockerfile and a directory of files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer build -t mine .
  minicontainer build -t mine:1.0 -t mine:latest --build-arg PORT=8080 .
  minicontainer build -f docker/Dockerfile --target test .
  minicontainer build -t mine -f - . < Dockerfile
  minicontainer build -t mine - < Dockerfile
  tar -cz . | minicontainer build -t mine -
  minicontainer build --secret id=token,src=token.txt -t mine .
  minicontainer build --explain .

What a RUN runs has the walls of every container, and no network unless --network host says so.
Base images that are not in the store are fetched from their registry. With SOURCE_DATE_EPOCH in the environment (or as --build-arg) the
same build makes the same image, to the last bit. What is built is kept for the next build: see minicontainer builder.")]
pub struct BuildArguments {
    /// The directory that COPY and ADD read; - is stdin: a tar archive of it, or a Dockerfile that needs none
    #[arg(value_name = "PATH")]
    pub context: String,

    /// Give the image a name; may be repeated
    #[arg(short, long, value_name = "NAME[:TAG]")]
    pub tag: Vec<String>,

    /// The Dockerfile [default: PATH/Dockerfile]; - is stdin
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<String>,

    /// Set an ARG of the Dockerfile; without =VALUE from the environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,

    /// Build this stage, by name or number, rather than the last
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// Build every step anew
    #[arg(long)]
    pub no_cache: bool,

    /// Build every step of these stages anew
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    pub no_cache_filter: Vec<String>,

    /// Ask the registry for base images even if they are in the store
    #[arg(long)]
    pub pull: bool,

    /// Add a label to the image
    #[arg(long, value_name = "NAME=VALUE")]
    pub label: Vec<String>,

    /// Lend RUN --mount=type=secret a file, or a variable: id=ID,src=FILE or id=ID,env=NAME
    #[arg(long, value_name = "FIELDS")]
    pub secret: Vec<String>,

    /// Write the image's id to a file
    #[arg(long, value_name = "FILE")]
    pub iidfile: Option<PathBuf>,

    /// Write the image's names and digests to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,

    /// How to tell of progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: Told,

    /// Tell nothing but the image's id
    #[arg(short, long)]
    pub quiet: bool,

    /// For which machine the image is; only this one's kind can be built
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,

    /// What network RUN sees: none or host
    #[arg(long, value_name = "NETWORK", default_value = "none")]
    pub network: String,

    /// Add a name to what RUN sees as /etc/hosts
    #[arg(long, value_name = "NAME:ADDRESS")]
    pub add_host: Vec<String>,

    /// How much /dev/shm of a RUN may hold [default: 64m]
    #[arg(long, value_name = "SIZE")]
    pub shm_size: Option<String>,

    /// Limit what processes of a RUN may use, such as nofile=1024:2048
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub ulimit: Vec<String>,

    #[command(flatten)]
    pub refused: Refused,

    /// Print the Dockerfile as it was read, as JSON; build nothing
    #[arg(long)]
    pub dump: bool,

    /// Tell what each instruction will do; build nothing [possible languages: en, pt]
    #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, value_parser = language::parse)]
    pub explain: Option<Option<Language>>,
}
