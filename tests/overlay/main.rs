//! Compares the model of overlayfs with the kernel's overlayfs: with the same layers and calls, the answers, the
//! merged tree and the upper directory must be the same.
//!
//! This program does not use libtest, because a process that creates a user namespace must have only one thread. It
//! starts itself once as root, with attributes named `trusted.overlay.*`, and once as an ordinary user in a new user
//! namespace (`userxattr`). Each of the two enters a new mount namespace with a tmpfs over /tmp, so the host sees
//! nothing and nothing is left behind.
//!
//! By default each tries the same 10,000 random sequences, so that a change does not fail by chance.
//! `MINICONTAINER_TEST_LONG=1` tries 200,000 others. `MINICONTAINER_TEST_SEED` selects the sequences, and
//! `MINICONTAINER_TEST_SEQUENCES` sets their number: `tests/vm` tries fewer on another kernel. A failing sequence is
//! minimized and printed as a script. `examples.rs` keeps the differences that were found in this way.

mod coverage;
mod disk;
mod examples;
mod generate;
mod kernel;
mod quirk;
mod scenario;
mod scratch;

use std::{
    cell::RefCell,
    env, fs,
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, ExitCode},
    time::{Duration, Instant},
};

use nix::unistd::geteuid;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use coverage::Seen;
use generate::scenarios;
use kernel::Kernel;
use minicontainer_layers::overlay::Mounter;
use quirk::Quirks;
use scenario::Scenario;

/// The exit code of a child that cannot run the test here.
const SKIPPED: u8 = 77;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", "root", disk] => child(Mounter::Root, disk.as_ref()),
        ["child", "user", disk] => child(Mounter::User, disk.as_ref()),
        arguments => parent(&wanted(arguments)),
    }
}

/// The tests that the arguments select, as in libtest: those whose names contain one of the words, or all of them.
fn wanted(arguments: &[&str]) -> Vec<&'static str> {
    let takes_value = |flag: &str| ["--color", "--format", "--logfile", "--skip", "--test-threads"].contains(&flag);
    let is_word = |(at, word): &(usize, &&str)| {
        !word.starts_with('-') && !at.checked_sub(1).is_some_and(|before| takes_value(arguments[before]))
    };
    let words: Vec<&str> = arguments.iter().enumerate().filter(is_word).map(|(_, word)| *word).collect();
    let is_meant =
        |who: &&str| words.is_empty() || words.iter().any(|word| format!("overlay_of_{who}").contains(word));
    let listed = arguments.contains(&"--list");
    ["root", "user"].into_iter().filter(is_meant).filter(|_| !listed).collect()
}

/// Runs both children at the same time, because they do not affect each other.
fn parent(wanted: &[&'static str]) -> ExitCode {
    let disk = match tempfile::tempdir() {
        Ok(disk) => disk,
        Err(error) => {
            eprintln!("cannot create a temporary directory: {error}");
            return ExitCode::FAILURE;
        }
    };
    let mut started = vec![];
    for who in wanted {
        if *who != "root" || require(geteuid().is_root(), "overlay_of_root", "root") {
            started.push((*who, start(who, disk.path())));
        }
    }
    let outcomes: Vec<bool> = started.into_iter().map(|(mounter, child)| has_passed(mounter, child)).collect();
    if outcomes.iter().all(|passed| *passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn start(who: &str, disk: &Path) -> io::Result<Child> {
    let place = disk.join(who);
    fs::create_dir(&place)?;
    // A child of root becomes an ordinary user, who must be able to reach the directory.
    for directory in [disk, &place] {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o777))?;
    }
    Command::new(env::current_exe()?).args(["child", who]).arg(place).spawn()
}

fn has_passed(who: &str, child: io::Result<Child>) -> bool {
    let deadline = Instant::now() + if is_long() { Duration::from_secs(7200) } else { Duration::from_secs(900) };
    let waited = child.and_then(|mut child| {
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill()?;
        child.wait()
    });
    match waited {
        Ok(status) if status.code() == Some(i32::from(SKIPPED)) => require(
            false,
            &format!("overlay_of_{who}"),
            "a kernel that allows the mount, and a file system with extended attributes",
        ),
        Ok(status) if status.success() => true,
        outcome => {
            eprintln!("overlay_of_{who}: FAILED: {outcome:?}");
            false
        }
    }
}

/// Like `skip::require` of the kernel tests: prints each skipped test, and fails if no test may be skipped.
fn require(met: bool, test: &str, requirement: &str) -> bool {
    let required = env::var("MINICONTAINER_TEST_REQUIRE").unwrap_or_default();
    if !met && (required == "all" || (required == "all-but-root" && requirement != "root")) {
        eprintln!("{test} needs {requirement}, and MINICONTAINER_TEST_REQUIRE={required} does not allow skipping it");
        std::process::exit(1);
    }
    if !met {
        eprintln!("SKIPPED {test}: needs {requirement}");
    }
    met
}

fn is_long() -> bool {
    env::var("MINICONTAINER_TEST_LONG").is_ok_and(|value| value == "1")
}

fn child(mounter: Mounter, disk: &Path) -> ExitCode {
    let kernel = match Kernel::enter(mounter, disk) {
        Ok(Some(kernel)) => kernel,
        Ok(None) => return ExitCode::from(SKIPPED),
        Err(error) => {
            eprintln!("{mounter:?}: cannot create a namespace with its own file system: {error}");
            return ExitCode::from(SKIPPED);
        }
    };
    let began = Instant::now();
    let (seen, quirks) = (RefCell::new(Seen::default()), Quirks::of_kernel(mounter));
    let examples: Vec<String> = examples::all()
        .iter()
        .filter_map(|(name, example)| {
            check(&kernel, example, &seen, &quirks).map(|difference| format!("{name}\n{example:?}\n{difference}"))
        })
        .collect();
    if !examples.is_empty() {
        say(&format!("{mounter:?}: {} examples differ\n{}", examples.len(), examples.join("\n")));
        return ExitCode::FAILURE;
    }
    let (cases, seed) = (sequences(), seed());
    let tried = try_all(mounter, (cases, seed), 20_000, |scenario| check(&kernel, scenario, &seen, &quirks));
    if let Some(failure) = tried {
        say(&format!("{mounter:?}: the model and the kernel differ (MINICONTAINER_TEST_SEED={seed})\n{failure}"));
        return ExitCode::FAILURE;
    }
    let rare = seen.borrow().rare(u64::from(cases) / 250);
    if !rare.is_empty() {
        say(&format!("{mounter:?}: the random sequences rarely trigger {rare:?}"));
        return ExitCode::FAILURE;
    }
    let (seconds, place) = (began.elapsed().as_secs_f64(), kernel.scratch());
    println!("{mounter:?}: {cases} sequences in {seconds:.1} s ({place:?}){}", quirks.note());
    control(mounter, &kernel)
}

/// The positive control: if the kernel does not execute the last call, the comparison must find a difference.
fn control(mounter: Mounter, kernel: &Kernel) -> ExitCode {
    let noticed = try_all(mounter, (100, 1), 0, |scenario| {
        let mut shorter = scenario.clone();
        shorter.operations.pop();
        shorter.difference(&kernel.model(scenario).0, &kernel.run(&shorter).ok()?)
    });
    match noticed {
        Some(_) => ExitCode::SUCCESS,
        None => {
            eprintln!("{mounter:?}: the control found no difference");
            ExitCode::FAILURE
        }
    }
}

/// Prints the text in one write, because both children print at the same time.
fn say(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Reports a difference only if it occurs three times. A user's overlay keeps some state in memory (`memory.rs` of
/// the model), which the kernel may drop when memory is low.
fn check(kernel: &Kernel, scenario: &Scenario, seen: &RefCell<Seen>, quirks: &Quirks) -> Option<String> {
    let (expected, effects) = kernel.model(scenario);
    seen.borrow_mut().count(&expected, &effects);
    let once = || difference(kernel, scenario, quirks);
    once().and_then(|_| once()).and_then(|_| once())
}

fn difference(kernel: &Kernel, scenario: &Scenario, quirks: &Quirks) -> Option<String> {
    let answered = match kernel.run(scenario) {
        Ok(answered) => answered,
        Err(error) => return Some(format!("the kernel cannot run the scenario: {error}")),
    };
    match quirks.first(&answered) {
        None => scenario.difference(&kernel.model(scenario).0, &answered),
        Some(at) => {
            let mut shorter = scenario.clone();
            shorter.operations.truncate(at);
            difference(kernel, &shorter, quirks)
        }
    }
}

/// The number of random sequences. The emulated machine tries fewer.
fn sequences() -> u32 {
    let chosen = env::var("MINICONTAINER_TEST_SEQUENCES").ok().and_then(|sequences| sequences.parse().ok());
    chosen.unwrap_or(if is_long() { 200_000 } else { 10_000 })
}

fn seed() -> u64 {
    let chosen = env::var("MINICONTAINER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    chosen.unwrap_or(if is_long() { u64::from(std::process::id()) } else { 0 })
}

/// Tries random scenarios, and returns the smallest one that differs, with the difference.
fn try_all(
    mounter: Mounter,
    (cases, seed): (u32, u64),
    shrink: u32,
    differs: impl Fn(&Scenario) -> Option<String>,
) -> Option<String> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, max_shrink_iters: shrink, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let tried = runner.run(&scenarios(mounter), |scenario| match differs(&scenario) {
        None => Ok(()),
        Some(difference) => Err(TestCaseError::fail(difference)),
    });
    match tried {
        Ok(()) => None,
        Err(TestError::Fail(difference, scenario)) => Some(format!("{scenario:?}\n{difference}")),
        Err(error) => Some(error.to_string()),
    }
}
