//! `build`: builds an image from a Dockerfile and a build context.
//!
//! ```text
//! arguments ─▶ input (context, Dockerfile, .dockerignore, secrets) ─▶ engine: prepare, build ─▶ progress on stderr
//!                        └─ --dump, --explain
//! ```
//!
//! Progress and messages go to stderr, as with BuildKit. Stdout gets the image's id (`-q`), or the output of `--dump`
//! and `--explain`.

mod arguments;
pub mod cache;
mod input;
mod progress;
mod unsupported;
mod view;

use std::{
    error::Error,
    fs,
    os::fd::AsFd,
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

pub use arguments::BuildArguments;
use minicontainer::{
    Diagnostic, Store,
    core::{Reference, options::Network},
};
use minicontainer_build::{
    Build, BuildError, Built, CacheUse, Progress as _, Request, RunSettings, StepOutcome, When, prepare,
};
use minicontainer_dockerfile::{Dockerfile, error::snippet, explain};
use minicontainer_engine::{
    Containers,
    supervise::signals::{self, SignalScope},
};
use minicontainer_registry::{self as registry, Connection, Event};
use serde_json::json;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::commands::open_store;
use crate::{
    error::{Context as _, Failure, warn, warning_line},
    flags::with_flags,
    language,
    messages::message,
    output::{self, say, visible, visible_lines},
    progress::{Stream, TransferProgress},
};
use input::{File, Input};
use progress::{Progress, ProgressMode};

/// Runs `build`. The exit code is 1 if the build failed.
pub fn execute(arguments: &BuildArguments) -> Result<ExitCode, Failure> {
    arguments.unsupported.check()?;
    let request = request(arguments)?;
    let mode = if arguments.quiet { ProgressMode::Quiet } else { arguments.progress };
    let progress = Progress::new(mode)?;
    let work = progress.begin("[internal] load build definition from Dockerfile");
    let input = Input::read(&arguments.context, arguments.file.as_deref())?;
    let file = match minicontainer_dockerfile::parse(&input.file.content) {
        Ok(file) => file,
        Err(error) => return Ok(print_build_error(&error.render(&input.file.name, &input.file.text()))),
    };
    if arguments.dump {
        return output::print_json(&file.dump()).map(|()| ExitCode::SUCCESS);
    }
    if let Some(language) = arguments.explain {
        let words = explain::render(&file, language.unwrap_or_else(language::of_environment));
        return output::print(&visible_lines(&words)).map(|()| ExitCode::SUCCESS);
    }
    progress.end(work, StepOutcome::Done);
    let built = built(arguments, &input, &file, &request, &progress)?;
    progress.finish();
    let built = match built {
        Ok(built) => built,
        Err(error) => return fail(&input.file, error),
    };
    built.warnings.iter().for_each(warn);
    write_result(arguments, &request, &built)?;
    Ok(ExitCode::SUCCESS)
}

/// Plans the build and runs it.
fn built(
    arguments: &BuildArguments,
    input: &Input,
    file: &Dockerfile,
    request: &Request,
    progress: &Progress,
) -> Result<Result<Built, BuildError>, Failure> {
    let options = input::options(arguments, input)?;
    let store = open_store()?;
    let shown = TransferProgress::new(Stream::Stderr, progress.is_quiet());
    let fetch = |store: &Store, reference: &Reference| {
        let show = |event: Event<'_>| shown.show(&event);
        let pulled = progress.suspend(|| registry::pull(store, reference, None, &Connection::default(), &show))?;
        pulled.warnings.iter().for_each(|warning| progress.suspend(|| warn(warning)));
        Ok(())
    };
    let when = if arguments.pull { When::Always } else { When::Missing };
    let planned = match prepare(&store, file, &options, (&fetch, when), progress) {
        Ok(planned) => planned,
        Err(error) => return Ok(Err(error)),
    };
    for warning in &planned.plan.warnings {
        progress.say(&warning.render(&input.file.name, &input.file.text(), language::of_environment()));
    }
    if !planned.plan.unused_build_args.is_empty() {
        let names = planned.plan.unused_build_args.join(" ");
        progress.say(&warning_line(&message("unused-build-arguments", [("names", names.into())])));
    }
    if file.warnings_are_errors() && !planned.plan.warnings.is_empty() {
        return Err(Failure::new("the Dockerfile has warnings, and # check=error=true makes them errors"));
    }
    let containers = Containers::of(&store);
    build_until_signal(&Build::new(&store, &containers, &input.context, &planned, request, progress))
}

/// Writes the files for scripts: `--iidfile` and `--metadata-file`.
fn write_result(arguments: &BuildArguments, request: &Request, built: &Built) -> Result<(), Failure> {
    let write = |path: &PathBuf, text: String| {
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    };
    if let Some(path) = &arguments.iidfile {
        write(path, built.id.to_string())?;
    }
    if let Some(path) = &arguments.metadata_file {
        let names: Vec<String> = request.names.iter().map(Reference::to_string).collect();
        let metadata = json!({
            "containerimage.config.digest": built.id.as_str(),
            "containerimage.digest": built.manifest.as_str(),
            "image.name": names.join(","),
        });
        write(path, format!("{metadata:#}\n"))?;
    }
    if arguments.quiet {
        output::print_line(built.id.as_str())?;
    }
    Ok(())
}

fn request(arguments: &BuildArguments) -> Result<Request, Failure> {
    let name = |text: &String| match text.parse::<Reference>() {
        Ok(name) if name.digest().is_none() => Ok(name),
        Ok(_) => Err(Failure::new(format!("invalid argument for --tag: {text}: a digest cannot be chosen"))),
        Err(error) => Err(Failure::of_argument("--tag", error)),
    };
    let network = match arguments.network.as_str() {
        "none" | "default" => Network::None,
        "host" => Network::Host,
        other => {
            let message = format!("invalid argument for --network: {other:?} is not supported for builds");
            return Err(Failure::new(message).hint("use none or host"));
        }
    };
    Ok(Request {
        names: arguments.tag.iter().map(name).collect::<Result<_, _>>()?,
        epoch: input::epoch(&arguments.build_arg)?,
        network,
        secrets: input::secrets(&arguments.secret)?,
        cache: if arguments.no_cache { CacheUse::FillOnly } else { CacheUse::Full },
        fresh_stages: arguments.no_cache_filter.iter().map(|stage| stage.to_lowercase()).collect(),
        run: RunSettings {
            hosts: parsed("--add-host", &arguments.add_host)?,
            shm_size: parsed("--shm-size", arguments.shm_size.as_slice())?.pop(),
            ulimits: parsed("--ulimit", &arguments.ulimit)?,
        },
    })
}

fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(flag: &str, given: &[String]) -> Result<Vec<T>, Failure> {
    given.iter().map(|text| text.parse().map_err(|error| Failure::of_argument(flag, error))).collect()
}

/// Runs the build and cancels it when a signal arrives: Ctrl-C does not reach the build's containers by itself.
fn build_until_signal(build: &Build) -> Result<Result<Built, BuildError>, Failure> {
    let signals = signals::block(SignalScope::Termination)?.descriptor()?;
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let cancel_on_signal = || {
            while !over.load(Ordering::SeqCst) {
                let mut waited = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
                if poll(&mut waited, PollTimeout::from(20_u8)).is_ok_and(|ready| ready > 0) {
                    return build.cancel();
                }
            }
        };
        thread::Builder::new().spawn_scoped(scope, cancel_on_signal).context("cannot start a thread")?;
        let built = build.execute();
        over.store(true, Ordering::SeqCst);
        Ok(built)
    })
}

/// Prints the error of a failed build, with its place in the Dockerfile if there is one.
fn fail(file: &File, error: BuildError) -> Result<ExitCode, Failure> {
    match error {
        BuildError::Dockerfile(error) => Ok(print_build_error(&error.render(&file.name, &file.text()))),
        BuildError::Step { span, source, .. } => {
            let hint = source.hint().map(|hint| with_flags(&hint).into_owned());
            // A RUN with a here-document has several lines.
            let message = visible(&Failure::of(*source).message()).into_owned();
            Ok(print_build_error(&snippet(&file.name, &file.text(), span, &message, hint.as_deref())))
        }
        error => Err(error.into()),
    }
}

fn print_build_error(text: &str) -> ExitCode {
    say(&visible_lines(text));
    ExitCode::FAILURE
}
