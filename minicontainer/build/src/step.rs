//! Executes one step, which results in a packed layer.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::PoisonError,
};

use jiff::Timestamp;
use minicontainer::{
    core::{
        Digest,
        explain::{Message, Value},
    },
    store::Layer,
};
use minicontainer_dockerfile::plan::{Action, Source, Step};
use minicontainer_images::{PackedLayer, unpack_built};

use super::{
    BuildError, BuildRun,
    archive::layer,
    build_lock::LockedKey,
    cache::Record,
    copy::{Target, account, copy},
    files::{Files, Finder, Kind, resolve},
    finish::NewLayer,
    layers::Layers,
    mounts::Sources,
    stack::{Stack, StageLayer},
    warning::warning,
};

impl BuildRun<'_> {
    /// Looks up a layer in the cache. If it is missing, locks its key. If another build held that lock, looks it up
    /// again.
    pub(super) fn found(&self, key: &Digest, work: usize) -> Result<Option<StageLayer>, BuildError> {
        if let Some(layer) = self.cached_layer(key)? {
            return Ok(Some(layer));
        }
        let waits = || self.build.progress.output(work, b"waiting for another build that makes the same layer");
        let locked = self.locks.lock(&self.cache.locks_file(), key, waits, &|| self.is_cancelled())?;
        if locked == LockedKey::AfterOther { self.cached_layer(key) } else { Ok(None) }
    }

    /// The layer from the cache, leased for this build.
    fn cached_layer(&self, key: &Digest) -> Result<Option<StageLayer>, BuildError> {
        match self.cache.get(key)? {
            Some(layer) if self.lease(&layer.key)? => Ok(Some(layer)),
            _ => Ok(None),
        }
    }

    /// Creates the layer of a step.
    pub(super) fn make(
        &self,
        step: &Step,
        stack: &Stack,
        contents: &[Digest],
        files: &Finder<'_>,
        work: usize,
    ) -> Result<PackedLayer, BuildError> {
        let directories = stack.directories();
        let image = Layers::new("the stage", &directories)?;
        match &step.action {
            Action::Copy(copying) => {
                let target = Target { files: &image, directories: &directories };
                let from = files(&copying.from)?;
                let (packed, warnings) = copy(copying, from.as_ref(), &target, contents, self.staging, self.clock)?;
                self.warn(work, &warnings);
                Ok(packed)
            }
            Action::MakeDirectory { path, user } => self.make_directory(&image, &directories, path, user),
            Action::Run(command) => {
                let sources = Sources {
                    staging: self.staging,
                    cache: &self.cache,
                    secrets: &self.request.secrets,
                    clock: self.clock,
                    files,
                    is_cancelled: &|| self.is_cancelled(),
                };
                let mut mounts = sources.prepare(command)?;
                self.add_hosts(&sources, &directories, &mut mounts)?;
                let print = |line: &[u8]| self.build.progress.output(work, line);
                let (packed, warnings) = self.run(command, stack, &image, &mounts, &print)?;
                self.warn(work, &warnings);
                Ok(packed)
            }
            Action::Nothing => layer(self.staging, self.clock, |_| Ok(())).map(|(packed, ())| packed),
        }
    }

    fn warn(&self, work: usize, warnings: &[Message]) {
        warnings.iter().for_each(|warning| self.build.progress.warn(work, warning));
    }

    /// `WORKDIR`: creates a directory. The layer has no entries if the directory exists already.
    fn make_directory(
        &self,
        image: &Layers,
        directories: &[PathBuf],
        path: &str,
        user: &str,
    ) -> Result<PackedLayer, BuildError> {
        let (uid, gid) = if user.is_empty() { (0, 0) } else { account(user, directories)? };
        let way = resolve(image, Path::new(path))?;
        if way.missing.is_empty() && way.found.kind != Kind::Directory {
            return Err(BuildError::NotADirectory { path: way.found.path, of: image.name() });
        }
        let made = layer(self.staging, self.clock, |archive| match way.missing.is_empty() {
            true => Ok(()),
            false => archive.directories(image, &way, uid, gid),
        });
        made.map(|(packed, ())| packed)
    }

    /// Adds a new layer to a stage. It is published at the end of the build.
    pub(super) fn add(
        &self,
        stack: &mut Stack,
        key: Digest,
        packed: PackedLayer,
        step: &Step,
    ) -> Result<(), BuildError> {
        let mut built = unpack_built(self.staging, &packed)?;
        let in_step =
            |found| warning("in-step", [("step", step.text.as_str().into()), ("warning", Value::Message(found))]);
        built.warnings = built.warnings.into_iter().map(in_step).collect();
        let seconds = self.request.epoch.unwrap_or_else(|| Timestamp::now().as_second()).max(0);
        // RFC 3339 allows only years with four digits, so a later time is replaced by the maximum.
        let created = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
        let record = Record {
            diff_id: packed.diff_id,
            blob: packed.blob.digest().clone(),
            size: packed.blob.size(),
            created: format!("{created:.9}"),
        };
        stack.layers.push(StageLayer::of_record(record.clone(), built.directory.clone()));
        stack.key = key.clone();
        let made = NewLayer { key, record, built, blob: packed.blob };
        self.made.lock().unwrap_or_else(PoisonError::into_inner).push(made);
        Ok(())
    }

    /// The files that a source refers to.
    pub(super) fn files(&self, source: &Source, done: &BTreeMap<usize, Stack>) -> Result<Box<dyn Files>, BuildError> {
        Ok(match source {
            Source::Context => Box::new(self.build.context.clone()),
            Source::Stage(index) => {
                let directories = done.get(index).map(Stack::directories).unwrap_or_default();
                Box::new(Layers::new(format!("the stage {index}"), &directories)?)
            }
            Source::Image(request) => {
                let image = self.build.planned.images.get(request);
                let directory = |layer: &Layer| layer.directory.clone();
                let directories: Vec<PathBuf> =
                    image.map(|image| image.layers.iter().map(directory).collect()).unwrap_or_default();
                Box::new(Layers::new(format!("the image {}", request.reference), &directories)?)
            }
        })
    }
}
