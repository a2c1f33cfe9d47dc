//! `explain`, and `run --explain`: prints the plan in words without executing it.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use minicontainer::{
    Sandbox,
    core::explain::{Language, render},
};

use super::{
    find_image,
    options::{ContainerArguments, OPTIONS},
};
use crate::commands::open_store;
use crate::{error::Failure, language, output};

/// Print every step that would create a container and why, without creating it
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
#[command(override_usage = "minicontainer explain [OPTIONS] IMAGE [COMMAND] [ARG...]")]
#[command(after_help = "Examples:
  minicontainer explain busybox sh
  minicontainer explain --lang pt --memory 64m busybox sh
  minicontainer explain --without pid busybox sh
  minicontainer explain --format json busybox sh")]
pub struct ExplainArguments {
    /// Explain in this language: en or pt [default: the locale's]
    #[arg(long, value_name = "LANGUAGE", value_parser = language::parse)]
    lang: Option<Language>,

    /// Output format: sentences (text), or the plan itself (json)
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: PlanFormat,

    #[command(flatten)]
    container: ContainerArguments,

    /// Print help
    #[arg(long, action = clap::ArgAction::Help, help_heading = OPTIONS)]
    help: Option<bool>,
}

/// How a plan is shown.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PlanFormat {
    Text,
    Json,
}

/// Runs `explain`.
pub fn execute(arguments: &ExplainArguments) -> Result<ExitCode, Failure> {
    let options = arguments.container.options()?;
    let image = find_image(&open_store()?, arguments.container.image())?;
    let sandbox = arguments.container.sandbox(&image, &options).end_with_caller();
    match arguments.format {
        PlanFormat::Text => print(&sandbox, arguments.lang.unwrap_or_else(language::of_environment)),
        PlanFormat::Json => output::print_json(&sandbox.plan()?).map(|()| ExitCode::SUCCESS),
    }
}

/// Prints a sandbox's plan in words.
pub fn print(sandbox: &Sandbox, language: Language) -> Result<ExitCode, Failure> {
    output::print(&output::visible_lines(&render(&sandbox.plan()?, language)))?;
    Ok(ExitCode::SUCCESS)
}
