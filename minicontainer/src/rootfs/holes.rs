//! Copies sparse files without filling their holes (lseek(2), `SEEK_DATA` and `SEEK_HOLE`).
//!
//! An archive of a few bytes can describe a file of 128 GiB that consists of a hole. A plain copy would write 128 GiB
//! of zeros.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use nix::{
    errno::Errno,
    unistd::{Whence, lseek64},
};

/// Copies the data of a file into an empty one, without its holes. Returns the size.
pub fn copy_data(mut from: &File, mut to: &File) -> io::Result<u64> {
    let size = from.metadata()?.len();
    let mut at = 0;
    while at < size {
        let start = match lseek64(from, offset(at)?, Whence::SeekData) {
            // The rest of the file is a hole.
            Err(Errno::ENXIO) => break,
            start => start?,
        };
        let end = lseek64(from, start, Whence::SeekHole)?;
        from.seek(SeekFrom::Start(start.unsigned_abs()))?;
        to.seek(SeekFrom::Start(start.unsigned_abs()))?;
        let length = (end - start).unsigned_abs();
        if io::copy(&mut from.take(length), &mut to)? < length {
            break; // The file has become shorter.
        }
        at = end.unsigned_abs();
    }
    to.set_len(size)?;
    Ok(size)
}

fn offset(at: u64) -> io::Result<i64> {
    i64::try_from(at).map_err(io::Error::other)
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write, os::unix::fs::MetadataExt};

    use super::*;

    #[test]
    fn holes_are_not_filled() {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        let mut from = File::create_new(path("from")).unwrap();
        from.write_all(b"start").unwrap();
        from.seek(SeekFrom::Start(1 << 30)).unwrap();
        from.write_all(b"middle").unwrap();
        from.set_len(1 << 36).unwrap();
        let copied = copy_data(&File::open(path("from")).unwrap(), &File::create_new(path("to")).unwrap());
        assert_eq!(copied.unwrap(), 1 << 36);
        let to = fs::metadata(path("to")).unwrap();
        assert!(to.len() == 1 << 36 && to.blocks() < 1024, "{} blocks", to.blocks());
        let mut text = [0; 6];
        std::os::unix::fs::FileExt::read_exact_at(&File::open(path("to")).unwrap(), &mut text, 1 << 30).unwrap();
        assert_eq!(&text, b"middle");
    }

    #[test]
    fn plain_and_empty_files_are_copied() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [("empty", ""), ("plain", "content")] {
            let path = directory.path().join(name);
            fs::write(&path, content).unwrap();
            let copy = directory.path().join(format!("{name}-copy"));
            copy_data(&File::open(&path).unwrap(), &File::create_new(&copy).unwrap()).unwrap();
            assert_eq!(fs::read_to_string(copy).unwrap(), content);
        }
    }
}
