//! Lesson 1, a wrong solution: it says that all went well without having looked.

use std::{env, error::Error};

use minicontainer::{Sandbox, Store};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let store = Store::open_default()?;
    store.seed_busybox()?;
    let mut running =
        Sandbox::from_image(&store.image("busybox")?).command(&arguments[0]).args(&arguments[1..]).spawn()?;
    println!("pid {}", running.id());
    running.wait()?;
    println!("exited 0");
    Ok(())
}
