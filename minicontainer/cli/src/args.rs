//! The grammar of the command line.
//!
//! Docker has a short form for what people do every day (`ps`) and an object form for everything (`container ls`).
//! Both lead to the same struct here, so no flag can be in one and not in the other.

use std::{ffi::OsString, process::ExitCode};

use clap::{Args, FromArgMatches, Parser, Subcommand};
use minicontainer_engine::delegation::enter_leaf;

use crate::{commands::*, error::Failure};

/// Run isolated processes, look at images and layers, learn what a container is.
#[derive(Debug, Parser)]
#[command(name = "minicontainer", version, propagate_version = false, disable_help_subcommand = true)]
#[command(after_help = "Begin with:
  minicontainer demo                      two containers of one image, explained while they run
  minicontainer image seed                an image with no network, from this machine's own programs
  minicontainer run --rm busybox echo hi  a container
  minicontainer run --explain busybox sh  every step that makes one, and why")]
pub struct Arguments {
    #[command(subcommand)]
    pub command: Command,
}

impl Arguments {
    /// Reads what was typed.
    ///
    /// To build the whole grammar takes a third of a millisecond, which is much beside the start of a container. So
    /// `run` is first read by its own part of it; all that this part does not understand, or answers by itself, as
    /// `--help`, is left to the whole.
    pub fn read() -> Result<Arguments, clap::Error> {
        match read_run(std::env::args_os().skip(1)) {
            Some(run) => Ok(Arguments { command: Command::Run(Box::new(run)) }),
            None => Arguments::try_parse(),
        }
    }
}

fn read_run(words: impl Iterator<Item = OsString>) -> Option<run::RunArguments> {
    let mut words = words.peekable();
    words.peek().filter(|first| *first == "run")?;
    let grammar = run::RunArguments::augment_args(clap::Command::new("run"));
    let matches = grammar.try_get_matches_from(words).ok()?;
    run::RunArguments::from_arg_matches(&matches).ok()
}

/// Every command; `execute` says where it is carried out.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a command in a new container
    Run(Box<run::RunArguments>),
    /// List containers
    Ps(list::ListArguments),
    /// Remove containers
    Rm(container::RemoveArguments),
    /// Show all that is known of containers or images, as JSON
    Inspect(inspect::InspectAnyArguments),
    /// Run a folder of programs against inputs, and compare their answers
    Judge(judge::JudgeArguments),
    /// Show what a container changed in its image's files
    Diff(container::DiffArguments),
    /// Print every step that would make a container, and why; make nothing
    Explain(Box<explain::ExplainArguments>),
    /// Write a bundle: a config.json and a rootfs that runc, crun and others run
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
    /// Forget the credentials for a registry
    Logout(login::LogoutArguments),
    // Docker has it; silence would be worse than a refusal.
    #[command(hide = true)]
    Search(login::SearchArguments),
    /// Add the images of a tar archive that `docker save` or an OCI tool wrote
    Load(image::archive::LoadArguments),
    /// Write images as a tar archive that others read, too
    Save(image::archive::SaveArguments),
    /// Make an image of a tar archive of files
    Import(image::archive::ImportArguments),
    /// Write all files of a container as a tar archive
    Export(image::commit::ExportArguments),
    /// Make an image of what a container has changed
    Commit(image::commit::CommitArguments),
    /// Make an image of a Dockerfile and a directory of files
    Build(Box<build::BuildArguments>),
    /// Commands about builds and what they keep
    #[command(subcommand, visible_alias = "buildx")]
    Builder(build::cache::BuilderCommand),
    /// Give an image one more name
    Tag(image::TagArguments),
    /// Show how an image was made, layer by layer
    History(image::history::HistoryArguments),
    /// Commands about containers
    #[command(subcommand)]
    Container(ContainerCommand),
    /// Commands about images
    #[command(subcommand)]
    Image(ImageCommand),
    /// Commands about the store as a whole
    #[command(subcommand)]
    System(SystemCommand),
    /// Two containers of one image, run before your eyes and explained
    Demo(demo::DemoArguments),
    /// Try what this machine can do, and say how to fix what it cannot
    Doctor(doctor::DoctorArguments),
    /// Show the version
    Version(about::VersionArguments),
    /// Print a script that completes commands in a shell
    Completions(about::CompletionArguments),
}

/// The object form of what is about containers.
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
    /// Show all that is known of containers, as JSON
    Inspect(inspect::InspectArguments),
    /// Show what a container changed in its image's files
    Diff(container::DiffArguments),
    /// Write all files of a container as a tar archive
    Export(image::commit::ExportArguments),
    /// Make an image of what a container has changed
    Commit(image::commit::CommitArguments),
}

/// The object form of what is about images.
#[derive(Debug, Subcommand)]
pub enum ImageCommand {
    /// Make the image busybox from this machine's own programs, with no network
    Seed(image::SeedArguments),
    /// List images
    #[command(visible_alias = "list")]
    Ls(image::list::ListArguments),
    /// Show all that is known of images, as JSON
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
    /// Add the images of a tar archive
    Load(image::archive::LoadArguments),
    /// Write images as a tar archive that others read, too
    Save(image::archive::SaveArguments),
    /// Make an image of a tar archive of files
    Import(image::archive::ImportArguments),
    /// Verify images: their documents, the digest and size of each layer, and its unpacked files
    Verify(system::check::VerifyArguments),
    /// Apply one layer from stdin to a directory, to try what an archive does
    CheckLayer(image::archive::CheckLayerArguments),
    /// Make an image of a Dockerfile and a directory of files
    Build(Box<build::BuildArguments>),
    /// Give an image one more name
    Tag(image::TagArguments),
    /// Show how an image was made, layer by layer
    History(image::history::HistoryArguments),
}

/// What is about the store as a whole.
#[derive(Debug, Subcommand)]
pub enum SystemCommand {
    /// Verify the whole store, and repair what can be
    Check(system::check::CheckArguments),
    /// Show how much room the store takes
    Df(system::df::DfArguments),
    /// Remove containers, images and build cache that nobody uses
    Prune(system::prune::PruneArguments),
}

impl Command {
    /// Carries the command out. The exit code is 0, or what the container ended with.
    pub fn execute(self) -> Result<ExitCode, Failure> {
        if self.plans_containers() {
            // Where it fails there is no group, and whoever asks for a limit is told why.
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
            Command::Container(ContainerCommand::Inspect(arguments)) => {
                inspect::execute(&arguments, &[inspect::CONTAINER])
            }
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
            Command::Search(_) => Err(login::search()),
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

    /// Whether it makes containers, or says how they would be made: then it matters which limits they can have.
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
            ImageCommand::Inspect(arguments) => inspect::execute(&arguments, &[inspect::IMAGE]),
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
