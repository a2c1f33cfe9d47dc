//! The model of overlayfs is held to the kernel's: the same stacks, the same calls, and then the same answers, the same
//! merged tree, the same upper directory.
//!
//! This is a program of its own, without libtest, since whoever makes a user namespace may have no threads. It starts
//! itself once as root, where overlay's marks are `trusted.overlay.*`, and once as an ordinary user in a user namespace
//! of its own (`userxattr`). Each of the two goes into a mount namespace where it has a tmpfs over /tmp, so the host
//! sees nothing and nothing is left behind.
//!
//! 10,000 random sequences each are a pull request's share, always the same ones, so that nobody's change fails for
//! what it did not touch; `MINICONTAINER_TEST_LONG=1` tries 200,000 others. `MINICONTAINER_TEST_SEED` chooses which.
//! A failure is made as small as it can be and printed as a script. What was found so is kept in `examples.rs`.

#[cfg(target_os = "linux")]
mod disk;
#[cfg(target_os = "linux")]
mod examples;
#[cfg(target_os = "linux")]
mod generate;
#[cfg(target_os = "linux")]
mod kernel;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod scenario;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("SKIPPED overlay: needs Linux");
}
