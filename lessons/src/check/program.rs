//! Builds the programs with cargo: the student's, and the command `minicontainer`.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

/// The folder of this package: the lessons' folders are below it.
pub fn package_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Builds the example whose source is this file, and returns the program.
pub(super) fn build_example(file: &Path) -> Result<PathBuf> {
    let path = file.canonicalize().with_context(|| format!("cannot find {}", file.display()))?;
    let relative =
        path.strip_prefix(package_folder()).ok().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let Some(relative) = relative else {
        bail!(
            "{} is not a Rust file in a lesson's folder: edit the lesson's exercise.rs, which is in Cargo.toml",
            file.display()
        )
    };
    let name = relative.with_extension("").to_string_lossy().replace('/', "-");
    build(&["--example", &name])
}

/// Builds the command `minicontainer` and returns it.
pub fn minicontainer() -> Result<PathBuf> {
    build(&["--bin", "minicontainer"])
}

/// The environment variables that Cargo has set for this package. A nested cargo must not inherit them: some build
/// scripts, such as ring's, run again whenever they change.
pub fn package_variables() -> impl Iterator<Item = OsString> {
    env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_") || name == "OUT_DIR"
    })
}

/// Builds one program with cargo, for the whole workspace: so it uses the same compiled crates as `cargo run --bin
/// lessons`. The compiler's messages go to the student's terminal unchanged.
fn build(target: &[&str]) -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    package_variables().for_each(|variable| {
        cargo.env_remove(variable);
    });
    cargo.args(["build", "--quiet", "--workspace", "--message-format=json-render-diagnostics"]).args(target);
    let output = cargo.current_dir(package_folder()).stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!("cargo build {} failed: fix what the compiler says above", target.join(" "));
    }
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| Some(PathBuf::from(message.get("executable")?.as_str()?)))
        .next_back()
        .with_context(|| format!("cargo build {} names no executable", target.join(" ")))
}
