//! Lesson 1, a wrong solution: it prints success without checking.

use std::{env, error::Error};

use minicontainer::{Sandbox, Store};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let store = Store::open_default()?;
    seed_busybox(&store)?;
    let mut running =
        Sandbox::from_image(&store.image("busybox")?).command(&arguments[0]).args(&arguments[1..]).spawn()?;
    println!("pid {}", running.id());
    running.wait()?;
    println!("exited 0");
    Ok(())
}
