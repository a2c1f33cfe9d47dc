//! `create`: gives a new container its id, its name and its directory.

use std::{collections::BTreeMap, fs, path::Path};

use jiff::Timestamp;
use minicontainer::{
    Store,
    core::{Digest, RunOptions, container::State, options::ContainerName},
    rootfs::Driver,
    store::{StoreError, Transaction},
};

use super::{
    AfterExit, Container, ContainerConfig, ContainerError, Containers, Id, Supervisor, generated_name,
    names::{NameHolder, Names},
    remove::remove_remains,
    supervisor_lock::{self, SupervisorLock},
};

/// A container to be recorded.
#[derive(Clone, Debug)]
pub struct NewContainer {
    /// Its name; generated if there is none.
    pub name: Option<ContainerName>,
    /// Its configuration.
    pub config: ContainerConfig,
    /// Its OCI runtime config, as JSON.
    pub runtime_config: String,
}

impl NewContainer {
    /// A container of an image that is added to the store for it, for examples and tests. The image has no files.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn example(store: &Store) -> Result<NewContainer, StoreError> {
        let staging = store.stage()?;
        let blob = staging.blob(b"{}".as_slice())?;
        let image_id = blob.digest().to_string();
        let flushed = staging.flush()?;
        store.add(&store.lock()?, &flushed, Transaction { blobs: vec![&blob], ..Transaction::default() })?;
        let config = ContainerConfig {
            image: "busybox".to_owned(),
            image_id,
            command: vec!["sh".to_owned()],
            entrypoint_length: 0,
            options: RunOptions::default(),
            labels: BTreeMap::new(),
            driver: Driver::Overlay,
            cgroup: None,
            after_exit: AfterExit::Keep,
        };
        Ok(NewContainer { name: None, config, runtime_config: "{}".to_owned() })
    }
}

impl Containers {
    /// Creates a container without starting it. If several callers request one name at the same time, one of them
    /// gets it.
    ///
    /// The caller supervises the container until the returned value is dropped. Until then it is not swept.
    ///
    /// # Errors
    /// If the name is in use, the image does not exist, or the store cannot be written.
    pub fn create(&self, id: &Id, request: NewContainer) -> Result<Supervisor, ContainerError> {
        self.sweep_once_per_boot()?;
        let names = Names::of(&self.store);
        names.make()?;
        let staged = self.directory.join(format!("{id}.new"));
        // From here on neither the directory nor the name counts as left by a killed engine.
        let held = supervisor_lock::make(&staged)?;
        let NewContainer { name, config, runtime_config } = request;
        let name = self.reserve(&names, name, id).inspect_err(|_| {
            // Best effort: the next sweep removes what remains.
            let _removed = remove_remains(&staged);
        })?;
        let container =
            Container { id: id.clone(), name, created: Timestamp::now(), config, state: State::created() };
        let name = container.name.clone();
        self.put(container, &runtime_config, &staged, held).inspect_err(|_| {
            // Best effort: the next sweep removes what remains.
            let _removed = remove_remains(&staged);
            let _released = names.release(&name, id);
        })
    }

    /// Reserves the requested name, or a generated one that is free.
    fn reserve(&self, names: &Names, name: Option<ContainerName>, id: &Id) -> Result<ContainerName, ContainerError> {
        let Some(name) = name else {
            return generated_name::unused(|name| Ok(names.reserve(name, id)?.is_some()));
        };
        loop {
            let Some(NameHolder::Alive(holder)) = names.reserve(&name, id)? else { return Ok(name) };
            // The holder may be a `--rm` container whose engine was killed, which a sweep removes.
            if !self.sweep_id(&holder)? {
                return Err(ContainerError::NameTaken { name, holder });
            }
        }
    }

    /// Writes a container's documents into a directory, and renames that to its final path.
    fn put(
        &self,
        container: Container,
        runtime_config: &str,
        staged: &Path,
        held: SupervisorLock,
    ) -> Result<Supervisor, ContainerError> {
        let place = self.place(&container.id);
        let supervisor = Supervisor::new(&self.store, container, held);
        supervisor.write_documents(staged, runtime_config)?;
        {
            // The removal of an image holds this lock from the search for its users until the image is removed.
            let _lock = self.store.lock()?;
            self.require_image(&supervisor.container().config)?;
            fs::rename(staged, &place).map_err(ContainerError::io("move into place", &place))?;
        }
        supervisor.sync(&self.directory)?;
        Ok(supervisor)
    }

    /// Checks that the image is still in the store, by its config, which is removed with it.
    fn require_image(&self, config: &ContainerConfig) -> Result<(), ContainerError> {
        let unknown = || StoreError::UnknownImage { name: config.image.clone(), store: self.store.root().to_owned() };
        let id: Digest = config.image_id.parse().map_err(|_| unknown())?;
        match self.store.open_blob(&id) {
            Err(StoreError::Missing { .. }) => Err(unknown().into()),
            opened => Ok(opened.map(drop)?),
        }
    }
}
