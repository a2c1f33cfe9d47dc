//! The progress of a build on a terminal: a line for each step, and under a running step its last lines of output.
//!
//! ```text
//! [+] Building 3.1s (4/5)
//!  => [internal] load build definition from Dockerfile                0.0s
//!  => CACHED [2/4] WORKDIR /app                                       0.0s
//!  => [3/4] RUN make                                                  2.9s
//!  => => # cc -c main.c
//! ```
//!
//! The display is redrawn several times per second: the cursor moves up to its first line, then each line is written
//! again and its rest erased (ECMA-48, CUU and EL and ED). The output of a step disappears when the step ends. If
//! there are more lines than the window has, the steps that ended first are hidden first. The last display has all
//! steps and stays. Only the text of the terminal changes, not its settings or the visibility of the cursor, so
//! nothing must be restored when the command ends.

use std::{
    io::stderr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{RecvTimeoutError, Sender, channel},
    },
    thread::{Builder, JoinHandle},
    time::{Duration, Instant},
};

use terminal_size::terminal_size_of;

use super::progress::{StepResult, StepState, Steps};
use crate::output::say;

/// The time between two redraws.
const INTERVAL: Duration = Duration::from_millis(100);
/// How many lines of a command's output are shown.
const LINES: usize = 6;
/// The window size if the terminal does not report it.
const UNKNOWN: (usize, usize) = (80, 24);

/// The display, redrawn by its own thread until it is dropped.
pub struct View {
    drawing: Arc<Mutex<Display>>,
    over: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

struct Display {
    steps: Arc<Mutex<Steps>>,
    began: Instant,
    /// The number of lines of the last display.
    lines: usize,
}

impl View {
    /// Starts the thread.
    pub fn new(steps: Arc<Mutex<Steps>>) -> View {
        let drawing = Arc::new(Mutex::new(Display { steps, began: Instant::now(), lines: 0 }));
        let (over, ended) = channel();
        let shared = Arc::clone(&drawing);
        // If the thread cannot be started, only the last display is drawn.
        let thread = Builder::new().spawn(move || {
            while ended.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
                locked(&shared).draw(Extent::Window);
            }
        });
        View { drawing, over: Some(over), thread: thread.ok() }
    }

    /// Erases the display, runs a function that writes to the terminal, and continues below its output.
    pub fn suspend<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut drawing = locked(&self.drawing);
        drawing.erase();
        work()
    }
}

impl Drop for View {
    fn drop(&mut self) {
        drop(self.over.take());
        if let Some(thread) = self.thread.take() {
            // A thread that panicked draws nothing either.
            let _ended = thread.join();
        }
        locked(&self.drawing).draw(Extent::All);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What fits into the window.
    Window,
    /// Everything, in the last display.
    All,
}

impl Display {
    fn draw(&mut self, extent: Extent) {
        let size = terminal_size_of(stderr()).map(|(columns, rows)| (columns.0.into(), rows.0.into()));
        let (columns, rows) = size.filter(|size| *size != (0, 0)).unwrap_or(UNKNOWN);
        let rows = if extent == Extent::All { usize::MAX } else { rows };
        let lines = lines_to_draw(&locked(&self.steps), self.began, Instant::now(), (columns, rows));
        let mut text = self.back();
        for line in &lines {
            text += &format!("{line}\x1b[K\n");
        }
        text += "\x1b[J";
        say(&text);
        self.lines = lines.len();
    }

    fn erase(&mut self) {
        say(&format!("{}\x1b[J", self.back()));
        self.lines = 0;
    }

    /// Moves the cursor to the first line of the display.
    fn back(&self) -> String {
        if self.lines == 0 { String::new() } else { format!("\x1b[{}A\r", self.lines) }
    }
}

/// The lines of a display that fits into the window. The cursor is on the line below it.
fn lines_to_draw(steps: &Steps, began: Instant, now: Instant, (columns, rows): (usize, usize)) -> Vec<String> {
    let time = now.saturating_duration_since(began);
    let ended = steps.values().filter(|work| work.ended.is_some()).count();
    let finished = if ended == steps.len() && rows == usize::MAX { " FINISHED" } else { "" };
    let head = format!("[+] Building {:.1}s ({ended}/{}){finished}", time.as_secs_f64(), steps.len());
    let room = rows.saturating_sub(2).max(1);
    let mut shown: Vec<(bool, Vec<String>)> =
        steps.values().map(|work| (work.ended.is_some(), lines_of(work, now, columns))).collect();
    let mut surplus = shown.iter().map(|(_, lines)| lines.len()).sum::<usize>().saturating_sub(room);
    // Hide first the steps that have ended, then output, then the uppermost lines.
    for (_, lines) in shown.iter_mut().filter(|(has_ended, _)| *has_ended) {
        if surplus > 0 {
            surplus -= lines.len();
            lines.clear();
        }
    }
    for (_, lines) in &mut shown {
        while surplus > 0 && lines.len() > 1 {
            lines.remove(1);
            surplus -= 1;
        }
    }
    let lines: Vec<String> = shown.into_iter().flat_map(|(_, lines)| lines).collect();
    let surplus = lines.len().saturating_sub(room);
    [fit_to_columns(&head, columns)].into_iter().chain(lines.into_iter().skip(surplus)).collect()
}

/// A step's title and time, and its output while it runs.
fn lines_of(work: &StepState, now: Instant, columns: usize) -> Vec<String> {
    let (sign, time) = match work.ended {
        None => ("", now.saturating_duration_since(work.began)),
        Some((StepResult::Done, time)) => ("", time),
        Some((StepResult::Cached, time)) => ("CACHED ", time),
        Some((StepResult::Failed, time)) => ("ERROR ", time),
    };
    let time = format!(" {:.1}s", time.as_secs_f64());
    let width = columns.saturating_sub(time.len() + 1);
    let title = fit_to_columns(&format!(" => {sign}{}", work.title), width);
    let gap = " ".repeat(width.saturating_sub(width_of(&title)));
    let mut lines = vec![format!("{title}{gap}{time}")];
    if work.ended.is_none() {
        let printed = work.printed.iter().skip(work.printed.len().saturating_sub(LINES));
        lines.extend(printed.map(|(_, text)| fit_to_columns(&format!(" => => # {text}"), columns)));
    }
    lines
}

/// The upper bound of a text's width: characters outside ASCII may take two columns.
fn width_of(text: &str) -> usize {
    text.chars().map(|letter| if letter.is_ascii() { 1 } else { 2 }).sum()
}

/// The beginning of a text, as far as it fits.
fn fit_to_columns(text: &str, columns: usize) -> String {
    let mut width = 0;
    let fits = |letter: &char| {
        width += if letter.is_ascii() { 1 } else { 2 };
        width < columns
    };
    text.chars().take_while(fits).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, VecDeque};

    use super::*;

    fn work(began: Instant, title: &str, ended: Option<(StepResult, Duration)>, printed: &[&str]) -> StepState {
        let printed: VecDeque<_> = printed.iter().map(|text| (Duration::ZERO, (*text).to_owned())).collect();
        StepState { title: title.to_owned(), began, ended, printed }
    }

    fn steps(began: Instant) -> Steps {
        let work = |title, ended, printed: &[&str]| work(began, title, ended, printed);
        let after = |fate, seconds| Some((fate, Duration::from_secs(seconds)));
        BTreeMap::from([
            (1, work("[internal] load build definition from Dockerfile", after(StepResult::Done, 0), &[])),
            (
                2,
                work(
                    "[1/4] FROM docker.io/library/busybox:latest",
                    after(StepResult::Done, 12),
                    &["printed, and over"],
                ),
            ),
            (3, work("[2/4] WORKDIR /app", after(StepResult::Cached, 0), &[])),
            (
                4,
                work(
                    "[3/4] RUN make 林檎",
                    None,
                    &["one", "two", "a line that is much longer than the window is wide, by far"],
                ),
            ),
            (5, work("[other 2/2] COPY . .", None, &[])),
        ])
    }

    #[track_caller]
    fn check(size: (usize, usize)) -> String {
        let began = Instant::now();
        let lines = lines_to_draw(&steps(began), began, began + Duration::from_millis(12_340), size);
        assert!(lines.len() < size.1 && lines.iter().all(|line| width_of(line) <= size.0), "{lines:?}");
        lines.join("\n")
    }

    #[test]
    fn progress_view_fits_terminal_size() {
        insta::assert_snapshot!(check((60, 24)));
        insta::assert_snapshot!(check((60, 7)));
        insta::assert_snapshot!(check((20, 4)));
        insta::assert_snapshot!(check((60, usize::MAX)));
    }
}
