use std::fs;

use minicontainer::{
    Diagnostic, Sandbox, Store,
    core::{
        Digest, RunOptions,
        container::State,
        options::{MountSpec, StorageLimit},
    },
    store::{Image, StoreError},
};
use tempfile::TempDir;

use super::*;
use crate::container::ContainerError;

struct Env {
    _directory: TempDir,
    engine: Engine,
    image: Image,
}

/// A store with an image that has no files.
fn env() -> Env {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::of(Store::open(directory.path()).unwrap());
    let id: Digest = NewContainer::example(engine.store()).unwrap().config.image_id.parse().unwrap();
    let image = Image {
        reference: None,
        registry_digest: None,
        id: id.clone(),
        manifest_digest: id,
        config: Default::default(),
        layers: Vec::new(),
        containers: directory.path().join("containers"),
    };
    Env { _directory: directory, engine, image }
}

impl Env {
    fn create(&self, options: &RunOptions, after_exit: AfterExit) -> Result<CreatedContainer, EngineError> {
        self.engine.create(CreateRequest {
            sandbox: Sandbox::from_image(&self.image).options(options.clone()),
            image: &self.image,
            image_name: "nothing:1",
            options,
            name: Some("web".parse().unwrap()),
            after_exit,
        })
    }

    /// The number of entries left: directories and names of containers.
    fn left(&self) -> usize {
        let store = self.engine.store();
        [store.containers_directory(), store.names_directory()]
            .into_iter()
            .map(|directory| fs::read_dir(directory).map_or(0, Iterator::count))
            .sum()
    }
}

fn options() -> RunOptions {
    RunOptions::with(|options| options.command = vec!["/nothing".to_owned()])
}

#[test]
fn created_container_is_recorded_as_requested() {
    let env = env();
    let created = env.create(&options(), AfterExit::Keep).unwrap();
    let container = env.engine.containers().find("web").unwrap();
    assert_eq!((container.config.image.as_str(), container.config.command), ("nothing:1", options().command));
    drop(created);
    // It is not started, so it stays created.
    assert_eq!(env.engine.containers().find("web").unwrap().state, State::created());
}

#[test]
fn dropped_created_container_leaves_nothing() {
    let env = env();
    let created = env.create(&options(), AfterExit::Remove).unwrap();
    assert_eq!(env.left(), 2);
    drop(created);
    assert_eq!(env.left(), 0);
}

#[test]
fn taken_name_is_rejected_and_keeps_other_container() {
    let env = env();
    let _created = env.create(&options(), AfterExit::Remove).unwrap();
    let refused = env.create(&options(), AfterExit::Remove).unwrap_err();
    assert!(matches!(&refused, EngineError::Container(ContainerError::NameTaken { .. })), "{refused}");
    assert_eq!((refused.kind(), refused.hint().is_some()), (minicontainer::ErrorKind::Conflict, true));
    assert_eq!(env.left(), 2);
}

#[test]
fn invalid_plan_is_rejected_before_anything_is_created() {
    let env = env();
    let mounts = vec![MountSpec::from_volume("/is/not/there:/x", "/").unwrap()];
    let storage = StorageLimit::from_options(&["size=1m".to_owned()]).unwrap();
    // The layer of a container that is kept cannot be limited.
    let mut limited = options();
    (limited.mounts, limited.storage) = (mounts, storage);
    let refused = env.create(&limited, AfterExit::Keep).unwrap_err();
    assert!(matches!(&refused, EngineError::Sandbox(_)), "{refused}");
    assert_eq!(env.left(), 0);
}

#[test]
fn error_keeps_message_and_kind_when_recording_fails() {
    let failed = || EngineError::from(StoreError::NoHome);
    let (message, kind) = (failed().to_string(), failed().kind());
    assert_eq!(failed().recorded(Ok(())).to_string(), message);
    let unknown = ContainerError::Unknown { name: "web".to_owned() };
    let error = failed().recorded(Err(unknown));
    let expect = format!("{message}; the container's record cannot be updated either: No such container: web");
    assert_eq!((error.to_string(), error.kind()), (expect, kind));
}

#[test]
fn failed_start_is_recorded_with_code_and_causes() {
    let source = serde_json::from_str::<u8>("x").unwrap_err();
    let (code, message) = EngineError::RuntimeConfig { source }.of_start();
    assert_eq!(
        (code, message.as_str()),
        (125, "cannot write the container's config.json: expected value at line 1 column 1")
    );
}
