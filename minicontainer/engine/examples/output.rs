//! Runs a command of the image `busybox` in a sandbox and prints what it wrote and how it ended:
//! `cargo run -p minicontainer-engine --example output -- sh -c 'id; hostname'`.

use std::time::Duration;

use minicontainer::{MIB, Sandbox, Store};
use minicontainer_images::seed_busybox;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open_default()?;
    let image = seed_busybox(&store)?.image;
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().unwrap_or_else(|| "id".to_owned());
    let mut sandbox = Sandbox::from_image(&image).command(program).args(arguments).wall_time(Duration::from_secs(5));
    // Cgroups belong to root unless one was delegated.
    if nix::unistd::geteuid().is_root() {
        sandbox = sandbox.memory(64 * MIB).pids(32);
    }
    let output = sandbox.output()?;
    print!("{}", String::from_utf8_lossy(&output.stdout));
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    println!("{:#?}", output.report);
    Ok(())
}
