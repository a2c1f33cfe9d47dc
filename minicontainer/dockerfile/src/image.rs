//! An image's config document: what a build starts from and what it writes.
//!
//! It is the JSON of OCI image-spec, *config.md*, with the fields that Docker adds to it: `Healthcheck`, `Shell` and
//! `OnBuild` ([Docker image spec 1.3][1]). The types of `oci-spec` know neither, so a build that went through them
//! would lose a base image's health check and triggers without a word. Maps are sorted here, so that the same build
//! writes the same bytes.
//!
//! ```
//! use minicontainer_dockerfile::image::Document;
//!
//! let text = r#"{"architecture":"amd64","os":"linux","config":{"Env":null,"OnBuild":["COPY . /app"]},
//!     "rootfs":{"type":"layers","diff_ids":[]}}"#;
//! let document: Document = serde_json::from_str(text)?;
//! assert_eq!(document.config.on_build, ["COPY . /app"]);
//! assert!(document.config.env.is_empty());
//! # Ok::<(), serde_json::Error>(())
//! ```
//!
//! [1]: https://github.com/moby/docker-image-spec/blob/main/spec.md

use std::collections::BTreeMap;

use minicontainer_core::Digest;
use serde::{Deserialize, Deserializer, Serialize};

/// The whole document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of OCI image-spec, config.md")]
pub struct Document {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default)]
    pub architecture: String,
    #[serde(default)]
    pub os: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    pub config: Config,
    #[serde(default)]
    pub rootfs: RootFs,
    #[serde(default, deserialize_with = "or_default")]
    pub history: Vec<History>,
}

/// How to run the image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[allow(missing_docs, reason = "the fields are those of OCI image-spec, config.md, and of Docker's")]
pub struct Config {
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub user: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub exposed_ports: BTreeMap<String, Nothing>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub entrypoint: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<String, Nothing>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub working_dir: String,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthcheck: Option<Health>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub shell: Vec<String>,
    #[serde(deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub on_build: Vec<String>,
}

/// The value of a set's member, `{}`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Nothing {}

/// How to see whether the program is well; times in nanoseconds, 0 for the default.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[allow(missing_docs, reason = "the fields are those of Docker's image spec")]
pub struct Health {
    pub test: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub start_period: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub start_interval: u64,
    #[serde(skip_serializing_if = "is_zero")]
    pub retries: u64,
}

/// The layers, by the digests of their unpacked content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of OCI image-spec, config.md")]
pub struct RootFs {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default, deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

impl Default for RootFs {
    fn default() -> RootFs {
        RootFs { kind: "layers".to_owned(), diff_ids: Vec::new() }
    }
}

/// What an instruction did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of OCI image-spec, config.md")]
pub struct History {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub author: String,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub created_by: String,
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "String::is_empty")]
    pub comment: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub empty_layer: bool,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Go writes an empty list or map as `null`.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Option::<T>::deserialize(deserializer).map(Option::unwrap_or_default)
}
