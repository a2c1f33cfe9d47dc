//! Writes tar archives byte by byte, because ordinary tools cannot write malformed ones.

/// An archive under construction.
#[derive(Clone, Default)]
pub struct Tar {
    bytes: Vec<u8>,
}

/// The fields of a header. `raw` overwrites bytes at an offset before the checksum is computed.
pub struct Head<'a> {
    pub kind: u8,
    pub name: &'a [u8],
    pub link: &'a [u8],
    pub mode: u32,
    pub uid: u64,
    pub size: u64,
    pub device: (u32, u32),
    pub raw: Vec<(usize, Vec<u8>)>,
    pub checksum: bool,
}

pub fn head(kind: u8, name: &str) -> Head<'_> {
    Head {
        kind,
        name: name.as_bytes(),
        link: b"",
        mode: if kind == b'5' { 0o755 } else { 0o644 },
        uid: 0,
        size: 0,
        device: (0, 0),
        raw: Vec::new(),
        checksum: true,
    }
}

impl Head<'_> {
    fn block(&self) -> [u8; 512] {
        let mut block = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &self.name[..self.name.len().min(100)]);
        put(100, format!("{:07o}", self.mode).as_bytes());
        // A number of more than seven octal digits is written in binary, with the highest bit set.
        match self.uid < 1 << 21 {
            true => put(108, format!("{:07o}", self.uid).as_bytes()),
            false => put(108, &(self.uid | 1 << 63).to_be_bytes()),
        }
        put(116, b"0000000");
        put(124, format!("{:011o}", self.size).as_bytes());
        put(136, b"00003641100");
        put(156, &[self.kind]);
        put(157, &self.link[..self.link.len().min(100)]);
        put(257, b"ustar\x0000");
        put(329, format!("{:07o}", self.device.0).as_bytes());
        put(337, format!("{:07o}", self.device.1).as_bytes());
        for (at, bytes) in &self.raw {
            put(*at, bytes);
        }
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
        let sum = if self.checksum { sum } else { sum + 1 };
        block[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        block
    }
}

impl Tar {
    pub fn new() -> Tar {
        Tar::default()
    }

    /// A header and its content, whose length need not match the header.
    pub fn member(mut self, head: Head<'_>, content: &[u8]) -> Tar {
        self.bytes.extend_from_slice(&head.block());
        self.bytes.extend_from_slice(content);
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
        self
    }

    pub fn file(self, name: &str, content: &str) -> Tar {
        self.member(Head { size: content.len() as u64, ..head(b'0', name) }, content.as_bytes())
    }

    pub fn directory(self, name: &str) -> Tar {
        self.member(head(b'5', name), b"")
    }

    pub fn symlink(self, name: &str, target: &str) -> Tar {
        self.member(Head { link: target.as_bytes(), ..head(b'2', name) }, b"")
    }

    pub fn link(self, name: &str, target: &str) -> Tar {
        self.member(Head { link: target.as_bytes(), ..head(b'1', name) }, b"")
    }

    /// An extension header (`x`, `g`, `L` or `K`), which describes the next member.
    pub fn extension(self, kind: char, content: &[u8]) -> Tar {
        self.member(Head { size: content.len() as u64, ..head(kind as u8, "extension") }, content)
    }

    pub fn pax(self, records: &[(&str, &[u8])]) -> Tar {
        let content: Vec<u8> = records.iter().flat_map(|(key, value)| record(key, value)).collect();
        self.extension('x', &content)
    }

    /// Raw bytes.
    pub fn bytes(mut self, bytes: &[u8]) -> Tar {
        self.bytes.extend_from_slice(bytes);
        self
    }

    /// The archive with its end, two blocks of zeros.
    pub fn end(self) -> Vec<u8> {
        self.bytes(&[0; 1024]).bytes
    }

    pub fn without_end(self) -> Vec<u8> {
        self.bytes
    }
}

/// A pax record. Its length includes the digits of the length itself.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() != length {
        length += 1;
    }
    [format!("{length} {key}=").as_bytes(), value, b"\n"].concat()
}
