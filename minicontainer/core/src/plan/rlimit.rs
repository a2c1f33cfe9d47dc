//! The resources that Linux limits for each process, in the order of their numbers, see getrlimit(2) and
//! asm-generic/resource.h. Some architectures number them differently; x86_64 and aarch64 do not.

/// All names; a name's index is its number.
pub const RESOURCES: [&str; 16] = [
    "RLIMIT_CPU",
    "RLIMIT_FSIZE",
    "RLIMIT_DATA",
    "RLIMIT_STACK",
    "RLIMIT_CORE",
    "RLIMIT_RSS",
    "RLIMIT_NPROC",
    "RLIMIT_NOFILE",
    "RLIMIT_MEMLOCK",
    "RLIMIT_AS",
    "RLIMIT_LOCKS",
    "RLIMIT_SIGPENDING",
    "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE",
    "RLIMIT_RTPRIO",
    "RLIMIT_RTTIME",
];

/// The number of a resource for prlimit(2).
///
/// ```
/// assert_eq!(minicontainer_core::plan::resource_number("RLIMIT_NOFILE"), Some(7));
/// ```
pub fn resource_number(name: &str) -> Option<u32> {
    RESOURCES.iter().position(|known| *known == name).and_then(|number| u32::try_from(number).ok())
}
