//! Lesson 4, your turn. Check it with `cargo run -p lessons -- check 4`.
//!
//! This program is given a name, another program and its arguments. It must become that program, in a UTS namespace
//! of its own whose hostname is the given name.

use std::{env, error::Error, os::unix::process::CommandExt, process::Command};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, program, arguments @ ..] = arguments.as_slice() else {
        return Err("usage: NAME PROGRAM [ARGUMENT…]".into());
    };

    // ANCHOR: exercise
    // Your code goes here: a namespace, then a name in it.
    println!("I should be called {name}.");
    // ANCHOR_END: exercise

    // exec(3) replaces this program by the other one in the same process; it comes back only when it fails.
    Err(Command::new(program).args(arguments).exec().into())
}
