//! Detects the files that `ADD` unpacks: tar archives, recognized by their content.

use std::{
    fs::File,
    io::{Read, Seek},
};

use super::{BuildError, files::Found};
use minicontainer_images::decompress;

/// Whether a file is a tar archive: uncompressed, or compressed with gzip, zstd, bzip2 or xz.
pub(super) fn is_archive(file: &mut File, found: &Found) -> Result<bool, BuildError> {
    let mut start = Vec::new();
    let failed = |source| BuildError::Read { path: found.path.clone(), of: "the build context".to_owned(), source };
    file.take(512).read_to_end(&mut start).map_err(failed)?;
    if !is_header(&start) {
        file.rewind().map_err(failed)?;
        start.clear();
        // A file that only starts like a compressed file is copied unchanged.
        if let Ok(content) = decompress(file) {
            let _broken = content.take(512).read_to_end(&mut start);
        }
    }
    Ok(is_header(&start))
}

/// Whether a block is a tar header with a correct checksum.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Ok(block) = <&[u8; 512]>::try_from(block) else { return false };
    let header = tar::Header::from_byte_slice(block);
    let sum: u32 =
        block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { 32 } else { u32::from(*byte) }).sum();
    header.cksum().is_ok_and(|stated| stated == sum) && block[0] != 0
}
