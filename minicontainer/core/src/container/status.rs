//! States in Docker's words, for documents and for lists.

use std::time::Duration;

use jiff::Timestamp;

use super::State;

impl State {
    /// Docker's name of the state. Docker has none for a container that is being started.
    pub fn docker_status(&self) -> &'static str {
        match self {
            State::Created { .. } | State::Starting { before: None } => "created",
            State::Exited(_) | State::Starting { before: Some(_) } => "exited",
            State::Running { .. } => "running",
            State::Paused { .. } => "paused",
            State::Restarting(_) => "restarting",
            State::Removing { .. } => "removing",
            State::Dead { .. } => "dead",
        }
    }

    /// The text in a list, such as `Up 3 minutes` or `Exited (3) 5 seconds ago`.
    pub fn summary(&self, now: Timestamp) -> String {
        match self {
            State::Created { .. } | State::Starting { before: None } => "Created".to_owned(),
            State::Running { started, .. } => format!("Up {}", human_duration(elapsed(*started, now))),
            State::Paused { started, .. } => format!("Up {} (Paused)", human_duration(elapsed(*started, now))),
            State::Restarting(exit) => format!("Restarting ({}", self.code_and_age(exit.finished, now)),
            State::Exited(exit) | State::Starting { before: Some(exit) } => {
                format!("Exited ({}", self.code_and_age(exit.finished, now))
            }
            State::Removing { .. } => "Removal In Progress".to_owned(),
            State::Dead { .. } => "Dead".to_owned(),
        }
    }

    fn code_and_age(&self, finished: Option<Timestamp>, now: Timestamp) -> String {
        match (self.exit_code(), finished) {
            (Some(code), Some(finished)) => format!("{code}) {}", ago(elapsed(finished, now))),
            // The engine was killed before it could observe the exit.
            _ => "unknown)".to_owned(),
        }
    }
}

/// The elapsed time; zero if the clock has been set back meanwhile.
fn elapsed(earlier: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(earlier)).unwrap_or_default()
}

/// How long ago, in Docker's words.
pub fn ago(time: Duration) -> String {
    format!("{} ago", human_duration(time))
}

/// A duration in Docker's words: only the largest unit (`HumanDuration` of its library go-units).
pub fn human_duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, (seconds + 1800) / 3600);
    let (days, weeks, months) = (hours / 24, hours / 24 / 7, hours / 24 / 30);
    match seconds {
        0 => "Less than a second".to_owned(),
        1 => "1 second".to_owned(),
        2..60 => format!("{seconds} seconds"),
        60..120 => "About a minute".to_owned(),
        _ if minutes < 60 => format!("{minutes} minutes"),
        _ if hours <= 1 => "About an hour".to_owned(),
        _ if hours < 48 => format!("{hours} hours"),
        _ if days < 14 => format!("{days} days"),
        _ if days < 60 => format!("{weeks} weeks"),
        _ if days < 730 => format!("{months} months"),
        _ => format!("{} years", days / 365),
    }
}
