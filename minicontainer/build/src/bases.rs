//! The images that a build begins with, found in the store.

use std::collections::BTreeMap;

use minicontainer::{
    core::Reference,
    store::{Image, Store, StoreError},
};
use minicontainer_dockerfile::{
    BuildOptions, BuildPlan, Dockerfile,
    image::Document,
    plan::{BaseImage, Bases, ImageRequest, Outcome, plan},
};

use minicontainer_images::{ImageError, find, registry::RegistryError};

use super::{BuildError, Ending, Progress};

/// Fetches an image into the store.
pub type Fetch<'a> = dyn Fn(&Store, &Reference) -> Result<(), RegistryError> + 'a;

/// When images are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// When the store does not have them.
    Missing,
    /// Always, for the name may mean a newer one by now.
    Always,
}

/// A plan and the images that it needs.
#[derive(Debug)]
pub struct Planned {
    /// The plan.
    pub plan: BuildPlan,
    pub(super) images: BTreeMap<ImageRequest, (Image, Document)>,
}

/// Plans a build; images that it needs are taken from the store, and else `fetch`ed.
///
/// # Errors
/// When the Dockerfile makes no sense, or an image cannot be had.
pub fn prepare(
    store: &Store,
    file: &Dockerfile,
    options: &BuildOptions,
    fetch: (&Fetch, When),
    progress: &dyn Progress,
) -> Result<Planned, BuildError> {
    let mut bases = Bases::new();
    let mut images = BTreeMap::new();
    loop {
        let missing = match plan(file, options, &bases)? {
            Outcome::Plan(plan) => return Ok(Planned { plan, images }),
            Outcome::Needs(missing) => missing,
        };
        for request in missing {
            let vertex = progress.begin(&format!("[internal] load metadata for {}", request.reference));
            let (image, document) = match base(store, &request, fetch) {
                Ok(base) => base,
                Err(error) => {
                    progress.end(vertex, Ending::Failed(&error));
                    return Err(error);
                }
            };
            progress.end(vertex, Ending::Done);
            let digest = image.id.clone();
            bases.insert(request.clone(), BaseImage { digest, document: document.clone() });
            images.insert(request, (image, document));
        }
    }
}

fn base(
    store: &Store,
    request: &ImageRequest,
    (fetch, when): (&Fetch, When),
) -> Result<(Image, Document), BuildError> {
    let failed = |source| BuildError::Image { name: request.reference.clone(), source: Box::new(source) };
    let bad_name = |source| BuildError::Name { name: request.reference.clone(), source };
    let reference: Reference = request.reference.parse().map_err(bad_name)?;
    let fetch = || {
        let refused = |source| BuildError::Pull { name: request.reference.clone(), source: Box::new(source) };
        fetch(store, &reference).map_err(refused)
    };
    if when == When::Always {
        fetch()?;
    }
    let image = match find(store, &request.reference) {
        Err(ImageError::Store(StoreError::UnknownImage { .. })) => {
            fetch()?;
            find(store, &request.reference)
        }
        found => found,
    };
    let image = image.map_err(failed)?;
    let what = format!("the blob {}", image.id);
    let read = serde_json::from_reader(store.open_blob(&image.id)?);
    let document: Document =
        read.map_err(|source| failed(StoreError::Document { what, kind: "image config", source }.into()))?;
    let (os, architecture) = (request.platform.os(), request.platform.architecture());
    if (document.os.as_str(), document.architecture.as_str()) != (os, architecture) {
        return Err(BuildError::Platform {
            image: request.reference.clone(),
            actual: format!("{}/{}", document.os, document.architecture),
            wanted: request.platform.to_string(),
        });
    }
    Ok((image, document))
}
