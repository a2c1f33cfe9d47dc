//! How the command is linked: statically, so that it starts quickly.
//!
//! The dynamic loader finds, maps and relocates every shared library before `main`, and a program that may lie
//! anywhere in memory is relocated itself: half a millisecond, of the four that a container takes. `-C
//! target-feature=+crt-static` would say the same, but to the whole build, and procedural macros must stay shared
//! libraries. So the linker is told here, for this program alone, and finds in a directory of ours the archives in
//! place of the shared libraries. Where the compiler has no such archives, all is linked as ever.

use std::{env, fs, os::unix::fs::symlink, path::Path, path::PathBuf, process::Command};

/// What the standard library is linked with, and the archive that stands in for it.
const LIBRARIES: [(&str, &str); 7] = [
    ("libc.a", "libc.a"),
    ("libm.a", "libm.a"),
    ("libdl.a", "libdl.a"),
    ("libpthread.a", "libpthread.a"),
    ("librt.a", "librt.a"),
    ("libutil.a", "libutil.a"),
    ("libgcc_s.a", "libgcc_eh.a"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // The host's compiler knows the host's archives only.
    if env::var("HOST") != env::var("TARGET")
        || !env::var("TARGET").is_ok_and(|target| target.ends_with("-linux-gnu"))
    {
        return;
    }
    let Ok(directory) = env::var("OUT_DIR") else { return };
    if LIBRARIES.iter().all(|(name, archive)| {
        find(archive).is_some_and(|archive| {
            let link = Path::new(&directory).join(name);
            // From the build before.
            let _not_there = fs::remove_file(&link);
            symlink(archive, &link).is_ok()
        })
    }) {
        // The example is the tests' probe, which has to run where there is no library at all.
        for kind in ["bins", "examples"] {
            println!("cargo::rustc-link-arg-{kind}=-L{directory}");
            println!("cargo::rustc-link-arg-{kind}=-static");
            println!("cargo::rustc-link-arg-{kind}=-no-pie");
        }
    }
}

/// Asks the compiler where it has an archive.
fn find(archive: &str) -> Option<PathBuf> {
    let answer = Command::new("cc").arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    // A name that it does not find it prints as it is.
    (path.is_absolute() && path.exists()).then_some(path)
}
