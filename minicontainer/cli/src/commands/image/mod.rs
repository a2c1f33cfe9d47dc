//! Commands about images.
//!
//! ```text
//! list      images, history        what there is; filter: which of it
//! inspect   inspect                all that is known of one
//! archive   load, save, import     images come and go as files
//! made      commit, export         what containers have become
//! remove    rmi, image prune       images go
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
use minicontainer::core::Reference;
use minicontainer_images::seed_busybox;

use crate::commands::open_store;
use crate::{
    error::{Failure, warn},
    output,
    table::{ago, elapsed},
};

/// Make the image busybox from this machine's own programs, with no network
#[derive(Debug, Args)]
pub struct SeedArguments {}

/// Give an image one more name
#[derive(Debug, Args)]
#[command(after_help = "Example:
  minicontainer tag busybox mine:1.0")]
pub struct TagArguments {
    /// The image, by name, id, or the beginning of an id
    image: String,
    /// The new name
    name: String,
}

/// Makes busybox.
pub fn seed(_: &SeedArguments) -> Result<ExitCode, Failure> {
    let seeded = seed_busybox(&open_store()?)?;
    let name = seeded.image.reference.as_ref().map_or_else(String::new, |name| name.familiar().to_string());
    output::print_line(&format!("{name} {} ({})", seeded.image.id.short(), seeded.origin))?;
    Ok(ExitCode::SUCCESS)
}

/// Gives a name.
pub fn tag(arguments: &TagArguments) -> Result<ExitCode, Failure> {
    let name = new_name(&arguments.name)?;
    open_store()?.tag(&arguments.image, &name)?;
    Ok(ExitCode::SUCCESS)
}

/// A name that an image may get. A digest says what an image is; nobody gives it another.
fn new_name(text: &str) -> Result<Reference, Failure> {
    let name: Reference = text.parse().map_err(|error| Failure::of_argument("the new name", error))?;
    match name.digest() {
        Some(_) => Err(Failure::new(format!("refusing to create a tag with a digest reference: {text}"))),
        None => Ok(name),
    }
}

/// The two columns of a name.
pub fn repository_and_tag(reference: Option<&Reference>) -> (String, String) {
    let none = || "<none>".to_owned();
    // One that was pulled by its digest has no tag.
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
        other => other.to_uppercase(),
    }
}

/// An image made the same everywhere carries no time, but the beginning of all times.
fn true_time(created: Option<&str>) -> Option<&str> {
    created.filter(|time| !time.starts_with("1970-01-01T"))
}

/// When an image was made, so that it can be compared. None before 1970: such a time stands for none.
fn time_of(created: Option<&str>) -> Option<Timestamp> {
    created?.parse().ok().filter(|time| *time >= Timestamp::UNIX_EPOCH)
}

/// How long ago that was.
pub fn since(created: Option<&str>) -> String {
    time_of(true_time(created)).map_or_else(|| "N/A".to_owned(), |time| ago(elapsed(time)))
}

/// Now, or what `SOURCE_DATE_EPOCH` says: when a new image is made, and the latest time in its layer.
fn time_of_making() -> Result<(String, Option<u64>), Failure> {
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

fn warn_of(warnings: &[String]) {
    warnings.iter().for_each(|warning| warn(warning));
}
