//! `system check` and `image verify`: verify the store or single images.

use std::process::ExitCode;

use clap::Args;
use minicontainer_engine::system::check::{self, Depth, Finding, Outcome, Severity};
use serde_json::{Value, json};

use crate::commands::open_store;
use crate::{
    error::Failure,
    output::{self, visible},
};

/// Verify the whole store and optionally repair it
///
/// Every digest and size is verified, and every unpacked layer is compared with its blob, file by file. Damage means
/// exit code 1; leftover files that only take space do not. A repair does not touch anything that is intact or in
/// use.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer system check
  minicontainer system check --quick
  minicontainer system check --repair
  minicontainer system check --format json | jq -r '.[].place'

Fields of --format json: severity, what, subject, place, why, fix, outcome")]
pub struct CheckArguments {
    /// Repair damage and remove leftover files
    #[arg(short, long)]
    repair: bool,

    /// Only read documents and compare sizes, without hashing content
    #[arg(short, long)]
    quick: bool,

    /// Output format: json
    #[arg(long, value_name = "FORMAT", value_parser = ["json"])]
    format: Option<String>,
}

/// Verify images: their documents, the digest and size of each layer, and its unpacked files
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  minicontainer image verify
  minicontainer image verify busybox && echo whole")]
pub struct VerifyArguments {
    /// Names, ids, or id prefixes [default: all images]
    #[arg(value_name = "IMAGE")]
    images: Vec<String>,
}

/// Runs `system check`.
pub fn execute(arguments: &CheckArguments) -> Result<ExitCode, Failure> {
    let store = open_store()?;
    let depth = if arguments.quick { Depth::Quick } else { Depth::Whole };
    let findings = match arguments.repair {
        true => check::repair(&store, depth)?,
        false => check::check(&store, depth)?,
    };
    if arguments.format.is_some() {
        output::print_json(&findings.iter().map(document).collect::<Vec<_>>())?;
    } else {
        let report: String = findings.iter().map(describe).collect();
        output::print(&format!("{report}{}\n", summary(&findings)))?;
    }
    Ok(code(&findings))
}

/// Runs `image verify`.
pub fn verify(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let verified = check::verify_images(&open_store()?, &arguments.images)?;
    let mut text = String::new();
    for image in &verified {
        text += &match image.findings.is_empty() {
            true => format!("{}: intact ({} layers)\n", visible(&image.name), image.layers),
            false => {
                format!(
                    "{}: damaged\n{}",
                    visible(&image.name),
                    image.findings.iter().map(describe).collect::<String>()
                )
            }
        };
    }
    output::print(&text)?;
    Ok(verified.iter().map(|image| code(&image.findings)).find(|code| *code != ExitCode::SUCCESS).unwrap_or_default())
}

/// The exit code: failure if there is unrepaired damage.
fn code(findings: &[Finding]) -> ExitCode {
    match findings.iter().any(is_damage_left) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

fn is_damage_left(finding: &Finding) -> bool {
    finding.severity == Severity::Damage && finding.outcome != Some(Outcome::Repaired)
}

fn describe(finding: &Finding) -> String {
    let mut text = format!("{}: {}\n", finding.what, visible(&finding.subject));
    text += &format!("  where    {}\n", visible(&finding.place.display().to_string()));
    text += &format!("  why      {}\n", visible(&finding.why));
    text += &match &finding.outcome {
        Some(Outcome::Repaired) => "  fixed\n".to_owned(),
        Some(Outcome::Refused(why)) => format!("  not fixed: {}\n", visible(why)),
        None => format!("  fix     {}\n", visible(&finding.fix.describe())),
    };
    text
}

fn summary(findings: &[Finding]) -> String {
    let damage = findings.iter().filter(|finding| is_damage_left(finding)).count();
    let repaired = findings.iter().filter(|finding| finding.outcome == Some(Outcome::Repaired)).count();
    let left_over = |finding: &&Finding| finding.severity == Severity::Leftover && finding.outcome.is_none();
    let left_over = findings.iter().filter(left_over).count();
    let verdict = match damage {
        0 => "The store is intact.".to_owned(),
        1 => "The store is damaged in 1 place.".to_owned(),
        _ => format!("The store is damaged in {damage} places."),
    };
    let more = [(repaired, "fixed"), (left_over, "left over")].into_iter().filter(|(count, _)| *count > 0);
    more.fold(verdict, |text, (count, what)| format!("{text} {count} {what}."))
}

fn document(finding: &Finding) -> Value {
    json!({
        "severity": match finding.severity {
            Severity::Damage => "damage",
            Severity::Leftover => "leftover",
        },
        "what": finding.what,
        "subject": finding.subject,
        "place": finding.place.display().to_string(),
        "why": finding.why,
        "fix": finding.fix.describe(),
        "outcome": match &finding.outcome {
            Some(Outcome::Repaired) => "repaired".into(),
            Some(Outcome::Refused(why)) => json!(format!("refused: {why}")),
            None => Value::Null,
        },
    })
}
