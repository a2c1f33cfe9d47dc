//! Reads sparse files. The archive has only the data of such a file, without its holes, and a map with the position
//! of each fragment of data.
//!
//! GNU tar has written the map in four ways, and all of them are read as Go's `archive/tar` does (`reader.go`):
//!
//! | Format | The map |
//! |---|---|
//! | old, type `S` | in the header, and in blocks that follow it |
//! | 0.0 | pax records `GNU.sparse.offset` and `GNU.sparse.numbytes`, in turn |
//! | 0.1 | one pax record `GNU.sparse.map` |
//! | 1.0 | decimal numbers at the beginning of the content |
//!
//! The map is untrusted. It has at most one mebibyte. Its fragments must be in order, must not overlap, and must have
//! as many bytes as the archive has data. Limits on sizes apply to the file with its holes, so a file of 8 EiB is
//! refused even if the archive has only a few bytes of data.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use super::{error::TarError, header::unsigned};

/// The maximum size of a map; Go's reader has the same limit.
const MAP_LIMIT: usize = 1 << 20;

/// The map: the positions of the data in a sparse file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SparseMap {
    /// The size of the file with its holes.
    pub(super) size: u64,
    pub(super) fragments: Vec<Fragment>,
}

/// A fragment: consecutive data without a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    pub(super) offset: u64,
    pub(super) length: u64,
}

/// A block of an archive.
type Block = [u8; 512];

const MALFORMED: TarError = TarError::Malformed { what: "its map of a sparse file" };

impl SparseMap {
    /// Makes a map from numbers: offset and length, alternating.
    pub(super) fn new(size: u64, numbers: &[u64]) -> Result<SparseMap, TarError> {
        let (pairs, []) = numbers.as_chunks::<2>() else { return Err(MALFORMED) };
        let fragments = pairs.iter().map(|[offset, length]| Fragment { offset: *offset, length: *length }).collect();
        let map = SparseMap { size, fragments };
        let mut end = 0;
        for Fragment { offset, length } in &map.fragments {
            let next = offset.checked_add(*length).filter(|next| *next <= size && *offset >= end);
            end = next.ok_or(MALFORMED)?;
        }
        Ok(map)
    }

    /// Writes the data to its positions in an empty file. The gaps become holes.
    pub(super) fn fill(&self, mut file: &File, content: &mut impl Read) -> io::Result<()> {
        for fragment in &self.fragments {
            file.seek(SeekFrom::Start(fragment.offset))?;
            io::copy(&mut content.take(fragment.length), &mut file)?;
        }
        file.set_len(self.size)
    }

    /// Refuses a map whose fragments do not have exactly as many bytes as the archive has data.
    pub(super) fn check(self, stored: u64) -> Result<SparseMap, TarError> {
        let named: u64 = self.fragments.iter().map(|fragment| fragment.length).sum();
        if named == stored { Ok(self) } else { Err(MALFORMED) }
    }
}

/// The pax records that describe a sparse file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords {
    pub(super) name: Option<Vec<u8>>,
    major: Vec<u8>,
    minor: Vec<u8>,
    size: Option<u64>,
    real_size: Option<u64>,
    count: Option<u64>,
    map: Option<Vec<u64>>,
    /// The records of format 0.0: offset and length, alternating.
    pairs: Vec<u64>,
}

/// The place of the map.
pub(super) enum MapPlace {
    Records(SparseMap),
    /// At the beginning of the content, for a file of this size.
    Content {
        size: Option<u64>,
    },
}

impl SparseRecords {
    /// Adds one record, whose key begins with `GNU.sparse.`.
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        match key {
            b"major" => self.major = value.to_vec(),
            b"minor" => self.minor = value.to_vec(),
            b"name" => self.name = Some(value.to_vec()).filter(|name| !name.is_empty()),
            b"size" => self.size = optional(value)?,
            b"realsize" => self.real_size = optional(value)?,
            b"numblocks" => self.count = optional(value)?,
            b"map" => self.map = Some(list(value)?),
            b"offset" if self.pairs.len().is_multiple_of(2) => self.pairs.push(number(value)?),
            b"numbytes" if !self.pairs.len().is_multiple_of(2) => self.pairs.push(number(value)?),
            b"offset" | b"numbytes" => return Err(MALFORMED),
            _ => {}
        }
        Ok(())
    }

    /// The map of a file with this size in its header; `None` if the records do not describe a sparse file.
    pub(super) fn place(self, size: u64) -> Result<Option<MapPlace>, TarError> {
        let map = if self.pairs.is_empty() { self.map } else { Some(self.pairs) };
        let file_size = self.size.or(self.real_size);
        match (self.major.as_slice(), self.minor.as_slice()) {
            (b"1", b"0") => return Ok(Some(MapPlace::Content { size: file_size })),
            (b"0", b"0" | b"1") => {}
            (b"", b"") if map.is_some() => {}
            // As in Go's reader, a file of an unknown version is an ordinary file.
            _ => return Ok(None),
        }
        let map = map.unwrap_or_default();
        if self.count != Some(map.len() as u64 / 2) {
            return Err(MALFORMED);
        }
        SparseMap::new(file_size.unwrap_or(size), &map).map(|map| Some(MapPlace::Records(map)))
    }
}

/// The map of the old format: four fragments in the header, and 21 in each block that follows it. `block` reads the
/// next block.
pub(super) fn old_map(header: &Block, mut block: impl FnMut() -> io::Result<Block>) -> io::Result<SparseMap> {
    if header[257..265] != *b"ustar  \0" {
        return Err(MALFORMED.into());
    }
    let mut numbers = Vec::new();
    let (mut entries, mut is_continued) = (header[386..482].to_vec(), header[482] > 0);
    loop {
        // As in GNU tar, an empty offset ends the list.
        for entry in entries.chunks_exact(24).take_while(|entry| entry[0] != 0) {
            numbers.extend([unsigned(&entry[..12])?, unsigned(&entry[12..])?]);
        }
        if !is_continued {
            return Ok(SparseMap::new(unsigned(&header[483..495])?, &numbers)?);
        }
        if numbers.len() * 12 > MAP_LIMIT {
            return Err(MALFORMED.into());
        }
        let next = block()?;
        (entries, is_continued) = (next[..504].to_vec(), next[504] > 0);
    }
}

/// Reads the numbers at the beginning of a file's content in format 1.0: the number of fragments, then offset and
/// length of each. `block` reads the next block.
pub(super) fn map_of_content(size: u64, mut block: impl FnMut() -> io::Result<Block>) -> io::Result<SparseMap> {
    let mut text = Vec::new();
    let mut missing = 1;
    let mut count = None;
    while missing > 0 {
        if text.len() >= MAP_LIMIT {
            return Err(MALFORMED.into());
        }
        let next = block()?;
        let lines = next.iter().filter(|byte| **byte == b'\n').count();
        text.extend_from_slice(&next);
        missing = match count {
            Some(_) => usize::saturating_sub(missing, lines),
            None if lines == 0 => 1,
            None => {
                let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
                let pairs =
                    usize::try_from(number(first)?).ok().filter(|pairs| *pairs <= MAP_LIMIT).ok_or(MALFORMED)?;
                let read = text.iter().filter(|byte| **byte == b'\n').count() - 1;
                count = Some(2 * pairs);
                (2 * pairs).saturating_sub(read)
            }
        };
    }
    let lines = text.split(|byte| *byte == b'\n').skip(1).take(count.unwrap_or(0));
    let numbers = lines.map(number).collect::<Result<Vec<_>, _>>()?;
    Ok(SparseMap::new(size, &numbers)?)
}

fn list(value: &[u8]) -> Result<Vec<u64>, TarError> {
    if value.is_empty() {
        return Ok(Vec::new());
    }
    value.split(|byte| *byte == b',').map(number).collect()
}

fn optional(value: &[u8]) -> Result<Option<u64>, TarError> {
    if value.is_empty() { Ok(None) } else { number(value).map(Some) }
}

fn number(value: &[u8]) -> Result<u64, TarError> {
    let text = std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()));
    let number: Option<i64> = text.and_then(|text| text.parse().ok());
    number.map(i64::unsigned_abs).ok_or(MALFORMED)
}
