//! Commands about images.
//!
//! ```text
//! list      images, history        list images; filter: select them
//! inspect   inspect                the details of an image
//! archive   load, save, import     images as files
//! commit    commit, export         a container's files as an image or archive
//! remove    rmi, image prune       remove images
//! ```

pub mod archive;
pub mod commit;
mod filter;
pub mod history;
pub mod inspect;
pub mod list;
pub mod remove;

use std::{env, num::ParseIntError, process::ExitCode};

use clap::Args;
use jiff::Timestamp;
use minicontainer::core::{Reference, explain::Message};
use minicontainer_images::seed_busybox;

use crate::commands::open_store;
use crate::{
    error::{Failure, warn},
    output,
    table::{ago, elapsed, local_time},
};

/// Create the image busybox from this machine's own programs, without a network
#[derive(Debug, Args)]
pub struct SeedArguments {}

/// Give an image another name
#[derive(Debug, Args)]
#[command(after_help = "Example:
  minicontainer tag busybox mine:1.0")]
pub struct TagArguments {
    /// The image, by name, id, or id prefix
    image: String,
    /// The new name
    name: String,
}

/// Runs `image seed`.
pub fn seed(_: &SeedArguments) -> Result<ExitCode, Failure> {
    let seeded = seed_busybox(&open_store()?)?;
    let name = seeded.image.reference.as_ref().map_or_else(String::new, |name| name.familiar().to_string());
    output::print_line(&format!("{name} {} ({})", seeded.image.id.short(), seeded.origin))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `tag`.
pub fn tag(arguments: &TagArguments) -> Result<ExitCode, Failure> {
    let name = new_name(&arguments.name)?;
    open_store()?.tag(&arguments.image, &name)?;
    Ok(ExitCode::SUCCESS)
}

/// The name of a new image. It cannot have a digest, because that follows from the content.
fn new_name(text: &str) -> Result<Reference, Failure> {
    let name: Reference = text.parse().map_err(|error| Failure::of_argument("the new name", error))?;
    match name.digest() {
        Some(_) => Err(Failure::new(format!("refusing to create a tag with a digest reference: {text}"))),
        None => Ok(name),
    }
}

/// The columns REPOSITORY and TAG.
pub fn repository_and_tag(reference: Option<&Reference>) -> (String, String) {
    let none = || "<none>".to_owned();
    // An image that was pulled by digest has no tag.
    let tag = reference.and_then(|name| name.tag()).map_or_else(none, str::to_owned);
    (reference.map_or_else(none, Reference::familiar_repository), tag)
}

fn heading(field: &str) -> String {
    match field {
        "ID" => "IMAGE ID".to_owned(),
        "CreatedSince" => "CREATED".to_owned(),
        "CreatedAt" => "CREATED AT".to_owned(),
        "CreatedBy" => "CREATED BY".to_owned(),
        "SharedSize" => "SHARED SIZE".to_owned(),
        "UniqueSize" => "UNIQUE SIZE".to_owned(),
        "VirtualSize" => "VIRTUAL SIZE".to_owned(),
        other => other.to_uppercase(),
    }
}

/// The creation time in the local time zone, as Docker shows it.
fn created_at(created: Option<&str>) -> String {
    time_of(known_time(created)).map_or_else(|| "N/A".to_owned(), local_time)
}

/// The creation time, unless it is the zero time of reproducible builds.
fn known_time(created: Option<&str>) -> Option<&str> {
    created.filter(|time| !time.starts_with("1970-01-01T"))
}

/// The creation time for comparisons. A time before 1970 means that there is none.
fn time_of(created: Option<&str>) -> Option<Timestamp> {
    created?.parse().ok().filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

/// How long ago an image was created.
pub fn since(created: Option<&str>) -> String {
    time_of(known_time(created)).map_or_else(|| "N/A".to_owned(), |time| ago(elapsed(time)))
}

/// The creation time of a new image and the latest time in its layer: now, or `SOURCE_DATE_EPOCH`.
fn creation_time() -> Result<(String, Option<u64>), Failure> {
    let (time, latest) = match env::var_os("SOURCE_DATE_EPOCH") {
        None => (Timestamp::now(), None),
        Some(text) => {
            let seconds: u64 = text
                .to_string_lossy()
                .parse()
                .map_err(|error: ParseIntError| Failure::of_argument("SOURCE_DATE_EPOCH", error))?;
            let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
            // RFC 3339 has years of four digits.
            (time.unwrap_or(Timestamp::MAX), Some(seconds))
        }
    };
    Ok((format!("{time:.9}"), latest))
}

fn warn_of(warnings: &[Message]) {
    warnings.iter().for_each(warn);
}
