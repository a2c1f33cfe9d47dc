//! Lesson 1, your turn. Check it with `cargo run --release --bin lessons -- check 1`.
//!
//! This program gets another program and its arguments. Now it starts that as an ordinary process. Start it in a
//! container, print its process id on the host, wait for it, and print its exit code.

use std::{env, error::Error, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [program, arguments @ ..] = arguments.as_slice() else {
        return Err("usage: PROGRAM [ARGUMENT…]".into());
    };

    // ANCHOR: exercise
    // Your code goes here, instead of these two lines.
    Command::new(program).args(arguments).spawn()?.wait()?;
    println!("pid ? … exited ?");
    // ANCHOR_END: exercise
    Ok(())
}
