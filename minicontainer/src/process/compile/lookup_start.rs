//! Where look-ups of paths in the new root start.
//!
//! At or below `/proc`, `/sys` and `/dev`, a look-up starts from the nearest mount above the path that an earlier
//! step has made, see [`child_lookup`](super::super::child_lookup). This depends only on the plan, so it is computed
//! here. Each such mount gets a slot, in which the child keeps its descriptor.

use minicontainer_core::plan::{Step, is_at_or_below, is_system_path};

use super::{CompileError, text};
use crate::process::program::{Place, Start};

/// The mounts of the steps compiled so far.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The mounts that are not hidden by another one.
    mounts: Vec<Mounted>,
    /// The number of slots in use.
    pub slots: usize,
}

#[derive(Debug)]
struct Mounted {
    destination: String,
    slot: usize,
    /// Whether every file that the host has in a file system of this type must also exist here.
    complete: bool,
}

impl Places {
    /// The slot for the mount of `step`, if look-ups of `later` steps start from it.
    pub(super) fn mount(&mut self, step: &Step, later: &[Step]) -> Option<usize> {
        let (Step::Mount { destination, .. } | Step::BindMount { destination, .. }) = step else { return None };
        self.mounts.retain(|mounted| !is_at_or_below(&mounted.destination, destination));
        let starts_here = |step: &Step| step.paths_inside().iter().any(|path| is_at_or_below(path, destination));
        if !is_system_path(destination) || !later.iter().any(starts_here) {
            return None;
        }
        // With `subset=pid` a procfs shows processes only, see proc(5).
        let only_processes = |(name, value): &(String, String)| name == "subset" && value == "pid";
        let complete = !matches!(step, Step::Mount { options, .. } if options.iter().any(only_processes));
        let slot = self.slots;
        self.slots += 1;
        self.mounts.push(Mounted { destination: destination.clone(), slot, complete });
        Some(slot)
    }

    /// A path in the new root.
    pub(super) fn place(&self, path: &str) -> Result<Place, CompileError> {
        let components = parts(path);
        let (start, skipped) = match self.above(path) {
            Some(mounted) => (Start::Mount(mounted.slot), parts(&mounted.destination).len()),
            // The root itself cannot be a link.
            None if is_system_path(path) || components.is_empty() => (Start::System, 0),
            None => (Start::Root, 0),
        };
        let components = components.get(skipped..).unwrap_or_default();
        let relative = |parts: &[&str]| text(&if parts.is_empty() { ".".to_owned() } else { parts.join("/") });
        let pairs = components.iter().enumerate().map(|(end, name)| Ok((relative(&components[..end])?, text(name)?)));
        Ok(Place { start, path: relative(components)?, components: pairs.collect::<Result<_, _>>()? })
    }

    /// The path to look for on the host if the path is missing in the container: if the host has it, the container
    /// must have it too. None for paths that may be missing, because they differ between namespaces.
    pub(super) fn on_host(&self, path: &str) -> Result<Option<std::ffi::CString>, CompileError> {
        let complete = self.above(path).is_some_and(|mounted| mounted.complete);
        let parts = parts(path);
        let of_process = |name: &&str| name.starts_with("self") || name.bytes().all(|byte| byte.is_ascii_digit());
        let of_namespace =
            parts.contains(&"net") || parts.first() == Some(&"proc") && parts.get(1).is_some_and(of_process);
        (complete && !of_namespace).then(|| text(&format!("/{}", parts.join("/")))).transpose()
    }

    /// The nearest mount above a path.
    fn above(&self, path: &str) -> Option<&Mounted> {
        let above = self.mounts.iter().filter(|mounted| is_at_or_below(path, &mounted.destination));
        above.max_by_key(|mounted| parts(&mounted.destination).len())
    }
}

/// The components of a path.
pub(super) fn parts(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty() && *part != ".").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(destination: &str, options: &[(&str, &str)]) -> Step {
        let options = options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (fstype, source) = ("tmpfs".to_owned(), "tmpfs".to_owned());
        Step::Mount { fstype, source, destination: destination.to_owned(), attributes: vec![], options }
    }

    /// Later steps that look up paths below all mounts, so that every mount is kept.
    fn later() -> Vec<Step> {
        let paths = ["/dev/shm/x", "/dev/pts/x", "/proc/x", "/sys/fs/cgroup/x", "/data/x"];
        paths.map(|path| Step::MaskPath { path: path.to_owned() }).to_vec()
    }

    fn after(mounts: &[&str]) -> Places {
        let mut places = Places::default();
        for destination in mounts {
            places.mount(&mount(destination, &[]), &later());
        }
        places
    }

    #[track_caller]
    fn check(mounts: &[&str], path: &str, start: Start, relative: &str) {
        let place = after(mounts).place(path).expect("no NUL");
        assert_eq!((place.start, place.path.to_str()), (start, Ok(relative)), "{path} after {mounts:?}");
        let names: Vec<_> = place.components.iter().map(|(_, name)| name.to_str().expect("text")).collect();
        assert_eq!(if names.is_empty() { ".".to_owned() } else { names.join("/") }, relative);
    }

    #[test]
    fn lookup_starts_at_the_nearest_mount() {
        let mounts = ["/proc", "/dev", "/dev/pts", "/data"];
        check(&mounts, "/proc/kcore", Start::Mount(0), "kcore");
        check(&mounts, "/dev/null", Start::Mount(1), "null");
        check(&mounts, "//dev/./shm/", Start::Mount(1), "shm");
        check(&mounts, "/dev/pts/ptmx", Start::Mount(2), "ptmx");
        check(&mounts, "/dev/pts", Start::Mount(2), ".");
        check(&mounts, "/sys/firmware", Start::System, "sys/firmware");
        check(&mounts, "/data/x/y", Start::Root, "data/x/y");
        check(&mounts, "/", Start::System, ".");
        check(&[], "/proc", Start::System, "proc");
    }

    #[test]
    fn mount_hides_earlier_mounts_below_it() {
        check(&["/dev/pts", "/dev"], "/dev/pts/ptmx", Start::Mount(1), "pts/ptmx");
        check(&["/dev", "/dev"], "/dev/null", Start::Mount(1), "null");
    }

    #[test]
    fn unused_mount_descriptors_are_not_kept() {
        let mut places = Places::default();
        assert_eq!(places.mount(&mount("/dev/mqueue", &[]), &later()), None);
        assert_eq!(places.mount(&mount("/proc", &[]), &[]), None);
        assert_eq!(places.mount(&mount("/proc", &[]), &later()), Some(0));
    }

    #[test]
    fn namespaced_proc_files_may_be_missing() {
        let check = |options: &[(&str, &str)], path: &str, expected: bool| {
            let mut places = Places::default();
            places.mount(&mount("/proc", options), &later());
            assert_eq!(places.on_host(path).expect("no NUL").is_some(), expected, "{path}");
        };
        check(&[], "/proc/kcore", true);
        check(&[("hidepid", "2")], "/proc/kcore", true);
        check(&[("subset", "pid")], "/proc/kcore", false);
        check(&[], "/proc/sys/net/core", false);
        check(&[], "/proc/1/mem", false);
        check(&[], "/proc/self/mem", false);
        check(&[], "/sys/firmware", false);
        check(&[], "/data", false);
    }
}
