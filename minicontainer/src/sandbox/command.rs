//! The program of a sandbox and its arguments, until the launch adds them to the options.
//!
//! The options and the OCI runtime config are text, but an argument, the value of a variable and a path can be any
//! bytes except NUL. So what is not UTF-8 goes to the new process beside the runtime config, as [`ProcessBytes`]. The
//! runtime config, the plan and its explanation show it with U+FFFD in place of the bytes that are not text.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use minicontainer_core::options::RunOptions;

use super::Error;
use crate::process::ProcessBytes;

/// What the builder was told about the program.
#[derive(Clone, Debug, Default)]
pub(super) struct Command {
    /// The program. None: the image's own.
    pub program: Option<OsString>,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// The variables whose value is not UTF-8.
    variables: Vec<(String, OsString)>,
    /// The working directory, if it is not UTF-8.
    workdir: Option<OsString>,
}

impl Command {
    /// Records the value of a variable, which replaces an earlier one of the same name.
    pub(super) fn set_variable(&mut self, name: &str, value: &OsStr) {
        self.variables.retain(|(other, _)| other != name);
        if value.to_str().is_none() {
            self.variables.push((name.to_owned(), value.to_owned()));
        }
    }

    /// Records the working directory.
    pub(super) fn set_workdir(&mut self, path: &Path) {
        self.workdir = path.to_str().is_none().then(|| path.as_os_str().to_owned());
    }

    /// The options with the program and its arguments, and what of them is not UTF-8.
    ///
    /// # Errors
    /// When there are arguments, but no program to pass them to.
    pub(super) fn applied_to(
        &self,
        options: &RunOptions,
        entrypoint: &[String],
    ) -> Result<(RunOptions, ProcessBytes), Error> {
        let mut options = options.clone();
        let text = |bytes: &OsString| bytes.to_string_lossy().into_owned();
        let arguments = self.arguments.iter().map(text);
        let invalid = |reason: String| Err(Error::Invalid { reason });
        match &self.program {
            // An entrypoint that is an empty string would mean that there is none.
            Some(program) if program.is_empty() => {
                return invalid("cannot run \"\": the name of a program cannot be empty".to_owned());
            }
            Some(program) => {
                options.entrypoint = Some(vec![text(program)]);
                options.command = arguments.collect();
            }
            None => {
                let takes_arguments = |entrypoint: &[String]| entrypoint.iter().any(|word| !word.is_empty());
                let entrypoint = options.entrypoint.as_deref().unwrap_or(entrypoint);
                if let Some(first) = self.arguments.first()
                    && options.command.is_empty()
                    && !takes_arguments(entrypoint)
                {
                    return invalid(format!(
                        "cannot pass the argument {first:?}: there is no entrypoint that takes it; name the program \
                         with `Sandbox::command`"
                    ));
                }
                options.command.extend(arguments);
            }
        }
        let args = self.arguments.iter().rev().chain(&self.program).enumerate();
        let args = args.filter(|(_, arg)| arg.to_str().is_none()).map(|(place, arg)| (place, arg.clone())).collect();
        let bytes = ProcessBytes { args, env: self.variables.clone(), workdir: self.workdir.clone() };
        Ok((options, bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    fn command(program: Option<&str>, arguments: &[&str]) -> Command {
        let arguments = arguments.iter().map(OsString::from).collect();
        Command { program: program.map(OsString::from), arguments, ..Command::default() }
    }

    /// Checks the entrypoint and the command, or the error.
    #[track_caller]
    fn check(command: &Command, entrypoint: &[&str], expect: Result<(Option<&[&str]>, &[&str]), &str>) {
        let entrypoint: Vec<String> = entrypoint.iter().map(|word| (*word).to_owned()).collect();
        let resolved = command.applied_to(&RunOptions::default(), &entrypoint);
        let resolved = resolved.map(|(options, _)| (options.entrypoint, options.command));
        let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
        let expect = expect.map(|(entrypoint, command)| (entrypoint.map(words), words(command)));
        assert_eq!(resolved.map_err(|error| error.to_string()), expect.map_err(str::to_owned));
    }

    #[test]
    fn program_replaces_entrypoint_and_keeps_arguments() {
        check(&command(Some("echo"), &["a", "b"]), &[], Ok((Some(&["echo"]), &["a", "b"])));
        check(&command(Some("echo"), &[]), &["sh", "-c"], Ok((Some(&["echo"]), &[])));
        check(&command(None, &[]), &["sh"], Ok((None, &[])));
    }

    #[test]
    fn arguments_without_program_go_to_the_entrypoint_only() {
        check(&command(None, &["-c", "id"]), &["sh"], Ok((None, &["-c", "id"])));
        let error = "cannot pass the argument \"-c\": there is no entrypoint that takes it; name the program with \
                     `Sandbox::command`";
        check(&command(None, &["-c", "id"]), &[], Err(error));
        check(&command(None, &["-c", "id"]), &[""], Err(error));
        check(&command(Some(""), &["id"]), &["sh"], Err("cannot run \"\": the name of a program cannot be empty"));
    }

    #[test]
    fn arguments_extend_the_command_of_the_options() {
        let options = RunOptions::with(|options| options.command = vec!["ls".to_owned()]);
        let (options, bytes) = command(None, &["-l"]).applied_to(&options, &[]).expect("a command");
        assert_eq!((options.command, bytes.is_empty()), (vec!["ls".to_owned(), "-l".to_owned()], true));
    }

    #[test]
    fn bytes_that_are_not_text_are_kept_beside_the_text() {
        let bytes = OsStr::from_bytes;
        let mut command = command(Some("p"), &["a", "b"]);
        command.arguments.insert(1, bytes(b"\xff").to_owned());
        command.set_variable("A", bytes(b"\xfe"));
        command.set_variable("B", bytes(b"\xfd"));
        command.set_variable("A", OsStr::new("text"));
        command.set_workdir(Path::new(bytes(b"/\xfc")));
        let (options, kept) = command.applied_to(&RunOptions::default(), &[]).expect("a command");
        assert_eq!(options.command, ["a", "\u{fffd}", "b"]);
        assert_eq!(kept.args, [(1, bytes(b"\xff").to_owned())]);
        assert_eq!(kept.env, [("B".to_owned(), bytes(b"\xfd").to_owned())]);
        assert_eq!(kept.workdir.as_deref(), Some(bytes(b"/\xfc")));
        command.program = Some(bytes(b"\xfb").to_owned());
        let (_, kept) = command.applied_to(&RunOptions::default(), &[]).expect("a command");
        assert_eq!(kept.args[1], (3, bytes(b"\xfb").to_owned()));
    }
}
