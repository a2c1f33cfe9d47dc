//! Builds the programs with cargo: the student's, and the command `minicontainer`.
//!
//! Nothing is compiled that is compiled already. So the programs are built for the whole workspace, and in the
//! runner's own profile: then they use the same compiled crates as `cargo run --release --bin minicontainer`.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};

use crate::{Language, lesson::lessons_folder};

/// A program that was built.
#[derive(Debug)]
pub struct Built {
    /// The program.
    pub path: PathBuf,
    /// The targets that had to be compiled for it. The others were compiled before.
    pub compiled: Vec<String>,
}

/// Why a student's program cannot be checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unbuildable {
    /// The file is not a program of a lesson.
    NotInLesson {
        /// The file.
        file: PathBuf,
    },
    /// The compiler has printed errors.
    DoesNotCompile {
        /// The name of the program.
        program: String,
    },
}

impl Unbuildable {
    /// The reason in words.
    pub fn message(&self, language: Language) -> String {
        match (self, language) {
            (Unbuildable::NotInLesson { file }, Language::English) => {
                format!("{} is not a Rust file in the folder of a lesson: edit its exercise.rs", file.display())
            }
            (Unbuildable::NotInLesson { file }, Language::Portuguese) => {
                format!("{} não é um arquivo Rust na pasta de uma lição: edite o exercise.rs dela", file.display())
            }
            (Unbuildable::DoesNotCompile { program }, Language::English) => {
                format!("{program} does not compile: fix what the compiler says above")
            }
            (Unbuildable::DoesNotCompile { program }, Language::Portuguese) => {
                format!("{program} não compila: corrija o que o compilador diz acima")
            }
        }
    }
}

impl fmt::Display for Unbuildable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message(Language::English))
    }
}

impl std::error::Error for Unbuildable {}

/// Builds the program whose source is this file.
pub fn build_exercise(file: &Path) -> Result<Built> {
    let path = file.canonicalize().with_context(|| format!("cannot find {}", file.display()))?;
    let relative =
        path.strip_prefix(lessons_folder()).ok().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let Some(relative) = relative else { bail!(Unbuildable::NotInLesson { file: file.to_owned() }) };
    build(&relative.with_extension("").to_string_lossy().replace('/', "-"))
}

/// Builds the command `minicontainer`.
pub fn minicontainer() -> Result<Built> {
    build("minicontainer")
}

/// The environment variables that Cargo has set for this package. A nested cargo must not inherit them: some build
/// scripts, such as ring's, run again whenever they change.
pub fn package_variables() -> impl Iterator<Item = OsString> {
    env::vars_os().map(|(name, _)| name).filter(|name| {
        let name = name.to_string_lossy();
        name.starts_with("CARGO_MANIFEST_") || name.starts_with("CARGO_PKG_")
    })
}

/// Builds one program with cargo. The compiler's messages go to the student's terminal unchanged.
fn build(program: &str) -> Result<Built> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    package_variables().for_each(|variable| {
        cargo.env_remove(variable);
    });
    cargo.args(["build", "--quiet", "--workspace", "--message-format=json-render-diagnostics", "--bin", program]);
    // The profile `dev` has debug assertions, `release` has none.
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let output = cargo.current_dir(lessons_folder()).stderr(Stdio::inherit()).output().context("cannot run cargo")?;
    if !output.status.success() {
        bail!(Unbuildable::DoesNotCompile { program: program.to_owned() });
    }
    built(program, &String::from_utf8_lossy(&output.stdout))
}

/// Reads cargo's messages, one JSON document in each line, see "Machine-readable output" in the Cargo Book.
fn built(program: &str, messages: &str) -> Result<Built> {
    let (mut path, mut compiled) = (None, Vec::new());
    for message in messages.lines() {
        let message: serde_json::Value = serde_json::from_str(message).context("cannot read cargo's messages")?;
        if message["reason"] != "compiler-artifact" {
            continue;
        }
        if message["fresh"] == false {
            compiled.extend(message["target"]["name"].as_str().map(str::to_owned));
        }
        path = message["executable"].as_str().map(PathBuf::from).or(path);
    }
    let path = path.with_context(|| format!("cargo build --bin {program} names no executable"))?;
    Ok(Built { path, compiled })
}
