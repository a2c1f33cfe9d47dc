//! Output that is counted on its way: `--output-limit`.
//!
//! Without a limit the container inherits this command's stdout and stderr and nobody stands between. To count, the
//! output has to come by: two pipes, and a thread for each that copies what comes. A reader of ours that stops makes our
//! thread wait, and the full pipe makes the container wait, as if it wrote to that reader itself; one that goes away
//! ends our thread, which closes the pipe, and the container learns of it by SIGPIPE.

use std::{
    io::{self, Read, Write},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
};

use minicontainer::{Running, Signaller};
use nix::sys::signal::Signal;

use crate::error::Failure;

/// The threads that copy.
#[derive(Debug)]
pub struct Passing {
    threads: Vec<JoinHandle<Passed>>,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    /// All there was, or all that anybody wanted to read.
    All,
    /// No more than the limit, though there was more.
    TooMuch,
}

impl Passing {
    /// Begins to copy; whoever writes more than the limit, on both streams together, is killed.
    pub fn begin(running: &mut Running, limit: u64) -> Result<Passing, Failure> {
        let passed = Arc::new(AtomicU64::new(0));
        let (stdout, stderr): (Box<dyn Write + Send>, Box<dyn Write + Send>) =
            (Box::new(io::stdout()), Box::new(io::stderr()));
        let mut threads = Vec::new();
        let streams = [(running.stdout.take(), stdout), (running.stderr.take(), stderr)];
        for (stream, own) in streams {
            let Some(stream) = stream else { continue };
            let (passed, signaller) = (Arc::clone(&passed), running.signaller()?);
            threads.push(thread::spawn(move || {
                let result = copy(stream, own, |count| allowed(&passed, limit, count));
                if result == Passed::TooMuch {
                    kill(&signaller);
                }
                result
            }));
        }
        Ok(Passing { threads })
    }

    /// Waits until all is written.
    pub fn finish(self) -> Passed {
        let mut results = self.threads.into_iter().filter_map(|thread| thread.join().ok());
        if results.any(|result| result == Passed::TooMuch) { Passed::TooMuch } else { Passed::All }
    }
}

/// How many of `count` bytes may still pass.
fn allowed(passed: &AtomicU64, limit: u64, count: usize) -> usize {
    let before = passed.fetch_add(count as u64, Ordering::Relaxed);
    usize::try_from(limit.saturating_sub(before)).unwrap_or(usize::MAX).min(count)
}

fn copy(mut from: impl Read, mut to: impl Write, allowed: impl Fn(usize) -> usize) -> Passed {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Passed::All,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Passed::All,
        };
        let part = allowed(count);
        if to.write_all(&buffer[..part]).and_then(|()| to.flush()).is_err() {
            return Passed::All;
        }
        if part < count {
            return Passed::TooMuch;
        }
    }
}

fn kill(signaller: &Signaller) {
    // It can fail only where the container has other powers than we have, and then its end is awaited all the same.
    let _ended = signaller.send(Signal::SIGKILL as i32);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(limit: u64, input: &[u8], expect: (&[u8], Passed)) {
        let (passed, mut output) = (AtomicU64::new(0), Vec::new());
        let result = copy(input, &mut output, |count| allowed(&passed, limit, count));
        assert_eq!((output.as_slice(), result), expect);
    }

    #[test]
    fn no_more_passes_than_is_allowed() {
        check(5, b"", (b"", Passed::All));
        check(5, b"hello", (b"hello", Passed::All));
        check(5, b"hello!", (b"hello", Passed::TooMuch));
        let long = vec![b'x'; 200_000];
        check(150_000, &long, (&long[..150_000], Passed::TooMuch));
    }
}
