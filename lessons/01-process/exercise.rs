//! Lesson 1, your turn. Check it with `cargo run -p lessons -- check 1`.
//!
//! This program is given another program and its arguments. As it stands, it starts it as an ordinary process.
//! Start it in a container, say which process of the host it is, wait for it, and say how it ended.

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
