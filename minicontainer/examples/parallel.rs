//! Fifty containers from fifty threads. They share the image's files, and none sees what another one writes.
//!
//! ```console
//! $ cargo run --example parallel
//! 50 containers of 50 threads: 50 wrote /note and found nothing there before
//! ```

use std::{error::Error, thread};

use minicontainer::{Sandbox, Store, Verdict};
use minicontainer_images::seed_busybox;

/// How many.
const COUNT: usize = 50;

fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;
    let sandbox =
        Sandbox::from_image(&image).command("sh").args(["-c", "! test -e /note && echo $NUMBER | tee /note"]);

    let outputs = thread::scope(|scope| {
        let start = |number: usize| {
            let sandbox = &sandbox;
            scope.spawn(move || sandbox.clone().env("NUMBER", number.to_string()).output())
        };
        let threads: Vec<_> = (0..COUNT).map(start).collect();
        threads.into_iter().map(|thread| thread.join().expect("no thread panics")).collect::<Result<Vec<_>, _>>()
    })?;

    let is_right = |(number, output): &(usize, minicontainer::Output)| {
        output.report.verdict == Verdict::Exited(0) && output.stdout == format!("{number}\n").into_bytes()
    };
    let right = outputs.into_iter().enumerate().filter(is_right).count();
    println!("{COUNT} containers of {COUNT} threads: {right} wrote /note and found nothing there before");
    Ok(())
}
