//! Executes a build plan.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use minicontainer::{
    Running, Signaller,
    core::{Digest, explain::Message},
    store::{LayerLease, Staging, Store},
};
use minicontainer_dockerfile::{
    Ignore,
    plan::{Action, Base, KeyInputs, Source, StagePlan, Step, base_key, key},
};

use super::{
    BuildError, CacheUse, Context, Progress, Request, ResolvedPlan, RunContainers, StepOutcome,
    archive::Clock,
    build_lock::BuildLocks,
    cache::Cache,
    copy::excluded,
    finish::{NewLayer, documents, publish},
    select::fingerprint,
    stack::Stack,
    stages::build_all,
};

/// The result of a build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// The image id: the digest of the config.
    pub id: Digest,
    /// The digest of the manifest.
    pub manifest: Digest,
    /// Warnings about files and attributes that could not be kept. For example, an ordinary user cannot create device
    /// nodes.
    pub warnings: Vec<Message>,
}

/// A build that can be executed once and cancelled from any thread.
pub struct Build<'a> {
    pub(super) store: &'a Store,
    pub(super) containers: &'a dyn RunContainers,
    pub(super) context: &'a Context,
    pub(super) planned: &'a ResolvedPlan,
    request: &'a Request,
    pub(super) progress: &'a dyn Progress,
    cancelled: AtomicBool,
    running: Mutex<HashMap<usize, Signaller>>,
    tickets: AtomicUsize,
}

/// The state of a running build.
pub(crate) struct BuildRun<'a> {
    pub(super) build: &'a Build<'a>,
    pub(super) request: &'a Request,
    pub(super) staging: &'a Staging,
    pub(super) cache: Cache<'a>,
    pub(super) locks: BuildLocks,
    pub(super) clock: Clock,
    pub(super) made: Mutex<Vec<NewLayer>>,
    /// Leases on the layers of the store that this build uses, so that they are not removed meanwhile.
    leases: Mutex<Vec<LayerLease>>,
}

impl<'a> Build<'a> {
    /// Prepares a build without starting it. `containers` creates the containers of `RUN`.
    pub fn new(
        store: &'a Store,
        containers: &'a dyn RunContainers,
        context: &'a Context,
        planned: &'a ResolvedPlan,
        request: &'a Request,
        progress: &'a dyn Progress,
    ) -> Build<'a> {
        Build {
            store,
            containers,
            context,
            planned,
            request,
            progress,
            cancelled: AtomicBool::new(false),
            running: Mutex::default(),
            tickets: AtomicUsize::new(0),
        }
    }

    /// Kills the running containers. No further step starts.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        for signaller in self.running().values() {
            // The container may have exited meanwhile.
            let _ended = signaller.send(libc::SIGKILL);
        }
    }

    fn running(&self) -> MutexGuard<'_, HashMap<usize, Signaller>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Executes the build.
    ///
    /// # Errors
    /// If a step fails. Then the images are unchanged, and the finished steps are in the cache.
    pub fn execute(&self) -> Result<Built, BuildError> {
        let staging = self.store.sweep_and_stage()?;
        let now = Timestamp::now().as_second();
        let epoch = self.request.epoch;
        let clock = Clock { now: epoch.unwrap_or(now), latest: epoch };
        let cache = Cache::of(self.store);
        let _user = cache.user()?;
        let build_run = BuildRun {
            build: self,
            request: self.request,
            staging: &staging,
            cache,
            locks: BuildLocks::default(),
            clock,
            made: Mutex::default(),
            leases: Mutex::default(),
        };
        let built = build_all(&self.planned.plan, &|stage, done| build_run.stage(stage, done));
        // The locks are held until other builds can find the layers in the cache: until the end of this function.
        let _locks = build_run.locks;
        let made = build_run.made.into_inner().unwrap_or_else(PoisonError::into_inner);
        let stages = match built {
            Ok(stages) => stages,
            Err(error) => {
                // The error of the step is returned, even if publishing to the cache fails too.
                let _filled = publish(self.store, &staging, made, None);
                return Err(error);
            }
        };
        let target = self.planned.plan.target();
        let stack = stages.get(&target.index).ok_or(BuildError::Interrupted)?;
        let work = self.progress.begin("exporting to image");
        let warnings = made.iter().flat_map(|made| made.built.warnings.iter().cloned()).collect();
        let exported = documents(&staging, &target.image, stack).and_then(|documents| {
            publish(self.store, &staging, made, Some((stack, &documents, &self.request.names)))?;
            Ok((documents.config.digest().clone(), documents.manifest.digest().clone()))
        });
        match exported {
            Ok((id, manifest)) => {
                self.progress.output(work, b"exporting layers done");
                self.progress.output(work, format!("writing image {id} done").as_bytes());
                for name in &self.request.names {
                    self.progress.output(work, format!("naming to {name} done").as_bytes());
                }
                self.progress.end(work, StepOutcome::Done);
                Ok(Built { id, manifest, warnings })
            }
            Err(error) => {
                self.progress.end(work, StepOutcome::Failed(&error));
                Err(error)
            }
        }
    }
}

impl BuildRun<'_> {
    pub(super) fn is_cancelled(&self) -> bool {
        self.build.cancelled.load(Ordering::SeqCst)
    }

    /// Registers a container, so that it is killed if the build is cancelled.
    pub(super) fn register(&self, running: &Running) -> Result<usize, minicontainer::Error> {
        let ticket = self.build.tickets.fetch_add(1, Ordering::SeqCst);
        self.build.running().insert(ticket, running.signaller()?);
        if self.is_cancelled() {
            running.kill()?;
        }
        Ok(ticket)
    }

    pub(super) fn unregister(&self, ticket: usize) {
        self.build.running().remove(&ticket);
    }

    fn stage(&self, stage: &StagePlan, done: &BTreeMap<usize, Stack>) -> Result<Stack, BuildError> {
        let mut stack = self.base_stack(stage, done)?;
        let count = 1 + stage.steps.iter().filter(|step| step.action.makes_layer()).count();
        let alone = self.build.planned.plan.stages.len() == 1;
        let prefix = if alone { String::new() } else { format!("{} ", stage.name) };
        let base = match &stage.base {
            Base::Image { request, .. } => Some(request.reference.clone()),
            Base::Scratch | Base::Stage(_) => None,
        };
        if let Some(base) = base {
            let work = self.build.progress.begin(&format!("[{prefix}1/{count}] FROM {base}"));
            self.build.progress.end(work, StepOutcome::Done);
        }
        let is_fresh = self.request.fresh_stages.contains(&stage.name);
        let use_of_cache = if is_fresh { CacheUse::FillOnly } else { self.request.cache };
        let mut number = 1;
        for step in stage.steps.iter().filter(|step| step.action.makes_layer()) {
            if self.is_cancelled() {
                return Err(BuildError::Interrupted);
            }
            number += 1;
            let work = self.build.progress.begin(&format!("[{prefix}{number}/{count}] {}", step.text));
            match self.step(step, &mut stack, done, use_of_cache, work) {
                Ok(how) => self.build.progress.end(work, how),
                Err(error) => {
                    let (text, span) = (step.text.clone(), step.span);
                    let error = BuildError::Step { text, span, source: Box::new(error) };
                    self.build.progress.end(work, StepOutcome::Failed(&error));
                    return Err(error);
                }
            }
        }
        Ok(stack)
    }

    fn base_stack(&self, stage: &StagePlan, done: &BTreeMap<usize, Stack>) -> Result<Stack, BuildError> {
        let key = base_key(&stage.base, &stage.platform);
        match (&stage.base, key) {
            (Base::Stage(index), _) => done.get(index).cloned().ok_or(BuildError::Interrupted),
            (Base::Image { request, .. }, Some(key)) => match self.build.planned.images.get(request) {
                Some(image) => {
                    for layer in &image.layers {
                        if !self.lease(&layer.key)? {
                            return Err(BuildError::Vanished { diff_id: layer.diff_id.clone() });
                        }
                    }
                    Stack::of_image(self.build.store, image, key)
                }
                None => Err(BuildError::Interrupted),
            },
            (_, key) => Ok(Stack::scratch(key.unwrap_or_else(|| Digest::of(b"scratch")))),
        }
    }

    /// Prevents the removal of a layer until the build has finished. Returns false if it was already removed.
    pub(super) fn lease(&self, key: &Digest) -> Result<bool, BuildError> {
        let lease = self.build.store.lease_layer(&self.build.store.lock()?, key);
        let is_there = lease.is_some();
        self.leases.lock().unwrap_or_else(PoisonError::into_inner).extend(lease);
        Ok(is_there)
    }

    /// Takes a layer from the cache, or creates it.
    fn step(
        &self,
        step: &Step,
        stack: &mut Stack,
        done: &BTreeMap<usize, Stack>,
        use_of_cache: CacheUse,
        work: usize,
    ) -> Result<StepOutcome<'static>, BuildError> {
        let files = |source: &Source| self.files(source, done);
        let exclude = match &step.action {
            Action::Copy(copying) => excluded(copying)?,
            _ => Ignore::default(),
        };
        let mut contents = Vec::new();
        for (source, path) in step.action.reads() {
            contents.push(fingerprint(files(source)?.as_ref(), path, &exclude)?);
        }
        if matches!(step.action, Action::Run(_)) {
            contents.extend(self.request.run.digest());
        }
        let inputs =
            KeyInputs { parent: &stack.key, action: &step.action, contents: &contents, epoch: self.request.epoch };
        let key = key(&inputs).unwrap_or_else(|| stack.key.clone());
        if use_of_cache == CacheUse::Full
            && let Some(layer) = self.found(&key, work)?
        {
            stack.layers.push(layer);
            stack.key = key;
            return Ok(StepOutcome::Cached);
        }
        let packed = self.make(step, stack, &contents, &files, work)?;
        self.add(stack, key, packed, step)?;
        Ok(StepOutcome::Done)
    }
}
