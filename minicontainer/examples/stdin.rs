//! Input from memory: a megabyte goes into a program, and as much comes out. Both are copied at the same time, so
//! neither side waits for the other.
//!
//! ```console
//! $ cargo run --example stdin
//! sort read 1400000 bytes and wrote 1400000
//! first 000001, last 200000
//! ```

use std::{error::Error, fmt::Write};

use minicontainer::{Sandbox, Store};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;

    let mut input = String::new();
    for number in (1..=200_000).rev() {
        writeln!(input, "{number:06}")?;
    }
    let output = Sandbox::from_image(&image).command("sort").input(input.as_str()).output()?;

    println!("sort read {} bytes and wrote {}", input.len(), output.stdout.len());
    let sorted = String::from_utf8(output.stdout)?;
    let ends = sorted.lines().next().zip(sorted.lines().last());
    let (first, last) = ends.ok_or("sort wrote nothing")?;
    println!("first {first}, last {last}");
    Ok(())
}
