//! Unpacks the local archives of `ADD`, which are recognized by their content. This is the difference between `ADD`
//! and `COPY`.

use std::{
    fs::File,
    io::{Read, Seek},
    path::Path,
};

use minicontainer::store::private;
use minicontainer_dockerfile::Ignore;
use minicontainer_images::{ArchiveOwners, Extracted, decompress, extract};

use super::{
    BuildError,
    archive::{Meta, owned},
    copy::Copy,
    files::{Files, Found, Kind},
    layers::Layers,
    select::{Fingerprint, FingerprintReader, Selected, attributes, each},
};

impl Copy<'_, '_> {
    /// Unpacks a local archive; returns false if the file is not an archive. The archive is first extracted into a
    /// new directory, which then contains only the new and changed files.
    pub(super) fn unpack(
        &mut self,
        selected: &Selected,
        exclude: &Ignore,
        print: &mut Fingerprint,
    ) -> Result<bool, BuildError> {
        if selected.found.kind != Kind::File || exclude.excludes(&selected.name.to_string_lossy()) {
            return Ok(false);
        }
        let found = &selected.found;
        let failed = |source| BuildError::Read { path: found.path.clone(), of: self.from.name(), source };
        let mut file = self.from.open(found)?;
        if !is_archive(&mut file, found)? {
            return Ok(false);
        }
        file.rewind().map_err(failed)?;
        print.add(self.from, Path::new(&selected.name), found)?;
        let place = self.staging.unused_path();
        private::make_new_directory(&place).map_err(|source| BuildError::Write { path: place.clone(), source })?;
        let into = self.directory()?;
        let mut content = FingerprintReader::new(file, found.size, print);
        let kept = ArchiveOwners::Kept;
        let Extracted { implied, warnings } = extract(&mut content, &place, &into, self.target.directories, kept)
            .map_err(|source| BuildError::Unpack { path: found.path.clone(), source: Box::new(source) })?;
        self.warnings.extend(warnings);
        std::io::copy(&mut content, &mut std::io::sink()).map_err(failed)?;
        let unpacked = Layers::new(format!("the archive {}", found.path.display()), &[place])?;
        let from = &unpacked as &dyn Files;
        let all = Selected { name: selected.name.clone(), found: from.root()?, include: None };
        each(from, &all, &Ignore::default(), &mut |relative, found| {
            // Directories that the archive does not list keep their attributes. The permissions are always those of
            // the archive: BuildKit unpacks without --chmod.
            let own = owned(from, found);
            let meta = if implied.contains(relative) { own } else { self.with_owner(own) };
            self.extracted(from, &Path::new("/").join(relative), found, meta)
        })?;
        Ok(true)
    }

    fn extracted(&mut self, from: &dyn Files, path: &Path, found: &Found, meta: Meta) -> Result<(), BuildError> {
        match found.kind {
            Kind::Directory => self.archive.directory(path, meta),
            Kind::Symlink => self.archive.symlink(path, meta, from.target(found)?.as_os_str()),
            Kind::File if self.archive.link(path, meta, found.inode)? => Ok(()),
            Kind::File => {
                let content = from.open(found)?;
                let attributes = attributes(from, found, &content)?;
                self.archive.file_with(path, meta, &attributes, found.size, content.take(found.size))
            }
            _ => self.archive.special(path, meta, found.kind),
        }
    }
}

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
