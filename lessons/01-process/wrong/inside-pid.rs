//! Lesson 1, a wrong solution: it prints the process id inside the container, not the one on the host.

use std::{env, error::Error};

use minicontainer::{Sandbox, Store, Verdict};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let store = Store::open_default()?;
    seed_busybox(&store)?;
    let mut running =
        Sandbox::from_image(&store.image("busybox")?).command(&arguments[0]).args(&arguments[1..]).spawn()?;
    println!("pid 1");
    if let Verdict::Exited(code) = running.wait()?.verdict {
        println!("exited {code}");
    }
    Ok(())
}
