//! One name, several machines: which of an index's images is ours.
//!
//! An **index** (Docker: *manifest list*) lists an image's variants by platform: operating system, architecture, and
//! for some architectures a variant, such as `linux/arm/v7`. The names are those of the language Go (OCI image-spec,
//! *image-index.md*), so this machine may know itself by another. A variant promises instructions: a machine of ARMv7
//! runs what was made for v6, not the other way round.

use std::{fmt, str::FromStr};

use oci_spec::image::{Arch, Descriptor, ImageConfiguration, ImageIndex};

use super::RegistryError;

/// A kind of machine: `linux/amd64`, `linux/arm64/v8`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    os: String,
    architecture: String,
    variant: Option<String>,
}

/// The text is no platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{given}\" is no platform: write os/architecture or os/architecture/variant, such as linux/arm64", given = given.escape_debug())]
pub struct PlatformError {
    given: String,
}

impl Platform {
    /// This machine's.
    pub fn own() -> Platform {
        Platform::new("linux", &Arch::default().to_string(), None)
    }

    /// Whether an image of the store runs on this platform.
    pub fn check(&self, name: &str, config: &ImageConfiguration) -> Result<(), RegistryError> {
        let found = Platform::of_config(config);
        match self.rank(&found) {
            Some(_) => Ok(()),
            None => {
                let (reference, wanted, found) = (name.to_owned(), self.to_string(), found.to_string());
                Err(RegistryError::OtherPlatform { reference, wanted, found })
            }
        }
    }

    /// What a config says that the image is for.
    pub(super) fn of_config(config: &ImageConfiguration) -> Platform {
        let variant = config.variant().as_deref().filter(|variant| !variant.is_empty());
        Platform::new(&config.os().to_string(), &config.architecture().to_string(), variant)
    }

    /// In the one way of writing it that has no synonyms.
    fn new(os: &str, architecture: &str, variant: Option<&str>) -> Platform {
        let (architecture, variant) = match (architecture.to_lowercase().as_str(), variant) {
            ("x86_64" | "x86-64", variant) => ("amd64".to_owned(), variant),
            ("aarch64", variant) => ("arm64".to_owned(), variant),
            ("i386" | "i686", variant) => ("386".to_owned(), variant),
            ("armhf", None) => ("arm".to_owned(), Some("v7")),
            ("armel", None) => ("arm".to_owned(), Some("v6")),
            (other, variant) => (other.to_owned(), variant),
        };
        // The first variant of each architecture is what it is without one.
        let variant = match (architecture.as_str(), variant) {
            ("arm64", Some("v8" | "8")) | ("amd64", Some("v1")) => None,
            ("arm", None) => Some("v7"),
            (_, variant) => variant,
        };
        Platform { os: os.to_lowercase(), architecture, variant: variant.map(str::to_owned) }
    }

    /// How well an image of another platform runs here: 0 is best, `None` not at all.
    pub(super) fn rank(&self, other: &Platform) -> Option<usize> {
        if self.os != other.os || self.architecture != other.architecture {
            return None;
        }
        if self.variant == other.variant {
            return Some(0);
        }
        // Versions of one architecture: each includes those below it.
        let level = |variant: &Option<String>| match variant.as_deref() {
            None => Some(if self.architecture == "arm64" { 8 } else { 1 }),
            Some(text) => text.trim_start_matches('v').split('.').next()?.parse::<usize>().ok(),
        };
        level(&self.variant)?.checked_sub(level(&other.variant)?)
    }

    /// The entry of an index that runs here best, the first of several equals.
    pub fn choose<'i>(&self, index: &'i ImageIndex) -> Option<&'i Descriptor> {
        let ranked = index.manifests().iter().filter_map(|entry| {
            let platform = entry.platform().as_ref()?;
            let (os, architecture) = (platform.os().to_string(), platform.architecture().to_string());
            let rank = self.rank(&Platform::new(&os, &architecture, platform.variant().as_deref()))?;
            Some((rank, entry))
        });
        ranked.min_by_key(|(rank, _)| *rank).map(|(_, entry)| entry)
    }
}

/// The platforms of an index, for a message. Those of attestations, which are `unknown`, are left out.
pub(super) fn offered(index: &ImageIndex) -> String {
    let mut platforms: Vec<String> = index
        .manifests()
        .iter()
        .filter_map(|entry| entry.platform().as_ref())
        .map(|platform| {
            let (os, architecture) = (platform.os().to_string(), platform.architecture().to_string());
            Platform::new(&os, &architecture, platform.variant().as_deref()).to_string()
        })
        .filter(|platform| platform != "unknown/unknown")
        .collect();
    platforms.sort();
    platforms.dedup();
    if platforms.is_empty() { "no platform at all".to_owned() } else { platforms.join(", ") }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(formatter, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Platform, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |part: &&str| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        match parts.as_slice() {
            [os, architecture] if parts.iter().all(word) => Ok(Platform::new(os, architecture, None)),
            [os, architecture, variant] if parts.iter().all(word) => Ok(Platform::new(os, architecture, Some(variant))),
            _ => Err(PlatformError { given: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Chooses among platforms written as text, and gives the number of the chosen one.
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
    fn the_best_variant_is_chosen() {
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
        for wrong in ["", "linux", "linux/", "/amd64", "linux/amd64/", "linux/a/b/c", "linux/a b"] {
            assert!(wrong.parse::<Platform>().is_err(), "{wrong}");
        }
        assert!(Platform::own().to_string().starts_with("linux/"));
    }
}
