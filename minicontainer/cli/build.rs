//! Links the command statically, so that it starts quickly.
//!
//! The dynamic loader finds, maps and relocates every shared library before `main`, and a position-independent
//! executable is relocated itself: half a millisecond of the four that a container takes.
//! `-C target-feature=+crt-static` would have the same effect, but on the whole build, and procedural macros must
//! stay shared libraries. So this script changes the linker arguments of this program alone: it adds a directory in
//! which the linker finds archives in place of the shared libraries. If the compiler has no such archives, the
//! program is linked dynamically as usual.

use std::{env, fs, os::unix::fs::symlink, path::Path, path::PathBuf, process::Command};

/// The name that the linker looks for, and the archive that it finds there.
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
    // A cross build needs archives of the target, and `cc` only finds those of the host.
    if env::var("HOST") != env::var("TARGET")
        || !env::var("TARGET").is_ok_and(|target| target.ends_with("-linux-gnu"))
    {
        return;
    }
    let Ok(directory) = env::var("OUT_DIR") else { return };
    if LIBRARIES.iter().all(|(name, archive)| {
        find(archive).is_some_and(|archive| {
            let link = Path::new(&directory).join(name);
            // The link may be there from an earlier build.
            let _not_there = fs::remove_file(&link);
            symlink(archive, &link).is_ok()
        })
    }) {
        // The example is the tests' probe, which must run in root file systems without any library.
        for kind in ["bins", "examples"] {
            println!("cargo::rustc-link-arg-{kind}=-L{directory}");
            println!("cargo::rustc-link-arg-{kind}=-static");
            println!("cargo::rustc-link-arg-{kind}=-no-pie");
        }
    }
}

/// The path of an archive, as the compiler reports it.
fn find(archive: &str) -> Option<PathBuf> {
    let answer = Command::new("cc").arg(format!("-print-file-name={archive}")).output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    // `cc` prints a name that it cannot find unchanged.
    (path.is_absolute() && path.exists()).then_some(path)
}
