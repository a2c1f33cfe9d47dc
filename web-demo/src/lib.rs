//! The pure half of minicontainer in the browser: thin functions over `minicontainer-core`, and a page that draws
//! their results.
//!
//! Nothing about containers is written twice. The page calls [`plan_json`] for the steps and their order, and draws
//! whatever it gets: a new kind of step, field or isolation in core appears on the page without a change of its
//! JavaScript. The functions exchange JSON texts, because a page needs plain objects.
//!
//! | Function | Scene |
//! |---|---|
//! | [`digest`], [`image_json`] | a digest is a name computed from content, from one layer up to the tag |
//! | [`plan_json`] | what a container is: a process, and the steps that isolated it |
//!
//! A runtime `Spec` is built here and never parsed, because its deserialiser alone would treble the download size.
//!
//! ```
//! let plan = web_demo::plan_json(r#"{"command": ["sh"], "without": ["pid"]}"#, "pt");
//! assert!(plan.contains("Trocar a raiz pela nova árvore"));
//! assert_eq!(web_demo::digest(b"hello world")[..13], *"sha256:b94d27");
//! ```

// A library never prints: it returns what a caller may print. `println!` panics if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

#[path = "../../minicontainer/cli/src/flags.rs"]
mod flags;
mod image;
mod scene;

use minicontainer_core::{Digest, explain::Language};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// The digest of some bytes, `sha256:…`, computed by the type that names images and layers.
#[wasm_bindgen]
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// An image with these layers (a JSON array of texts): the digests from the layers up to the manifest. If the
/// argument is not such an array, an object `{"error": …}`.
#[wasm_bindgen]
pub fn image_json(layers_json: &str) -> String {
    match serde_json::from_str::<Vec<String>>(layers_json) {
        Ok(layers) => image::image(&layers).map_or_else(|error| failure(&error.to_string()), |image| json(&image)),
        Err(error) => failure(&format!("the layers are not a JSON array of texts: {error}")),
    }
}

/// The plan for a small object of options (`command`, `memory`, `without` …), explained in a language: steps,
/// isolations and the equivalent command line of the real engine. If the options are invalid, `error` says why.
#[wasm_bindgen]
pub fn plan_json(options_json: &str, language: &str) -> String {
    let scene = language.parse::<Language>().map_err(|error| error.to_string()).and_then(|language| {
        let options = serde_json::from_str(options_json).map_err(|error| format!("invalid options: {error}"))?;
        scene::scene(&options, language)
    });
    scene.map_or_else(|error| failure(&error), |scene| json(&scene))
}

/// The isolations that can be left out, in words: `[{name, title, without}]`.
#[wasm_bindgen]
pub fn isolations_json(language: &str) -> String {
    match language.parse::<Language>() {
        Ok(language) => json(&scene::isolations(language)),
        Err(error) => failure(&error.to_string()),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("these values have text keys only, so they have a JSON form")
}

fn failure(message: &str) -> String {
    serde_json::json!({ "error": flags::with_flags(message) }).to_string()
}
