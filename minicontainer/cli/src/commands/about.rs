//! `version` and `completions`: information about the command itself.

use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;
use serde_json::json;

use crate::{args::Arguments, error::Failure, format::Format, output};

const DEFAULT: &str =
    "minicontainer {{.Version}} ({{.Os}}/{{.Arch}})\\nOCI runtime specification {{.OciRuntimeSpec}}, no daemon";

/// Show the version
#[derive(Debug, Args)]
pub struct VersionArguments {
    /// Format the output: json, or a template such as '{{.Version}} {{.Os}} {{.Arch}}'
    #[arg(short, long, value_name = "TEMPLATE")]
    format: Option<String>,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Example:
  source <(minicontainer completions bash)")]
pub struct CompletionArguments {
    /// The shell
    shell: Shell,
}

/// Prints the version.
pub fn version(arguments: &VersionArguments) -> Result<ExitCode, Failure> {
    let format = Format::parse(arguments.format.as_deref().unwrap_or(DEFAULT))?;
    let document = json!({
        "Version": env!("CARGO_PKG_VERSION"),
        "Os": std::env::consts::OS,
        "Arch": std::env::consts::ARCH,
        "OciRuntimeSpec": "1.0.2",
    });
    output::print(&format.render_each(&[document])?)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the script.
pub fn completions(arguments: &CompletionArguments) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "minicontainer", &mut script);
    output::print(&String::from_utf8_lossy(&script))?;
    Ok(ExitCode::SUCCESS)
}
