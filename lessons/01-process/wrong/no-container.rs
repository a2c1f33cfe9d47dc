//! Lesson 1, a wrong solution: an ordinary process, which shares the host's view of everything.

use std::{env, error::Error, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let mut child = Command::new(&arguments[0]).args(&arguments[1..]).spawn()?;
    println!("pid {}", child.id());
    println!("exited {}", child.wait()?.code().unwrap_or(-1));
    Ok(())
}
