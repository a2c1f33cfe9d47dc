//! The last operation: the launcher with its instructions, and the program's arguments and environment.

use std::ffi::CString;

use super::{CompileError, Compiler, bytes};
use crate::process::launcher;
use crate::process::program::Execution;

impl Compiler<'_> {
    /// The launcher's instructions, and what it passes to the program. `src/launcher/main.rs` describes the format.
    pub(super) fn execution(&self, args: &[String], env: &[String], step: usize) -> Result<Execution, CompileError> {
        let context = self.context;
        let (args, env) = (context.process_bytes.args(args), context.process_bytes.env(env));
        let name = context.status.map(|_| launcher::INIT.as_bytes());
        let status = context.status.map_or_else(|| "program".to_owned(), |socket| socket.to_string());
        let instructions = [context.report.to_string(), step.to_string(), status].map(String::into_bytes);
        let instructions = instructions.into_iter().chain(candidates(args[0], &env)).chain([Vec::new()]);
        let args = name.into_iter().chain(args).map(bytes).collect::<Result<Vec<_>, _>>()?;
        let env = instructions
            .map(|one| bytes(&one))
            .chain(env.iter().map(|one| bytes(one)))
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
fn candidates(program: &[u8], env: &[impl AsRef<[u8]>]) -> Vec<Vec<u8>> {
    if program.contains(&b'/') {
        return vec![program.to_owned()];
    }
    let path = env.iter().rev().find_map(|entry| entry.as_ref().strip_prefix(b"PATH=")).unwrap_or_default();
    let directories = path.split(|byte| *byte == b':');
    let directories = directories.map(|directory| if directory.is_empty() { b"." } else { directory });
    directories.map(|directory| [directory, b"/", program].concat()).collect()
}
