//! `pull` and `push`, and how `run` gets an image that is not in the store.

use std::{collections::BTreeSet, process::ExitCode};

use clap::{Args, ValueEnum};
use minicontainer::{
    Store,
    core::{Platform, Reference},
    store::{Image, StoreError},
};
use minicontainer_images::ImageError;
use minicontainer_registry::{self as registry, Connection, Transport, check_platform};

use super::find_image;
use crate::commands::open_store;
use crate::{
    booleans,
    error::{Failure, warn},
    output,
    progress::{Stream, TransferProgress},
};

/// Download an image from a registry
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer pull busybox
  minicontainer pull registry.example.com:5000/team/app:1.0
  minicontainer pull --platform linux/arm64 busybox
  minicontainer pull localhost:5000/app@sha256:…
  minicontainer pull -a localhost:5000/app

Layers that are in the store are not downloaded again, and an interrupted download continues where \
it stopped. Nothing is added to the store before its digest is verified. Put the certificate of \
your own certificate authority in ~/.config/containers/certs.d/HOST:PORT/ca.crt, or below \
/etc/containers/certs.d or /etc/docker/certs.d.")]
pub struct PullArguments {
    /// The image's name
    image: String,

    /// Pull all tags of the repository
    #[arg(short, long)]
    all_tags: bool,

    /// Print only the image's name
    #[arg(short, long)]
    quiet: bool,

    /// Pull for another platform, such as linux/arm64 [default: this machine's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,

    #[command(flatten)]
    transport: TransportArguments,
}

/// Upload an image to a registry
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer tag busybox localhost:5000/mine:1.0
  minicontainer push localhost:5000/mine:1.0
  minicontainer push -a localhost:5000/mine")]
pub struct PushArguments {
    /// The image's name, which includes the registry
    image: String,

    /// Push all tags of the repository that are in the store
    #[arg(short, long)]
    all_tags: bool,

    /// Print only the image's name
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    transport: TransportArguments,
}

/// How to connect to a registry.
#[derive(Debug, Args)]
pub struct TransportArguments {
    /// Use plain HTTP, which others on the network can read and change; passwords are never sent over it
    #[arg(long)]
    insecure: bool,

    // Docker's flag for its first kind of signatures, which registries no longer support. Digests are always
    // verified.
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", value_parser = booleans::parse, action = clap::ArgAction::Set)]
    disable_content_trust: bool,
}

/// How `run` gets an image.
#[derive(Debug, Args)]
#[command(next_help_heading = "Download of the image")]
pub struct FetchArguments {
    /// When to pull the image from the registry
    #[arg(long, value_name = "WHEN", default_value = "missing")]
    pull: PullPolicy,

    /// Do not show the progress of a download
    #[arg(short, long)]
    quiet: bool,

    /// Pull for another platform, such as linux/arm64 [default: this machine's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,

    #[command(flatten)]
    transport: TransportArguments,
}

/// When `run` asks a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PullPolicy {
    /// Always, before the container starts
    Always,
    /// When the image is not in the store
    #[default]
    Missing,
    /// Never
    Never,
}

impl TransportArguments {
    fn connection(&self) -> Result<Connection, Failure> {
        if !self.disable_content_trust {
            let failure = Failure::new("--disable-content-trust: signatures of images cannot be verified");
            return Err(failure.hint("name the image by its digest, which is verified: NAME@sha256:…"));
        }
        Ok(Connection::new(if self.insecure { Transport::PlainHttp } else { Transport::Default }))
    }
}

/// Runs `pull`.
pub fn pull(arguments: &PullArguments) -> Result<ExitCode, Failure> {
    let reference = parse(&arguments.image)?;
    let (platform, connection) = (platform(arguments.platform.as_deref())?, arguments.transport.connection()?);
    let store = open_store()?;
    let shown = TransferProgress::new(Stream::Stdout, arguments.quiet);
    if arguments.all_tags {
        let repository = without_tag(&arguments.image, &reference)?;
        for tag in registry::tags(&reference, &connection)? {
            fetch(&store, &parse(&format!("{repository}:{tag}"))?, platform.as_ref(), &connection, &shown)?;
        }
        shown.finish()?;
        output::print_line(&repository)?;
        return Ok(ExitCode::SUCCESS);
    }
    print_default_tag(&arguments.image, &reference, &shown);
    fetch(&store, &reference, platform.as_ref(), &connection, &shown)?;
    shown.finish()?;
    output::print_line(&reference.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn platform(typed: Option<&str>) -> Result<Option<Platform>, Failure> {
    typed.map(str::parse).transpose().map_err(|error| Failure::of_argument("--platform", error))
}

/// The repository's name. A tag or a digest cannot be combined with `--all-tags`.
fn without_tag(typed: &str, reference: &Reference) -> Result<String, Failure> {
    match has_tag(typed) {
        true => Err(Failure::new("tag can't be used with --all-tags/-a").hint("name the repository alone")),
        false => Ok(reference.repository()),
    }
}

fn parse(image: &str) -> Result<Reference, Failure> {
    image.parse().map_err(|error| Failure::of_argument("the image", error))
}

fn print_default_tag(typed: &str, reference: &Reference, shown: &TransferProgress) {
    if let Some(tag) = reference.tag().filter(|_| !has_tag(typed)) {
        shown.line(&format!("Using default tag: {tag}"));
    }
}

/// Whether the name has a tag or a digest.
pub fn has_tag(typed: &str) -> bool {
    typed.contains('@') || typed.rsplit('/').next().is_some_and(|last| last.contains(':'))
}

fn fetch(
    store: &Store,
    reference: &Reference,
    platform: Option<&Platform>,
    connection: &Connection,
    shown: &TransferProgress,
) -> Result<(), Failure> {
    let pulled = registry::pull(store, reference, platform, connection, &|event| shown.show(&event))?;
    for warning in pulled.warnings {
        warn(&warning);
    }
    Ok(())
}

/// The image to run: from the store, or pulled if it is missing or for another platform than requested.
pub fn image_to_run(store: &Store, name: &str, wanted: &FetchArguments) -> Result<Image, Failure> {
    let shown = TransferProgress::new(Stream::Stderr, wanted.quiet);
    let (platform, connection) = (platform(wanted.platform.as_deref())?, wanted.transport.connection()?);
    if wanted.pull == PullPolicy::Always {
        fetch(store, &parse(name)?, platform.as_ref(), &connection, &shown)?;
        return find_image(store, name);
    }
    let (missing, is_other): (Failure, bool) = match minicontainer_images::find(store, name) {
        Ok(image) => match platform.as_ref().map_or(Ok(()), |platform| check_platform(platform, name, &image.config))
        {
            Ok(()) => return Ok(image),
            Err(error) => (error.into(), true),
        },
        Err(ImageError::Store(error @ StoreError::UnknownImage { .. })) => (error.into(), false),
        Err(error) => return Err(error.into()),
    };
    // A word of hexadecimal digits may be an id prefix.
    let reference = name.parse::<Reference>().ok().filter(|_| wanted.pull == PullPolicy::Missing);
    let Some(reference) = reference else { return Err(missing) };
    match (is_other, &platform) {
        (true, Some(platform)) => shown.line(&format!("{}; pulling it for {platform}", missing.message())),
        _ => shown.line(&format!("Unable to find image '{}' locally", reference.familiar())),
    }
    let fetched = fetch(store, &reference, platform.as_ref(), &connection, &shown);
    let is_busybox = reference.familiar().starts_with("busybox:");
    fetched.map_err(|failure| match (is_other, is_busybox) {
        (true, _) => failure.or_hint("leave --platform out to run the image in the store"),
        (false, true) => failure.or_hint(SEED),
        (false, false) => failure,
    })?;
    find_image(store, name)
}

/// How to get the image of the examples without a registry.
const SEED: &str = "`minicontainer image seed` creates busybox from this machine's programs without a network";

/// Runs `push`.
pub fn push(arguments: &PushArguments) -> Result<ExitCode, Failure> {
    let reference = parse(&arguments.image)?;
    let connection = arguments.transport.connection()?;
    let store = open_store()?;
    let shown = TransferProgress::new(Stream::Stdout, arguments.quiet);
    let send = |reference: &Reference| registry::push(&store, reference, &connection, &|event| shown.show(&event));
    if arguments.all_tags {
        let repository = without_tag(&arguments.image, &reference)?;
        for reference in tagged(&store, &repository)? {
            send(&reference)?;
        }
        shown.finish()?;
        if arguments.quiet {
            output::print_line(&repository)?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    print_default_tag(&arguments.image, &reference, &shown);
    send(&reference)?;
    shown.finish()?;
    if arguments.quiet {
        output::print_line(&reference.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The names in the store that belong to a repository.
fn tagged(store: &Store, repository: &str) -> Result<BTreeSet<Reference>, Failure> {
    let named = store.images()?.into_iter().filter_map(|image| match image {
        Ok(image) => image.reference,
        Err(damaged) => damaged.reference,
    });
    let tagged: BTreeSet<Reference> =
        named.filter(|name| name.repository() == repository && name.digest().is_none()).collect();
    match tagged.is_empty() {
        true => Err(Failure::new(format!("An image does not exist locally with the tag: {repository}"))
            .hint(format!("`minicontainer tag IMAGE {repository}:TAG`"))),
        false => Ok(tagged),
    }
}
