//! `run`: a container from its making to its end.
//!
//! ```text
//! options ─▶ record (name, id, config.json) ─▶ start ─▶ "running" ─▶ end ─▶ "exited", or removed (--rm)
//! ```
//!
//! What the container prints is copied to this command's own stdout and stderr, which never come inside: [`Stdio`] says
//! why. With `-t` the container has a terminal of its own ([`terminal`]). What the engine has to say goes to stderr.

mod measured;
pub mod signals;
pub mod terminal;

use std::{fs, io::IsTerminal, os::fd::AsFd, path::PathBuf, process::ExitCode, time::Duration};

use clap::Args;
use minicontainer::{
    Error, Event, Hooks, Report, Running, Stdio, Store, Verdict,
    core::{
        RunOptions,
        explain::{Language, explain_plan, explain_weakening},
        options::{ByteSize, StorageLimit, Timeout},
    },
    store::StoreError,
};
use minicontainer_engine::container::{AfterExit, Attended, exit_code};

use super::{
    create::{Recorded, Wanted, create},
    explain,
    options::ContainerArguments,
    registry::{FetchArguments, image_to_run},
};
use crate::commands::open_store;
use crate::{
    error::{Context, Failure, complain, first_of, warn},
    language,
    output::{say, visible},
};
use measured::{MeasureFile, meta};
use nix::sys::{signal::Signal, signalfd::SignalFd};
use signals::Attention;
use terminal::RawMode;

/// Run a command in a new container
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
#[command(override_usage = "minicontainer run [OPTIONS] IMAGE [COMMAND] [ARG...]")]
#[command(after_help = "Examples:
  minicontainer run --rm busybox echo hi
  minicontainer run --rm -it busybox sh
  echo hi | minicontainer run -i --rm busybox tr a-z A-Z
  minicontainer run --name one busybox sh -c 'echo hello > /root/note'
  minicontainer run --rm --memory 64m --pids-limit 32 --timeout 5s busybox sh -c 'echo quick'
  minicontainer run --rm --cpu-time 2s --output-limit 1m --storage-opt size=64m busybox yes
  minicontainer run --rm -v .:/work:ro -w /work busybox ls
  minicontainer run --rm --without pid busybox ps
  minicontainer run --explain busybox sh

Exit codes: the program's own; 125 the engine failed, or a report could not be written; 126 the
program cannot be executed; 127 it was not found; 128+n signal n ended it; 137 also when the time,
the memory or the output was used up.")]
pub struct RunArguments {
    /// Let the program read what is typed or piped in
    #[arg(short, long)]
    interactive: bool,

    /// Remove the container when it has ended
    #[arg(long)]
    rm: bool,

    /// Give the container a name; else one is made up
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Kill everything in it after this time, such as 1, 1.5s or 2m30s
    #[arg(long, value_name = "TIME")]
    timeout: Option<String>,

    /// Kill everything in it when it has used this much processor time, such as 2s
    #[arg(long, value_name = "TIME")]
    cpu_time: Option<String>,

    /// Kill everything in it when it has written more than this to stdout and stderr together, such as 1m
    #[arg(long, value_name = "SIZE")]
    output_limit: Option<String>,

    /// Bound what it may write into its own layer, such as size=64m, or inodes=1000 beside it; needs --rm, for the layer
    /// then lies in memory
    #[arg(long, value_name = "KEY=VALUE", requires = "rm")]
    storage_opt: Vec<String>,

    /// Pass signals that this command gets on to the program; =false: one that asks to end ends the container at once
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value_t = true,
          default_missing_value = "true", hide_default_value = true, hide_possible_values = true, action = clap::ArgAction::Set)]
    sig_proxy: bool,

    /// Print every step that would make the container, and why; make nothing [possible languages: en, pt]
    #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, value_parser = language::parse)]
    explain: Option<Option<Language>>,

    /// Tell in the end how long each step of the start took
    #[arg(long)]
    trace: bool,

    /// Write how it ended, what it used and its limits to a file, as JSON
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,

    /// The same as lines key:value, as isolate(1) of programming contests writes it
    #[arg(long, value_name = "FILE")]
    meta: Option<PathBuf>,

    #[command(flatten)]
    fetch: FetchArguments,

    #[command(flatten)]
    container: ContainerArguments,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

/// Runs it. The exit code is the program's own.
pub fn execute(arguments: RunArguments) -> Result<ExitCode, Failure> {
    let mut options = arguments.container.options()?;
    if let Some(size) = &mut options.terminal {
        *size = terminal::window_size();
    }
    let can_type = arguments.interactive && options.terminal.is_some();
    if can_type && arguments.explain.is_none() && !terminal::can_type() {
        return Ok(Failure::new(terminal::NO_TERMINAL).hint(terminal::NO_TERMINAL_MEND).print());
    }
    let timeout = parse_time("--timeout", arguments.timeout.as_deref())?;
    options.limits.cpu_time = parse_time("--cpu-time", arguments.cpu_time.as_deref())?.map(Timeout::duration);
    let storage = StorageLimit::from_options(&arguments.storage_opt);
    options.storage = storage.map_err(|error| Failure::of_argument("--storage-opt", error))?;
    let output_limit = arguments.output_limit.as_deref().map(str::parse::<ByteSize>).transpose();
    let output_limit =
        output_limit.map_err(|error| Failure::of_argument("--output-limit", error))?.or(options.bounds().output);
    let store = open_store()?;
    let image = image_to_run(&store, arguments.container.image(), &arguments.fetch)?;
    // This command is the container's only attendant: what it gives birth to shall not outlive it.
    let mut sandbox = arguments.container.sandbox(&image, &options).end_with_caller();
    if let Some(language) = arguments.explain {
        return explain::print(&sandbox, language.unwrap_or_else(language::of_environment));
    }
    let report = arguments.report.as_deref().map(MeasureFile::open).transpose()?;
    let meta_file = arguments.meta.as_deref().map(MeasureFile::open).transpose()?;
    let attention = if arguments.sig_proxy { Attention::PassOn } else { Attention::Own };
    let signals = signals::block(attention)?;
    sandbox = sandbox.stdin(if arguments.interactive { Stdio::Inherit } else { Stdio::Null });
    if let Some(limit) = output_limit {
        sandbox = sandbox.output_limit(limit.bytes());
    }
    if let Some(timeout) = timeout {
        sandbox = sandbox.wall_time(timeout.duration());
    }
    if arguments.trace {
        sandbox = sandbox.traced();
    }
    let name = arguments.name.as_deref().map(str::parse).transpose();
    let Recorded { launch, mut attended } = create(
        &store,
        sandbox,
        Wanted {
            name: name.map_err(|error| Failure::of_argument("--name", error))?,
            image: &image,
            asked_for: arguments.container.image(),
            options: &options,
            after_exit: if arguments.rm { AfterExit::Remove } else { AfterExit::Keep },
        },
    )?;
    tell_what_is_missing(&arguments, &options, &store)?;
    let raw = can_type.then(RawMode::enter).transpose()?;
    let mut running = match launch.start(Hooks::none()) {
        Ok(running) => running,
        Err(error) => {
            let failure = match store.image(image.id.as_str()) {
                // Somebody removed it before the container had a record.
                Err(gone @ StoreError::UnknownImage { .. }) => Failure::from(gone).of_run(),
                _ => Failure::from(error).of_run(),
            };
            meta_file.map_or(Ok(()), |file| file.write(measured::fault(&failure.message()).as_bytes()))?;
            not_started(attended, &failure)?;
            return Err(failure);
        }
    };
    attended.started(running.first_process_id())?;
    terminal::show(&mut running, arguments.interactive)?;
    // Only now, because a start takes many descriptors.
    attend(&mut running, &signals.descriptor()?, attention, raw.as_ref())?;
    let lost = running.take_copy_error();
    let result = running.wait()?;
    drop(raw);
    let results = [
        attended.ended(&result).map_err(Failure::from),
        report.map_or(Ok(()), |file| file.write_json(&result)),
        meta_file.map_or(Ok(()), |file| file.write(meta(&result).as_bytes())),
    ];
    if arguments.trace {
        tell_times(&running);
    }
    let code = conclude(&result);
    first_of(results)?;
    Ok(match lost {
        Some(error) => end_with_loss(error, code),
        None => code,
    })
}

/// How long a command that was asked to end waits for a reader of what the container wrote.
const PATIENCE: Duration = Duration::from_secs(2);

/// Copies the container's streams and passes signals on, until it has ended and all that it wrote has arrived. A signal
/// that asks this command to end while it waits for a slow reader makes it give up the rest.
fn attend(running: &mut Running, signals: &SignalFd, attention: Attention, raw: Option<&RawMode>) -> Result<(), Error> {
    loop {
        match running.poll_with(&[signals.as_fd()], &mut |_, _| {})? {
            Event::Ended => return Ok(()),
            Event::HungUp => {
                if let Err(reason) = signals::deliver(running, Signal::SIGHUP as i32) {
                    warn(&format!("cannot tell the container that its terminal is gone: {}", reason.message()));
                }
            }
            Event::Ready if !running.has_ended() => {
                if signals::attend(signals, attention, running, raw) {
                    running.abandon_output_after(PATIENCE);
                }
            }
            Event::Ready if signals::ask_to_end(signals) => running.abandon_output(),
            Event::Ready => {}
        }
    }
}

/// A part of the input or output was lost, which a script must not take for success.
fn end_with_loss(error: Error, code: ExitCode) -> ExitCode {
    let failed = Failure::from(error).of_run().print();
    if code == ExitCode::SUCCESS { failed } else { code }
}

fn parse_time(flag: &str, text: Option<&str>) -> Result<Option<Timeout>, Failure> {
    let parsed = text.map(str::parse::<Timeout>).transpose();
    parsed.map_err(|error| Failure::of_argument(flag, error))
}

/// A program that could not be started leaves its container behind, as in Docker, unless it was to be removed.
fn not_started(mut attended: Attended, failure: &Failure) -> Result<(), Failure> {
    match attended.container().config.after_exit {
        AfterExit::Remove => Ok(attended.remove()?),
        AfterExit::Keep => Ok(attended.failed(failure.code, failure.message())?),
    }
}

/// Says which protections were left out on purpose, each time; and once for each store, to a person at a terminal, that
/// there is no network unless asked for. Scripts and tests are not told: they read stderr too.
fn tell_what_is_missing(arguments: &RunArguments, options: &RunOptions, store: &Store) -> Result<(), Failure> {
    for weakening in options.weakenings() {
        let meaning = explain_weakening(&weakening, language::of_environment());
        warn(&format!("{}: {meaning}", weakening.flag()));
    }
    let told = store.given_note_file("network");
    if arguments.container.network.is_none() && std::io::stderr().is_terminal() && !told.exists() {
        say(
            "note: containers have no network yet but loopback (--network none); --network host gives them the host's. \
             This is said once.\n",
        );
        fs::write(&told, "").with_context(|| format!("cannot write {}", told.display()))?;
    }
    Ok(())
}

fn tell_times(running: &Running) {
    let language = language::of_environment();
    let explained = explain_plan(running.plan(), language);
    for time in running.times() {
        let title = explained.get(time.step).map_or("", |step| step.explanation.title.as_str());
        let title = visible(title);
        say(&format!("{:>8.1} µs  {:>2}. {title}\n", time.took.as_secs_f64() * 1e6, time.step + 1));
    }
}

/// The exit code, and a word on ends that a code alone does not tell apart.
fn conclude(report: &Report) -> ExitCode {
    match report.verdict {
        Verdict::TimeLimit => {
            let limit = report.limits.wall_time.unwrap_or_default();
            complain(&format!("killed after {limit:?}: the time limit (--timeout) was reached"));
        }
        Verdict::CpuTimeLimit => {
            let limit = report.limits.cpu_time.unwrap_or_default();
            complain(&format!("killed after {limit:?} of processor time: the limit (--cpu-time) was reached"));
        }
        Verdict::OutputLimit => {
            let limit =
                report.limits.output.and_then(ByteSize::new).map_or(String::new(), |size| format!(" of {size}"));
            complain(&format!("killed: the output limit{limit} (--output-limit) was reached"));
        }
        Verdict::MemoryLimit => {
            let limit =
                report.limits.memory.and_then(ByteSize::new).map_or(String::new(), |size| format!(" of {size}"));
            complain(&format!("killed by the kernel: the memory limit{limit} (--memory) was reached"));
        }
        Verdict::Exited(_) | Verdict::Signalled(_) => {}
    }
    ExitCode::from(u8::try_from(exit_code(report.verdict)).unwrap_or(u8::MAX))
}

/// Prints JSON for `--report`, see [`MeasureFile`].
impl MeasureFile {
    fn write_json(self, report: &Report) -> Result<(), Failure> {
        let mut text = serde_json::to_string_pretty(report).context("cannot write the report as JSON")?;
        text.push('\n');
        self.write(text.as_bytes())
    }
}
