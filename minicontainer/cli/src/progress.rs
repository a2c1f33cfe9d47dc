//! Progress of a pull, a push or a load, in Docker's words.
//!
//! On a terminal each layer has a line that changes: a bar while bytes arrive, then a word. If the output is a file
//! or a pipe, there is one line for each change of state and none for the bytes, so a load shows nothing. With
//! `--quiet` nothing is shown.

use std::{
    collections::BTreeMap,
    io::{self, IsTerminal},
    sync::{Mutex, MutexGuard, PoisonError},
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use minicontainer::core::Digest;
use minicontainer_registry::{Event, Progress};

use crate::{
    error::Failure,
    output::{print_line, say, visible},
    table::size,
};

const BAR: &str = "{prefix}: {msg} [{bar:50}] {bytes}/{total_bytes}";
const WORD: &str = "{prefix}: {msg}";

/// The stream for the progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// For `pull`, `push` and `load`, whose result it is.
    Stdout,
    /// For `run`, whose standard output is the container's.
    Stderr,
}

/// The progress display, until it is dropped.
pub struct TransferProgress {
    stream: Stream,
    quiet: bool,
    /// On a terminal: all lines that change.
    lines: Option<MultiProgress>,
    layers: Mutex<BTreeMap<Digest, Line>>,
    /// The first error in writing to stdout.
    failure: Mutex<Option<Failure>>,
}

/// A layer's line.
struct Line {
    bar: ProgressBar,
    said: String,
}

impl TransferProgress {
    pub fn new(stream: Stream, quiet: bool) -> TransferProgress {
        let (terminal, target) = match stream {
            Stream::Stdout => (io::stdout().is_terminal(), ProgressDrawTarget::stdout()),
            Stream::Stderr => (io::stderr().is_terminal(), ProgressDrawTarget::stderr()),
        };
        let lines = (terminal && !quiet).then(|| MultiProgress::with_draw_target(target));
        TransferProgress { stream, quiet, lines, layers: Mutex::default(), failure: Mutex::default() }
    }

    /// Shows one event.
    pub fn show(&self, event: &Event<'_>) {
        if self.quiet {
            return;
        }
        match event {
            Event::Pulling { tag, path } => self.line(&format!("{tag}: Pulling from {path}")),
            Event::Pushing { repository } => self.line(&format!("The push refers to repository [{repository}]")),
            Event::Layer { digest, progress } => self.layer(digest, words(*progress), bytes(*progress)),
            Event::Digest { digest, pushed } => {
                self.leave();
                self.line(&match pushed {
                    None => format!("Digest: {digest}"),
                    Some((tag, size)) => format!("{tag}: digest: {digest} size: {size}"),
                });
            }
            Event::Pulled { newer: true, reference } => {
                self.line(&format!("Status: Downloaded newer image for {reference}"));
            }
            Event::Pulled { newer: false, reference } => {
                self.line(&format!("Status: Image is up to date for {reference}"));
            }
        }
    }

    /// Prints one line above the lines that change.
    pub fn line(&self, text: &str) {
        if !self.quiet {
            self.write(&visible(text));
        }
    }

    /// Leaves the lines of the layers as they are and continues below them.
    fn leave(&self) {
        let mut layers = self.locked();
        if self.lines.is_some() && !layers.is_empty() {
            layers.values().for_each(|line| line.bar.abandon());
            // The last of the changing lines has no line end.
            self.write("");
        }
        layers.clear();
    }

    /// Writes a line. The work continues if that fails; [`finish`](TransferProgress::finish) returns the error.
    fn write(&self, text: &str) {
        match self.stream {
            Stream::Stdout => {
                let written = print_line(text);
                let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                *failure = failure.take().or(written.err());
            }
            Stream::Stderr => say(&format!("{text}\n")),
        }
    }

    fn locked(&self) -> MutexGuard<'_, BTreeMap<Digest, Line>> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the display.
    ///
    /// # Errors
    /// If stdout could not be written.
    pub fn finish(self) -> Result<(), Failure> {
        self.leave();
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or(Ok(()), Err)
    }

    /// Shows how much of an archive's layer is unpacked.
    pub fn loading(&self, digest: &Digest, done: u64, total: u64) {
        if !self.quiet {
            self.layer(digest, "Loading layer".to_owned(), Some((done, total)));
        }
    }

    fn layer(&self, digest: &Digest, said: String, bytes: Option<(u64, u64)>) {
        let mut layers = self.locked();
        let line = layers.entry(digest.clone()).or_insert_with(|| {
            let bar = match &self.lines {
                Some(lines) => lines.add(ProgressBar::no_length()),
                None => ProgressBar::hidden(),
            };
            Line { bar: bar.with_style(style(WORD)).with_prefix(digest.short().to_owned()), said: String::new() }
        });
        if let Some((done, total)) = bytes {
            line.bar.set_length(total);
            line.bar.set_position(done);
        }
        // A layer that was already in the store was not pulled.
        if line.said == said || (said == words(Progress::Pulled) && line.said == words(Progress::Exists)) {
            return;
        }
        line.said.clone_from(&said);
        if self.lines.is_some() {
            line.bar.set_style(style(if bytes.is_some() { BAR } else { WORD }));
            line.bar.set_message(said);
        } else if bytes.is_none() {
            self.write(&format!("{}: {said}", digest.short()));
        }
    }
}

/// Also after an error, the next output starts on its own line.
impl Drop for TransferProgress {
    fn drop(&mut self) {
        self.leave();
    }
}

/// The number of bytes done and in total, if bytes are counted.
fn bytes(progress: Progress<'_>) -> Option<(u64, u64)> {
    match progress {
        Progress::Downloading { done, total }
        | Progress::Uploading { done, total }
        | Progress::Extracting { done, total } => Some((done, total)),
        _ => None,
    }
}

fn words(progress: Progress<'_>) -> String {
    match progress {
        Progress::Pending => "Pulling fs layer".to_owned(),
        Progress::Preparing => "Preparing".to_owned(),
        Progress::Exists => "Already exists".to_owned(),
        Progress::ExistsThere => "Layer already exists".to_owned(),
        Progress::Downloading { .. } => "Downloading".to_owned(),
        Progress::Waiting => "Waiting for another process that downloads it".to_owned(),
        Progress::Retrying => "Retrying".to_owned(),
        Progress::Downloaded => "Download complete".to_owned(),
        Progress::Extracting { .. } => "Extracting".to_owned(),
        Progress::Pulled => "Pull complete".to_owned(),
        Progress::Uploading { .. } => "Pushing".to_owned(),
        Progress::Mounted { from } => format!("Mounted from {}", visible(from)),
        Progress::Pushed => "Pushed".to_owned(),
    }
}

fn style(template: &str) -> ProgressStyle {
    let with_sizes = |state: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
        let _ = write!(text, "{}", size(state.pos()));
    };
    let with_total = |state: &indicatif::ProgressState, text: &mut dyn std::fmt::Write| {
        let _ = write!(text, "{}", size(state.len().unwrap_or_default()));
    };
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.with_key("bytes", with_sizes).with_key("total_bytes", with_total).progress_chars("=> ")
}
