//! The verdicts that a grader relies on: each limit has its own, holds, and does not affect a program below it.

use std::time::{Duration, Instant};

use minicontainer::core::options::{Profile, StorageLimit};
use minicontainer::core::plan::PlanError;
use minicontainer::rootfs::Driver;
use minicontainer::store::Image;
use minicontainer::{Error, MIB, Sandbox, Verdict};
use nix::unistd::geteuid;

use crate::attacks::kernel_at_least;
use crate::fixture::Fixture;
use crate::sandboxes::{busybox, run, shell, succeeds, text};

const BUSY: &str = "while :; do :; done";

fn layer(bytes: u64) -> StorageLimit {
    StorageLimit::of_bytes(bytes).expect("a limit")
}

/// Whether this user's layer can be limited on this kernel. If not, the error must be the expected one.
fn layers_can_be_limited(image: &Image) -> bool {
    if geteuid().is_root() || kernel_at_least(6, 6) {
        return true;
    }
    assert_too_old(&shell(image, "true").disk_limit(layer(MIB)), "6.6");
    false
}

#[track_caller]
fn assert_too_old(limited: &Sandbox, wanted: &str) {
    match limited.output() {
        Err(Error::Plan(PlanError::LayerLimitNeedsNewerKernel { version, .. })) => assert_eq!(version, wanted),
        other => panic!("this kernel is older than Linux {wanted}: {other:?}"),
    }
}

#[test]
fn cpu_time_limit_is_enforced() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let limit = Duration::from_millis(300);
    let began = Instant::now();
    let report = run(&shell(&image, BUSY).cpu_time(limit).wall_time(Duration::from_secs(60))).report;
    assert_eq!((report.verdict, report.limits.cpu_time), (Verdict::CpuTimeLimit, Some(limit)));
    assert!(report.cpu_time >= limit && report.cpu_time < Duration::from_secs(30), "{report:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "it was the processor's time");
    // Sleeping uses no processor time.
    assert!(succeeds(&shell(&image, "sleep 0.6").cpu_time(limit)));
}

/// An ordinary user's container has no control group that counts. Then the usage comes from the kernel's counts of
/// processes, and an init that is killed has not waited for the program.
#[test]
fn processor_time_of_a_program_that_is_killed_with_its_init_is_reported() {
    let Some(fixture) = Fixture::user() else { return };
    assert!(fixture.command().args(["image", "seed"]).output().expect("the command starts").status.success());
    let measure = |limit: &[&str]| {
        let mut run = fixture.command();
        run.args(["run", "--rm", "--init", "--meta", "store/meta"]).args(limit).args(["busybox", "sh", "-c", BUSY]);
        assert_eq!(run.output().expect("the command starts").status.code(), Some(137));
        let meta = std::fs::read_to_string(fixture.store().join("meta")).expect("the meta file");
        let time = meta.lines().find_map(|line| line.strip_prefix("time:")).expect("a time");
        time.parse::<f64>().expect("seconds")
    };
    let by_processors = measure(&["--cpu-time", "300ms", "--timeout", "60s"]);
    assert!(by_processors >= 0.3, "{by_processors}");
    // Even on a busy machine, a program gets more in a second than the init's own two milliseconds.
    let by_the_clock = measure(&["--timeout", "1s"]);
    assert!(by_the_clock >= 0.05, "{by_the_clock}");
}

/// A control group counts all processes, also those that no process waits for.
#[test]
fn cpu_time_of_all_processes_counts() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let script = format!("({BUSY}) & ({BUSY}) & sleep 100");
    let limited = shell(&image, &script).cpu_time(Duration::from_millis(300)).wall_time(Duration::from_secs(60));
    assert_eq!(run(&limited).report.verdict, Verdict::CpuTimeLimit);
    // The control: without the limit the program continues until the time limit.
    let alone = shell(&image, &script).wall_time(Duration::from_millis(500));
    assert_eq!(run(&alone).report.verdict, Verdict::TimeLimit);
}

/// If the engine is killed, the program is not unlimited: the kernel's own limit remains.
#[test]
fn cpu_time_limit_has_an_rlimit_fallback() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let limits = "ulimit -S -t; ulimit -H -t";
    assert_eq!(text(&shell(&image, limits).cpu_time(Duration::from_millis(1500))), "3\n4");
    assert_eq!(text(&shell(&image, limits)), "unlimited\nunlimited");
}

#[test]
fn output_limit_is_enforced() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    for script in ["exec yes", "exec yes >&2", "yes & yes >&2"] {
        let output = run(&shell(&image, script).output_limit(100_000));
        assert_eq!(output.report.verdict, Verdict::OutputLimit, "{script}");
        assert_eq!(output.stdout.len() + output.stderr.len(), 100_000, "{script}");
        assert_eq!(output.report.limits.output, Some(100_000));
    }
    let exact = run(&shell(&image, "printf 12345; printf 67890 >&2").output_limit(10));
    assert_eq!(
        (exact.report.verdict, exact.stdout, exact.stderr),
        (Verdict::Exited(0), b"12345".into(), b"67890".into())
    );
    // A program that writes endlessly does not keep the engine from checking the time.
    let endless = run(&shell(&image, "exec yes").wall_time(Duration::from_millis(300)));
    assert_eq!(endless.report.verdict, Verdict::TimeLimit);
}

/// Bytes and inodes are limited within the layer; the program continues and gets "no space left". Nothing is written
/// to the disk.
#[test]
fn writable_layer_limit_is_enforced() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    if !layers_can_be_limited(&image) {
        return;
    }
    let fill = "dd if=/dev/zero of=/x bs=65536 count=256 2>/dev/null || { stat -c %s /x; exit 3; }";
    let limited = run(&shell(&image, fill).disk_limit(layer(4 * MIB)));
    assert_eq!(limited.report.verdict, Verdict::Exited(3), "{limited:?}");
    assert_eq!(limited.stdout, format!("{}\n", 4 * MIB).into_bytes());
    assert_eq!((limited.report.limits.disk, limited.report.limits.inodes), (Some(4 * MIB), Some(1024)));
    assert!(succeeds(&shell(&image, fill)), "without a limit there is room");

    let files = "i=0; while [ $i -lt 300 ]; do touch /f$i || exit 3; i=$((i+1)); done";
    let few = StorageLimit { inodes: 100, ..layer(4 * MIB) };
    assert_eq!(run(&shell(&image, files).disk_limit(few)).report.verdict, Verdict::Exited(3));
    assert!(succeeds(&shell(&image, files).disk_limit(layer(4 * MIB))));
    // Files of the image can be changed and removed as usual.
    let work = "echo x >> /etc/passwd && rm /etc/group && mkdir -p /a/b && mv /a /c && rm -r /root && mkdir /root";
    assert!(succeeds(&shell(&image, work).disk_limit(layer(4 * MIB))));
}

/// The other writable places of a container without volumes: each is in memory, with a limit below the machine's.
#[test]
fn tmpfs_mounts_are_limited_by_default() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    // A file of 80 MiB; a program that is stopped prints how much space there was.
    let fill =
        |place: &str| format!("dd if=/dev/zero of={place}/x bs=1M count=80 2>/dev/null || stat -c %s {place}/x");
    for place in ["/dev", "/dev/shm"] {
        let room: u64 = text(&shell(&image, &fill(place))).parse().unwrap_or_else(|_| panic!("{place} has no end"));
        assert!((60 * MIB..=64 * MIB).contains(&room), "{place}: {room}");
    }
    assert_eq!(text(&shell(&image, &fill("/t")).tmpfs("/t:size=2m")), (2 * MIB).to_string());
    // The control: there is enough space if it was requested.
    assert_eq!(text(&shell(&image, &fill("/t")).tmpfs("/t:size=96m")), "");
}

/// An untrusted program has limits without any option, and each option replaces its limit.
#[test]
fn untrusted_profile_sets_all_limits() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let untrusted = |script: &str| shell(&image, script).profile(Profile::Untrusted);
    let endless = run(&untrusted("exec yes"));
    assert_eq!(endless.report.verdict, Verdict::OutputLimit);
    assert_eq!(endless.stdout.len() as u64, 64 * MIB);
    let limits = endless.report.limits;
    assert_eq!((limits.wall_time, limits.output), (Some(Duration::from_secs(600)), Some(64 * MIB)));
    assert_eq!((limits.memory, limits.pids), (Some(512 * MIB), Some(128)));
    let hasty = untrusted("sleep 100; true").wall_time(Duration::from_millis(200));
    assert_eq!((limits.disk, limits.inodes), (Some(512 * MIB), Some(100_000)));
    let asked = run(&hasty.disk_limit(layer(MIB)));
    assert_eq!((asked.report.verdict, asked.report.limits.disk), (Verdict::TimeLimit, Some(MIB)));
}

#[test]
fn full_writable_layer_is_reported() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    if !layers_can_be_limited(&image) {
        return;
    }
    let full = |script: &str| run(&shell(&image, script).disk_limit(layer(MIB))).report.disk_full;
    assert_eq!(full("sleep 0.3; dd if=/dev/zero of=/x bs=4096 2>/dev/null; exit 1"), Some(true));
    assert_eq!(full("sleep 0.3; i=0; while : > /x$i; do i=$((i+1)); done 2>/dev/null"), Some(true));
    assert_eq!(full("sleep 0.3; echo little > /x"), Some(false));
    assert_eq!(run(&shell(&image, "true")).report.disk_full, None);
}

/// The layer is stored in memory, which counts for the container.
#[test]
fn limited_writable_layer_counts_as_memory() {
    let Some(fixture) = Fixture::root() else { return };
    let image = busybox(&fixture);
    let fill = shell(&image, "exec dd if=/dev/zero of=/x bs=65536 count=640 2>/dev/null").disk_limit(layer(64 * MIB));
    assert_eq!(run(&fill.clone().memory(16 * MIB)).report.verdict, Verdict::MemoryLimit);
    assert!(succeeds(&fill));
}

#[test]
fn layer_that_cannot_be_limited_is_an_error() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let limited = || Sandbox::from_image(&image).command("true").disk_limit(layer(MIB));
    let refused = |sandbox: Sandbox| match sandbox.output() {
        Err(Error::Plan(error)) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(limited().driver(Driver::Copy)), PlanError::LayerLimitNeedsOverlay);
    if !layers_can_be_limited(&image) {
        return;
    }
    let kept = limited().kept_in(fixture.store().join("kept"), "kept");
    assert_eq!(refused(kept), PlanError::LayerLimitNeedsThrowAway);
}

#[test]
fn context_switches_are_counted() {
    let fixture = Fixture::any();
    let image = busybox(&fixture);
    let report = run(&shell(&image, "sleep 0.01; sleep 0.01; sleep 0.01")).report;
    assert!(report.voluntary_switches >= 3, "{report:?}");
}
