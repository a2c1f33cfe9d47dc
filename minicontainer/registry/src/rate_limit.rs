//! A minimum transfer rate.
//!
//! A time-out for each read detects a server that stops sending, but not one that sends a byte now and then and so
//! blocks the client forever (*slow loris*). So a minimum number of bytes must arrive in each time window.

use std::{
    io::{self, Read},
    time::{Duration, Instant},
};

use super::retry::RetryPolicy;

/// A reader that fails if the rate is too low.
pub(super) struct RateLimited<R> {
    content: R,
    window: Duration,
    least: u64,
    began: Instant,
    count: u64,
}

/// The rate was too low.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("less than {bytes} bytes in {seconds} seconds")]
pub(super) struct TooSlow {
    pub(super) bytes: u64,
    pub(super) seconds: u64,
}

impl<R: Read> RateLimited<R> {
    pub(super) fn new(content: R, retry_policy: &RetryPolicy) -> RateLimited<R> {
        let (window, least) = (retry_policy.window, retry_policy.bytes_in_window);
        RateLimited { content, window, least, began: Instant::now(), count: 0 }
    }
}

impl<R: Read> Read for RateLimited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.count += count as u64;
        if self.began.elapsed() >= self.window {
            // The last window may have fewer bytes.
            if self.count < self.least && count > 0 {
                let (bytes, seconds) = (self.least, self.window.as_secs());
                return Err(io::Error::new(io::ErrorKind::TimedOut, TooSlow { bytes, seconds }));
            }
            (self.began, self.count) = (Instant::now(), 0);
        }
        Ok(count)
    }
}

/// Reads a small document within a time limit; `None` if it is larger than the size limit.
pub(super) fn read_document(mut content: impl Read, limit: u64, within: Duration) -> io::Result<Option<Vec<u8>>> {
    let deadline = Instant::now() + within;
    let mut document = Vec::new();
    let mut piece = vec![0; 1 << 14];
    loop {
        match content.read(&mut piece) {
            Ok(0) => return Ok(Some(document)),
            Ok(count) => document.extend_from_slice(&piece[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if document.len() as u64 > limit {
            return Ok(None);
        }
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn document_size_and_time_are_limited() {
        let within = Duration::from_secs(60);
        assert_eq!(read_document([7; 20].as_slice(), 20, within).unwrap(), Some(vec![7; 20]));
        assert_eq!(read_document(io::repeat(7), 20, within).unwrap(), None);
        assert!(read_document(io::repeat(7), u64::MAX, Duration::ZERO).is_err());
    }

    #[test]
    fn too_slow_transfer_times_out() {
        let retry_policy = RetryPolicy { window: Duration::ZERO, bytes_in_window: 10, ..RetryPolicy::default() };
        assert_eq!(
            RateLimited::new([7; 5].as_slice(), &retry_policy).read(&mut [0; 100]).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        assert_eq!(RateLimited::new([7; 50].as_slice(), &retry_policy).read(&mut [0; 100]).unwrap(), 50);
    }
}
