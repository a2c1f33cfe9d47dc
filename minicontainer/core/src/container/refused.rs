//! Why an event cannot happen in a state.

/// An event that cannot happen now. Its messages are Docker's where Docker has one, since scripts match them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A start of what runs. Docker's API answers 304, and its command succeeds.
    AlreadyStarted,
    /// A start of what is paused.
    StartOfPaused,
    /// A start of what is being removed.
    MarkedForRemoval,
    /// The end of a start that never began.
    NotStarting,
    /// A stop of what does not run. Docker's API answers 304, and its command succeeds.
    AlreadyStopped,
    /// A stop in the middle of a start.
    IsStarting,
    /// Something that only a running container can do.
    NotRunning,
    /// A second pause.
    AlreadyPaused,
    /// The end of a pause that there is not.
    NotPaused,
    /// A pause of what waits for its restart.
    IsRestarting,
    /// A restart of what has not ended.
    NotExited,
    /// A removal of what runs.
    RemovalOfRunning,
    /// A removal of what is paused.
    RemovalOfPaused,
    /// A removal of what waits for its restart.
    RemovalOfRestarting,
    /// A removal in the middle of a start.
    RemovalOfStarting,
    /// A second removal.
    AlreadyRemoving,
    /// The end of a removal that never began.
    NotRemoving,
}

impl Refused {
    /// The message of Docker's daemon for a container of this id and name.
    pub fn message(self, id: &str, name: &str) -> String {
        let cannot_remove = |why: &str| format!("cannot remove container \"/{name}\": container is {why}");
        let stop_first =
            |what: &str| cannot_remove(&format!("{what}: stop the container before removing or force remove"));
        match self {
            Refused::AlreadyStarted => "container is already started".to_owned(),
            Refused::StartOfPaused => "cannot start a paused container, try unpause instead".to_owned(),
            Refused::MarkedForRemoval => "container is marked for removal and cannot be started".to_owned(),
            Refused::NotStarting => format!("container {id} is not starting"),
            Refused::AlreadyStopped => "container is already stopped".to_owned(),
            Refused::IsStarting => format!("Container {id} is starting, wait until the container is running"),
            Refused::NotRunning => format!("container {id} is not running"),
            Refused::AlreadyPaused => format!("container {id} is already paused"),
            Refused::NotPaused => format!("Container {id} is not paused"),
            Refused::IsRestarting => format!("Container {id} is restarting, wait until the container is running"),
            Refused::NotExited => format!("container {id} has not exited"),
            Refused::RemovalOfRunning => stop_first("running"),
            Refused::RemovalOfPaused => cannot_remove("paused and must be unpaused first"),
            Refused::RemovalOfRestarting => stop_first("restarting"),
            Refused::RemovalOfStarting => stop_first("starting"),
            Refused::AlreadyRemoving => format!("removal of container {id} is already in progress"),
            Refused::NotRemoving => format!("container {id} is not being removed"),
        }
    }
}

/// The same without saying of which container.
impl std::fmt::Display for Refused {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message("ID", "NAME"))
    }
}

impl std::error::Error for Refused {}
