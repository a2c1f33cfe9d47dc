//! How far a build is, as BuildKit's plain progress has it: every piece of work has a number, and every line begins with
//! the number of the work that it is about, since several go on at once.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use clap::ValueEnum;
use minicontainer_engine::build::{self, Ending};

use crate::output::visible;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Told {
    /// As plain
    Auto,
    /// A line for everything that happens
    Plain,
    /// Nothing, but what a command printed that failed
    Quiet,
}

/// What goes on.
pub struct Progress {
    told: Told,
    works: Mutex<BTreeMap<usize, Work>>,
}

struct Work {
    title: String,
    began: Instant,
    /// What it printed, for when it fails and nobody has been told.
    printed: Vec<String>,
}

/// So many of the last lines are kept of what a command printed.
const KEPT: usize = 100;

impl Progress {
    /// Nothing goes on yet.
    pub fn new(told: Told) -> Progress {
        Progress { told, works: Mutex::default() }
    }

    /// Tells something that is about no work.
    pub fn say(&self, text: &str) {
        if self.told != Told::Quiet {
            write(text);
        }
    }

    fn works(&self) -> MutexGuard<'_, BTreeMap<usize, Work>> {
        self.works.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl build::Progress for Progress {
    fn begin(&self, title: &str) -> usize {
        let mut works = self.works();
        let number = works.len() + 1;
        let title = visible(title).into_owned();
        self.say(&format!("#{number} {title}\n"));
        works.insert(number, Work { title, began: Instant::now(), printed: Vec::new() });
        number
    }

    fn output(&self, number: usize, line: &[u8]) {
        let mut works = self.works();
        let Some(work) = works.get_mut(&number) else { return };
        let line = String::from_utf8_lossy(line);
        let line = visible(line.trim_end_matches('\r'));
        let line = format!("#{number} {:.3} {line}\n", work.began.elapsed().as_secs_f64());
        self.say(&line);
        if work.printed.len() == KEPT {
            work.printed.remove(0);
        }
        work.printed.push(line);
    }

    fn end(&self, number: usize, how: Ending) {
        let works = self.works();
        let Some(work) = works.get(&number) else { return };
        match how {
            Ending::Done => self.say(&format!("#{number} DONE {:.1}s\n\n", work.began.elapsed().as_secs_f64())),
            Ending::Cached => self.say(&format!("#{number} CACHED\n\n")),
            Ending::Failed(error) => {
                if self.told == Told::Quiet {
                    // Why it failed is told at the end; what it printed nobody else knows.
                    if !work.printed.is_empty() {
                        write(&format!("#{number} {}\n{}\n", work.title, work.printed.concat()));
                    }
                    return;
                }
                let mut message = error.to_string();
                if let build::BuildError::Step { source, .. } = error {
                    message = source.to_string();
                }
                write(&format!("#{number} ERROR: {}\n\n", visible(&message)));
            }
        }
    }
}

/// That nobody can be told of it is no reason to stop.
fn write(text: &str) {
    let _told = std::io::stderr().write_all(text.as_bytes());
}
