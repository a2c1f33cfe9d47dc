//! The cache key of a layer.
//!
//! The key is a digest of exactly the inputs of the layer:
//!
//! | Part | Why |
//! |---|---|
//! | the key of the layer below, or of the base ([`base_key`]) | the same action on other files makes another layer |
//! | the action with all its words, variables and mounts | another command makes another layer |
//! | the digests of the files that are read ([`KeyInputs::contents`]) | changed content makes another layer; times do not matter |
//! | `SOURCE_DATE_EPOCH` | it is written into the layer |
//!
//! Proxies and secrets must not be part of it: they may change without changing the result, and their values could be
//! guessed from the key. The parts are encoded as JSON, so that different parts never have the same encoding.
//!
//! ```
//! use minicontainer_core::Digest;
//! use minicontainer_dockerfile::plan::{Action, KeyInputs, key};
//!
//! let action = Action::MakeDirectory { path: "/app".into(), user: String::new() };
//! let parent = Digest::of(b"the layer below");
//! let one = key(&KeyInputs { parent: &parent, action: &action, contents: &[], epoch: None });
//! let other = key(&KeyInputs { parent: &parent, action: &action, contents: &[], epoch: Some(0) });
//! assert_ne!(one, other);
//! assert_eq!(key(&KeyInputs { parent: &parent, action: &Action::Nothing, contents: &[], epoch: None }), None);
//! ```

use minicontainer_core::{Digest, Platform};
use serde::Serialize;

use super::{Action, Base, Source};
use crate::mount::Mount;

/// Incremented when the same parts result in a different layer than before.
const VERSION: u32 = 1;

/// The inputs of a layer.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct KeyInputs<'a> {
    /// The key of the layer below.
    pub parent: &'a Digest,
    /// The action.
    pub action: &'a Action,
    /// For each of [`Action::reads`], in that order: a digest of the names, kinds, permissions and contents of the
    /// files, without their times.
    pub contents: &'a [Digest],
    /// `SOURCE_DATE_EPOCH`.
    pub epoch: Option<i64>,
}

/// The key of the layer that a step creates; `None` if it creates none.
pub fn key(inputs: &KeyInputs) -> Option<Digest> {
    let action = &by_content(inputs.action);
    inputs.action.makes_layer().then(|| digest(&(VERSION, "step", KeyInputs { action, ..*inputs })))
}

/// The action without the names of stages and images, because only the content from there matters.
fn by_content(action: &Action) -> Action {
    let mut action = action.clone();
    match &mut action {
        Action::Copy(files) => files.from = Source::Context,
        Action::Run(run) => {
            for (mount, source) in &mut run.mounts {
                *source = Source::Context;
                if let Mount::Bind { from, .. } | Mount::Cache { from, .. } = mount {
                    *from = None;
                }
            }
        }
        Action::Nothing | Action::MakeDirectory { .. } => {}
    }
    action
}

/// The key of a stage's base. A stage that is based on another starts with that stage's last key.
pub fn base_key(base: &Base, platform: &Platform) -> Option<Digest> {
    match base {
        Base::Scratch => Some(digest(&(VERSION, "scratch", platform))),
        Base::Image { digest: image, .. } => Some(digest(&(VERSION, "image", image, platform))),
        Base::Stage(_) => None,
    }
}

fn digest(parts: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(parts).expect("plain values of this crate, which JSON can hold"))
}
