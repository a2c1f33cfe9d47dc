//! For which machine: `os/architecture[/variant]`, in the names of Go's `GOOS` and `GOARCH`.
//!
//! ```
//! use minicontainer_dockerfile::Platform;
//!
//! assert_eq!("linux/x86_64".parse::<Platform>()?.to_string(), "linux/amd64");
//! assert_eq!("arm64".parse::<Platform>()?.to_string(), "linux/arm64");
//! assert!("linux/".parse::<Platform>().is_err());
//! # Ok::<(), minicontainer_dockerfile::PlatformError>(())
//! ```

use std::{fmt, str::FromStr};

use serde::Serialize;

/// A kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Platform {
    /// Such as `linux`.
    pub os: String,
    /// Such as `amd64`.
    pub architecture: String,
    /// Such as `v7`; empty where there are none.
    pub variant: String,
}

/// The text is no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is no platform; write os/architecture, such as linux/amd64")]
pub struct PlatformError {
    /// What was given.
    pub given: String,
}

const SYSTEMS: [&str; 4] = ["linux", "windows", "darwin", "freebsd"];

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.to_ascii_lowercase();
        let parts: Vec<&str> = lower.split('/').collect();
        let plain = |part: &&str| {
            !part.is_empty() && part.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '_' | '-'))
        };
        let (os, architecture, variant) = match parts.as_slice() {
            [one] if !SYSTEMS.contains(one) => ("linux", *one, ""),
            [os, architecture] => (*os, *architecture, ""),
            [os, architecture, variant] => (*os, *architecture, *variant),
            _ => ("", "", ""),
        };
        if !parts.iter().all(plain) || architecture.is_empty() {
            return Err(PlatformError { given: text.to_owned() });
        }
        let (architecture, variant) = match (architecture, variant) {
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("i386", variant) => ("386", variant),
            ("aarch64", variant) => ("arm64", variant),
            ("armhf", _) => ("arm", "v7"),
            ("armel", _) => ("arm", "v6"),
            other => other,
        };
        // What everybody means anyway is left out, so that equal platforms are equal texts.
        let variant = match (architecture, variant) {
            ("arm64", "v8" | "8") | ("amd64", "v1") => "",
            ("arm", "" | "7") => "v7",
            (_, variant) => variant,
        };
        Ok(Platform { os: os.to_owned(), architecture: architecture.to_owned(), variant: variant.to_owned() })
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        if !self.variant.is_empty() {
            write!(formatter, "/{}", self.variant)?;
        }
        Ok(())
    }
}
