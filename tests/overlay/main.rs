//! The model of overlayfs is held to the kernel's: the same stacks, the same calls, and then the same answers, the
//! same merged tree, the same upper directory.
//!
//! This is a program of its own, without libtest, since a process that makes a user namespace may have no threads. It starts
//! itself once as root, where overlay's marks are `trusted.overlay.*`, and once as an ordinary user in a user
//! namespace of its own (`userxattr`). Each of the two goes into a mount namespace where it has a tmpfs over /tmp, so
//! the host sees nothing and nothing is left behind.
//!
//! 10,000 random sequences each are a pull request's share, always the same ones, so that no change fails for what it
//! did not touch; `MINICONTAINER_TEST_LONG=1` tries 200,000 others. `MINICONTAINER_TEST_SEED` chooses which, and
//! `MINICONTAINER_TEST_SEQUENCES` how many: `tests/vm` tries 1,000 on another kernel. A failure is made as small as
//! it can be and printed as a script. What was found so is kept in `examples.rs`.

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

/// What a child says for "could not be tried".
const SKIPPED: u8 = 77;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["child", "root", disk] => child(Mounter::Root, disk.as_ref()),
        ["child", "user", disk] => child(Mounter::User, disk.as_ref()),
        arguments => parent(&wanted(arguments)),
    }
}

/// Which tests are meant, as libtest would take the arguments: names that contain one of the words, or all.
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

/// Both at once: they do not see each other.
fn parent(wanted: &[&'static str]) -> ExitCode {
    let disk = match tempfile::tempdir() {
        Ok(disk) => disk,
        Err(error) => {
            eprintln!("no directory can be made: {error}");
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
    // A child that root starts becomes a made-up user, who must get there.
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
            "a kernel that lets it mount, and a file system with attributes",
        ),
        Ok(status) if status.success() => true,
        outcome => {
            eprintln!("overlay_of_{who}: FAILED: {outcome:?}");
            false
        }
    }
}

/// As `skip::require` of the kernel tests: what is left out is seen, and a failure where all must run.
fn require(met: bool, test: &str, requirement: &str) -> bool {
    let required = env::var("MINICONTAINER_TEST_REQUIRE").unwrap_or_default();
    if !met && (required == "all" || (required == "all-but-root" && requirement != "root")) {
        eprintln!("{test} needs {requirement}, and MINICONTAINER_TEST_REQUIRE={required} forbids to skip it");
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
            eprintln!("{mounter:?} gets no namespace with a file system of its own: {error}");
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
        say(&format!("{mounter:?}: the random sequences hardly try {rare:?}"));
        return ExitCode::FAILURE;
    }
    let (seconds, place) = (began.elapsed().as_secs_f64(), kernel.scratch());
    println!("{mounter:?}: {cases} sequences in {seconds:.1} s ({place:?}){}", quirks.told());
    control(mounter, &kernel)
}

/// A test that cannot fail is worth nothing: where the kernel is not asked the last call, that is noticed.
fn control(mounter: Mounter, kernel: &Kernel) -> ExitCode {
    let noticed = try_all(mounter, (100, 1), 0, |scenario| {
        let mut shorter = scenario.clone();
        shorter.operations.pop();
        shorter.difference(&kernel.model(scenario).0, &kernel.run(&shorter).ok()?)
    });
    match noticed {
        Some(_) => ExitCode::SUCCESS,
        None => {
            eprintln!("{mounter:?}: the control was not noticed");
            ExitCode::FAILURE
        }
    }
}

/// In one piece, since two children speak at once.
fn say(text: &str) {
    let _ = io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// Only what differs again and again is a difference: what a user's overlay remembers (`memory.rs` of the model), it
/// forgets when the machine runs short of memory.
fn check(kernel: &Kernel, scenario: &Scenario, seen: &RefCell<Seen>, quirks: &Quirks) -> Option<String> {
    let (expected, effects) = kernel.model(scenario);
    seen.borrow_mut().count(&expected, &effects);
    let once = || difference(kernel, scenario, quirks);
    once().and_then(|_| once()).and_then(|_| once())
}

fn difference(kernel: &Kernel, scenario: &Scenario, quirks: &Quirks) -> Option<String> {
    let answered = match kernel.run(scenario) {
        Ok(answered) => answered,
        Err(error) => return Some(format!("the kernel's side could not be tried: {error}")),
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

/// A machine that is emulated tries fewer.
fn sequences() -> u32 {
    let chosen = env::var("MINICONTAINER_TEST_SEQUENCES").ok().and_then(|sequences| sequences.parse().ok());
    chosen.unwrap_or(if is_long() { 200_000 } else { 10_000 })
}

fn seed() -> u64 {
    let chosen = env::var("MINICONTAINER_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    chosen.unwrap_or(if is_long() { u64::from(std::process::id()) } else { 0 })
}

/// The smallest scenario found in which something differs, and what.
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
