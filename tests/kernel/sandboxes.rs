//! Helpers for tests of the library: an image, and a shell in a sandbox of it.

use minicontainer::{Output, Sandbox, Store, Verdict, store::Image};
use minicontainer_images::seed_busybox;

use crate::fixture::Fixture;

/// The image `busybox` in the fixture's store.
pub fn busybox(fixture: &Fixture) -> Image {
    let store = Store::open(fixture.store()).expect("a store");
    seed_busybox(&store).expect("an image from the host's own programs").image
}

/// A sandbox that runs this script.
pub fn shell(image: &Image, script: &str) -> Sandbox {
    Sandbox::from_image(image).command("sh").args(["-c", script])
}

/// Runs the sandbox, which must start, and returns its output on stdout, without the final newline.
#[track_caller]
pub fn text(sandbox: &Sandbox) -> String {
    let output = run(sandbox);
    assert_eq!(output.report.verdict, Verdict::Exited(0), "stderr: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").trim_end().to_owned()
}

/// Runs the sandbox, which must start.
#[track_caller]
pub fn run(sandbox: &Sandbox) -> Output {
    match sandbox.output() {
        Ok(output) => output,
        Err(error) => panic!("the sandbox must start: {error}"),
    }
}

/// Whether the script succeeds in a sandbox.
#[track_caller]
pub fn succeeds(sandbox: &Sandbox) -> bool {
    run(sandbox).report.verdict == Verdict::Exited(0)
}
