//! Reading a file with exactly the size that was written to its header in an archive.

use std::io::{self, Read};

/// Exactly as many bytes as the header says, even if the file grows or shrinks while it is read.
pub(super) struct ExactSize<R> {
    pub content: R,
    pub remaining: u64,
    /// How many bytes were missing.
    pub lacking: u64,
}

impl<R: Read> Read for ExactSize<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        let mut count = if self.lacking == 0 { self.content.read(&mut buffer[..most])? } else { 0 };
        if count == 0 {
            buffer[..most].fill(0);
            self.lacking += most as u64;
            count = most;
        }
        self.remaining -= count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(content: &[u8], promised: u64, expect: &[u8], lacking: u64) {
        let mut exactly = ExactSize { content, remaining: promised, lacking: 0 };
        let mut read = Vec::new();
        exactly.read_to_end(&mut read).unwrap();
        assert_eq!((read.as_slice(), exactly.lacking), (expect, lacking));
    }

    #[test]
    fn packed_file_has_its_announced_size() {
        check(b"whole", 5, b"whole", 0);
        check(b"it grew", 2, b"it", 0);
        check(b"cut", 5, b"cut\0\0", 2);
        check(b"", 0, b"", 0);
    }
}
