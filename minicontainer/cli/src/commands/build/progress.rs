//! How far a build is. As BuildKit's plain progress has it, every piece of work has a number, and every line begins
//! with the number of the work that it is about, since several go on at once. On a terminal the same is a picture
//! that changes ([`view`](super::view)).

use std::{
    collections::{BTreeMap, VecDeque},
    io::{IsTerminal, stderr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use clap::ValueEnum;
use minicontainer_build::{self as build, Ending};

use super::view::View;
use crate::{
    error::Failure,
    output::{say, visible},
};

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Told {
    /// As tty on a terminal, else as plain
    Auto,
    /// A line for everything that happens
    Plain,
    /// A picture that changes, on a terminal
    Tty,
    /// Nothing, but what a command printed that failed
    Quiet,
}

/// What goes on.
pub struct Progress {
    told: Told,
    works: Arc<Mutex<Works>>,
    view: Option<View>,
}

/// All pieces of work by their numbers.
pub type Works = BTreeMap<usize, Work>;

/// A piece of work.
#[derive(Debug)]
pub struct Work {
    pub title: String,
    pub began: Instant,
    /// How it ended, and after how long.
    pub ended: Option<(Fate, Duration)>,
    /// The last of what it printed, and when.
    pub printed: VecDeque<(Duration, String)>,
}

/// How a piece of work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Done,
    Cached,
    Failed,
}

/// So many of the last lines are kept of what a command printed.
const KEPT: usize = 100;

impl Progress {
    /// Nothing goes on yet. A picture can only be shown on a terminal.
    pub fn new(told: Told) -> Result<Progress, Failure> {
        let told = match (told, stderr().is_terminal()) {
            (Told::Auto, true) => Told::Tty,
            (Told::Auto, false) => Told::Plain,
            (Told::Tty, false) => {
                let message = "cannot show --progress tty: stderr is no terminal";
                return Err(Failure::new(message).hint("use --progress plain"));
            }
            (told, _) => told,
        };
        let works = Arc::default();
        let view = (told == Told::Tty).then(|| View::new(Arc::clone(&works)));
        Ok(Progress { told, works, view })
    }

    /// Tells something that is about no work.
    pub fn say(&self, text: &str) {
        match &self.view {
            Some(view) => view.aside(|| say(text)),
            None if self.told != Told::Quiet => say(text),
            None => {}
        }
    }

    /// Does something that shows itself.
    pub fn aside<T>(&self, work: impl FnOnce() -> T) -> T {
        match &self.view {
            Some(view) => view.aside(work),
            None => work(),
        }
    }

    /// Whether nothing is told.
    pub fn is_quiet(&self) -> bool {
        self.told == Told::Quiet
    }

    /// Nothing more will be shown.
    pub fn finish(self) {}

    fn works(&self) -> MutexGuard<'_, Works> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line, where each stands for itself.
    fn line(&self, text: &str) {
        if self.told == Told::Plain {
            say(text);
        }
    }
}

impl build::Progress for Progress {
    fn begin(&self, title: &str) -> usize {
        let mut works = self.works();
        let number = works.len() + 1;
        let title = visible(title).into_owned();
        self.line(&format!("#{number} {title}\n"));
        works.insert(number, Work { title, began: Instant::now(), ended: None, printed: VecDeque::new() });
        number
    }

    fn output(&self, number: usize, line: &[u8]) {
        let mut works = self.works();
        let Some(work) = works.get_mut(&number) else { return };
        let line = String::from_utf8_lossy(line);
        let line = visible(line.trim_end_matches('\r')).into_owned();
        let time = work.began.elapsed();
        self.line(&format!("#{number} {:.3} {line}\n", time.as_secs_f64()));
        if work.printed.len() == KEPT {
            work.printed.pop_front();
        }
        work.printed.push_back((time, line));
    }

    fn end(&self, number: usize, how: Ending) {
        let mut works = self.works();
        let Some(work) = works.get_mut(&number) else { return };
        let time = work.began.elapsed();
        let (fate, line) = match how {
            Ending::Done => (Fate::Done, format!("#{number} DONE {:.1}s\n\n", time.as_secs_f64())),
            Ending::Cached => (Fate::Cached, format!("#{number} CACHED\n\n")),
            Ending::Failed(error) => {
                let mut message = error.to_string();
                if let build::BuildError::Step { source, .. } = error {
                    message = source.to_string();
                }
                (Fate::Failed, format!("#{number} ERROR: {}\n\n", visible(&message)))
            }
        };
        work.ended = Some((fate, time));
        self.line(&line);
    }
}

/// Why a step failed is told by whoever builds; what it printed nobody else knows, where not every line was told.
impl Drop for Progress {
    fn drop(&mut self) {
        // The last picture stands above.
        drop(self.view.take());
        if self.told == Told::Plain {
            return;
        }
        for (number, work) in self.works().iter() {
            if !matches!(work.ended, Some((Fate::Failed, _))) || work.printed.is_empty() {
                continue;
            }
            let lines = |before: &str| -> String {
                let line = |(time, text): &(Duration, String)| format!("{before}{:.3} {text}\n", time.as_secs_f64());
                work.printed.iter().map(line).collect()
            };
            say(&match self.told {
                Told::Quiet => format!("#{number} {}\n{}\n", work.title, lines(&format!("#{number} "))),
                _ => format!("------\n > {}:\n{}------\n", work.title, lines("")),
            });
        }
    }
}
