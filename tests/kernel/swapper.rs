//! A thread that exchanges a file with a link, and back, as fast as possible: the attacker of every race.
//!
//! A program that checks a path and then uses it may have checked one file and use another. With renameat2(2) and
//! RENAME_EXCHANGE both names exist at every moment, so nothing fails because a file is missing. A container that
//! shares the directory could do the same; a thread of the host is faster.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

/// The time limit for a control to fail. It does so within milliseconds; a busy or emulated machine needs longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Exchanges two names until it is dropped; then both are as before.
pub struct Swapper {
    enough: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Swapper {
    pub fn of(one: &Path, other: &Path) -> Swapper {
        let enough = Arc::new(AtomicBool::new(false));
        let (stop, one, other): (_, PathBuf, PathBuf) = (Arc::clone(&enough), one.to_owned(), other.to_owned());
        let exchange = move || {
            renameat2(AT_FDCWD, &one, AT_FDCWD, &other, RenameFlags::RENAME_EXCHANGE).expect("they can be exchanged");
        };
        let thread = thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                exchange();
                exchange();
            }
        });
        Swapper { enough, thread: Some(thread) }
    }
}

impl Drop for Swapper {
    fn drop(&mut self) {
        self.enough.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        assert!(ended.is_none_or(|ended| ended.is_ok()) || thread::panicking(), "the swapper failed");
    }
}

/// Repeats a vulnerable operation until the attack succeeds once. If it never does, the race is not live on this
/// machine, and the protected operation proves nothing. This is reported, but it is not a failure.
pub fn control_is_vulnerable(what: &str, mut attack_succeeds: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut tries = 0u64;
    while Instant::now() < deadline {
        tries += 1;
        if attack_succeeds() {
            return true;
        }
    }
    not_live(&format!("{what} withstood {tries} tries"));
    false
}

/// Reports that an attack has no effect here even without protection, so that withstanding it proves nothing on this
/// machine. This depends on chance or on the kernel, so no test fails.
pub fn not_live(reason: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "NOT LIVE {test}: {reason}");
}

/// How often and how long a race is tried: by default briefly, with `tests/run --long` thoroughly.
pub struct Effort {
    deadline: Instant,
    least: u64,
    most: u64,
}

impl Effort {
    /// Until the time is over, or `most` attempts are done; the thorough variant makes at least 20,000, however long
    /// they take.
    pub fn of(time: Duration, most: u64) -> Effort {
        let long = std::env::var_os("MINICONTAINER_TEST_LONG").is_some();
        let (least, most) = if long { (20_000, 20_000.max(most)) } else { (1, most) };
        Effort { deadline: Instant::now() + time, least, most }
    }

    /// Whether to continue after this number of attempts.
    pub fn continues(&self, tries: u64) -> bool {
        tries < self.least || tries < self.most && Instant::now() < self.deadline
    }
}
