//! Reporting the progress of unpacking a layer.

use std::io::{self, Read};

use minicontainer::core::Digest;

/// A callback with the digest of a layer's blob, the number of bytes read, and the total. It is called from several
/// threads at the same time.
pub type Watch<'a> = &'a (dyn Fn(&Digest, u64, u64) + Sync);

/// The number of bytes between two reports. More frequent reports would not be visible.
const STEP: u64 = 1 << 18;

/// A reader that reports how much has been read: at the beginning, at every step, and at the end.
pub(super) struct Watched<'a, R> {
    content: R,
    tell: &'a (dyn Fn(u64) + Sync),
    done: u64,
    reported: u64,
}

impl<'a, R> Watched<'a, R> {
    pub(super) fn new(content: R, tell: &'a (dyn Fn(u64) + Sync)) -> Watched<'a, R> {
        tell(0);
        Watched { content, tell, done: 0, reported: 0 }
    }
}

impl<R: Read> Read for Watched<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.done += count as u64;
        if self.done - self.reported >= STEP || (count == 0 && !buffer.is_empty() && self.reported < self.done) {
            self.reported = self.done;
            (self.tell)(self.done);
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[test]
    fn progress_and_completion_are_reported() {
        let content = vec![7; 3 * STEP as usize / 2];
        let reported = Mutex::new(Vec::new());
        let tell = |done| reported.lock().unwrap().push(done);
        let mut read = Vec::new();
        Watched::new(content.as_slice(), &tell).read_to_end(&mut read).unwrap();
        assert_eq!(read, content);
        let reported = reported.into_inner().unwrap();
        assert_eq!((reported.first(), reported.last()), (Some(&0), Some(&(content.len() as u64))));
        assert!(reported.is_sorted() && reported.len() <= 4, "{reported:?}");
    }
}
