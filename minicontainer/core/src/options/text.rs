//! Serialization of option values: as the text of the command line, parsed by the same code.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    ByteSize, CapabilityName, CpuSet, Cpus, EnvVar, GroupSpec, Isolation, MemorySwap, PidsLimit, Sysctl, Ulimit,
    UserSpec,
};

macro_rules! written_as_text {
    ($($type:ty),* $(,)?) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text).and_then(|text| text.parse().map_err(de::Error::custom))
            }
        }
    )*};
}

written_as_text!(
    ByteSize,
    CapabilityName,
    CpuSet,
    Cpus,
    EnvVar,
    GroupSpec,
    Isolation,
    MemorySwap,
    PidsLimit,
    Sysctl,
    Ulimit,
    UserSpec,
);

/// Reads a string from a document.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}
