//! Compiles the launcher, a program of its own that the library carries along: `src/launcher/main.rs` tells what for.
//!
//! The very compiler of the library makes it, for the same target, but without the standard library and without any
//! of the flags that a user gives for the library (`RUSTFLAGS`): a sanitizer or a profiler would need what is not
//! there.

use std::{env, ffi::OsString, path::Path, process::Command};

fn main() {
    for path in ["build.rs", "src/launcher", "src/sys/raw.rs", "src/process/message.rs"] {
        println!("cargo::rerun-if-changed={path}");
    }
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|system| system == "linux") {
        compile_launcher();
    }
}

fn compile_launcher() {
    let variable = |name: &str| env::var_os(name).unwrap_or_else(|| panic!("cargo sets {name}"));
    let linker = env::var_os("RUSTC_LINKER");
    let mut rustc = Command::new(variable("RUSTC"));
    rustc.args(["src/launcher/main.rs", "--crate-name=launcher", "--edition=2024", "--crate-type=bin"]);
    rustc.arg("--target").arg(variable("TARGET")).arg("-o").arg(Path::new(&variable("OUT_DIR")).join("launcher"));
    for option in [
        "panic=abort",
        "opt-level=s",
        "codegen-units=1",
        "debuginfo=0",
        "strip=symbols",
        // It lies where it is linked to lie, so that nothing is relocated when it starts.
        "relocation-model=static",
        "relro-level=off",
        "force-unwind-tables=no",
    ] {
        rustc.args(["-C", option]);
    }
    if variable("TARGET").to_string_lossy().contains("musl") {
        // There rustc would add the C library's beginning of a program itself.
        rustc.args(["-C", "link-self-contained=no"]);
    }
    if let Some(linker) = &linker {
        rustc.arg("-C").arg([OsString::from("linker="), linker.clone()].into_iter().collect::<OsString>());
    }
    for argument in link_arguments(linker.as_deref().map(Path::new)) {
        rustc.arg("-C").arg(format!("link-arg={argument}"));
    }
    let status = rustc.status().unwrap_or_else(|error| panic!("cannot run {rustc:?}: {error}"));
    assert!(status.success(), "cannot compile the launcher: {rustc:?}: {status}");
}

/// Without start-up code and libraries, and with one segment instead of four pages.
fn link_arguments(linker: Option<&Path>) -> &'static [&'static str] {
    let is_linker_itself = linker.and_then(Path::file_stem).is_some_and(|name| {
        let name = name.to_string_lossy();
        name == "ld" || name.ends_with("-ld") || name.ends_with("lld")
    });
    match is_linker_itself {
        true => &["-static", "-z", "noseparate-code", "--build-id=none"],
        // A compiler passes the options after `-Wl,` to its linker.
        false => &["-nostartfiles", "-nostdlib", "-static", "-Wl,-z,noseparate-code", "-Wl,--build-id=none"],
    }
}
