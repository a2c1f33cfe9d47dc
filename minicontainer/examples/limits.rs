//! Limits: programs that use too much, what happens to them, and how much of each limit they used.
//!
//! ```console
//! $ cargo run --example limits
//! memory     MemoryLimit
//!            memory: 100% of 33554432 bytes
//! ...
//! ```
//!
//! Limits on memory and processes need root, or for an ordinary user a delegated cgroup of version 2.

use std::{error::Error, time::Duration};

use minicontainer::{MIB, Sandbox, Store};
use minicontainer_images::seed_busybox;

/// What each program does, and its script.
const PROGRAMS: [(&str, &str); 5] = [
    ("memory", "dd if=/dev/zero of=/dev/null bs=100M count=1"),
    ("processes", "for i in $(seq 30); do sleep 1 & done; wait"),
    ("wall time", "sleep 100"),
    ("output", "yes"),
    ("nothing", "true"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;
    let limited = Sandbox::from_image(&image)
        .memory(32 * MIB)
        .pids(16)
        .wall_time(Duration::from_secs(2))
        .output_limit(MIB)
        .command("sh");

    for (name, script) in PROGRAMS {
        // A sandbox is a description: it can be changed and run any number of times.
        let report = limited.clone().args(["-c", script]).output()?.report;
        println!("{name:<10} {:?}", report.verdict);
        if report.pids_limit_hits > 0 {
            println!("           {} processes were refused", report.pids_limit_hits);
        }
        for used in report.usage() {
            println!("           {used}");
        }
    }
    Ok(())
}
