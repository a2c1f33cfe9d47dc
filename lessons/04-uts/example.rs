//! Lesson 4, to read and run: `cargo run --release --bin 04-uts-example`
//!
//! One process, before and after it moves to its own UTS namespace.

use std::{error::Error, fs};

use nix::{
    sched::{CloneFlags, unshare},
    sys::utsname::uname,
    unistd::geteuid,
};

// ANCHOR: look
fn look(when: &str) -> Result<(), Box<dyn Error>> {
    let names = uname()?;
    println!(
        "{when}: {} calls me {}, kernel {}",
        fs::read_link("/proc/self/ns/uts")?.display(),
        names.nodename().display(),
        names.release().display(),
    );
    Ok(())
}
// ANCHOR_END: look

fn main() -> Result<(), Box<dyn Error>> {
    // ANCHOR: unshare
    look("before")?;
    let mut namespaces = CloneFlags::CLONE_NEWUTS;
    if !geteuid().is_root() {
        namespaces |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(namespaces)?;
    look("after ")?;
    // ANCHOR_END: unshare
    Ok(())
}
