//! The states of a container as a value, and the events that change them.
//!
//! ```text
//!            Start            Started              Exit
//!  Created ────────▶ Starting ────────▶ Running ─────────▶ Exited ─── Start ──▶ Starting …
//!     ▲                │                 │    ▲             │  ▲
//!     └─ StartFailed ──┘           Pause ▼    │ Unpause     │  │ Stop
//!        (with its reason)             Paused ┘     Restart ▼  │
//!                                                      Restarting ─── Start ──▶ Starting …
//!
//!  any of them ── Remove ──▶ Removing ──▶ gone, or RemoveFailed ──▶ Dead ── Remove ──▶ Removing …
//! ```
//!
//! The states are Docker's, and *starting*, which lasts from the beginning of a start until the program runs. Docker
//! has no name for it; documents show `created` or `exited` instead ([`State::docker_status`]). A container whose
//! program could not be started has never run: it stays *created*, with the reason.
//!
//! This module performs no actions. An engine does something to a container, such as a start, and passes the event to
//! [`State::apply`]. The result is the next state, or the reason why the event cannot happen, with Docker's message
//! ([`InvalidTransition`]). So two concurrent commands cannot produce an invalid state.
//!
//! ```
//! use jiff::Timestamp;
//! use minicontainer_core::container::{Event, ProcessIdentity, InvalidTransition, State};
//!
//! let process = ProcessIdentity { pid: 4711, start_time: 105_179, boot_id: "ae0ab472".into() };
//! let now = Timestamp::UNIX_EPOCH;
//!
//! let state = State::created().apply(Event::Start)?;
//! let state = state.apply(Event::Started { process, at: now })?;
//! assert!(state.is_running());
//! assert_eq!(state.apply(Event::Start), Err(InvalidTransition::AlreadyStarted));
//!
//! let state = state.apply(Event::Exit { code: Some(3), at: Some(now), report: None })?;
//! assert_eq!((state.docker_status(), state.exit_code()), ("exited", Some(3)));
//! # Ok::<(), minicontainer_core::container::InvalidTransition>(())
//! ```

mod apply;
mod state;
mod status;
#[cfg(test)]
mod tests;
mod transition_error;

pub use apply::{Event, Force};
pub use state::{Exit, ProcessIdentity, StartFailure, State};
pub use status::{ago, human_duration};
pub use transition_error::InvalidTransition;
