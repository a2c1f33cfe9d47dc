//! Lesson 9: checks that each container has its own change, in its own writable layer, and the image has none.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::{minicontainer, random_word};
use crate::{Outcome, Refusal, Refused};

pub(super) fn check(script: &Path) -> Result<Outcome> {
    let script = script.canonicalize().with_context(|| format!("cannot find {}", script.display()))?;
    let engine = Engine::with_empty_store()?;
    engine.succeed(&["image", "seed"])?;
    let outcome = run_and_look(&script, &engine);
    engine.clear()?;
    outcome
}

fn run_and_look(script: &Path, engine: &Engine) -> Result<Outcome> {
    let word = random_word("word");
    let output = engine.command("sh").arg(script).arg(&word).output().context("cannot run sh")?;
    let refusal = match output.status.success() {
        true => refusal(engine, word)?,
        false => Some(Refusal::EndedEarly { status: output.status }),
    };
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(refusal.map_or(Outcome::Accepted, |refusal| Outcome::Refused(Refused { refusal, stderr })))
}

/// What is wrong with the containers that the script has created, if anything is.
fn refusal(engine: &Engine, word: String) -> Result<Option<Refusal>> {
    for (name, change) in [("left", "A /note"), ("right", "D /etc/group")] {
        let diff = engine.run(&["diff", name])?;
        if !diff.status.success() {
            return Ok(Some(Refusal::NoContainer { name: name.into() }));
        }
        let changes: Vec<String> = String::from_utf8_lossy(&diff.stdout).lines().map(str::to_owned).collect();
        if !changes.iter().any(|found| found == change) {
            return Ok(Some(Refusal::ChangeMissing { name: name.into(), change: change.into(), changes }));
        }
    }
    let note = engine.upper("left")?.join("note");
    let seen =
        fs::read_to_string(&note).with_context(|| format!("cannot read {}", note.display()))?.trim().to_owned();
    if seen != word {
        return Ok(Some(Refusal::WrongNote { seen, expected: word }));
    }
    // Neither change may be in the image. A script cannot cause that, so it would be a bug of the engine.
    engine.succeed(&["run", "--rm", "busybox", "sh", "-c", "test ! -e /note && test -e /etc/group"])?;
    Ok(None)
}

/// The command `minicontainer` with its own store.
struct Engine {
    program: PathBuf,
    store: TempDir,
}

impl Engine {
    fn with_empty_store() -> Result<Engine> {
        let store = tempfile::tempdir().context("cannot make a store for the check")?;
        Ok(Engine { program: minicontainer()?.path, store })
    }

    /// A command with `minicontainer` in its PATH, which uses this store.
    fn command(&self, program: &str) -> Command {
        let mut folders: Vec<PathBuf> = self.program.parent().map(Path::to_path_buf).into_iter().collect();
        folders.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
        let mut command = Command::new(program);
        command.env("MINICONTAINER_ROOT", self.store.path());
        command.env("PATH", env::join_paths(folders).expect("folders of a path hold no colon"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Result<Output> {
        let program = self.program.to_string_lossy();
        self.command(&program).args(arguments).output().with_context(|| format!("cannot run {program}"))
    }

    fn succeed(&self, arguments: &[&str]) -> Result<Output> {
        let output = self.run(arguments)?;
        if !output.status.success() {
            bail!("minicontainer {} failed ({}): {}", arguments.join(" "), output.status, stdout_and_stderr(&output));
        }
        Ok(output)
    }

    /// The upper directory of a container, with its writable layer.
    fn upper(&self, name: &str) -> Result<PathBuf> {
        let inspect = self.succeed(&["inspect", name])?;
        let document: serde_json::Value =
            serde_json::from_slice(&inspect.stdout).context("inspect prints no JSON")?;
        let id = document.pointer("/0/Id").and_then(|id| id.as_str()).context("inspect tells no Id")?;
        Ok(self.store.path().join("containers").join(id).join("upper"))
    }

    /// Removes the containers of the script with the engine, and then the store.
    fn clear(self) -> Result<()> {
        for name in ["left", "right"] {
            if self.run(&["inspect", name])?.status.success() {
                self.succeed(&["rm", "--force", name])?;
            }
        }
        self.store.close().context("cannot remove the check's store")
    }
}

fn stdout_and_stderr(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
