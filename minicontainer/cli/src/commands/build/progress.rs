//! Progress of a build. As in BuildKit's plain progress, every step has a number, and every line begins with the
//! number of its step, because several steps run at once. On a terminal the progress is redrawn in place
//! ([`view`](super::view)).

use std::{
    collections::{BTreeMap, VecDeque},
    io::{IsTerminal, stderr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use minicontainer::core::explain::Message;
use minicontainer_build::{self as build, StepOutcome};

use super::view::View;
use crate::{
    error::Failure,
    flags::with_flags,
    language,
    output::{say, visible},
};

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// tty on a terminal, else plain
    Auto,
    /// A line for every event
    Plain,
    /// A display that is redrawn, on a terminal
    Tty,
    /// Nothing, except the output of a command that failed
    Quiet,
}

/// The progress of one build.
pub struct Progress {
    mode: ProgressMode,
    steps: Arc<Mutex<Steps>>,
    view: Option<View>,
}

/// All steps by their numbers.
pub type Steps = BTreeMap<usize, StepState>;

/// A step.
#[derive(Debug)]
pub struct StepState {
    pub title: String,
    pub began: Instant,
    /// The result, and the time it took.
    pub ended: Option<(StepResult, Duration)>,
    /// The last lines of its output, and when they came.
    pub printed: VecDeque<(Duration, String)>,
}

/// The result of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepResult {
    Done,
    Cached,
    Failed,
}

/// How many lines of a command's output are kept.
const KEPT: usize = 100;

impl Progress {
    /// Starts with no steps. `tty` needs a terminal.
    pub fn new(mode: ProgressMode) -> Result<Progress, Failure> {
        let mode = match (mode, stderr().is_terminal()) {
            (ProgressMode::Auto, true) => ProgressMode::Tty,
            (ProgressMode::Auto, false) => ProgressMode::Plain,
            (ProgressMode::Tty, false) => {
                let message = "cannot show --progress tty: stderr is not a terminal";
                return Err(Failure::new(message).hint("use --progress plain"));
            }
            (mode, _) => mode,
        };
        let steps = Arc::default();
        let view = (mode == ProgressMode::Tty).then(|| View::new(Arc::clone(&steps)));
        Ok(Progress { mode, steps, view })
    }

    /// Prints a line that belongs to no step.
    pub fn say(&self, text: &str) {
        match &self.view {
            Some(view) => view.suspend(|| say(text)),
            None if self.mode != ProgressMode::Quiet => say(text),
            None => {}
        }
    }

    /// Runs a function that writes to the terminal itself.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.view {
            Some(view) => view.suspend(work),
            None => work(),
        }
    }

    /// Whether nothing is shown.
    pub fn is_quiet(&self) -> bool {
        self.mode == ProgressMode::Quiet
    }

    /// Ends the progress display.
    pub fn finish(self) {}

    fn steps(&self) -> MutexGuard<'_, Steps> {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prints a line, in the plain mode only.
    fn line(&self, text: &str) {
        if self.mode == ProgressMode::Plain {
            say(text);
        }
    }
}

impl build::Progress for Progress {
    fn begin(&self, title: &str) -> usize {
        let mut steps = self.steps();
        let number = steps.len() + 1;
        let title = visible(title).into_owned();
        self.line(&format!("#{number} {title}\n"));
        steps.insert(number, StepState { title, began: Instant::now(), ended: None, printed: VecDeque::new() });
        number
    }

    fn output(&self, number: usize, line: &[u8]) {
        let mut steps = self.steps();
        let Some(work) = steps.get_mut(&number) else { return };
        let line = String::from_utf8_lossy(line);
        let line = visible(line.trim_end_matches('\r')).into_owned();
        let time = work.began.elapsed();
        self.line(&format!("#{number} {:.3} {line}\n", time.as_secs_f64()));
        if work.printed.len() == KEPT {
            work.printed.pop_front();
        }
        work.printed.push_back((time, line));
    }

    fn warn(&self, number: usize, warning: &Message) {
        let language = language::of_environment();
        let label = Message::new("label-warning", []).text(language);
        self.output(number, format!("{label}: {}", with_flags(&warning.text(language))).as_bytes());
    }

    fn end(&self, number: usize, how: StepOutcome) {
        let mut steps = self.steps();
        let Some(work) = steps.get_mut(&number) else { return };
        let time = work.began.elapsed();
        let (fate, line) = match how {
            StepOutcome::Done => (StepResult::Done, format!("#{number} DONE {:.1}s\n\n", time.as_secs_f64())),
            StepOutcome::Cached => (StepResult::Cached, format!("#{number} CACHED\n\n")),
            StepOutcome::Failed(error) => {
                let mut message = error.to_string();
                if let build::BuildError::Step { source, .. } = error {
                    message = source.to_string();
                }
                (StepResult::Failed, format!("#{number} ERROR: {}\n\n", visible(&message)))
            }
        };
        work.ended = Some((fate, time));
        self.line(&line);
    }
}

/// The caller prints why a step failed. The output of that step is printed here if it has not been shown yet.
impl Drop for Progress {
    fn drop(&mut self) {
        // Dropping the view draws the last state.
        drop(self.view.take());
        if self.mode == ProgressMode::Plain {
            return;
        }
        for (number, work) in self.steps().iter() {
            if !matches!(work.ended, Some((StepResult::Failed, _))) || work.printed.is_empty() {
                continue;
            }
            let lines = |before: &str| -> String {
                let line = |(time, text): &(Duration, String)| format!("{before}{:.3} {text}\n", time.as_secs_f64());
                work.printed.iter().map(line).collect()
            };
            say(&match self.mode {
                ProgressMode::Quiet => format!("#{number} {}\n{}\n", work.title, lines(&format!("#{number} "))),
                _ => format!("------\n > {}:\n{}------\n", work.title, lines("")),
            });
        }
    }
}
