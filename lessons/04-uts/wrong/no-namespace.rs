//! Lesson 4, a wrong solution: without its own namespace it renames the whole machine (or is not permitted to).

use std::{env, error::Error, os::unix::process::CommandExt, process::Command};

use nix::unistd::sethostname;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    sethostname(&arguments[0])?;
    Err(Command::new(&arguments[1]).args(&arguments[2..]).exec().into())
}
