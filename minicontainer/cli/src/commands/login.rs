//! `login` and `logout`: credentials for registries.

use std::{
    io::{self, IsTerminal, Read},
    process::ExitCode,
};

use clap::Args;
use minicontainer::core::reference::DEFAULT_REGISTRY;
use minicontainer_registry::{self as registry, Connection, Credentials, Saved, Secret};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::run::terminal::remember_settings;
use crate::{
    error::{Context, Failure, warn},
    messages::message,
    output::{self, say},
};

/// The maximum length of a password.
const PASSWORD_LIMIT: u64 = 1 << 16;

/// Log in to a registry; credentials are stored where Docker stores them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer login
  minicontainer login registry.example.com:5000
  cat token.txt | minicontainer login -u me --password-stdin registry.example.com

Credentials are stored in ~/.docker/config.json (or in DOCKER_CONFIG), or by the credential helper \
that it names. Without a user name, stored credentials are tried first.")]
pub struct LoginArguments {
    /// The registry [default: the default registry]
    server: Option<String>,

    /// User name
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,

    /// Password; other users can see it in the process list, so prefer --password-stdin
    #[arg(short, long, value_name = "PASSWORD", conflicts_with = "password_stdin")]
    password: Option<String>,

    /// Read the password from stdin
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

/// Remove the credentials for a registry
#[derive(Debug, Args)]
#[command(after_help = "Example:
  minicontainer logout registry.example.com")]
pub struct LogoutArguments {
    /// The registry [default: the default registry]
    server: Option<String>,
}

/// Runs `login`.
pub fn login(arguments: &LoginArguments) -> Result<ExitCode, Failure> {
    let (server, connection) = (arguments.server.as_deref(), Connection::default());
    if arguments.username.is_none() && registry::is_logged_in(server, &connection)? {
        output::print_line("Login Succeeded")?;
        return Ok(ExitCode::SUCCESS);
    }
    let user = match &arguments.username {
        Some(user) => user.clone(),
        None => prompt("Username: ", Echo::On)?,
    };
    let password = match &arguments.password {
        Some(password) => {
            warn(&message("password-on-command-line", []));
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
        return Err(Failure::new("a user name and a password are required"));
    }
    let credentials = Credentials::Password { user, password: Secret::new(password) };
    if let Saved::File(path) = registry::login(server, credentials, &connection)? {
        warn(&message("password-unencrypted", [("path", path.display().to_string().into())]));
    }
    output::print_line("Login Succeeded")?;
    Ok(ExitCode::SUCCESS)
}

/// Runs `logout`.
pub fn logout(arguments: &LogoutArguments) -> Result<ExitCode, Failure> {
    let server = arguments.server.as_deref().unwrap_or(DEFAULT_REGISTRY);
    output::print_line(&match registry::logout(arguments.server.as_deref(), &Connection::default())? {
        true => format!("Removing login credentials for {server}"),
        false => format!("Not logged in to {server}"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Whether typed characters are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Echo {
    On,
    Off,
}

/// Asks at the terminal.
fn prompt(question: &str, echo: Echo) -> Result<String, Failure> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let failure = Failure::new("cannot ask for a name and a password: stdin is not a terminal");
        return Err(failure.hint("use -u NAME --password-stdin"));
    }
    say(question);
    let before = tcgetattr(&stdin).context("cannot read the terminal's settings")?;
    if echo == Echo::Off {
        remember_settings(&before);
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden).context("cannot hide the password on the terminal")?;
    }
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    if echo == Echo::Off {
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &before).context("cannot restore the terminal's settings")?;
        say("\n");
    }
    read.context("cannot read from the terminal")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
