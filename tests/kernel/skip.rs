//! Visible skips.
//!
//! libtest has no "skipped" result: a test that returns early counts as passed, and its output is captured. So a skip
//! is written to the standard error stream itself, which libtest does not capture. Where everything should run, as in
//! CI, `MINICONTAINER_TEST_REQUIRE=all` turns each skip into a failure. `all-but-root` does so for each skip for a
//! reason other than missing root, so the same tests run a second time as an ordinary user. A requirement that only
//! another machine can meet is not a failure.

use std::{env, io, io::Write, thread};

/// A requirement that an ordinary user can never meet.
pub const ROOT: &str = "root";

/// A requirement that cannot be set up on a machine. The machines that `tests/vm` emulates meet it, so no test is
/// left out everywhere.
pub const VERSION_2: &str = "control groups of version 2 only (as tests/vm/run has them)";

/// Missing in containers and on some build machines.
pub const LOOP_DEVICES: &str = "loop devices and ext4 (mkfs.ext4, mount)";

/// Missing on the machines that `tests/vm` emulates.
pub const COMPILER: &str = "a C compiler (gcc)";

/// Whether the test can run. If not, reports the skipped test and the missing requirement.
#[must_use = "a test whose requirement is not met must return"]
pub fn require(met: bool, requirement: &str) -> bool {
    if met {
        return true;
    }
    let required = env::var("MINICONTAINER_TEST_REQUIRE").unwrap_or_default();
    let forbidden = match required.as_str() {
        "all" => ![VERSION_2, LOOP_DEVICES, COMPILER].contains(&requirement),
        "all-but-root" => ![VERSION_2, LOOP_DEVICES, COMPILER, ROOT].contains(&requirement),
        _ => false,
    };
    assert!(
        !forbidden,
        "this test needs {requirement}, and MINICONTAINER_TEST_REQUIRE={required} forbids to skip it"
    );
    let test = thread::current().name().unwrap_or("a test").to_owned();
    // Not eprintln!, which libtest captures. If the stream is closed, the report is lost, but the test does not fail.
    let _ = writeln!(io::stderr(), "SKIPPED {test}: needs {requirement}");
    false
}
