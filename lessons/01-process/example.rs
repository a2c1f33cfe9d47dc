//! Lesson 1, to read and run: `cargo run --release --bin 01-process-example`
//!
//! A container is started like any program, and while it runs, the host's own list of processes shows it.

use std::{error::Error, fs};

use minicontainer::{Sandbox, Store};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: run
    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;

    let output =
        Sandbox::from_image(&image).command("sh").args(["-c", "echo my number is $$; uname -r; exit 7"]).output()?;

    print!("{}", String::from_utf8_lossy(&output.stdout));
    println!("verdict: {:?}", output.report.verdict);
    // ANCHOR_END: run

    // ANCHOR: look
    let mut running = Sandbox::from_image(&image).command("sleep").args(["1"]).spawn()?;
    let status = fs::read_to_string(format!("/proc/{}/status", running.id()))?;
    println!("on the host it is process {}", running.id());
    println!("{}", status.lines().find(|line| line.starts_with("NSpid")).unwrap_or("this kernel has no NSpid"));
    running.wait()?;
    // ANCHOR_END: look
    Ok(())
}
