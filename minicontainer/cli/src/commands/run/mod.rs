//! `run`: creates a container, runs it and supervises it until it exits.
//!
//! ```text
//! arguments ─▶ CreateRequest ─▶ Engine::create ─▶ start ─▶ supervise ─▶ report, exit code
//!   here                         └────────── minicontainer_engine ──────────┘        here
//! ```
//!
//! The container's output is copied to this command's own stdout and stderr, which never enter the container:
//! [`Stdio`] says why. With `-t` the container has its own terminal ([`terminal`]). Messages of the engine go to
//! stderr.

mod cid_file;
mod conclusion;
mod denied;
mod report_file;
pub mod terminal;
mod times;

use std::{fs, io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::Args;
use minicontainer::{
    Error, Hooks, Report, Sandbox, Stdio, Store,
    core::{
        RunOptions,
        explain::{Language, explain_weakening},
        options::{ByteSize, StorageLimit, Timeout},
    },
    store::Image,
};
use minicontainer_engine::{
    CreateRequest, Engine,
    container::AfterExit,
    supervise::signals::{self, SignalControl, SignalScope},
};

use super::{
    explain,
    options::{ContainerArguments, LIMITS, OPTIONS, non_empty},
    registry::{FetchArguments, image_to_run},
};
use crate::commands::open_engine;
use crate::{
    booleans,
    error::{Context, Failure, first_of, warn},
    language,
    messages::{label, message},
    output::say,
};
use cid_file::CidFile;
use conclusion::conclude;
use denied::denied_calls;
use report_file::{ReportFile, meta};
use terminal::Terminal;
use times::times;

/// The heading of the flags that write how the container starts and ends.
const REPORTS: &str = "Explanations and reports";

/// Run a command in a new container
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
#[command(override_usage = "minicontainer run [OPTIONS] IMAGE [COMMAND] [ARG...]")]
#[command(after_help = "Examples:
  minicontainer run --rm busybox echo hi
  minicontainer run --rm -it busybox sh
  echo hi | minicontainer run -i --rm busybox tr a-z A-Z
  minicontainer run --name one busybox sh -c 'echo hello > /root/note'
  minicontainer run --rm -m 64m --pids-limit 32 --timeout 5s busybox sh
  minicontainer run --rm --cpu-time 2s --output-limit 1m busybox yes
  minicontainer run --rm -v .:/work:ro -w /work busybox ls
  minicontainer run --rm --without pid busybox ps
  minicontainer run --explain busybox sh

Exit codes: the program's own; 125 the engine failed, or a report could not be written; 126 the \
program cannot be executed; 127 it was not found; 128+n killed by signal n, including 137 when a \
limit of time, memory or output was reached.")]
pub struct RunArguments {
    /// Connect the program's stdin to yours
    #[arg(short, long)]
    interactive: bool,

    /// Remove the container when it exits [default: keep it, for `ps -a`, `diff` and `commit`]
    #[arg(long)]
    rm: bool,

    /// Name of the container [default: generated]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Write the container's id to a new file
    #[arg(long, value_name = "FILE")]
    cidfile: Option<PathBuf>,

    /// Kill the container after this time, such as 1, 1.5s or 2m30s [default: none; 10m with --profile=untrusted]
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    timeout: Option<String>,

    /// Kill the container after this much processor time, such as 2s [default: none]
    #[arg(long, value_name = "TIME", help_heading = LIMITS)]
    cpu_time: Option<String>,

    /// Kill the container when stdout and stderr together exceed this size, such as 1m [default: none; 64m with
    /// --profile=untrusted]
    #[arg(long, value_name = "SIZE", help_heading = LIMITS)]
    output_limit: Option<String>,

    /// Limit the size of the container's writable layer, such as size=64m or size=64m,inodes=1000; needs --rm, because
    /// the layer is then in memory [default: none; size=512m,inodes=100000 with --profile=untrusted and --rm]
    #[arg(long, value_name = "KEY=VALUE", help_heading = LIMITS)]
    storage_opt: Vec<String>,

    /// Forward signals to the program; with =false, a signal that ends this command ends the container at once
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", hide_default_value = true, value_parser = booleans::parse, action = clap::ArgAction::Set)]
    sig_proxy: bool,

    /// Print every step that would create the container and why, without creating it [possible languages: en, pt]
    #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, value_parser = language::parse, help_heading = REPORTS)]
    explain: Option<Option<Language>>,

    /// At the end, print how long each step of the start took
    #[arg(long, help_heading = REPORTS)]
    trace: bool,

    /// At the end, print which system calls the seccomp filter has refused, and with which errors
    #[arg(long, help_heading = REPORTS)]
    trace_denied: bool,

    /// Write the exit status, the resource usage and the limits to a file, as JSON
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    report: Option<PathBuf>,

    /// Write the same as lines key:value, in the format of isolate(1) of programming contests
    #[arg(long, value_name = "FILE", help_heading = REPORTS)]
    meta: Option<PathBuf>,

    #[command(flatten)]
    fetch: FetchArguments,

    #[command(flatten)]
    container: ContainerArguments,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help, help_heading = OPTIONS)]
    help: Option<bool>,
}

/// Runs `run`. The exit code is the program's own.
pub fn execute(arguments: RunArguments) -> Result<ExitCode, Failure> {
    let options = arguments.options()?;
    let can_type = arguments.interactive && options.terminal.is_some();
    if can_type && arguments.explain.is_none() && !terminal::can_type() {
        return Ok(Failure::new(terminal::NO_TERMINAL).hint(terminal::NO_TERMINAL_HINT).print());
    }
    let engine = open_engine()?;
    let image = image_to_run(engine.store(), arguments.container.image(), &arguments.fetch)?;
    let sandbox = arguments.sandbox(&image, &options)?;
    if let Some(language) = arguments.explain {
        return explain::print(&sandbox, language.unwrap_or_else(language::of_environment));
    }
    let name = non_empty(&arguments.name).as_deref().map(str::parse).transpose();
    let request = CreateRequest {
        sandbox,
        image: &image,
        image_name: arguments.container.image(),
        options: &options,
        name: name.map_err(|error| Failure::of_argument("--name", error))?,
        after_exit: if arguments.rm { AfterExit::Remove } else { AfterExit::Keep },
    };
    arguments.run(&engine, request, can_type)
}

impl RunArguments {
    fn options(&self) -> Result<RunOptions, Failure> {
        let mut options = self.container.options()?;
        options.interactive = self.interactive;
        if let Some(size) = &mut options.terminal {
            *size = terminal::window_size();
        }
        options.limits.cpu_time = parse_time("--cpu-time", self.cpu_time.as_deref())?.map(Timeout::duration);
        let storage = StorageLimit::from_options(&self.storage_opt);
        options.storage = storage.map_err(|error| Failure::of_argument("--storage-opt", error))?;
        if options.storage.is_some() && !self.rm {
            let message = "--storage-opt requires --rm: a limited writable layer is in memory, so it cannot be kept";
            return Err(Failure::new(message).hint("add --rm"));
        }
        Ok(options)
    }

    /// The sandbox. Only this command supervises the container, so the container must not outlive it.
    fn sandbox(&self, image: &Image, options: &RunOptions) -> Result<Sandbox, Failure> {
        let mut sandbox = self.container.sandbox(image, options).end_with_caller();
        sandbox = sandbox.stdin(if self.interactive { Stdio::Inherit } else { Stdio::Null });
        let output_limit = self.output_limit.as_deref().map(str::parse::<ByteSize>).transpose();
        let output_limit = output_limit.map_err(|error| Failure::of_argument("--output-limit", error))?;
        if let Some(limit) = output_limit.or(options.bounds().output) {
            sandbox = sandbox.output_limit(limit.bytes());
        }
        if let Some(timeout) = parse_time("--timeout", self.timeout.as_deref())? {
            sandbox = sandbox.wall_time(timeout.duration());
        }
        sandbox = if self.trace { sandbox.traced() } else { sandbox };
        Ok(if self.trace_denied { sandbox.trace_denied_calls() } else { sandbox })
    }

    /// Creates the container, starts it, supervises it until it exits, and writes the report.
    fn run(&self, engine: &Engine, request: CreateRequest<'_>, can_type: bool) -> Result<ExitCode, Failure> {
        let options = request.options;
        let report = self.report.as_deref().map(ReportFile::open).transpose()?;
        let meta_file = self.meta.as_deref().map(ReportFile::open).transpose()?;
        let attention = if self.sig_proxy { SignalScope::Forward } else { SignalScope::Own };
        let signals = signals::block(attention)?;
        let cid_file = self.cidfile.as_deref().map(CidFile::create).transpose()?;
        let created = engine.create(request)?;
        cid_file.map_or(Ok(()), |file| file.write(created.container().id.as_str()))?;
        warn_about_isolation(self, options, engine.store())?;
        let terminal = Terminal::enter(can_type)?;
        let started = match created.start(Hooks::none()) {
            Ok(started) => started,
            Err(error) => {
                let failure = options_behind_image(Failure::from(error).of_run(), &options.command);
                meta_file.map_or(Ok(()), |file| file.write(report_file::fault(&failure.message()).as_bytes()))?;
                return Err(failure);
            }
        };
        let io = terminal::io(started.running(), self.interactive)?;
        let warn_of = |error| warn(&message("signal-trouble", []).because(Failure::from(error).message()));
        // The signal descriptor is opened after the start, because a start needs many descriptors.
        let mut control = SignalControl::new(signals.descriptor()?, attention, &terminal, &warn_of);
        let times = self.trace.then(|| times(started.running()));
        let ended = started.supervise(io, &mut control)?;
        drop(terminal);
        let results = [
            ended.recorded.map_err(Failure::from),
            report.map_or(Ok(()), |file| file.write_json(&ended.report)),
            meta_file.map_or(Ok(()), |file| file.write(meta(&ended.report).as_bytes())),
        ];
        times.into_iter().for_each(|times| say(&times));
        if self.trace_denied {
            say(&denied_calls(&ended.report, language::of_environment()));
        }
        let code = conclude(&ended.report);
        first_of(results)?;
        Ok(match ended.lost {
            Some(error) => end_with_loss(error, code),
            None => code,
        })
    }
}

/// The words after the image are the program and its arguments, so a flag after the image becomes the program.
fn options_behind_image(failure: Failure, command: &[String]) -> Failure {
    match command.first().filter(|word| word.starts_with('-') && failure.code == 127) {
        Some(flag) => {
            failure.hint(format!("options of run come before the image: minicontainer run {flag} … IMAGE [COMMAND]"))
        }
        None => failure,
    }
}

/// Prints an error about lost input or output. A script must not see success then.
fn end_with_loss(error: Error, code: ExitCode) -> ExitCode {
    let failed = Failure::from(error).of_run().print();
    if code == ExitCode::SUCCESS { failed } else { code }
}

fn parse_time(flag: &str, text: Option<&str>) -> Result<Option<Timeout>, Failure> {
    let parsed = text.map(str::parse::<Timeout>).transpose();
    parsed.map_err(|error| Failure::of_argument(flag, error))
}

/// Warns about each protection that was disabled. Once per store, a person at a terminal is also informed that
/// there is no network by default. Scripts and tests do not get this note, because they read stderr too.
fn warn_about_isolation(arguments: &RunArguments, options: &RunOptions, store: &Store) -> Result<(), Failure> {
    for weakening in options.weakenings() {
        let meaning = explain_weakening(&weakening, minicontainer::host::probe().identity);
        warn(&message("weakened", [("flag", weakening.flag().into()), ("meaning", meaning.into())]));
    }
    let shown = store.given_note_file("network");
    if arguments.container.network.is_none() && std::io::stderr().is_terminal() && !shown.exists() {
        say(&format!("{}\n", label("note-network", language::of_environment())));
        fs::write(&shown, "").with_context(|| format!("cannot write {}", shown.display()))?;
    }
    Ok(())
}

/// Writes JSON for `--report`, see [`ReportFile`].
impl ReportFile {
    fn write_json(self, report: &Report) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(report).context("cannot write the report as JSON")?;
        text.push('\n');
        self.write(text.as_bytes())
    }
}
