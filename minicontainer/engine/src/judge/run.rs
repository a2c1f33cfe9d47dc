//! Runs the containers of the judge: one for each pair of program and test, several at a time.
//!
//! An untrusted program has a temporary root file system, its own files, which are read-only, and its input. The
//! engine writes the input to a pipe: if stdin were the teacher's file, the program could open it again through
//! `/proc/self/fd/0` and write to it. The expected answers stay in the engine, and the program's output is compared
//! while it arrives.
//!
//! A container is killed with the thread that started it, so also with this process. A later sweep then removes its
//! files and cgroups (`container/sweep.rs`).

use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use minicontainer::{
    Diagnostic, Errno, Error, ErrorKind, Report, Running, Sandbox, Signaller, StandardStream, StartError, Stdio,
    Store,
    core::{
        Host,
        explain::Message,
        options::{Access, Profile},
        plan::Step,
    },
    host::can_limit_layers,
    store::Image,
};
use minicontainer_images::parallel::share_work;

use super::{
    Comparer, Folder, JudgeVerdict, Judged, Outcome, Program, Source, Test, Unusable, outcome, reason::reason,
    settings::PLACE,
};
use crate::{
    container::Containers,
    engine::{EngineError, run_to_end},
};

/// One run of the judge: a folder, an image and a profile.
#[derive(Debug)]
pub struct JudgeRun<'a> {
    folder: &'a Folder,
    image: &'a Image,
    store: &'a Store,
    profile: Profile,
    host: Host,
    next: AtomicUsize,
    cancelled: AtomicBool,
    running: Mutex<HashMap<usize, Signaller>>,
}

impl<'a> JudgeRun<'a> {
    /// Prepares a run of the judge. The image is in the store; the profile defines the isolation of the programs.
    pub fn new(folder: &'a Folder, image: &'a Image, store: &'a Store, profile: Profile) -> JudgeRun<'a> {
        JudgeRun {
            folder,
            image,
            store,
            profile,
            host: minicontainer::host::probe(),
            next: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            running: Mutex::default(),
        }
    }

    /// Checks before the first run that all requested limits are available.
    ///
    /// # Errors
    /// If no container could be created.
    pub fn check(&self) -> Result<(), Error> {
        let first = self.folder.programs.iter().find_map(|program| program.source.as_ref().ok());
        first.map_or(Ok(()), |program| self.sandbox(program).plan().map(drop))
    }

    /// Runs everything, `jobs` at a time, and calls `finished` after each run. The results are sorted by program and
    /// test; cancelled runs are left out.
    pub fn run(&self, jobs: usize, finished: impl Fn(&Judged) + Sync) -> Vec<Judged> {
        let pairs: Vec<(&Program, &Test)> = self
            .folder
            .programs
            .iter()
            .flat_map(|program| self.folder.tests.iter().map(move |test| (program, test)))
            .collect();
        let results: Mutex<Vec<Option<Judged>>> = Mutex::new(vec![None; pairs.len()]);
        share_work(jobs.min(pairs.len()), || {
            while let Some((number, (program, test))) = self.take(&pairs) {
                let judged = self.judge(number, program, test);
                if self.cancelled.load(Ordering::SeqCst) {
                    return;
                }
                finished(&judged);
                results.lock().unwrap_or_else(PoisonError::into_inner)[number] = Some(judged);
            }
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().flatten().collect()
    }

    fn take<'p>(&self, pairs: &[(&'p Program, &'p Test)]) -> Option<(usize, (&'p Program, &'p Test))> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        pairs.get(number).filter(|_| !self.cancelled.load(Ordering::SeqCst)).map(|pair| (number, *pair))
    }

    /// Kills the running programs and starts no more. Can be called from any thread.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        for signaller in self.running().values() {
            // Best effort: a program that has exited is fine, and any other is stopped by its limits.
            let _ended = signaller.send(nix::sys::signal::Signal::SIGKILL as i32);
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<usize, Signaller>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, number: usize, program: &Program, test: &Test) -> Judged {
        let outcome_of = |source| self.output(number, source, test);
        let (outcome, report) = match program.source.as_ref().map(outcome_of) {
            Err(unusable @ Unusable::Exhausted { .. }) => {
                (Outcome::new(JudgeVerdict::EngineFault, unusable.message()), None)
            }
            Err(unusable) => {
                let message = reason("cannot-be-judged", [("cause", unusable.message().into())]);
                (Outcome::new(JudgeVerdict::RuntimeError, message), None)
            }
            Ok(Ok((difference, report))) => (outcome(&report, difference), Some(report)),
            // The program belongs to the student, so a program that cannot be executed is the student's error.
            Ok(Err(EngineError::Sandbox(error))) if is_about_the_program(&error) => {
                (Outcome::new(JudgeVerdict::RuntimeError, cannot_be_executed(&error)), None)
            }
            Ok(Err(EngineError::Sandbox(error))) if is_program_removed(&error) => {
                (Outcome::new(JudgeVerdict::RuntimeError, reason("was-removed", [])), None)
            }
            Ok(Err(error)) => {
                let message = reason("engine-failed", []).because(in_one_line(&error));
                (Outcome::new(JudgeVerdict::EngineFault, message), None)
            }
        };
        Judged { program: program.name.clone(), test: test.name.clone(), outcome, report }
    }

    /// Runs a program with a test. Returns how its answer differs from the expected one, if it does, and the report.
    fn output(&self, number: usize, program: &Source, test: &Test) -> Result<(Option<Message>, Report), EngineError> {
        let container = Containers::of(self.store).temporary()?;
        let sandbox = self
            .sandbox(program)
            .kept_in(container.path(), container.id().as_str())
            .volatile()
            .end_with_caller()
            .stdin(Arc::clone(&test.input))
            .stdout(Stdio::Piped)
            .stderr(Stdio::Piped);
        let launch = sandbox.launch()?;
        let mut started = |running: &Running| {
            self.running().insert(number, running.signaller()?);
            if self.cancelled.load(Ordering::SeqCst) { running.kill() } else { Ok(()) }
        };
        let mut comparer = Comparer::new(&test.expected, self.folder.settings.comparison);
        let report = run_to_end(&container, launch, &mut started, &mut |stream, piece| {
            if stream == StandardStream::Stdout {
                comparer.feed(piece);
            }
        });
        self.running().remove(&number);
        Ok((comparer.finish(), report?))
    }

    /// The container of a program, without its input. The init belongs to the engine, so it does not count against
    /// the program's limit of processes.
    fn sandbox(&self, program: &Source) -> Sandbox {
        let settings = &self.folder.settings;
        let (place, command) = settings.place_and_command(program);
        let can_limit = |controller| self.host.cgroups.can_limit(controller);
        let mut command = command.into_iter();
        let mut sandbox = Sandbox::from_image(self.image)
            .profile(self.profile)
            .best_effort()
            .command(command.next().unwrap_or_default())
            .args(command)
            .hostname("judge")
            .bind_open(program.file.clone(), &program.path, &place, Access::ReadOnly)
            .wall_time(settings.time)
            .cpu_time(settings.cpu_time)
            .output_limit(settings.output);
        if let Some(bytes) = settings.memory.applied(can_limit("memory")) {
            sandbox = sandbox.memory(bytes);
        }
        if let Some(count) = settings.pids.applied(can_limit("pids")) {
            sandbox = sandbox.pids(count.saturating_add(1));
        }
        if let Some(limit) = settings.disk.applied(can_limit_layers(&self.host)) {
            sandbox = sandbox.disk_limit(limit);
        }
        sandbox
    }
}

/// An error and its hint in one line.
fn in_one_line(error: &EngineError) -> String {
    match error {
        EngineError::Sandbox(error) => match error.hint() {
            Some(hint) => format!("{error} (hint: {hint})"),
            None => error.to_string(),
        },
        other => other.to_string(),
    }
}

/// Whether the program's file was removed after the judging started. Its owner can do that at any time, and must not
/// affect the judging of others.
fn is_program_removed(error: &Error) -> bool {
    let Error::Start(StartError::Step { step, errno: Errno(libc::ENOENT | libc::ESTALE), .. }) = error else {
        return false;
    };
    matches!(step.as_ref(), Step::BindMount { destination, .. } if destination.starts_with(PLACE))
}

/// Whether the program does not exist or cannot be executed.
fn is_about_the_program(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::CommandNotFound | ErrorKind::CommandNotExecutable)
}

fn cannot_be_executed(error: &Error) -> Message {
    let cause = error.hint().map_or_else(|| error.to_string(), Cow::into_owned);
    reason("cannot-be-executed", []).because(cause)
}
