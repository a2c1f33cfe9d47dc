//! The course's runner: `cargo run --release --bin lessons -- list`, `check 4`, `hint 4`.

// `println!` and `eprintln!` panic if the stream cannot be written.
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

use std::{
    env,
    io::{self, ErrorKind, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use lessons::{Language, Lesson, lesson};

/// The course's runner: lists the lessons, checks exercises in the real engine, gives hints.
#[derive(Parser)]
#[command(name = "lessons", version)]
struct Arguments {
    /// The language of the output, en or pt; without it, the locale's
    #[arg(long, global = true)]
    lang: Option<Language>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the lessons and the files to edit
    List,
    /// Check an exercise; exits with 1 if it is refused, with 2 if it could not be checked
    Check {
        /// The lesson's number
        number: u8,
        /// The file to check instead of the lesson's exercise
        file: Option<PathBuf>,
    },
    /// Show a hint
    Hint {
        /// The lesson's number
        number: u8,
        /// Which hint: each is more detailed than the one before
        #[arg(default_value_t = 1)]
        which: usize,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let language = arguments.lang.unwrap_or_else(language_of_locale);
    run(arguments.command, language).unwrap_or_else(|error| {
        // Best effort: if stderr cannot be written, the exit code reports the error.
        let _best_effort = writeln!(io::stderr(), "lessons: {}", message(&error, language));
        ExitCode::from(2)
    })
}

/// The message of an error. An error of the student is in the student's language.
fn message(error: &anyhow::Error, language: Language) -> String {
    #[cfg(target_os = "linux")]
    if let Some(error) = error.downcast_ref::<lessons::check::Unbuildable>() {
        return error.message(language);
    }
    let _other_systems_have_no_check = language;
    format!("{error:#}")
}

/// Writes a line to stdout. A reader that has seen enough, such as head(1), closes the pipe, which is not an error.
fn print_line(text: &str) -> Result<()> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => result.context("cannot write to stdout"),
    }
}

fn run(command: Command, language: Language) -> Result<ExitCode> {
    match command {
        Command::List => list(language),
        Command::Check { number, file } => check(find(number, language)?, file, language),
        Command::Hint { number, which } => hint(find(number, language)?, which, language),
    }
}

/// The language of the first of these variables that is set, see locale(7); English if the course lacks that
/// language.
fn language_of_locale() -> Language {
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"].into_iter().filter_map(|name| env::var(name).ok());
    let decisive = locale.into_iter().find(|value| !value.is_empty()).unwrap_or_default();
    decisive.parse().unwrap_or_default()
}

fn find(number: u8, language: Language) -> Result<&'static Lesson> {
    lesson::find(number).with_context(|| {
        let numbers: Vec<String> = lesson::LESSONS.iter().map(|lesson| lesson.number.to_string()).collect();
        let numbers = numbers.join(", ");
        match language {
            Language::English => format!("no lesson {number}: the lessons are {numbers}"),
            Language::Portuguese => format!("não existe a lição {number}: existem {numbers}"),
        }
    })
}

fn list(language: Language) -> Result<ExitCode> {
    for lesson in &lesson::LESSONS {
        let title = lesson.text(language).title;
        print_line(&format!("{:>2}  {title}\n    lessons/{}/{}", lesson.number, lesson.folder, lesson.exercise))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn hint(lesson: &Lesson, which: usize, language: Language) -> Result<ExitCode> {
    let hints = lesson.text(language).hints;
    let hint = which.checked_sub(1).and_then(|index| hints.get(index));
    let hint = hint.with_context(|| match language {
        Language::English => format!("lesson {} has hints 1 to {}", lesson.number, hints.len()),
        Language::Portuguese => format!("a lição {} tem as dicas 1 a {}", lesson.number, hints.len()),
    })?;
    print_line(&format!("{which}/{}: {hint}", hints.len()))?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(target_os = "linux")]
fn check(lesson: &Lesson, file: Option<PathBuf>, language: Language) -> Result<ExitCode> {
    use lessons::Outcome;

    let file = file.unwrap_or_else(|| lesson.exercise_path());
    let title = lesson.text(language).title;
    Ok(match lessons::check::check(lesson, &file)? {
        Outcome::Accepted => {
            let word = match language {
                Language::English => "accepted",
                Language::Portuguese => "aceito",
            };
            print_line(&format!("{} · {title}: {word}", lesson.number))?;
            ExitCode::SUCCESS
        }
        Outcome::Refused(refused) => {
            print_line(&format!("{} · {title}\n{}", lesson.number, refused.message(language)))?;
            ExitCode::FAILURE
        }
    })
}

#[cfg(not(target_os = "linux"))]
fn check(_: &Lesson, _: Option<PathBuf>, _: Language) -> Result<ExitCode> {
    anyhow::bail!("cannot check: this needs real containers, so Linux; use WSL2 or a virtual machine")
}
