//! The pure half of minicontainer in the browser: thin functions over `minicontainer-core`, and a page that draws
//! what they give.
//!
//! Nothing about containers is written twice. The page asks [`plan_json`] what happens and in which order, and draws
//! whatever it gets: a kind of step, a field or an isolation that core learns tomorrow stands on the page without a
//! change of its JavaScript. What crosses the border is JSON text, since a page wants plain objects.
//!
//! | Function | Scene |
//! |---|---|
//! | [`digest`], [`image_json`] | a digest is the name that content gives itself, from one layer up to the tag |
//! | [`plan_json`] | what a container is: a process, and the steps that isolated it |
//!
//! A runtime `Spec` is built here and never parsed: its deserialiser alone would treble the size of the download.
//!
//! ```
//! let plan = web_demo::plan_json(r#"{"command": ["sh"], "without": ["pid"]}"#, "pt");
//! assert!(plan.contains("Fazer da nova raiz a raiz"));
//! assert_eq!(web_demo::digest(b"hello world")[..13], *"sha256:b94d27");
//! ```

// A library never prints: it returns what a caller may print, and `println!` panics where the stream cannot be
// written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod image;
mod scene;

use minicontainer_core::{Digest, explain::Language};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;

/// The digest of some bytes, `sha256:…`, by the very type that names images and layers.
#[wasm_bindgen]
pub fn digest(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// An image made of these layers (a JSON array of texts): the digests from the layers up to the manifest. When the
/// argument is no such array, an object `{"error": …}`.
#[wasm_bindgen]
pub fn image_json(layers_json: &str) -> String {
    match serde_json::from_str::<Vec<String>>(layers_json) {
        Ok(layers) => image::image(&layers).map_or_else(|error| failure(&error.to_string()), |image| json(&image)),
        Err(error) => failure(&format!("the layers are no JSON array of texts: {error}")),
    }
}

/// The plan for a small object of options (`command`, `memory`, `without` …), explained in a language: steps,
/// isolations and the command line that would ask the same of the real engine. What is wrong with the options stands
/// in `error`.
#[wasm_bindgen]
pub fn plan_json(options_json: &str, language: &str) -> String {
    let scene = language.parse::<Language>().map_err(|error| error.to_string()).and_then(|language| {
        let options =
            serde_json::from_str(options_json).map_err(|error| format!("the options are wrong: {error}"))?;
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
    serde_json::json!({ "error": message }).to_string()
}
