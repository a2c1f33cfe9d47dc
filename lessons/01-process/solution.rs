//! Lesson 1, one solution.

use std::{env, error::Error};

use minicontainer::{Sandbox, Store, Verdict};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [program, arguments @ ..] = arguments.as_slice() else {
        return Err("usage: PROGRAM [ARGUMENT…]".into());
    };

    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;

    let mut running = Sandbox::from_image(&image).command(program).args(arguments).spawn()?;
    println!("pid {}", running.id());
    match running.wait()?.verdict {
        Verdict::Exited(code) => println!("exited {code}"),
        other => println!("ended otherwise: {other:?}"),
    }
    Ok(())
}
