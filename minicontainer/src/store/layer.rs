//! Layers: each unpacked once, under its diff-id, and shared by all images and containers that use it.
//!
//! A layer has two digests. Its **digest** names the blob as it travels, most often compressed; its **diff-id** names
//! the uncompressed tar archive, so that packing the same files anew does not make another layer (OCI image-spec,
//! *config.md*). The diff-id is computed in the same pass that unpacks, and only if it is the one that the image's
//! config demands does the tree get its name:
//!
//! ```text
//! layers/<hex of the diff-id>/fs/          the tree, a lower directory of overlayfs
//!                             layer.json   diff-id and size
//! ```

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, BufReader, Cursor, Read},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use minicontainer_core::{Digest, digest::Digester};
use oci_spec::image::ImageConfiguration;
use serde::{Deserialize, Serialize};

use super::{
    StoreError,
    blob::{parse, read_document},
    staging::Staging,
    unpack::{Privilege, UnpackError, unpack},
};

/// The first bytes of a gzip member (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A layer, unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The digest of its uncompressed tar archive.
    pub diff_id: Digest,
    /// The unpacked tree, an absolute path: a lower directory for overlayfs.
    pub directory: PathBuf,
    /// Bytes in its files.
    pub size: u64,
}

/// What `layer.json` says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LayerRecord {
    diff_id: Digest,
    size: u64,
}

/// A layer unpacked in a staging directory, not yet in its place.
pub(super) struct StagedLayer {
    pub(super) path: PathBuf,
    pub(super) warnings: BTreeSet<String>,
}

/// The diff-ids that a config lists, one for each layer of the manifest.
pub(super) fn diff_ids(id: &Digest, layers: usize, config: &ImageConfiguration) -> Result<Vec<Digest>, StoreError> {
    let listed = config.rootfs().diff_ids();
    if listed.len() != layers {
        return Err(StoreError::LayerCount { id: id.clone(), layers, diff_ids: listed.len() });
    }
    let parse = |text: &String| text.parse().map_err(|source| StoreError::BadDigest { digest: text.clone(), source });
    listed.iter().map(parse).collect()
}

/// The place of a layer.
pub(super) fn place(layers: &Path, diff_id: &Digest) -> PathBuf {
    layers.join(diff_id.hex())
}

/// The layer, if it has been unpacked.
pub(super) fn find(layers: &Path, diff_id: &Digest) -> Result<Option<Layer>, StoreError> {
    let place = place(layers, diff_id);
    let record = place.join("layer.json");
    let file = match File::open(&record) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(StoreError::io("open", &record))?,
    };
    let what = record.display().to_string();
    let LayerRecord { diff_id, size } = parse(&read_document(file, &what)?, &what, "layer record")?;
    Ok(Some(Layer { diff_id, directory: place.join("fs"), size }))
}

/// Unpacks a blob, whatever its compression, and verifies that it is the layer it should be.
pub(super) fn stage(staging: &Staging, blob: File, diff_id: &Digest) -> Result<StagedLayer, StoreError> {
    let path = staging.vacant();
    let tree = path.join("fs");
    // Mode 0700: a set-user-id program of an image must not be within reach of the machine's other users.
    let mut builder = fs::DirBuilder::new();
    builder.mode(0o700).create(&path).map_err(StoreError::io("make the directory", &path))?;
    builder.create(&tree).map_err(StoreError::io("make the directory", &tree))?;
    let mut tar = Hashed::new(decompress(blob, &format!("layer {diff_id}"))?);
    let failed = |source| StoreError::Unpack { diff_id: diff_id.clone(), source };
    let outcome = unpack(&mut tar, &tree, Privilege::current()).map_err(failed)?;
    tar.finish(diff_id)?;
    let record = LayerRecord { diff_id: diff_id.clone(), size: outcome.size };
    let json = serde_json::to_vec(&record).map_err(|source| StoreError::Document {
        what: diff_id.to_string(),
        kind: "layer record",
        source,
    })?;
    let record = path.join("layer.json");
    fs::write(&record, json).map_err(StoreError::io("write", &record))?;
    Ok(StagedLayer { path, warnings: outcome.warnings })
}

/// Verifies that a blob is the layer it should be, for when that layer has been unpacked before.
pub(super) fn verify(blob: File, diff_id: &Digest) -> Result<(), StoreError> {
    Hashed::new(decompress(blob, &format!("layer {diff_id}"))?).finish(diff_id)
}

/// Reads through whatever compression the content itself shows, since media types and file names may be wrong.
pub fn decompress<'a>(mut content: impl Read + 'a, what: &str) -> Result<Box<dyn Read + 'a>, StoreError> {
    let mut magic = Vec::with_capacity(6);
    content.by_ref().take(6).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    let unsupported = |compression| Err(StoreError::Compression { what: what.to_owned(), compression });
    match magic.as_slice() {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => return unsupported("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => return unsupported("xz"),
        [b'B', b'Z', b'h', ..] => return unsupported("bzip2"),
        _ => {}
    }
    let gzip = magic.starts_with(&GZIP_MAGIC);
    let whole = BufReader::with_capacity(1 << 17, Cursor::new(magic).chain(content));
    Ok(if gzip { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) })
}

/// Whether this is compressed with gzip.
pub(super) fn is_gzip(content: impl Read) -> Result<bool, StoreError> {
    let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
    content.take(2).read_to_end(&mut magic).map_err(|source| StoreError::Content { source })?;
    Ok(magic == GZIP_MAGIC)
}

/// Hashes what is read through it.
struct Hashed<R> {
    content: R,
    digester: Digester,
}

impl<R: Read> Hashed<R> {
    fn new(content: R) -> Hashed<R> {
        Hashed { content, digester: Digester::new() }
    }

    /// Reads the rest (an archive may be padded behind its end) and compares.
    fn finish(mut self, expected: &Digest) -> Result<(), StoreError> {
        let failed = |source| StoreError::Unpack { diff_id: expected.clone(), source };
        io::copy(&mut self, &mut io::sink()).map_err(|source| failed(UnpackError::Archive { source }))?;
        let actual = self.digester.finish();
        if actual == *expected { Ok(()) } else { Err(failed(UnpackError::DiffId { actual })) }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.digester.update(&buffer[..count]);
        Ok(count)
    }
}
