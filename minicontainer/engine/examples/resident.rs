//! Measures a start from a caller with much resident memory. It takes as long as from one with little, because a
//! child that shares its parent's memory has no page tables to copy. tests/bench runs it.
//!
//! ```console
//! $ cargo run --profile dist -p minicontainer-engine --example resident -- 1024
//! ```
//!
//! The output is the median of 50 starts in milliseconds, first without and then with that many MiB resident.

use std::{hint::black_box, time::Instant};

use minicontainer::{Sandbox, Store};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mebibytes: usize = std::env::args().nth(1).ok_or("usage: resident MIB")?.parse()?;
    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;
    let sandbox = Sandbox::from_image(&image).command("true");
    let median = || -> Result<f64, minicontainer::Error> {
        let mut times = Vec::new();
        for _ in 0..50 {
            let begin = Instant::now();
            sandbox.status()?;
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        Ok(times[times.len() / 2])
    };
    let without = median()?;
    // Every page is written to, so that it is resident.
    let memory = black_box(vec![1_u8; mebibytes << 20]);
    let with = median()?;
    println!("{without:.2} {with:.2}");
    drop(memory);
    Ok(())
}
