//! Lesson 4, a wrong solution: without a namespace of its own it renames the whole machine (or may not).

use std::{env, error::Error, os::unix::process::CommandExt, process::Command};

use nix::unistd::sethostname;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    sethostname(&arguments[0])?;
    Err(Command::new(&arguments[1]).args(&arguments[2..]).exec().into())
}
