//! A container's life as a value: which states it has, and which event leads from one to the next.
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
//! The states are Docker's, with one more: *starting* lasts from the moment at which an engine takes a container in hand
//! until the program runs. Docker has no word for it; documents say `created` or `exited` meanwhile ([`State::word`]).
//! A container whose program could not be started was never running: it stays *created*, with the reason.
//!
//! Nothing is done here. An engine does something to a container, such as a start, and tells what happened by
//! [`State::apply`]: that gives the next state, or says in Docker's words why it cannot be ([`Refused`]), and the old
//! state stays as it was. So two commands that come at the same time cannot make a state out of two halves.
//!
//! ```
//! use jiff::Timestamp;
//! use minicontainer_core::container::{Event, ProcessIdentity, Refused, State};
//!
//! let process = ProcessIdentity { pid: 4711, start_time: 105_179, boot_id: "ae0ab472".into() };
//! let now = Timestamp::UNIX_EPOCH;
//!
//! let state = State::created().apply(Event::Start)?;
//! let state = state.apply(Event::Started { process, at: now })?;
//! assert!(state.is_running());
//! assert_eq!(state.apply(Event::Start), Err(Refused::AlreadyStarted));
//!
//! let state = state.apply(Event::Exit { code: Some(3), at: Some(now), report: None })?;
//! assert_eq!((state.word(), state.exit_code()), ("exited", Some(3)));
//! # Ok::<(), minicontainer_core::container::Refused>(())
//! ```

mod apply;
mod refused;
mod state;
mod status;
#[cfg(test)]
mod tests;

pub use apply::{Event, Force};
pub use refused::Refused;
pub use state::{Exit, ProcessIdentity, StartFailure, State};
pub use status::{ago, human_duration};
