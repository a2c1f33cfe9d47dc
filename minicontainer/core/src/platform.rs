//! Platforms: `os/architecture[/variant]`.
//!
//! An **index** (Docker: *manifest list*) lists an image's variants by platform: operating system, architecture, and
//! for some architectures a variant, such as `linux/arm/v7`. The names are those of the language Go (`GOOS`,
//! `GOARCH`; OCI image-spec, *image-index.md*), so uname(2) may give a different name for the same architecture. A
//! variant is a version of the instruction set: an ARMv7 machine runs programs for v6, but not the other way round.
//!
//! ```
//! use minicontainer_core::Platform;
//!
//! assert_eq!("linux/x86_64".parse::<Platform>()?.to_string(), "linux/amd64");
//! assert_eq!("arm64".parse::<Platform>()?.to_string(), "linux/arm64");
//! assert!("linux/".parse::<Platform>().is_err());
//! # Ok::<(), minicontainer_core::platform::PlatformError>(())
//! ```

use std::{fmt, str::FromStr};

use oci_spec::image::{Arch, Descriptor, ImageIndex};
use serde::Serialize;

use crate::image::ImageConfig;

/// The architectures that can be given without an operating system, which is then Linux: those of Go for Linux.
const ARCHITECTURES: [&str; 12] = [
    "386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle", "ppc64le", "riscv64", "s390x",
];

/// A platform: `linux/amd64`, `linux/arm/v7`. Synonyms are normalized, so that equal platforms are equal values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Platform {
    os: String,
    architecture: String,
    /// Empty if the architecture has no variants, or for its first one.
    variant: String,
}

/// The text is not a platform.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid platform {given:?} (for example, linux/arm64 or linux/arm/v7)")]
pub struct PlatformError {
    /// The text.
    pub given: String,
}

crate::plain_diagnostic!(PlatformError: InvalidInput);

impl Platform {
    /// Creates a platform; synonyms are replaced by Go's names. `variant` may be empty.
    pub fn new(os: &str, architecture: &str, variant: &str) -> Platform {
        let (os, architecture, variant) = (os.to_lowercase(), architecture.to_lowercase(), variant.to_lowercase());
        let (architecture, variant) = match (architecture.as_str(), variant.as_str()) {
            ("x86_64" | "x86-64", variant) => ("amd64", variant),
            ("aarch64", variant) => ("arm64", variant),
            ("i386" | "i686", variant) => ("386", variant),
            ("armhf", "") => ("arm", "v7"),
            ("armel", "") => ("arm", "v6"),
            other => other,
        };
        // The first variant of an architecture is the same as no variant.
        let variant = match (architecture, variant) {
            ("arm64", "v8" | "8") | ("amd64", "v1") => "",
            ("arm", "" | "7") => "v7",
            (_, variant) => variant,
        };
        Platform { os, architecture: architecture.to_owned(), variant: variant.to_owned() }
    }

    /// The platform that this code was compiled for.
    pub fn own() -> Platform {
        Platform::new("linux", &Arch::default().to_string(), "")
    }

    /// The image's platform according to its config.
    pub fn of_config(config: &ImageConfig) -> Platform {
        Platform::new(&config.os, &config.architecture, config.variant.as_deref().unwrap_or_default())
    }

    /// The platform of an entry of an index, if it states one.
    pub fn of_descriptor(descriptor: &Descriptor) -> Option<Platform> {
        let platform = descriptor.platform().as_ref()?;
        let (os, architecture) = (platform.os().to_string(), platform.architecture().to_string());
        Some(Platform::new(&os, &architecture, platform.variant().as_deref().unwrap_or_default()))
    }

    /// The operating system, such as `linux`.
    pub fn os(&self) -> &str {
        &self.os
    }

    /// The architecture, such as `amd64`.
    pub fn architecture(&self) -> &str {
        &self.architecture
    }

    /// The variant, such as `v7`; empty if there is none.
    pub fn variant(&self) -> &str {
        &self.variant
    }

    /// How well an image for `other` fits this platform: 0 is best, `None` if it cannot run.
    pub fn rank(&self, other: &Platform) -> Option<usize> {
        if self.os != other.os || self.architecture != other.architecture {
            return None;
        }
        if self.variant == other.variant {
            return Some(0);
        }
        // Each version of an architecture includes the earlier ones.
        let level = |variant: &str| match variant {
            "" => Some(if self.architecture == "arm64" { 8 } else { 1 }),
            text => text.trim_start_matches('v').split('.').next()?.parse::<usize>().ok(),
        };
        level(&self.variant)?.checked_sub(level(&other.variant)?)
    }

    /// The entry of an index that runs best on this platform, the first of several equals.
    pub fn choose<'i>(&self, index: &'i ImageIndex) -> Option<&'i Descriptor> {
        let rank = |entry: &'i Descriptor| Some((self.rank(&Platform::of_descriptor(entry)?)?, entry));
        index.manifests().iter().filter_map(rank).min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
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

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let is_word = |part: &&str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        let platform = match parts.as_slice() {
            [architecture] => {
                let platform = Platform::new("linux", architecture, "");
                Some(platform).filter(|platform| ARCHITECTURES.contains(&platform.architecture()))
            }
            [os, architecture] => Some(Platform::new(os, architecture, "")),
            [os, architecture, variant] => Some(Platform::new(os, architecture, variant)),
            _ => None,
        };
        platform.filter(|_| parts.iter().all(is_word)).ok_or_else(|| PlatformError { given: text.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Checks the index of the platform that is chosen among `offered`.
    #[track_caller]
    fn check(wanted: &str, offered: &[&str], expect: Option<usize>) {
        let entries: Vec<_> = offered
            .iter()
            .enumerate()
            .map(|(number, platform)| {
                let parts: Vec<&str> = platform.split('/').collect();
                let mut platform = json!({"os": parts[0], "architecture": parts[1]});
                if let Some(variant) = parts.get(2) {
                    platform["variant"] = json!(variant);
                }
                json!({
                    "mediaType": "application/vnd.oci.image.manifest.v1+json",
                    "digest": format!("sha256:{}", "0".repeat(64)),
                    "size": number,
                    "platform": platform,
                })
            })
            .collect();
        let index = json!({"schemaVersion": 2, "manifests": entries});
        let index: ImageIndex = serde_json::from_value(index).unwrap();
        let wanted: Platform = wanted.parse().unwrap();
        assert_eq!(wanted.choose(&index).map(|entry| entry.size() as usize), expect, "{wanted} of {offered:?}");
    }

    #[test]
    fn best_matching_platform_is_chosen() {
        check("linux/amd64", &["linux/arm64", "linux/amd64", "windows/amd64"], Some(1));
        check("linux/x86_64", &["linux/amd64"], Some(0));
        check("linux/arm64", &["linux/arm/v7", "linux/arm64/v8"], Some(1));
        check("linux/arm64/v8", &["linux/arm64"], Some(0));
        check("linux/arm/v7", &["linux/arm/v5", "linux/arm/v6"], Some(1));
        check("linux/arm/v7", &["linux/arm/v6", "linux/arm/v7"], Some(1));
        check("linux/arm/v6", &["linux/arm/v7"], None);
        check("linux/amd64", &["linux/amd64/v3", "linux/amd64"], Some(1));
        check("linux/amd64", &["linux/amd64/v3"], None);
        check("linux/amd64/v3", &["linux/amd64", "linux/amd64/v2", "linux/amd64/v4"], Some(1));
        check("linux/amd64", &["linux/amd64", "linux/amd64"], Some(0));
        check("linux/amd64", &["unknown/unknown"], None);
        check("linux/s390x", &["linux/amd64"], None);
        check("linux/amd64", &[], None);
    }

    #[test]
    fn platforms_are_parsed() {
        assert_eq!("Linux/AArch64".parse::<Platform>().unwrap().to_string(), "linux/arm64");
        assert_eq!("linux/armhf".parse::<Platform>().unwrap().to_string(), "linux/arm/v7");
        assert_eq!("linux/arm/7".parse::<Platform>().unwrap().to_string(), "linux/arm/v7");
        assert_eq!("x86_64".parse::<Platform>().unwrap().to_string(), "linux/amd64");
        let error = "nonsense".parse::<Platform>().unwrap_err();
        assert_eq!(error.to_string(), r#"invalid platform "nonsense" (for example, linux/arm64 or linux/arm/v7)"#);
        for wrong in ["", "linux", "linux/", "/amd64", "linux/amd64/", "linux/a/b/c", "linux/a b"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
        assert!(Platform::own().to_string().starts_with("linux/"));
    }
}
