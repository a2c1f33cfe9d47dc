//! `build`: an image of a Dockerfile and the directory that it copies from.
//!
//! ```text
//! words ─▶ input (context, Dockerfile, .dockerignore, secrets) ─▶ engine: prepare, carry out ─▶ progress on stderr
//!                        └─ --dump, --explain
//! ```
//!
//! All that is told goes to stderr, as BuildKit has it; stdout has the image's id (`-q`), or what `--dump` and `--explain`
//! print.

pub mod cache;
mod input;
mod progress;

use std::{
    fs,
    os::fd::AsFd,
    path::PathBuf,
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use anyhow::Context as _;
use clap::Args;
use minicontainer::{
    Store,
    core::{Reference, explain::Language, options::Network},
};
use minicontainer_dockerfile::{explain, mistake::snippet};
use minicontainer_engine::{
    build::{Build, BuildError, Built, CacheUse, Ending, Progress as _, Request, When, prepare},
    registry::{self, Connection, Event},
};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::run::signals::{self, Attention};
use crate::{
    error::{Failure, warn},
    language,
    output::{self, visible_lines},
    progress::{Shown, Stream},
};
use input::{File, Input};
use progress::{Progress, Told};

/// Make an image of a Dockerfile and a directory of files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer build -t mine .
  minicontainer build -t mine:1.0 -t mine:latest --build-arg PORT=8080 .
  minicontainer build -f docker/Dockerfile --target test .
  minicontainer build -t mine -f - . < Dockerfile
  minicontainer build --secret id=token,src=token.txt -t mine .
  minicontainer build --explain .

What a RUN runs has the walls of every container, and no network unless --network host says so.
Base images that are not in the store are fetched from their registry. With SOURCE_DATE_EPOCH in the environment (or as --build-arg) the
same build makes the same image, to the last bit.")]
pub struct BuildArguments {
    /// The directory that COPY and ADD read
    #[arg(value_name = "PATH")]
    context: String,

    /// Give the image a name; may be repeated
    #[arg(short, long, value_name = "NAME[:TAG]")]
    tag: Vec<String>,

    /// The Dockerfile [default: PATH/Dockerfile]; - is stdin
    #[arg(short, long, value_name = "FILE")]
    file: Option<String>,

    /// Set an ARG of the Dockerfile; without =VALUE from the environment
    #[arg(long, value_name = "NAME[=VALUE]")]
    build_arg: Vec<String>,

    /// Build this stage, by name or number, rather than the last
    #[arg(long, value_name = "STAGE")]
    target: Option<String>,

    /// Build every step anew
    #[arg(long)]
    no_cache: bool,

    /// Ask the registry for base images even if they are in the store
    #[arg(long)]
    pull: bool,

    /// Add a label to the image
    #[arg(long, value_name = "NAME=VALUE")]
    label: Vec<String>,

    /// Lend RUN --mount=type=secret a file, or a variable: id=ID,src=FILE or id=ID,env=NAME
    #[arg(long, value_name = "FIELDS")]
    secret: Vec<String>,

    /// Write the image's id to a file
    #[arg(long, value_name = "FILE")]
    iidfile: Option<PathBuf>,

    /// How to tell of progress
    #[arg(long, value_name = "HOW", default_value = "auto")]
    progress: Told,

    /// Tell nothing but the image's id
    #[arg(short, long)]
    quiet: bool,

    /// For which machine the image is; only this one's kind can be built
    #[arg(long, value_name = "OS/ARCHITECTURE")]
    platform: Option<String>,

    /// What network RUN sees: none or host
    #[arg(long, value_name = "NETWORK", default_value = "none")]
    network: String,

    /// Print the Dockerfile as it was read, as JSON; build nothing
    #[arg(long)]
    dump: bool,

    /// Tell what each instruction will do; build nothing [possible languages: en, pt]
    #[arg(long, value_name = "LANGUAGE", num_args = 0..=1, require_equals = true, value_parser = language::parse)]
    explain: Option<Option<Language>>,
}

/// Builds. The exit code is 1 if nothing came of it.
pub fn execute(arguments: &BuildArguments) -> Result<ExitCode, Failure> {
    let request = request(arguments)?;
    let told = if arguments.quiet { Told::Quiet } else { arguments.progress };
    let progress = Progress::new(told);
    let work = progress.begin("[internal] load build definition from Dockerfile");
    let input = Input::read(&arguments.context, arguments.file.as_deref())?;
    let file = match minicontainer_dockerfile::parse(&input.file.content) {
        Ok(file) => file,
        Err(error) => return Ok(told_mistake(&error.render(&input.file.name, &input.file.text()))),
    };
    if arguments.dump {
        return output::print_json(&file.dump()).map(|()| ExitCode::SUCCESS);
    }
    if let Some(language) = arguments.explain {
        let words = explain::render(&file, language.unwrap_or_else(language::of_environment));
        return output::print(&visible_lines(&words)).map(|()| ExitCode::SUCCESS);
    }
    progress.end(work, Ending::Done);
    let options = input::options(arguments, &input)?;
    let store = Store::open_default()?;
    let shown = Shown::new(Stream::Stderr, told == Told::Quiet);
    let fetch = |store: &Store, reference: &Reference| {
        let tell = |event: Event<'_>| shown.tell(&event);
        let pulled = registry::pull(store, reference, None, &Connection::default(), &tell)?;
        pulled.warnings.iter().for_each(|warning| warn(warning));
        Ok(())
    };
    let when = if arguments.pull { When::Always } else { When::Missing };
    let planned = match prepare(&store, &file, &options, (&fetch, when), &progress) {
        Ok(planned) => planned,
        Err(error) => return fail(&input.file, error),
    };
    for warning in &planned.plan.warnings {
        progress.say(&warning.render(&input.file.name, &input.file.text()));
    }
    if !planned.plan.unused_build_args.is_empty() {
        let names = planned.plan.unused_build_args.join(" ");
        progress.say(&format!("warning: one or more build-args were not consumed: [{names}]\n"));
    }
    if file.warnings_are_errors() && !planned.plan.warnings.is_empty() {
        return Err(Failure::new("the Dockerfile has warnings, and says that they are errors (# check=error=true)"));
    }
    let build = Build::new(&store, &input.context, &planned, &request, &progress);
    let built = match attended(&build)? {
        Ok(built) => built,
        Err(error) => return fail(&input.file, error),
    };
    built.warnings.iter().for_each(|warning| warn(warning));
    if let Some(path) = &arguments.iidfile {
        fs::write(path, built.id.to_string()).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if arguments.quiet {
        output::print_line(built.id.as_str())?;
    }
    Ok(ExitCode::SUCCESS)
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
            let message = format!("invalid argument for --network: there is no network {other:?} for builds");
            return Err(Failure::new(message).hint("choose none or host"));
        }
    };
    Ok(Request {
        names: arguments.tag.iter().map(name).collect::<Result<_, _>>()?,
        epoch: input::epoch(&arguments.build_arg)?,
        network,
        secrets: input::secrets(&arguments.secret)?,
        cache: if arguments.no_cache { CacheUse::FillOnly } else { CacheUse::Full },
    })
}

/// Carries it out. Containers do not hear this command's signals; whoever presses Ctrl-C means them, too.
fn attended(build: &Build) -> Result<Result<Built, BuildError>, Failure> {
    let signals = signals::block(Attention::Ending)?;
    let over = AtomicBool::new(false);
    Ok(thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::SeqCst) {
                let mut waited = [PollFd::new(signals.as_fd(), PollFlags::POLLIN)];
                if poll(&mut waited, PollTimeout::from(20_u8)).is_ok_and(|ready| ready > 0) {
                    return build.cancel();
                }
            }
        });
        let built = build.carry_out();
        over.store(true, Ordering::SeqCst);
        built
    }))
}

/// Tells why nothing came of it, with the place in the Dockerfile if there is one.
fn fail(file: &File, error: BuildError) -> Result<ExitCode, Failure> {
    match error {
        BuildError::Dockerfile(mistake) => Ok(told_mistake(&mistake.render(&file.name, &file.text()))),
        BuildError::Step { span, source, .. } => {
            let hint = source.hint();
            let message = Failure::of(*source).message();
            let hint = Some(hint.as_str()).filter(|hint| !hint.is_empty());
            Ok(told_mistake(&snippet(&file.name, &file.text(), span, &message, hint)))
        }
        error => {
            let hint = error.hint();
            Err(Failure::of(error).hint(hint))
        }
    }
}

fn told_mistake(text: &str) -> ExitCode {
    eprint!("{}", visible_lines(text));
    ExitCode::FAILURE
}
