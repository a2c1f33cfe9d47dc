//! The last operation: the launcher with its instructions, and the program's arguments and environment.

use std::ffi::CString;

use super::{CompileError, Compiler, text};
use crate::process::launcher;
use crate::process::program::Execution;

impl Compiler<'_> {
    /// The launcher's instructions, and what it passes to the program. `src/launcher/main.rs` describes the format.
    pub(super) fn execution(&self, args: &[String], env: &[String], step: usize) -> Result<Execution, CompileError> {
        let context = self.context;
        let name = context.status.map(|_| launcher::INIT.to_owned());
        let status = context.status.map_or_else(|| "program".to_owned(), |socket| socket.to_string());
        let instructions = [context.report.to_string(), step.to_string(), status];
        let instructions = instructions.into_iter().chain(candidates(&args[0], env)).chain([String::new()]);
        let args = name.iter().chain(args).map(|one| text(one)).collect::<Result<Vec<_>, _>>()?;
        let env = instructions
            .map(|one| text(&one))
            .chain(env.iter().map(|one| text(one)))
            .collect::<Result<Vec<_>, _>>()?;
        let pointers = |part: &[CString]| -> Vec<*const libc::c_char> {
            part.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
        };
        Ok(Execution {
            launcher: context.launcher,
            kept: [Some(context.report), context.status].into_iter().flatten().collect(),
            args: pointers(&args),
            env: pointers(&env),
            _strings: args.into_iter().chain(env).collect(),
        })
    }
}

/// The files to try in turn. A name without a slash is searched for in the directories of `PATH`.
fn candidates(program: &str, env: &[String]) -> Vec<String> {
    if program.contains('/') {
        return vec![program.to_owned()];
    }
    let path = env.iter().rev().find_map(|entry| entry.strip_prefix("PATH=")).unwrap_or_default();
    let directories = path.split(':').map(|directory| if directory.is_empty() { "." } else { directory });
    directories.map(|directory| format!("{directory}/{program}")).collect()
}
