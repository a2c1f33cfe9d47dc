//! The smallest use of the library: runs one program in its own container and prints how it exited.
//!
//! ```console
//! $ cargo run --profile dist -p minicontainer-engine --example status
//! ```
//!
//! tests/bench measures this program from start to exit, and compares it with the command and other runtimes.

use minicontainer::{Sandbox, Store, Verdict, store::StoreError};
use minicontainer_images::{ImageError, find, seed_busybox};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open_default()?;
    let image = match find(&store, "busybox") {
        // The first run creates the image from programs of this machine, so no network is needed.
        Err(ImageError::Store(StoreError::UnknownImage { .. })) => seed_busybox(&store)?.image,
        found => found?,
    };
    let report = Sandbox::from_image(&image).command("true").status()?;
    match report.verdict {
        Verdict::Exited(0) => Ok(()),
        verdict => Err(format!("true ended with {verdict:?}").into()),
    }
}
