//! Retrying after temporary failures.
//!
//! If a registry is temporarily busy or broken, it answers with a status that says so, or the connection breaks.
//! Retrying immediately would make it worse, so each pause is twice as long as the one before. The pauses are
//! randomized (*jitter*), so that clients do not all retry at the same time. A server may say how long to wait
//! (`Retry-After`, RFC 9110, section 10.2.3); this is respected up to a limit.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// The time limits, which are shorter in tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    /// For a connection, including the TLS handshake.
    pub(super) connect: Duration,
    /// For the next bytes.
    pub(super) read: Duration,
    /// For the headers of an answer, and for a small document as a whole.
    pub(super) answer: Duration,
    /// The time window of the minimum transfer rate, and its bytes.
    pub(super) window: Duration,
    pub(super) bytes_in_window: u64,
    /// The first pause.
    pub(super) pause: Duration,
    /// The longest pause, even if a server requests a longer one.
    pub(super) longest_pause: Duration,
    /// The maximum number of attempts.
    pub(super) attempts: u32,
}

impl Default for RetryPolicy {
    fn default() -> RetryPolicy {
        RetryPolicy {
            connect: Duration::from_secs(20),
            read: Duration::from_secs(30),
            answer: Duration::from_secs(60),
            window: Duration::from_secs(30),
            bytes_in_window: 16 << 10,
            pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(60),
            attempts: 5,
        }
    }
}

/// What to do after a temporary failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Try again after this time.
    Retry(Duration),
    /// All attempts have been used.
    GiveUp,
    /// The server requests a longer pause than the limit.
    TooLong(Duration),
}

/// Whether a status means a temporary failure.
pub(super) fn is_temporary(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504)
}

impl RetryPolicy {
    /// What to do after this many failures in a row. `retry_after` is the header's value. A date in it is ignored,
    /// because registries do not send dates.
    pub(super) fn after(&self, failures: u32, retry_after: Option<&str>) -> Next {
        if failures >= self.attempts {
            return Next::GiveUp;
        }
        match retry_after.and_then(|text| text.trim().parse::<u64>().ok()).map(Duration::from_secs) {
            Some(wanted) if wanted > self.longest_pause => Next::TooLong(wanted),
            Some(wanted) => Next::Retry(wanted),
            None => {
                let pause = self.pause * 2_u32.saturating_pow(failures.saturating_sub(1));
                Next::Retry(pause.min(self.longest_pause).mul_f64(jitter()))
            }
        }
    }
}

/// A random factor from 0.75 to 1.25, from the only source of randomness in the standard library.
fn jitter() -> f64 {
    let chance = RandomState::new().hash_one(()) % 1000;
    0.75 + chance as f64 / 2000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_delays_grow_and_end() {
        let retry_policy = RetryPolicy::default();
        for (failures, milliseconds) in [(1, 500.0), (2, 1000.0), (3, 2000.0), (4, 4000.0)] {
            let Next::Retry(pause) = retry_policy.after(failures, None) else { panic!("{failures}") };
            let ratio = pause.as_secs_f64() * 1000.0 / milliseconds;
            assert!((0.75..=1.25).contains(&ratio), "{failures}: {pause:?}");
        }
        assert_eq!(retry_policy.after(5, None), Next::GiveUp);
        assert_eq!(retry_policy.after(5, Some("1")), Next::GiveUp, "the server does not decide how often");
    }

    #[test]
    fn retry_after_is_honoured_within_limits() {
        let retry_policy = RetryPolicy::default();
        assert_eq!(retry_policy.after(1, Some(" 7 ")), Next::Retry(Duration::from_secs(7)));
        assert_eq!(retry_policy.after(1, Some("0")), Next::Retry(Duration::ZERO));
        assert_eq!(retry_policy.after(1, Some("3600")), Next::TooLong(Duration::from_secs(3600)));
        for nonsense in ["-1", "soon", "", "99999999999999999999999", "Wed, 21 Oct 2026 07:28:00 GMT"] {
            assert!(matches!(retry_policy.after(1, Some(nonsense)), Next::Retry(_)), "{nonsense}");
        }
    }
}
