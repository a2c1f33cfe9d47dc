//! `judge`: a class's programs against a folder of tests.

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
use minicontainer_engine::{
    judge::{Code, Folder, Judged, Judging, junit},
    supervise::signals::{self, Attention},
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
    format::choice::Choice,
    output::{print, print_json, say},
    table,
};

/// Run a folder of programs against inputs, and compare their answers with the expected ones
#[derive(Debug, Args)]
#[command(after_help = "The folder:
  tests/NAME.in      what a program reads
  tests/NAME.out     what it should write
  programs/STUDENT   a program or script, or a folder with a program `run` in it
  judge.toml         image, command, time, cpu-time, memory, output, pids, disk,
                     comparison (exact, lines, tokens); each may be left out, as may the file

Verdicts: AC accepted, WA wrong answer, TLE time, MLE memory, OLE output, DLE disk, RE runtime
error, IE engine fault (never the program's).

Examples:
  minicontainer judge homework
  minicontainer judge homework --jobs 4 --format json > results.json
  minicontainer judge homework --format junit > results.xml
  minicontainer judge homework --format '{{.program}} {{.test}} {{.verdict}}'

Forms: table, a row for each program and a column for each test, with the reasons below; json, a
list of all runs with all that was measured; junit, XML as build servers read it.
Fields for --format: .program .test .verdict .message .report

Each program runs under the profile `untrusted` (a user namespace of its own even for root, no
network, a bound on everything), with an init as process 1: a program that ends by a signal of its
own is told so. Programs are opened once, at the start: what is put in their place meanwhile is not
judged.

Exit codes: 0 all are accepted; 1 some are not; 125 the engine failed, with some program or
altogether.")]
pub struct JudgeArguments {
    /// The folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,

    /// How many programs run at once [default: one for each processor]
    #[arg(short, long, value_name = "NUMBER")]
    jobs: Option<NonZeroUsize>,

    /// How strictly programs are held: default gives root's containers no user namespace of their own, for file
    /// systems that cannot show the programs there
    #[arg(long, value_name = "PROFILE", default_value = "untrusted")]
    profile: ProfileArgument,

    /// How the results are written: table, json, junit, or each run by a template
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum ResultFormat {
    /// A row for each program, a column for each test, and the reasons below
    Table,
    /// A list of all runs with all that was measured
    Json,
    /// JUnit's XML, as build servers read it
    Junit,
}

/// Judges. The exit code says whether all are accepted.
pub fn execute(arguments: &JudgeArguments) -> Result<ExitCode, Failure> {
    let format = Choice::parse(&arguments.format)?;
    if let Choice::Template(format) = &format {
        // A field that does not exist is reported now, not after minutes of judging.
        format.render_each(&[Judged::example()])?;
    }
    raise_descriptor_limit()?;
    let folder = Folder::read(&arguments.folder)?;
    let store = open_store()?;
    let image = find_image(&store, &folder.settings.image)?;
    let judging = Judging::new(&folder, &image, &store, arguments.profile.profile());
    judging.check()?;
    let missing = folder.settings.missing(&minicontainer::host::probe());
    if !missing.is_empty() {
        warn(&format!("no limit here of {}: see `minicontainer doctor`", missing.join(", ")));
    }
    let jobs = arguments.jobs.or(thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);

    let signals = signals::block(Attention::Ending)?.descriptor()?;
    let (over, interrupted) = (AtomicBool::new(false), AtomicBool::new(false));
    let progress = Progress::new(folder.programs.len() * folder.tests.len());
    let results = thread::scope(|scope| {
        let attend = || cancel_on_signal(&signals, &judging, &over, &interrupted);
        thread::Builder::new().spawn_scoped(scope, attend).context("cannot start a thread")?;
        let results = judging.run(jobs, |judged| progress.tell(judged));
        over.store(true, Ordering::SeqCst);
        Ok::<_, Failure>(results)
    })?;
    progress.clear();
    if interrupted.into_inner() {
        return Err(Failure::new("interrupted; nothing of it is left running"));
    }
    match format {
        Choice::Own(ResultFormat::Table) => print(&as_table(&folder, &results, colours()))?,
        Choice::Own(ResultFormat::Json) => print_json(&results)?,
        Choice::Own(ResultFormat::Junit) => print(&junit(&results))?,
        Choice::Template(format) => print(&format.render_each(&results)?)?,
    }
    Ok(conclude(&results))
}

/// Every program stays open while a class is judged, and many systems let a process open 1,024 files unless it asks
/// for more.
fn raise_descriptor_limit() -> Result<(), Failure> {
    let failed = "cannot raise the limit of open files, see getrlimit(2)";
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).context(failed)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).context(failed)?;
    Ok(())
}

/// Containers do not hear this command's signals. Whoever presses Ctrl-C means them, too.
fn cancel_on_signal(signals: &SignalFd, judging: &Judging, over: &AtomicBool, interrupted: &AtomicBool) {
    while !over.load(Ordering::SeqCst) {
        let mut waited = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
        if poll(&mut waited, PollTimeout::from(50_u8)).is_ok_and(|ready| ready > 0) {
            interrupted.store(true, Ordering::SeqCst);
            judging.cancel();
            return;
        }
    }
}

fn conclude(results: &[Judged]) -> ExitCode {
    let any = |wanted: fn(Code) -> bool| results.iter().any(|judged| wanted(judged.outcome.verdict));
    if any(|verdict| verdict == Code::EngineFault) {
        return ExitCode::from(ENGINE_FAILED);
    }
    ExitCode::from(u8::from(any(|verdict| verdict != Code::Accepted)))
}

/// How far it is, in one line that is written over; on a terminal only.
struct Progress {
    all: usize,
    done: AtomicUsize,
    shown: bool,
}

impl Progress {
    fn new(all: usize) -> Progress {
        Progress { all, done: AtomicUsize::new(0), shown: io::stderr().is_terminal() }
    }

    fn tell(&self, judged: &Judged) {
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

/// Whether stdout is a terminal whose owner has not asked for plain text (no-color.org).
fn colours() -> bool {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !plain
}

/// A row for each program, then a line for each that was not accepted.
fn as_table(folder: &Folder, results: &[Judged], colours: bool) -> String {
    let heading = ["PROGRAM"].into_iter().chain(folder.tests.iter().map(|test| test.name.as_str()));
    let mut rows: Vec<Vec<String>> = vec![heading.chain(["ACCEPTED", "TIME"]).map(str::to_owned).collect()];
    for program in results.chunk_by(|one, other| one.program == other.program) {
        let accepted = program.iter().filter(|judged| judged.outcome.verdict == Code::Accepted).count();
        let cpu: Duration = program.iter().filter_map(|judged| Some(judged.report.as_ref()?.cpu_time)).sum();
        let verdicts = program.iter().map(|judged| judged.outcome.verdict.to_string());
        let last = [format!("{accepted}/{}", program.len()), format!("{:.3}s", cpu.as_secs_f64())];
        rows.push([program[0].program.clone()].into_iter().chain(verdicts).chain(last).collect());
    }
    let table = table::render(&rows);
    let mut text = if colours { coloured(&table) } else { table };
    for Judged { program, test, outcome, .. } in results {
        if let Some(message) = &outcome.message {
            text += &format!("\n{program} {test}: {} {message}", outcome.verdict);
        }
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

/// Verdicts in green and red. They are words of capital letters between blanks, as no test's name below the heading
/// is.
fn coloured(table: &str) -> String {
    let word = |word: &str| match word.trim_end() {
        "AC" => format!("\x1b[32m{word}\x1b[0m"),
        "WA" | "TLE" | "MLE" | "OLE" | "DLE" | "RE" | "IE" => format!("\x1b[31m{word}\x1b[0m"),
        _ => word.to_owned(),
    };
    let line = |(number, line): (usize, &str)| match number {
        0 => line.to_owned(),
        _ => line
            .split_inclusive(' ')
            .enumerate()
            .map(|(at, text)| if at == 0 { text.to_owned() } else { word(text) })
            .collect(),
    };
    table.split_inclusive('\n').enumerate().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_verdicts_are_coloured() {
        let table = "PROGRAM   RE   ACCEPTED\nAC        AC   1/1\nben       TLE   0/1\n";
        let expect =
            "PROGRAM   RE   ACCEPTED\nAC        \x1b[32mAC \x1b[0m  1/1\nben       \x1b[31mTLE \x1b[0m  0/1\n";
        assert_eq!(coloured(table), expect);
    }
}
