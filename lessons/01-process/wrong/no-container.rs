//! Lesson 1, a wrong solution: it starts an ordinary process, with the same view as the host.

use std::{env, error::Error, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut child = Command::new(&arguments[0]).args(&arguments[1..]).spawn()?;
    println!("pid {}", child.id());
    println!("exited {}", child.wait()?.code().unwrap_or(-1));
    Ok(())
}
