//! Who one is at a registry: `login` and `logout`.

use std::{
    io::{self, IsTerminal, Read},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use minicontainer::core::reference::DEFAULT_REGISTRY;
use minicontainer_images::registry::{self, Connection, Credentials, Saved, Secret};
use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

use super::run::terminal::remember_settings;
use crate::{
    error::{Failure, warn},
    output::{self, say},
};

/// The most that is read of a password.
const PASSWORD_LIMIT: u64 = 1 << 16;

/// Log in to a registry, and keep the credentials where Docker does
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer login
  minicontainer login registry.example.com:5000
  cat token.txt | minicontainer login -u me --password-stdin registry.example.com

They are kept in ~/.docker/config.json (or in DOCKER_CONFIG), or by the credential helper that it names. Those that are
kept are tried first, if no name is given.")]
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

/// Logs in.
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
    if let Saved::File(path) = registry::login(server, credentials, &connection)? {
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

/// Search for images
#[derive(Debug, Args)]
pub struct SearchArguments {
    // Whatever they are, the answer is the same.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    _words: Vec<String>,
}

/// Refuses to search.
pub fn search() -> Failure {
    Failure::new("cannot search: registries have no search; docker asks the web site of one of them")
        .hint("look on the registry's web page, then `minicontainer pull NAME`")
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
    say(question);
    let before = tcgetattr(&stdin).context("cannot look at the terminal")?;
    if echo == Echo::Off {
        remember_settings(&before);
        let mut hidden = before.clone();
        hidden.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &hidden).context("cannot hide what is typed")?;
    }
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    if echo == Echo::Off {
        tcsetattr(&stdin, SetArg::TCSAFLUSH, &before).context("cannot restore the terminal")?;
        say("\n");
    }
    read.context("cannot read what is typed")?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
