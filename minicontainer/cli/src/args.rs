//! The grammar of the command line.
//!
//! Docker has a short form for everyday commands (`ps`) and an object form for all commands (`container ls`). Both
//! use the same struct here, so the two forms always have the same flags.

use std::{ffi::OsString, process::ExitCode};

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use minicontainer_engine::delegation::enter_leaf;

use crate::{booleans, commands::*, error::Failure};

/// Run isolated processes, look at images and layers, learn what a container is.
#[derive(Debug, Parser)]
#[command(name = "minicontainer", version, disable_version_flag = true)]
#[command(after_help = "Begin with:
  minicontainer demo                      two containers of one image, explained
  minicontainer image seed                an image of this machine's own programs
  minicontainer run --rm busybox echo hi  a container
  minicontainer run --explain busybox sh  every step that creates one, and why

Environment:
  MINICONTAINER_ROOT  the directory of images and containers [default:
                      /var/lib/minicontainer for root, and
                      ~/.local/share/minicontainer for other users]
  LANG, NO_COLOR      the language of explanations; no colours")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,

    /// Print version
    #[arg(short, long, short_alias = 'V', action = clap::ArgAction::Version)]
    version: Option<bool>,
}

impl Arguments {
    /// Parses the command line.
    ///
    /// Building the whole grammar takes a third of a millisecond, a noticeable part of the start of a container. So
    /// `run` is first parsed with its own part of the grammar. If that fails or the words ask for help, the whole
    /// grammar parses them again.
    pub fn read() -> Result<Arguments, clap::Error> {
        if let Some(run) = read_run(std::env::args_os().skip(1)) {
            return Ok(Arguments { command: Command::Run(Box::new(run)), version: None });
        }
        let grammar = booleans::with_values(Arguments::command());
        match grammar.try_get_matches() {
            Ok(mut matches) => Arguments::from_arg_matches_mut(&mut matches),
            // Help is printed from the grammar without values of flags.
            Err(error) if !error.use_stderr() => Arguments::try_parse(),
            Err(error) => Err(error),
        }
    }
}

fn read_run(words: impl Iterator<Item = OsString>) -> Option<run::RunArguments> {
    let mut words = words.peekable();
    words.peek().filter(|first| *first == "run")?;
    let grammar = booleans::with_values(run::RunArguments::augment_args(clap::Command::new("run")));
    let matches = grammar.try_get_matches_from(words).ok()?;
    run::RunArguments::from_arg_matches(&matches).ok()
}

/// Every command; `execute` runs it.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a command in a new container
    Run(Box<run::RunArguments>),
    /// List containers
    Ps(list::ListArguments),
    /// Remove containers
    Rm(container::RemoveArguments),
    /// Show details of containers or images as JSON
    Inspect(inspect::InspectAnyArguments),
    /// Run a folder of programs against test inputs and compare their output
    Judge(judge::JudgeArguments),
    /// Show what a container changed in its image's files
    Diff(container::DiffArguments),
    /// Print every step that would create a container and why, without creating it
    Explain(Box<explain::ExplainArguments>),
    /// Write an OCI bundle (config.json and rootfs) for runc, crun and other runtimes
    Spec(Box<spec::SpecArguments>),
    /// List images
    Images(image::list::ListArguments),
    /// Remove images
    Rmi(image::remove::RemoveArguments),
    /// Download an image from a registry
    Pull(registry::PullArguments),
    /// Upload an image to a registry
    Push(registry::PushArguments),
    /// Log in to a registry
    Login(login::LoginArguments),
    /// Remove the credentials for a registry
    Logout(login::LogoutArguments),
    /// Load images from a tar archive written by `docker save` or an OCI tool
    Load(image::archive::LoadArguments),
    /// Save images to a tar archive that other tools can load
    Save(image::archive::SaveArguments),
    /// Create an image from a tar archive of files
    Import(image::archive::ImportArguments),
    /// Export a container's file system as a tar archive
    Export(image::commit::ExportArguments),
    /// Create an image from a container's changes
    Commit(image::commit::CommitArguments),
    /// Build an image from a Dockerfile and a directory of files
    Build(Box<build::BuildArguments>),
    /// Manage builds and the build cache
    #[command(subcommand, visible_alias = "buildx")]
    Builder(build::cache::BuilderCommand),
    /// Give an image another name
    Tag(image::TagArguments),
    /// Show how an image was made, layer by layer
    History(image::history::HistoryArguments),
    /// Manage containers
    #[command(subcommand)]
    Container(ContainerCommand),
    /// Manage images
    #[command(subcommand)]
    Image(ImageCommand),
    /// Manage the store as a whole
    #[command(subcommand)]
    System(SystemCommand),
    /// Run two containers of one image and explain what happens
    Demo(demo::DemoArguments),
    /// Check what this machine can do and how to fix what it cannot
    Doctor(doctor::DoctorArguments),
    /// Show the version
    Version(about::VersionArguments),
    /// Print a completion script for a shell
    Completions(about::CompletionArguments),
}

/// The object form of the commands about containers.
#[derive(Debug, Subcommand)]
pub enum ContainerCommand {
    /// Run a command in a new container
    Run(Box<run::RunArguments>),
    /// List containers
    #[command(visible_aliases = ["list", "ps"])]
    Ls(list::ListArguments),
    /// Remove containers
    #[command(visible_alias = "remove")]
    Rm(container::RemoveArguments),
    /// Show details of containers as JSON
    Inspect(inspect::InspectContainerArguments),
    /// Show what a container changed in its image's files
    Diff(container::DiffArguments),
    /// Export a container's file system as a tar archive
    Export(image::commit::ExportArguments),
    /// Create an image from a container's changes
    Commit(image::commit::CommitArguments),
}

/// The object form of the commands about images.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Create the image busybox from this machine's own programs, without a network
    Seed(image::SeedArguments),
    /// List images
    #[command(visible_alias = "list")]
    Ls(image::list::ListArguments),
    /// Show details of images as JSON
    Inspect(inspect::InspectArguments),
    /// Remove images
    #[command(visible_alias = "remove")]
    Rm(image::remove::RemoveArguments),
    /// Remove images that have no name, or that no container uses
    Prune(image::remove::PruneArguments),
    /// Download an image from a registry
    Pull(registry::PullArguments),
    /// Upload an image to a registry
    Push(registry::PushArguments),
    /// Load images from a tar archive
    Load(image::archive::LoadArguments),
    /// Save images to a tar archive that other tools can load
    Save(image::archive::SaveArguments),
    /// Create an image from a tar archive of files
    Import(image::archive::ImportArguments),
    /// Verify images: their documents, the digest and size of each layer, and its unpacked files
    Verify(system::check::VerifyArguments),
    /// Apply one layer from stdin to a directory, to try out an archive
    CheckLayer(image::archive::CheckLayerArguments),
    /// Build an image from a Dockerfile and a directory of files
    Build(Box<build::BuildArguments>),
    /// Give an image another name
    Tag(image::TagArguments),
    /// Show how an image was made, layer by layer
    History(image::history::HistoryArguments),
}

/// The commands about the store as a whole.
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Verify the whole store and optionally repair it
    Check(system::check::CheckArguments),
    /// Show the disk space that the store uses
    Df(system::df::DfArguments),
    /// Remove unused containers, images and build cache
    Prune(system::prune::PruneArguments),
}

impl Command {
    /// Runs the command. The exit code is 0, or the exit code of the container.
    pub fn execute(self) -> Result<ExitCode, Failure> {
        if self.plans_containers() {
            // Best effort: without a cgroup, asking for a limit fails later with the cause.
            let _ready = enter_leaf();
        }
        match self {
            Command::Run(arguments) | Command::Container(ContainerCommand::Run(arguments)) => {
                run::execute(*arguments).map_err(Failure::of_run)
            }
            Command::Ps(arguments) | Command::Container(ContainerCommand::Ls(arguments)) => list::execute(&arguments),
            Command::Rm(arguments) | Command::Container(ContainerCommand::Rm(arguments)) => {
                container::remove(&arguments)
            }
            Command::Diff(arguments) | Command::Container(ContainerCommand::Diff(arguments)) => {
                container::diff(&arguments)
            }
            Command::Inspect(arguments) => inspect::execute_any(&arguments),
            Command::Container(ContainerCommand::Inspect(arguments)) => inspect::execute_containers(&arguments),
            Command::Explain(arguments) => explain::execute(&arguments).map_err(Failure::of_run),
            Command::Judge(arguments) => judge::execute(&arguments).map_err(Failure::of_run),
            Command::Spec(arguments) => spec::execute(&arguments).map_err(Failure::of_run),
            Command::Export(arguments) | Command::Container(ContainerCommand::Export(arguments)) => {
                image::commit::export(&arguments)
            }
            Command::Commit(arguments) | Command::Container(ContainerCommand::Commit(arguments)) => {
                image::commit::commit(&arguments)
            }
            Command::Login(arguments) => login::login(&arguments),
            Command::Logout(arguments) => login::logout(&arguments),
            Command::Images(arguments) => ImageCommand::Ls(arguments).execute(),
            Command::Rmi(arguments) => ImageCommand::Rm(arguments).execute(),
            Command::Pull(arguments) => ImageCommand::Pull(arguments).execute(),
            Command::Push(arguments) => ImageCommand::Push(arguments).execute(),
            Command::Load(arguments) => ImageCommand::Load(arguments).execute(),
            Command::Save(arguments) => ImageCommand::Save(arguments).execute(),
            Command::Import(arguments) => ImageCommand::Import(arguments).execute(),
            Command::Tag(arguments) => ImageCommand::Tag(arguments).execute(),
            Command::History(arguments) => ImageCommand::History(arguments).execute(),
            Command::Image(command) => command.execute(),
            Command::Build(arguments) => build::execute(&arguments),
            Command::Builder(command) => build::cache::execute(command),
            Command::System(SystemCommand::Check(arguments)) => system::check::execute(&arguments),
            Command::System(SystemCommand::Df(arguments)) => system::df::execute(&arguments),
            Command::System(SystemCommand::Prune(arguments)) => system::prune::execute(&arguments),
            Command::Demo(arguments) => demo::execute(&arguments),
            Command::Doctor(arguments) => doctor::execute(&arguments),
            Command::Version(arguments) => about::version(&arguments),
            Command::Completions(arguments) => about::completions(&arguments),
        }
    }

    /// Whether the command creates containers or explains how: only then the available limits matter.
    fn plans_containers(&self) -> bool {
        matches!(
            self,
            Command::Run(_)
                | Command::Container(ContainerCommand::Run(_))
                | Command::Judge(_)
                | Command::Build(_)
                | Command::Builder(build::cache::BuilderCommand::Build(_))
                | Command::Image(ImageCommand::Build(_))
                | Command::Demo(_)
                | Command::Explain(_)
                | Command::Spec(_)
                | Command::Doctor(_)
        )
    }
}

impl ImageCommand {
    fn execute(self) -> Result<ExitCode, Failure> {
        match self {
            ImageCommand::Seed(arguments) => image::seed(&arguments),
            ImageCommand::Ls(arguments) => image::list::list(&arguments),
            ImageCommand::Inspect(arguments) => inspect::execute_images(&arguments),
            ImageCommand::Rm(arguments) => image::remove::remove(&arguments),
            ImageCommand::Prune(arguments) => image::remove::prune(&arguments),
            ImageCommand::Pull(arguments) => registry::pull(&arguments),
            ImageCommand::Push(arguments) => registry::push(&arguments),
            ImageCommand::Load(arguments) => image::archive::load(&arguments),
            ImageCommand::Save(arguments) => image::archive::save(&arguments),
            ImageCommand::Import(arguments) => image::archive::import(&arguments),
            ImageCommand::Verify(arguments) => system::check::verify(&arguments),
            ImageCommand::CheckLayer(arguments) => image::archive::check_layer(&arguments),
            ImageCommand::Tag(arguments) => image::tag(&arguments),
            ImageCommand::History(arguments) => image::history::history(&arguments),
            ImageCommand::Build(arguments) => build::execute(&arguments),
        }
    }
}
