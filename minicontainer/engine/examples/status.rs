//! The smallest use of the library: run one program in a container of its own and see how it ended.
//!
//! ```console
//! $ cargo run --release -p minicontainer-engine --example status
//! ```
//!
//! tests/bench measures this program, start to exit, beside the command and other runtimes.

use minicontainer::{Sandbox, Store, Verdict, store::StoreError};
use minicontainer_images::{ImageError, find, seed_busybox};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let store = Store::open_default()?;
    let image = match find(&store, "busybox") {
        // The first time it is made from programs of this machine, so no network is needed.
        Err(ImageError::Store(StoreError::UnknownImage { .. })) => seed_busybox(&store)?.image,
        found => found?,
    };
    let report = Sandbox::from_image(&image).command("true").status()?;
    match report.verdict {
        Verdict::Exited(0) => Ok(()),
        verdict => Err(format!("true ended with {verdict:?}").into()),
    }
}
