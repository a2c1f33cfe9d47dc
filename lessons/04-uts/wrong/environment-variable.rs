//! Lesson 4, a wrong solution: the variable HOSTNAME is set by shells for their own use; the kernel does not use it.

use std::{env, error::Error, os::unix::process::CommandExt, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    Err(Command::new(&arguments[1]).args(&arguments[2..]).env("HOSTNAME", &arguments[0]).exec().into())
}
