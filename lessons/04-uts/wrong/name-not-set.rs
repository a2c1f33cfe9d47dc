//! Lesson 4, a wrong solution: a new namespace starts as a copy, so the name in it is still the host's.

use std::{env, error::Error, os::unix::process::CommandExt, process::Command};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::geteuid,
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let user = if geteuid().is_root() { CloneFlags::empty() } else { CloneFlags::CLONE_NEWUSER };
    unshare(CloneFlags::CLONE_NEWUTS | user)?;
    Err(Command::new(&arguments[1]).args(&arguments[2..]).exec().into())
}
