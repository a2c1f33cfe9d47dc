//! Commands about registries: images come and go, and who one is there.

use std::{
    io::{self, IsTerminal, Read, Write},
    process::ExitCode,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use minicontainer::{
    Store,
    core::{Reference, reference::DEFAULT_REGISTRY},
    store::{Image, StoreError},
};
use minicontainer_engine::{
    image::ImageError,
    registry::{self, Connection, Credentials, Platform, Saved, Secret, Wire},
};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::find_image;
use crate::{
    error::{Failure, warn},
    output,
    progress::{Shown, Stream},
};

/// The most that is read of a password.
const PASSWORD_LIMIT: u64 = 1 << 16;

/// Download an image from a registry
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer pull busybox
  minicontainer pull registry.example.com:5000/team/app:1.0
  minicontainer pull --platform linux/arm64 busybox
  minicontainer pull localhost:5000/app@sha256:…

What is in the store already is not fetched again, and nothing is in it before its digest is right.")]
pub struct PullArguments {
    /// The image's name
    image: String,

    /// Print the image's name only
    #[arg(short, long)]
    quiet: bool,

    /// Fetch it for another kind of machine, such as linux/arm64 [default: this one's]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<String>,

    #[command(flatten)]
    wire: WireArguments,
}

/// Upload an image to a registry
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer tag busybox localhost:5000/mine:1.0
  minicontainer push localhost:5000/mine:1.0")]
pub struct PushArguments {
    /// The image's name, which says where it goes
    image: String,

    /// Print the image's name only
    #[arg(short, long)]
    quiet: bool,

    #[command(flatten)]
    wire: WireArguments,
}

/// Log in to a registry, and keep the credentials where Docker does
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer login
  minicontainer login registry.example.com
  cat token.txt | minicontainer login -u me --password-stdin registry.example.com

They are kept in ~/.docker/config.json (or in DOCKER_CONFIG), or by the credential helper that it names.")]
pub struct LoginArguments {
    /// The registry [default: the default registry]
    server: Option<String>,

    /// Your name there
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,

    /// Your password; who lists this machine's processes sees it, so better use --password-stdin
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<String>,

    /// Read the password from stdin
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

/// Forget the credentials for a registry
#[derive(Debug, Args)]
#[command(after_help = "Example:
  minicontainer logout registry.example.com")]
pub struct LogoutArguments {
    /// The registry [default: the default registry]
    server: Option<String>,
}

/// How a registry is connected to.
#[derive(Debug, Args)]
pub struct WireArguments {
    /// Speak plain http, which everybody on the way can read and change; passwords are never sent so
    #[arg(long)]
    insecure: bool,
}

/// When `run` asks a registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PullPolicy {
    /// Always, before it runs
    Always,
    /// When the image is not in the store
    #[default]
    Missing,
    /// Never
    Never,
}

impl WireArguments {
    fn connection(&self) -> Connection {
        Connection::new(if self.insecure { Wire::Plain } else { Wire::Usual })
    }
}

/// Pulls.
pub fn pull(arguments: &PullArguments) -> Result<ExitCode, Failure> {
    let reference = parse(&arguments.image)?;
    let platform = arguments.platform.as_deref().map(str::parse::<Platform>).transpose();
    let platform = platform.map_err(|error| Failure::of_argument("--platform", error))?;
    let store = Store::open_default()?;
    let shown = Shown::new(Stream::Stdout, arguments.quiet);
    tell_default_tag(&arguments.image, &reference, &shown);
    fetch(&store, &reference, platform.as_ref(), &arguments.wire.connection(), &shown)?;
    output::print_line(&reference.to_string())?;
    Ok(ExitCode::SUCCESS)
}

fn parse(image: &str) -> Result<Reference, Failure> {
    image.parse().map_err(|error| Failure::of_argument("the image", error))
}

fn tell_default_tag(typed: &str, reference: &Reference, shown: &Shown) {
    let has_tag = typed.contains('@') || typed.rsplit('/').next().is_some_and(|last| last.contains(':'));
    if let Some(tag) = reference.tag().filter(|_| !has_tag) {
        shown.line(&format!("Using default tag: {tag}"));
    }
}

fn fetch(
    store: &Store,
    reference: &Reference,
    platform: Option<&Platform>,
    connection: &Connection,
    shown: &Shown,
) -> Result<(), Failure> {
    let pulled = registry::pull(store, reference, platform, connection, &|event| shown.tell(&event))?;
    for warning in pulled.warnings {
        warn(&warning);
    }
    Ok(())
}

/// The image that shall run: looked for here, and fetched if it is not found.
pub fn image_to_run(store: &Store, name: &str, policy: PullPolicy, quiet: bool) -> Result<Image, Failure> {
    let shown = Shown::new(Stream::Stderr, quiet);
    if policy == PullPolicy::Always {
        fetch(store, &parse(name)?, None, &Connection::default(), &shown)?;
        return find_image(store, name);
    }
    let unknown = match minicontainer_engine::image::find(store, name) {
        Err(ImageError::Store(error @ StoreError::UnknownImage { .. })) if policy == PullPolicy::Missing => error,
        found => return Ok(found?),
    };
    // Digits may be an id's beginning, which is no name.
    let Ok(reference) = name.parse::<Reference>() else { return Err(unknown.into()) };
    shown.line(&format!("Unable to find image '{}' locally", reference.familiar()));
    let seed = "`minicontainer image seed` makes busybox from this machine's programs with no network";
    fetch(store, &reference, None, &Connection::default(), &shown).map_err(|failure| failure.or_hint(seed))?;
    find_image(store, name)
}

/// Pushes.
pub fn push(arguments: &PushArguments) -> Result<ExitCode, Failure> {
    let reference = parse(&arguments.image)?;
    let store = Store::open_default()?;
    let shown = Shown::new(Stream::Stdout, arguments.quiet);
    tell_default_tag(&arguments.image, &reference, &shown);
    registry::push(&store, &reference, &arguments.wire.connection(), &|event| shown.tell(&event))?;
    if arguments.quiet {
        output::print_line(&reference.to_string())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Logs in.
pub fn login(arguments: &LoginArguments) -> Result<ExitCode, Failure> {
    let user = match &arguments.username {
        Some(user) => user.clone(),
        None => prompt("Username: ", Echo::On)?,
    };
    let password = match &arguments.password {
        Some(password) => {
            warn("using --password via the command line is insecure: use --password-stdin");
            password.clone()
        }
        None if arguments.password_stdin => {
            let mut text = String::new();
            io::stdin().lock().take(PASSWORD_LIMIT).read_to_string(&mut text).context("cannot read the password")?;
            text.trim_end_matches(['\n', '\r']).to_owned()
        }
        None => prompt("Password: ", Echo::Off)?,
    };
    if user.is_empty() || password.is_empty() {
        return Err(Failure::new("a user's name and a password are needed"));
    }
    let credentials = Credentials::Password { user, password: Secret::new(password) };
    if let Saved::File(path) = registry::login(arguments.server.as_deref(), credentials, &Connection::default())? {
        warn(&format!(
            "your password is stored unencrypted in {}; a credential helper (credsStore) would keep it better",
            path.display()
        ));
    }
    output::print_line("Login Succeeded")?;
    Ok(ExitCode::SUCCESS)
}

/// Forgets.
pub fn logout(arguments: &LogoutArguments) -> Result<ExitCode, Failure> {
    let server = arguments.server.as_deref().unwrap_or(DEFAULT_REGISTRY);
    output::print_line(&match registry::logout(arguments.server.as_deref(), &Connection::default())? {
        true => format!("Removing login credentials for {server}"),
        false => format!("Not logged in to {server}"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether what is typed can be seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

/// Asks the person at the terminal.
fn prompt(question: &str, echo: Echo) -> Result<String, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let failure = Failure::new("cannot ask for a name and a password: stdin is no terminal");
        return Err(failure.hint("use -u NAME --password-stdin"));
    }
    eprint!("{question}");
    io::stderr().flush().context("cannot write to stderr")?;
    let before = tcgetattr(&stdin).context("cannot look at the terminal")?;
    if echo == Echo::Off {
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden).context("cannot hide what is typed")?;
    }
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    if echo == Echo::Off {
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &before).context("cannot restore the terminal")?;
        eprintln!();
    }
    read.context("cannot read what is typed")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
