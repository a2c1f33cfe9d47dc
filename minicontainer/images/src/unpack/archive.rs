//! Reads the members of a tar archive one by one, with limits on time and memory.
//!
//! An archive is a sequence of blocks of 512 bytes (pax(1), "ustar Interchange Format"): for each **member** a header,
//! then its content, padded; at the end two blocks of zeros. Metadata that does not fit into a header is in members
//! before it: a long name (`L`, GNU) or link name (`K`), or **pax records** (`x`), see [`super::pax`].
//!
//! The fields are read as Go's `archive/tar` reads them, see [`super::header`]. The iterator of the crate `tar` is
//! not used, because it reads names and records of any length into memory. Where readers differ, Go's counts,
//! because the other engines use it:
//!
//! - A size in a pax record overrides that of the header (RUSTSEC-2026-0068 and similar ones).
//! - A link has no content, whatever its size is. Directories, devices and FIFOs with a size are refused: GNU tar
//!   skips as many bytes, and Go does not.
//! - If a member has several long names or extended headers, the last one counts, and a long name counts more than a
//!   pax record. A long name or pax record must be followed by the member that it describes.
//!
//! Sparse files are accepted in layers ([`super::sparse`]), although the OCI image-spec (*layer.md*) advises against
//! them.

use std::io::{self, Read};

use tar::{EntryType, Header};

use super::{
    error::TarError,
    header::{has_checksum, number, path, unsigned},
    pax::{Records, Time},
    sparse::{MapPlace, SparseMap, SparseRecords, map_of_content, old_map},
};

const BLOCK: usize = 512;
/// The maximum number of headers.
pub(super) const HEADER_LIMIT: u64 = 4 << 20;
/// The maximum size of a file: 128 GiB.
pub(super) const SIZE_LIMIT: u64 = 128 << 30;
/// The maximum length of the name, or of all pax records, of one member; Go's reader has the same limit.
pub(super) const EXTENSION_LIMIT: u64 = 1 << 20;

/// Whether an archive must have an end marker. It must if nothing else would show that it was truncated between two
/// members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Required, because the digest is not known.
    Required,
    /// Optional, because the digest is known and some builders omit the marker.
    Optional,
}

/// An archive that is read from front to back. [`Read`] yields the content of the current member.
pub(crate) struct Archive<R> {
    content: R,
    end: End,
    headers: u64,
    remaining: u64,
    padding: u64,
}

/// One member, without its content.
pub(crate) struct Member {
    pub(super) header: Header,
    /// Its name, unchanged from the archive.
    pub(crate) path: Vec<u8>,
    /// The target of a link.
    pub(crate) link: Option<Vec<u8>>,
    /// The size of the file, with the holes of a sparse one.
    pub(super) size: u64,
    /// The positions of the data in a sparse file. Reading returns only the data, without the holes.
    pub(super) sparse: Option<SparseMap>,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) modified: Time,
    /// Extended attributes.
    pub(super) attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Member {
    pub(crate) fn kind(&self) -> EntryType {
        self.header.entry_type()
    }

    /// Refuses a sparse file, for callers that need its whole content.
    pub(crate) fn without_holes(self) -> io::Result<Member> {
        if self.sparse.is_some() { Err(TarError::Sparse.into()) } else { Ok(self) }
    }
}

/// Records that precede a member and describe it.
#[derive(Default)]
struct Extensions {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    records: Option<Records>,
}

impl Extensions {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.records.is_none()
    }
}

impl<R: Read> Archive<R> {
    pub(crate) fn new(content: R, end: End) -> Archive<R> {
        Archive { content, end, headers: 0, remaining: 0, padding: 0 }
    }

    /// The next member; `None` at the end. Unread content of the previous member is skipped.
    pub(crate) fn next(&mut self) -> io::Result<Option<Member>> {
        let mut extensions = Extensions::default();
        loop {
            self.skip_content()?;
            let Some(header) = self.header()? else {
                return if extensions.is_empty() { Ok(None) } else { Err(TarError::NoMember.into()) };
            };
            let size = unsigned(&header.as_old().size)?;
            match header.entry_type() {
                EntryType::GNULongName => extensions.name = Some(self.text(size)?),
                EntryType::GNULongLink => extensions.link = Some(self.text(size)?),
                EntryType::XHeader => extensions.records = Some(Records::parse(&self.extension(size)?)?),
                // It contains nothing that layers need; Docker ignores it, too.
                EntryType::XGlobalHeader => self.begin(size)?,
                _ => return self.member(header, size, extensions).map(Some),
            }
        }
    }

    /// The reader, positioned after the archive.
    pub(crate) fn into_inner(self) -> R {
        self.content
    }

    fn member(&mut self, mut header: Header, size: u64, extensions: Extensions) -> io::Result<Member> {
        let records = extensions.records.unwrap_or_default();
        let kind = header.entry_type();
        let path = extensions.name.or(records.path).unwrap_or_else(|| path(&header));
        let stored = match kind {
            EntryType::Link | EntryType::Symlink => 0,
            _ => records.size.unwrap_or(size),
        };
        let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse);
        let has_content = is_file && !path.ends_with(b"/");
        if stored > 0 && !has_content {
            return Err(TarError::Content { kind: char::from(kind.as_byte()), size: stored }.into());
        }
        let name = records.sparse.name.clone();
        let sparse = self.sparse(&mut header, records.sparse, stored)?;
        if sparse.is_some() && !has_content {
            return Err(TarError::Malformed { what: "only a file can be sparse" }.into());
        }
        let size = sparse.as_ref().map_or(stored, |map| map.size);
        if size > SIZE_LIMIT {
            return Err(TarError::TooLarge { size }.into());
        }
        Ok(Member {
            path: name.filter(|_| sparse.is_some()).unwrap_or(path),
            sparse,
            link: extensions.link.or(records.link).or_else(|| header.link_name_bytes().map(|name| name.into_owned())),
            size,
            uid: records.uid.map_or_else(|| unsigned(&header.as_old().uid), Ok)?,
            gid: records.gid.map_or_else(|| unsigned(&header.as_old().gid), Ok)?,
            modified: match records.modified {
                Some(time) => time,
                None => Time::seconds(number(&header.as_old().mtime)?),
            },
            attributes: records.attributes,
            header,
        })
    }

    /// Starts a member's content, and reads the map of a sparse file.
    fn sparse(&mut self, header: &mut Header, records: SparseRecords, stored: u64) -> io::Result<Option<SparseMap>> {
        if header.entry_type() == EntryType::GNUSparse {
            let map = old_map(header.as_bytes(), || self.block())?.check(stored)?;
            header.set_entry_type(EntryType::Regular);
            self.begin(stored)?;
            return Ok(Some(map));
        }
        self.begin(stored)?;
        Ok(match records.place(stored)? {
            None => None,
            Some(MapPlace::Records(map)) => Some(map.check(stored)?),
            Some(MapPlace::Content { size }) => {
                let map = map_of_content(size.unwrap_or(stored), || {
                    self.remaining = self.remaining.checked_sub(BLOCK as u64).ok_or(TarError::Truncated)?;
                    self.block()
                })?;
                Some(map.check(self.remaining)?)
            }
        })
    }

    fn block(&mut self) -> io::Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        if self.fill(&mut block)? == BLOCK { Ok(block) } else { Err(TarError::Truncated.into()) }
    }

    fn header(&mut self) -> io::Result<Option<Header>> {
        let mut block = [0; BLOCK];
        match self.fill(&mut block)? {
            BLOCK => {}
            0 if self.end == End::Optional => return Ok(None),
            0 => return Err(TarError::NoEnd.into()),
            _ => return Err(TarError::Truncated.into()),
        }
        if block == [0; BLOCK] {
            // The second block of zeros may be missing; a partial one must consist of zeros.
            let count = self.fill(&mut block)?;
            let is_end = block[..count].iter().all(|byte| *byte == 0);
            return if is_end { Ok(None) } else { Err(TarError::MoreBehindEnd.into()) };
        }
        self.headers += 1;
        if self.headers > HEADER_LIMIT {
            return Err(TarError::TooMany.into());
        }
        let header = Header::from_byte_slice(&block).clone();
        if has_checksum(&header) { Ok(Some(header)) } else { Err(TarError::Checksum.into()) }
    }

    /// Starts a member's content of this size.
    fn begin(&mut self, size: u64) -> io::Result<()> {
        if size > SIZE_LIMIT {
            return Err(TarError::TooLarge { size }.into());
        }
        self.remaining = size;
        self.padding = size.next_multiple_of(BLOCK as u64) - size;
        Ok(())
    }

    /// The content of a member that describes the next member.
    fn extension(&mut self, size: u64) -> io::Result<Vec<u8>> {
        if size > EXTENSION_LIMIT {
            return Err(TarError::LongExtension { size }.into());
        }
        self.begin(size)?;
        let mut bytes = Vec::new();
        self.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// A name: the bytes before the first NUL byte.
    fn text(&mut self, size: u64) -> io::Result<Vec<u8>> {
        let mut bytes = self.extension(size)?;
        bytes.truncate(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
        Ok(bytes)
    }

    fn skip_content(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink())?;
        let mut padding = [0; BLOCK];
        let padding = &mut padding[..self.padding as usize];
        self.padding = 0;
        let wanted = padding.len();
        if self.fill(padding)? == wanted { Ok(()) } else { Err(TarError::Truncated.into()) }
    }

    /// Reads until the buffer is full or nothing is left.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut count = 0;
        while count < buffer.len() {
            match self.content.read(&mut buffer[count..]) {
                Ok(0) => break,
                Ok(more) => count += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(count)
    }
}

impl<R: Read> Read for Archive<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        if most == 0 {
            return Ok(0);
        }
        let count = self.content.read(&mut buffer[..most])?;
        if count == 0 {
            return Err(TarError::Truncated.into());
        }
        self.remaining -= count as u64;
        Ok(count)
    }
}
