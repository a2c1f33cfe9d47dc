//! Somebody who exchanges a file for a link, and back, as fast as the machine can: the attacker of every race.
//!
//! A program that checks a path and then uses it may have checked one file and use another. renameat2(2) with
//! RENAME_EXCHANGE lets both names be there at every moment, so that nothing ever fails for want of a file. A
//! container that shares the directory could do the same; a thread of the host does it faster.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

/// How long a control may take to fall. It does so within milliseconds; a machine that is busy or emulated needs
/// longer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Exchanges two names until it is dropped; then both are as they were.
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

/// Tries a thing that is known to be weak until it falls once. If it does not, the race is not live on this machine,
/// and what withstood it has shown nothing: that is made visible, but it is no fault of ours.
pub fn control_falls(what: &str, mut falls: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + PATIENCE;
    let mut tries = 0u64;
    while Instant::now() < deadline {
        tries += 1;
        if falls() {
            return true;
        }
    }
    not_live(&format!("{what} withstood {tries} tries"));
    false
}

/// Says that an attack could not be shown to work here even where nothing protects, so that withstanding it proves
/// nothing on this machine. That depends on chance or on the kernel, so it fails no test.
pub fn not_live(reason: &str) {
    let test = thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(io::stderr(), "NOT LIVE {test}: {reason}");
}

/// How often and how long a race is tried: the default is short, `tests/run --long` is thorough.
pub struct Effort {
    deadline: Instant,
    least: u64,
    most: u64,
}

impl Effort {
    /// Until the time is over, or `most` tries are done; the thorough one makes at least 20,000 whatever it takes.
    pub fn of(time: Duration, most: u64) -> Effort {
        let long = std::env::var_os("MINICONTAINER_TEST_LONG").is_some();
        let (least, most) = if long { (20_000, 20_000.max(most)) } else { (1, most) };
        Effort { deadline: Instant::now() + time, least, most }
    }

    /// Whether there is still something to be tried after so many.
    pub fn goes_on(&self, tries: u64) -> bool {
        tries < self.least || tries < self.most && Instant::now() < self.deadline
    }
}
