//! Files of the kernel: settings that can be changed through them, and information about the whole machine.

use crate::attacks::Naive::{IfKnown, NotLive, Through};
use crate::attacks::{Attack, Ground};
use crate::fixture::Fixture;

/// Read-only for root; for an ordinary user, who does not own these files, writing is denied.
const CLOSED: &[&str] = &["refused EROFS", "refused EACCES", "refused EPERM"];
/// Not every kernel has these files.
const CLOSED_OR_MISSING: &[&str] = &["refused EROFS", "refused EACCES", "refused EPERM", "refused ENOENT"];
/// The content is hidden: an empty file over a file, an empty directory over a directory.
const EMPTY: &[&str] = &["refused ENODATA", "refused ENOENT", "refused EACCES"];

/// A setting is written with its current value.
const SETTINGS: &[Attack] = &[
    ("rewrite,/proc/sys/kernel/core_pattern", CLOSED, Through, NotLive),
    ("rewrite,/proc/1/root/proc/sys/kernel/core_pattern", CLOSED, Through, NotLive),
    ("fresh-proc-rewrite,/proc/sys/kernel/core_pattern", CLOSED, Through, NotLive),
    ("user-then-rewrite,/proc/sys/kernel/core_pattern", CLOSED, Through, NotLive),
    ("rewrite,/proc/sys/kernel/modprobe", CLOSED_OR_MISSING, IfKnown, NotLive),
    ("rewrite,/proc/sys/kernel/poweroff_cmd", CLOSED, Through, NotLive),
    ("rewrite,/proc/sys/vm/swappiness", CLOSED, Through, NotLive),
    ("rewrite,/proc/sys/vm/overcommit_memory", CLOSED, Through, NotLive),
    ("rewrite,/proc/sys/kernel/ns_last_pid", CLOSED_OR_MISSING, IfKnown, IfKnown),
    ("rewrite,/proc/irq/default_smp_affinity", CLOSED, Through, NotLive),
    ("open-write,/proc/kmsg", &["refused EPERM", "refused EACCES", "refused EIO"], Through, NotLive),
];

const TELLING: &[Attack] = &[
    ("tells,/proc/interrupts", EMPTY, Through, Through),
    ("tells,/proc/kallsyms", EMPTY, Through, Through),
    ("tells,/proc/timer_list", EMPTY, Through, NotLive),
    ("tells,/sys/firmware", EMPTY, Through, Through),
];

#[track_caller]
fn check(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    ground.check(SETTINGS);
    ground.check(TELLING);
}

#[test]
fn root_container_cannot_reach_kernel_settings_or_secrets() {
    let Some(fixture) = Fixture::root() else { return };
    check(&fixture);
}

#[test]
fn rootless_container_cannot_reach_kernel_settings_or_secrets() {
    let Some(fixture) = Fixture::user() else { return };
    check(&fixture);
}

/// Every masked path must be hidden where it exists, on every machine, even if it is not known to be dangerous.
#[test]
fn every_masked_path_is_empty() {
    let fixture = Fixture::any();
    let paths = minicontainer::core::spec::MASKED_PATHS.map(|path| format!("tells,{path}"));
    let answers = Ground::new(&fixture).answers(&[], paths.iter().map(String::as_str));
    let open: Vec<_> = answers.iter().filter(|(_, answer)| !EMPTY.contains(&answer.as_str())).collect();
    assert!(open.is_empty() && answers.len() == paths.len(), "{open:?}");
}

/// Files that may be opened for writing although they are global: a program writes the conditions for its own
/// notifications, and nothing changes for others. See Documentation/accounting/psi.rst of the kernel.
const WRITABLE: [&str; 4] =
    ["/proc/pressure/cpu", "/proc/pressure/io", "/proc/pressure/irq", "/proc/pressure/memory"];

/// Opens every file of /proc and /sys for writing, except those of processes.
#[track_caller]
fn check_sweep(fixture: &Fixture) {
    let ground = Ground::new(fixture);
    let reached = ground.text(&[], &["/probe", "sweep", "/proc", "/sys"]);
    let unexpected: Vec<&str> = reached.lines().filter(|path| !WRITABLE.contains(path)).collect();
    assert!(unexpected.is_empty(), "{unexpected:#?}");
}

#[test]
fn root_container_cannot_write_to_proc_or_sys() {
    let Some(fixture) = Fixture::root() else { return };
    check_sweep(&fixture);
    // The control: without read-only paths, the same search finds hundreds.
    let naive = crate::attacks::without_protections();
    let reached = Ground::new(&fixture).text(&["--without", &naive], &["/probe", "sweep", "/proc"]);
    assert!(reached.lines().filter(|path| path.starts_with("/proc/sys/")).count() > 100, "{reached}");
}

#[test]
fn rootless_container_cannot_write_to_proc_or_sys() {
    let Some(fixture) = Fixture::user() else { return };
    check_sweep(&fixture);
}
