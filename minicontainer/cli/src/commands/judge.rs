//! `judge`: runs the programs of a class against a folder of tests.

use std::{
    io::{self, IsTerminal},
    num::NonZeroUsize,
    os::fd::AsFd,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use clap::{Args, ValueEnum};
use minicontainer::core::explain::Language;
use minicontainer_engine::{
    judge::{Folder, JudgeRun, JudgeVerdict, Judged, junit},
    supervise::signals::{self, SignalScope},
};
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        resource::{Resource, getrlimit, setrlimit},
        signalfd::SignalFd,
    },
};

use super::{find_image, security::ProfileArgument};
use crate::commands::open_store;
use crate::{
    error::{Context, ENGINE_FAILED, Failure, warn},
    flags::with_flags,
    format::choice::Choice,
    language,
    messages::{label, message},
    output::{print, print_json, say},
    table,
};

/// The maximum number of programs at once, more than most machines have processors.
const MOST_JOBS: usize = 256;

/// Run a folder of programs against test inputs and compare their output
#[derive(Debug, Args)]
#[command(after_help = "The folder:
  tests/NAME.in      what a program reads
  tests/NAME.out     what it should write
  programs/STUDENT   a program or script, or a folder with a program `run` in it
  judge.toml         image, command, time, cpu-time, memory, output, pids, disk,
                     comparison (exact, lines, tokens); each may be left out, as may the file

Verdicts: AC accepted, WA wrong answer, TLE time, MLE memory, OLE output, DLE disk, RE runtime \
error, IE engine fault (never the program's).

Examples:
  minicontainer judge homework
  minicontainer judge homework --jobs 4 --format json > results.json
  minicontainer judge homework --format junit > results.xml
  minicontainer judge homework --format '{{.program}} {{.test}} {{.verdict}}'

Formats: table, a row for each program and a column for each test, followed by the reasons; json, a \
list of all runs with all measurements; junit, XML for build servers.

Fields for --format: .program .test .verdict .message .report

Each program runs under the profile `untrusted` (a user namespace even for root, no network, a limit \
on every resource), with an init as process 1, so a program that kills itself with a signal is \
reported correctly. Programs are opened once, at the start: files that replace them later are not \
judged.

Exit codes: 0 all are accepted; 1 some are not; 125 the engine failed, for one program or \
altogether.")]
pub struct JudgeArguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// How many programs run at once, at most 256 [default: one per processor]
    #[arg(short, long, value_name = "NUMBER", value_parser = parse_jobs)]
    jobs: Option<NonZeroUsize>,

    /// Security profile; as root, default creates no user namespace, for file systems that do not support one
    #[arg(long, value_name = "PROFILE", default_value = "untrusted")]
    profile: ProfileArgument,

    /// Output format: table, json, junit, or a template for each run
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,

    /// Language of the table: en or pt [default: the locale's]
    #[arg(long, value_name = "LANGUAGE", value_parser = language::parse)]
    lang: Option<Language>,
}

/// Parses the number of programs that run at once. Each of them needs a thread, open files and memory.
fn parse_jobs(text: &str) -> Result<NonZeroUsize, String> {
    let number = text.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MOST_JOBS);
    number.ok_or_else(|| format!("must be a number from 1 to {MOST_JOBS}"))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ResultFormat {
    /// A row for each program, a column for each test, and the reasons below
    Table,
    /// A list of all runs with all measurements
    Json,
    /// JUnit's XML, for build servers
    Junit,
}

/// Runs `judge`. The exit code is 0 if all programs are accepted.
pub fn execute(arguments: &JudgeArguments) -> Result<ExitCode, Failure> {
    let format = Choice::parse(&arguments.format)?;
    let language = arguments.lang.unwrap_or_else(language::of_environment);
    if let Choice::Template(format) = &format {
        // A field that does not exist is reported now, not after minutes of judging.
        format.render_each(&[Judged::example()])?;
    }
    raise_descriptor_limit()?;
    let folder = Folder::read(&arguments.folder)?;
    let store = open_store()?;
    let image = find_image(&store, &folder.settings.image)?;
    let judge_run = JudgeRun::new(&folder, &image, &store, arguments.profile.profile());
    judge_run.check()?;
    let missing = folder.settings.missing(&minicontainer::host::probe());
    if !missing.is_empty() {
        warn(&message("missing-limits", [("limits", missing.join(", ").into())]));
    }
    let jobs = arguments.jobs.or(thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);

    let signals = signals::block(SignalScope::Termination)?.descriptor()?;
    let (over, interrupted) = (AtomicBool::new(false), AtomicBool::new(false));
    let progress = Progress::new(folder.programs.len() * folder.tests.len());
    let mut results = thread::scope(|scope| {
        let attend = || cancel_on_signal(&signals, &judge_run, &over, &interrupted);
        thread::Builder::new().spawn_scoped(scope, attend).context("cannot start a thread")?;
        let results = judge_run.run(jobs, |judged| progress.show(judged));
        over.store(true, Ordering::SeqCst);
        Ok::<_, Failure>(results)
    })?;
    progress.clear();
    if interrupted.into_inner() {
        return Err(Failure::new("interrupted; all containers were stopped"));
    }
    name_flags(&mut results);
    match format {
        Choice::Own(ResultFormat::Table) => print(&as_table(&folder, &results, language, colours()))?,
        Choice::Own(ResultFormat::Json) => print_json(&results)?,
        Choice::Own(ResultFormat::Junit) => print(&junit(&results))?,
        Choice::Template(format) => print(&format.render_each(&results)?)?,
    }
    Ok(conclude(&results))
}

/// All programs stay open while they are judged, and many systems set a soft limit of 1,024 open files.
fn raise_descriptor_limit() -> Result<(), Failure> {
    let failed = "cannot raise the limit of open files, see getrlimit(2)";
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context(failed)?;
    Ok(())
}

/// Cancels the containers when a signal arrives: Ctrl-C does not reach them by itself.
fn cancel_on_signal(signals: &SignalFd, judge_run: &JudgeRun, over: &AtomicBool, interrupted: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        let mut waited = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waited, PollTimeout::from(50_u8)).is_ok_and(|ready| ready > 0) {
            interrupted.store(true, Ordering::SeqCst);
            judge_run.cancel();
            return;
        }
    }
}

/// Errors of the engine name its settings; here the user has flags.
fn name_flags(results: &mut [Judged]) {
    let faults = results.iter_mut().filter(|judged| judged.outcome.verdict == JudgeVerdict::EngineFault);
    for outcome in faults.map(|judged| &mut judged.outcome) {
        let message = outcome.message.take();
        outcome.message = message.map(|message| message.map_error(|error| with_flags(error).into_owned()));
    }
}

fn conclude(results: &[Judged]) -> ExitCode {
    let any = |wanted: fn(JudgeVerdict) -> bool| results.iter().any(|judged| wanted(judged.outcome.verdict));
    if any(|verdict| verdict == JudgeVerdict::EngineFault) {
        return ExitCode::from(ENGINE_FAILED);
    }
    ExitCode::from(u8::from(any(|verdict| verdict != JudgeVerdict::Accepted)))
}

/// The progress, in one line that is overwritten, on a terminal only.
struct Progress {
    all: usize,
    done: AtomicUsize,
    shown: bool,
}

impl Progress {
    fn new(all: usize) -> Progress {
        Progress { all, done: AtomicUsize::new(0), shown: io::stderr().is_terminal() }
    }

    fn show(&self, judged: &Judged) {
        let done = self.done.fetch_add(1, Ordering::SeqCst) + 1;
        if self.shown {
            const WIDTH: usize = 24;
            let bar = "#".repeat(done * WIDTH / self.all.max(1));
            let line = format!("\r\x1b[K[{bar:<WIDTH$}] {done}/{} {} {}", self.all, judged.program, judged.test);
            say(&line);
        }
    }

    fn clear(&self) {
        if self.shown {
            say("\r\x1b[K");
        }
    }
}

/// Whether stdout is a terminal and NO_COLOR is not set (no-color.org).
fn colours() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !plain
}

/// A row for each program, then a line for each run that was not accepted.
fn as_table(folder: &Folder, results: &[Judged], language: Language, colours: bool) -> String {
    let tests = folder.tests.iter().map(|test| test.name.clone());
    let last = ["judge-accepted", "judge-time"].map(|key| label(key, language));
    let mut rows: Vec<Vec<String>> =
        vec![[label("judge-program", language)].into_iter().chain(tests).chain(last).collect()];
    for program in results.chunk_by(|one, other| one.program == other.program) {
        let accepted = program.iter().filter(|judged| judged.outcome.verdict == JudgeVerdict::Accepted).count();
        let cpu: Duration = program.iter().filter_map(|judged| Some(judged.report.as_ref()?.cpu_time)).sum();
        let verdicts = program.iter().map(|judged| judged.outcome.verdict.to_string());
        let last = [format!("{accepted}/{}", program.len()), format!("{:.3}s", cpu.as_secs_f64())];
        rows.push([program[0].program.clone()].into_iter().chain(verdicts).chain(last).collect());
    }
    let table = table::render(&rows);
    let names = rows.iter().map(|row| row[0].chars().count()).max().unwrap_or_default();
    let mut text = if colours { coloured(&table, names) } else { table };
    for Judged { program, test, outcome, .. } in results {
        if let Some(message) = &outcome.message {
            text += &format!("\n{program} {test}: {} {}", outcome.verdict, message.text(language));
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Colours verdicts green and red: capital letters between blanks, after the names in the first column.
fn coloured(table: &str, names: usize) -> String {
    let word = |word: &str| match word.trim_end() {
        "AC" => format!("\x1b[32m{word}\x1b[0m"),
        "WA" | "TLE" | "MLE" | "OLE" | "DLE" | "RE" | "IE" => format!("\x1b[31m{word}\x1b[0m"),
        _ => word.to_owned(),
    };
    let line = |(number, line): (usize, &str)| {
        let (end, _) = line.char_indices().nth(names).unwrap_or((line.len(), ' '));
        let (name, verdicts) = line.split_at(if number == 0 { line.len() } else { end });
        verdicts.split_inclusive(' ').fold(name.to_owned(), |text, part| text + &word(part))
    };
    table.split_inclusive('\n').enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_verdicts_are_coloured() {
        let table = "PROGRAM   RE   ACCEPTED\nAC RE     AC   1/1\nben       TLE   0/1\n";
        let expect =
            "PROGRAM   RE   ACCEPTED\nAC RE     \x1b[32mAC \x1b[0m  1/1\nben       \x1b[31mTLE \x1b[0m  0/1\n";
        assert_eq!(coloured(table, 7), expect);
    }
}
