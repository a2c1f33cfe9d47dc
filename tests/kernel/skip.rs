//! Skips that are seen.
//!
//! libtest knows no "skipped": a test that returns early counts as passed, and what it prints is swallowed. So a skip
//! writes past libtest's capture, to the standard error stream itself; and where everything is meant to run, as in
//! CI, `MINICONTAINER_TEST_REQUIRE=all` turns each skip into a failure, and `all-but-root` each that is not for want
//! of root: so the same tests run a second time as an ordinary user. What only another machine has is no failure.

use std::{env, io, io::Write, thread};

/// What an ordinary user can never meet.
pub const ROOT: &str = "root";

/// What a machine cannot be given for a test. Those that `tests/vm` emulates have it, so nothing is left untried.
pub const VERSION_2: &str = "control groups of version 2 only (as tests/vm/run has them)";

/// What containers and some build machines lack.
pub const LOOP_DEVICES: &str = "loop devices and ext4 (mkfs.ext4, mount)";

/// Whether the test can go on. If not, says which test is skipped and for want of what.
#[must_use = "a test whose requirement is not met must return"]
pub fn require(met: bool, requirement: &str) -> bool {
    if met {
        return true;
    }
    let required = env::var("MINICONTAINER_TEST_REQUIRE").unwrap_or_default();
    let forbidden = match required.as_str() {
        "all" => ![VERSION_2, LOOP_DEVICES].contains(&requirement),
        "all-but-root" => ![VERSION_2, LOOP_DEVICES, ROOT].contains(&requirement),
        _ => false,
    };
    assert!(
        !forbidden,
        "this test needs {requirement}, and MINICONTAINER_TEST_REQUIRE={required} forbids to skip it"
    );
    let test = thread::current().name().unwrap_or("a test").to_owned();
    // Not eprintln!, which libtest captures. A stream that is closed can show nothing, and that is no fault of a
    // test.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: needs {requirement}");
    false
}
