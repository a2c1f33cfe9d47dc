//! The paths below `/proc`, `/sys` and `/dev`, where the kernel's file systems are mounted.
//!
//! The protections there (masks, read-only paths, sysctls) are applied by path. So a path must refer to what the plan
//! mounted, whatever the image contains: the directories must be real ones, and symbolic links at or below them are
//! not followed. Elsewhere links are followed inside the root, as in Docker. A mount that a link would redirect to
//! one of these paths is refused.

use super::PlanError;

/// The directories on which the engine mounts the kernel's file systems.
const SYSTEM_DIRECTORIES: [&str; 3] = ["proc", "sys", "dev"];

/// The only paths below `/proc` that may be covered: files that no protection depends on, and for which lxcfs
/// provides replacements. The list is runc's (`checkProcMount`) without `/proc/net/dev`, because `/proc/net` is a
/// link.
const COVERABLE: [&str; 10] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/meminfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/uptime",
    "/proc/loadavg",
    "/proc/slabinfo",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/crypto/fips_enabled",
];

/// Whether an absolute path without `..` is at or below `/proc`, `/sys` or `/dev`.
///
/// ```
/// use minicontainer_core::plan::is_system_path;
///
/// assert!(is_system_path("/proc") && is_system_path("//dev/./shm"));
/// assert!(!is_system_path("/srv/proc") && !is_system_path("/process") && !is_system_path("/"));
/// ```
pub fn is_system_path(path: &str) -> bool {
    components(path).next().is_some_and(|first| SYSTEM_DIRECTORIES.contains(&first))
}

/// Whether a bind mount or a tmpfs may cover this path: all but `/proc` and most of what is below it.
pub fn may_be_covered(path: &str) -> bool {
    let path = normal(path);
    !is_at_or_below(&path, "/proc") || COVERABLE.contains(&path.as_str())
}

/// Whether an absolute path is `ancestor` itself or is below it.
pub fn is_at_or_below(path: &str, ancestor: &str) -> bool {
    let mut components = components(path);
    self::components(ancestor).all(|expected| components.next() == Some(expected))
}

/// The first component of a path, and what follows it.
fn first_component(path: &str) -> Option<(&str, &str)> {
    let path = path.trim_start_matches('/');
    let end = path.bytes().position(|byte| byte == b'/').unwrap_or(path.len());
    match path.split_at(end) {
        ("", _) => None,
        (".", rest) => first_component(rest),
        both => Some(both),
    }
}

/// The path with one slash before each component.
pub(super) fn normal(path: &str) -> String {
    components(path).fold(String::new(), |path, component| format!("{path}/{component}"))
}

/// Rejects a path of the runtime config that is not absolute, is the root itself, or contains `..`, which would only
/// obscure where it leads.
pub(super) fn checked(field: &'static str, path: &str) -> Result<String, PlanError> {
    let wrong =
        !path.starts_with('/') || components(path).next().is_none() || components(path).any(|one| one == "..");
    if wrong { Err(PlanError::Path { field, path: path.to_owned() }) } else { Ok(path.to_owned()) }
}

fn components(path: &str) -> impl Iterator<Item = &str> {
    let mut rest = path;
    std::iter::from_fn(move || {
        first_component(rest).map(|(component, after)| {
            rest = after;
            component
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, coverable: bool) {
        assert_eq!(may_be_covered(path), coverable, "{path}");
    }

    #[test]
    fn only_harmless_proc_files_may_be_mounted_over() {
        check("/data", true);
        check("/procession", true);
        check("/sys/fs/cgroup", true);
        check("/dev/shm", true);
        check("/proc/meminfo", true);
        check("/proc/.//stat", true);
        check("/proc/net/dev", false);
        check("/proc", false);
        check("/proc/", false);
        check("/proc/sys", false);
        check("/proc/meminfo/x", false);
        check("/./proc/sys/kernel/core_pattern", false);
    }

    #[test]
    fn paths_are_compared_by_component() {
        assert!(is_at_or_below("/dev/shm/x", "/dev/shm") && is_at_or_below("/dev//shm", "/dev/shm/"));
        assert!(!is_at_or_below("/dev/shmx", "/dev/shm") && !is_at_or_below("/dev", "/dev/shm"));
        assert_eq!(normal("//dev/./shm/"), "/dev/shm");
    }
}
