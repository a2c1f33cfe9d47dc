//! The flags of `build`, most of them Docker's.

use std::path::PathBuf;

use clap::Args;
use minicontainer::core::explain::Language;

use super::{progress::ProgressMode, unsupported::UnsupportedFlags};
use crate::language;

/// Build an image from a Dockerfile and a directory of files
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

Programs that RUN starts are isolated like in every container, and have no network unless --network \
host is given. Base images that are not in the store are pulled from their registry. With \
SOURCE_DATE_EPOCH in the environment (or as --build-arg) the same build creates the same image, to \
the last bit. Build results are cached for the next build: see minicontainer builder.")]
pub struct BuildArguments {
    /// The build context, a directory; - reads from stdin: a tar archive of it, or a Dockerfile that needs no context
    #[arg(value_name = "PATH")]
    pub context: String,

    /// Give the image a name; can be repeated
    #[arg(short, long, value_name = "NAME[:TAG]")]
    pub tag: Vec<String>,

    /// The Dockerfile [default: PATH/Dockerfile]; - reads it from stdin
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<String>,

    /// Set an ARG of the Dockerfile; without =VALUE, take the value from the environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub build_arg: Vec<String>,

    /// Build this stage, by name or number, instead of the last one
    #[arg(long, value_name = "STAGE")]
    pub target: Option<String>,

    /// Do not use the cache
    #[arg(long)]
    pub no_cache: bool,

    /// Do not use the cache for these stages
    #[arg(long, value_name = "STAGE", value_delimiter = ',')]
    pub no_cache_filter: Vec<String>,

    /// Always ask the registry for base images, even if they are in the store
    #[arg(long)]
    pub pull: bool,

    /// Add a label to the image
    #[arg(long, value_name = "NAME=VALUE")]
    pub label: Vec<String>,

    /// Provide a file or a variable to RUN --mount=type=secret: id=ID,src=FILE or id=ID,env=NAME
    #[arg(long, value_name = "FIELDS")]
    pub secret: Vec<String>,

    /// Write the image's id to a file
    #[arg(long, value_name = "FILE")]
    pub iidfile: Option<PathBuf>,

    /// Write the image's names and digests to a file, as JSON
    #[arg(long, value_name = "FILE")]
    pub metadata_file: Option<PathBuf>,

    /// How to show progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub progress: ProgressMode,

    /// Show only the image's id
    #[arg(short, long)]
    pub quiet: bool,

    /// The platform of the image; only this machine's platform is supported
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    pub platform: Option<String>,

    /// The network of RUN: none or host
    #[arg(long, value_name = "NETWORK", default_value = "none")]
    pub network: String,

    /// Add a host name to /etc/hosts of RUN
    #[arg(long, value_name = "NAME:ADDRESS")]
    pub add_host: Vec<String>,

    /// Size limit of /dev/shm for RUN [default: 64m]
    #[arg(long, value_name = "SIZE")]
    pub shm_size: Option<String>,

    /// Resource limit for the processes of RUN, such as nofile=1024:2048
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    pub ulimit: Vec<String>,

    #[command(flatten)]
    pub unsupported: UnsupportedFlags,

    /// Print the parsed Dockerfile as JSON, without building
    #[arg(long)]
    pub dump: bool,

    /// Explain what each instruction does, without building [possible languages: en, pt]
    #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, value_parser = language::parse)]
    pub explain: Option<Option<Language>>,
}
