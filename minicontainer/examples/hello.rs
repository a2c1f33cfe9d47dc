//! The smallest program: an image, a container of it, and its output.
//!
//! ```console
//! $ cargo run --example hello
//! hello from a container
//! ```

use std::error::Error;

use minicontainer::{Sandbox, Store};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn Error>> {
    let store = Store::open_default()?; // root's, or yours
    let image = seed_busybox(&store)?.image; // made of this machine's programs: no network needed

    let output = Sandbox::from_image(&image).command("echo").arg("hello from a container").output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    Ok(())
}
