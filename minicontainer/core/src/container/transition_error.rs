//! Errors of events that cannot happen in a state.

/// An event that cannot happen in the current state. The messages are Docker's if Docker has one, because scripts
/// match them.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidTransition {
    /// A start of a running container. Docker's API answers 304, and its command succeeds.
    AlreadyStarted,
    /// A start of a paused container.
    StartOfPaused,
    /// A start of a container that is being removed.
    MarkedForRemoval,
    /// The end of a start that was never begun.
    NotStarting,
    /// A stop of a container that is not running. Docker's API answers 304, and its command succeeds.
    AlreadyStopped,
    /// A stop of a container that is being started.
    IsStarting,
    /// An event that requires a running container.
    NotRunning,
    /// A pause of a paused container.
    AlreadyPaused,
    /// An unpause of a container that is not paused.
    NotPaused,
    /// A pause of a container that waits for its restart.
    IsRestarting,
    /// A restart of a container that has not exited.
    NotExited,
    /// A removal of a running container.
    RemovalOfRunning,
    /// A removal of a paused container.
    RemovalOfPaused,
    /// A removal of a container that waits for its restart.
    RemovalOfRestarting,
    /// A removal of a container that is being started.
    RemovalOfStarting,
    /// A removal of a container that is already being removed.
    AlreadyRemoving,
    /// The end of a removal that was never begun.
    NotRemoving,
}

impl InvalidTransition {
    /// The message of Docker's daemon for a container with this id and name.
    pub fn message(self, id: &str, name: &str) -> String {
        let cannot_remove = |why: &str| format!("cannot remove container \"/{name}\": container is {why}");
        let stop_first =
            |what: &str| cannot_remove(&format!("{what}: stop the container before removing or force remove"));
        match self {
            InvalidTransition::AlreadyStarted => "container is already started".to_owned(),
            InvalidTransition::StartOfPaused => "cannot start a paused container, try unpause instead".to_owned(),
            InvalidTransition::MarkedForRemoval => "container is marked for removal and cannot be started".to_owned(),
            InvalidTransition::NotStarting => format!("container {id} is not starting"),
            InvalidTransition::AlreadyStopped => "container is already stopped".to_owned(),
            InvalidTransition::IsStarting => {
                format!("Container {id} is starting, wait until the container is running")
            }
            InvalidTransition::NotRunning => format!("container {id} is not running"),
            InvalidTransition::AlreadyPaused => format!("container {id} is already paused"),
            InvalidTransition::NotPaused => format!("Container {id} is not paused"),
            InvalidTransition::IsRestarting => {
                format!("Container {id} is restarting, wait until the container is running")
            }
            InvalidTransition::NotExited => format!("container {id} has not exited"),
            InvalidTransition::RemovalOfRunning => stop_first("running"),
            InvalidTransition::RemovalOfPaused => cannot_remove("paused and must be unpaused first"),
            InvalidTransition::RemovalOfRestarting => stop_first("restarting"),
            InvalidTransition::RemovalOfStarting => stop_first("starting"),
            InvalidTransition::AlreadyRemoving => format!("removal of container {id} is already in progress"),
            InvalidTransition::NotRemoving => format!("container {id} is not being removed"),
        }
    }
}

/// The same message with placeholders for the container's id and name.
impl std::fmt::Display for InvalidTransition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message("ID", "NAME"))
    }
}

impl std::error::Error for InvalidTransition {}

crate::plain_diagnostic!(InvalidTransition: Conflict);
