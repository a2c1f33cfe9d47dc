//! Lesson 4, your turn. Check it with `cargo run --release --bin lessons -- check 4`.
//!
//! This program gets a name, another program and its arguments. It must become that program, in its own UTS namespace
//! with the given name as the hostname.

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

    // exec(3) replaces this program by the other one in the same process; it returns only if it fails.
    Err(Command::new(program).args(arguments).exec().into())
}
