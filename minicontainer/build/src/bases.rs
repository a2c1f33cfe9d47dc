//! Resolves the base images of a build.

use std::collections::BTreeMap;

use minicontainer::{
    core::{Platform, Reference},
    store::{Image, Store, StoreError},
};
use minicontainer_dockerfile::{
    BuildOptions, BuildPlan, Dockerfile,
    plan::{BaseImage, Bases, ImageRequest, Outcome, plan},
};

use minicontainer_images::{ImageError, find};
use minicontainer_registry::RegistryError;

use super::{BuildError, Progress, StepOutcome};

/// A function that fetches an image into the store.
pub type Fetch<'a> = dyn Fn(&Store, &Reference) -> Result<(), RegistryError> + 'a;

/// The condition for fetching images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Only images that the store does not have.
    Missing,
    /// Every image, because a name may now refer to a newer image.
    Always,
}

/// A plan with its images.
#[derive(Debug)]
pub struct ResolvedPlan {
    /// The plan.
    pub plan: BuildPlan,
    pub(super) images: BTreeMap<ImageRequest, Image>,
}

/// Plans a build. Its images are looked up in the store; missing ones are fetched.
///
/// # Errors
/// If the Dockerfile is invalid, or an image cannot be fetched.
pub fn prepare(
    store: &Store,
    file: &Dockerfile,
    options: &BuildOptions,
    fetch: (&Fetch, When),
    progress: &dyn Progress,
) -> Result<ResolvedPlan, BuildError> {
    let mut bases = Bases::new();
    let mut images = BTreeMap::new();
    loop {
        let missing = match plan(file, options, &bases)? {
            Outcome::Plan(plan) => return Ok(ResolvedPlan { plan, images }),
            Outcome::Needs(missing) => missing,
        };
        for request in missing {
            let vertex = progress.begin(&format!("[internal] load metadata for {}", request.reference));
            let image = match base(store, &request, fetch) {
                Ok(image) => image,
                Err(error) => {
                    progress.end(vertex, StepOutcome::Failed(&error));
                    return Err(error);
                }
            };
            progress.end(vertex, StepOutcome::Done);
            let (digest, config) = (image.id.clone(), image.config.clone());
            bases.insert(request.clone(), BaseImage { digest, config });
            images.insert(request, image);
        }
    }
}

fn base(store: &Store, request: &ImageRequest, (fetch, when): (&Fetch, When)) -> Result<Image, BuildError> {
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
    let (actual, wanted) = (Platform::of_config(&image.config), &request.platform);
    if (actual.os(), actual.architecture()) != (wanted.os(), wanted.architecture()) {
        return Err(BuildError::Platform {
            image: request.reference.clone(),
            actual: actual.to_string(),
            wanted: wanted.to_string(),
        });
    }
    Ok(image)
}
