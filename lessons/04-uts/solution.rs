//! Lesson 4, one solution.

use std::{env, error::Error, os::unix::process::CommandExt, process::Command};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{geteuid, sethostname},
};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [name, program, arguments @ ..] = arguments.as_slice() else {
        return Err("usage: NAME PROGRAM [ARGUMENT…]".into());
    };

    // Only root may create a UTS namespace. Every user may create a user namespace and be root in it; if both are
    // requested at once, the kernel creates the user namespace first.
    let mut namespaces = CloneFlags::CLONE_NEWUTS;
    if !geteuid().is_root() {
        namespaces |= CloneFlags::CLONE_NEWUSER;
    }
    unshare(namespaces)?;
    sethostname(name)?;

    Err(Command::new(program).args(arguments).exec().into())
}
