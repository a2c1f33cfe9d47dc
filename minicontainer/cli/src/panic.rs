//! The report of a bug in this command, in one line.
//!
//! The release build has `panic = "abort"`: a panic would end it with SIGABRT, which a shell shows as exit code 134.
//! `run` could confuse that with an exit code of the container's program. A *panic hook* runs before the abort. Ours
//! prints one line, restores the user's terminal and exits with 125, in whichever thread the panic happens.
//!
//! No destructor runs, as with an abort. That is safe: containers of `run` end with their engine (PR_SET_PDEATHSIG),
//! and a later sweep removes what a killed engine left behind.
//!
//! The hook must not panic or wait for a lock that the failing thread or another one holds. So it writes to the file
//! descriptor instead of [`std::io::Stderr`], and ignores errors.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    io,
    panic::{self, PanicHookInfo},
    process,
};

use nix::unistd::write;

use crate::{
    commands::run::terminal::restore_settings,
    error::{ENGINE_FAILED, shortened},
    output::visible,
};

/// Replaces the standard library's hook, which panics if stderr cannot be written.
pub fn install() {
    panic::set_hook(Box::new(|info| {
        restore_settings();
        let mut text = message(info);
        // Captured only if RUST_BACKTRACE is set.
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            text += &format!("{backtrace}\n");
        }
        let _best_effort = write(io::stderr(), text.as_bytes());
        process::exit(ENGINE_FAILED.into());
    }));
}

fn message(info: &PanicHookInfo) -> String {
    let place = info.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let what = shortened(&visible(text_of(info.payload())));
    format!(
        "minicontainer: internal error at {place}: {what}; this is a bug: please report this line with the command that \
         you ran\n"
    )
}

fn text_of(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use std::{
        env,
        fs::File,
        io::{Write, pipe},
        process::{Command, Stdio},
        thread,
    };

    use super::*;

    /// The variable that tells [`panics_in_child_process`] how to panic.
    const HOW: &str = "MINICONTAINER_TEST_PANIC";

    /// This test program, in a process that panics.
    fn panicking(how: &str) -> Command {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "--ignored", "--nocapture", "panic::tests::panics_in_child_process"]);
        command.env(HOW, how).env_remove("RUST_BACKTRACE").stdout(Stdio::null());
        command
    }

    #[test]
    #[ignore = "the tests below start it"]
    fn panics_in_child_process() {
        let how = env::var(HOW).expect("one of the tests below says how");
        if how != "without the hook" {
            install();
        }
        let _locks = (how == "with locks").then(|| (io::stdout().lock(), io::stderr().lock()));
        if ["in a thread", "with locks"].contains(&how.as_str()) {
            thread::scope(|scope| {
                scope.spawn(|| panic!("a bug \x1b[2J in a thread")).join().expect("it never returns")
            });
        }
        panic!("a bug {}", "\x1b[2J in a thread");
    }

    #[test]
    fn panic_prints_one_line_and_exits_with_125() {
        for how in ["in the main thread", "in a thread", "with locks"] {
            let output = panicking(how).output().expect("it starts");
            let stderr = String::from_utf8(output.stderr).expect("text");
            assert_eq!(output.status.code(), Some(125), "{how}: {stderr}");
            assert_eq!(stderr.lines().count(), 1, "{how}: {stderr}");
            assert!(stderr.contains("internal error at minicontainer/cli/src/panic.rs:"), "{how}: {stderr}");
            assert!(stderr.contains(": a bug \\u{1b}[2J in a thread; this is a bug"), "{how}: {stderr}");
        }
        // The control: without the hook the test harness reports a failure.
        assert_eq!(panicking("without the hook").output().expect("it starts").status.code(), Some(101));
    }

    #[test]
    fn backtrace_is_printed_on_request() {
        let output = panicking("in a thread").env("RUST_BACKTRACE", "1").output().expect("it starts");
        let stderr = String::from_utf8(output.stderr).expect("text");
        assert!(output.status.code() == Some(125) && stderr.contains("panics_in_child_process"), "{stderr}");
    }

    #[test]
    fn panic_exits_with_125_when_stderr_is_not_writable() {
        let full = File::options().write(true).open("/dev/full").expect("/dev/full");
        let (reader, mut writer) = pipe().expect("a pipe");
        drop(reader);
        assert!(writer.write_all(b"x").is_err());
        for (what, stderr) in [("full", Stdio::from(full)), ("a pipe that no one reads", Stdio::from(writer))] {
            let status = panicking("in a thread").stderr(stderr).status().expect("it starts");
            assert_eq!(status.code(), Some(125), "{what}");
        }
    }
}
