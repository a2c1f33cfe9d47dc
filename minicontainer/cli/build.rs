//! How the command is linked: so that it starts quickly.
//!
//! The dynamic loader finds, maps and relocates each shared library before `main`. Of two, one can be spared: libgcc_s,
//! which unwinds the stack after a panic, is to be had as an archive as well. Where the compiler has no such archive, all
//! is linked as ever.

use std::{env, path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The host's compiler knows the host's archives only.
    if env::var("HOST") != env::var("TARGET") || !env::var("TARGET").is_ok_and(|target| target.ends_with("-linux-gnu"))
    {
        return;
    }
    let answer = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output();
    let answer = answer.ok().and_then(|answer| String::from_utf8(answer.stdout).ok()).unwrap_or_default();
    // A name that it does not find it prints as it is.
    let archive = Path::new(answer.trim());
    if let (true, Some(directory)) = (archive.is_absolute() && archive.exists(), archive.parent()) {
        println!("cargo::rustc-link-search=native={}", directory.display());
        // All of it, because the standard library, which needs it, comes later on the linker's command line.
        println!("cargo::rustc-link-lib=static:+whole-archive=gcc_eh");
    }
}
