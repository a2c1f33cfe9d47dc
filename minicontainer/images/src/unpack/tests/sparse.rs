//! Sparse files in the four formats of GNU tar, as in Go's `reader_test.go`, and invalid maps.

use super::*;

/// A header of GNU tar, or with the magic of POSIX, whose checksum is right.
fn header(kind: u8, name: &str, size: u64, magic: &[u8; 8], more: &[(usize, &[u8])]) -> Vec<u8> {
    let mut bytes = [0; 512];
    let mut put = |at: usize, part: &[u8]| bytes[at..at + part.len()].copy_from_slice(part);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(124, format!("{size:011o}\0").as_bytes());
    put(156, &[kind]);
    put(257, magic);
    more.iter().for_each(|(at, part)| put(*at, part));
    put(148, b"        ");
    let sum: u32 = bytes.iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    bytes.to_vec()
}

fn padded(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    content.resize(content.len().next_multiple_of(512), 0);
    content
}

const GNU: &[u8; 8] = b"ustar  \0";
const POSIX: &[u8; 8] = b"ustar\x0000";

/// A file with pax records.
fn pax(records: &[(&str, &str)], kind: u8, content: &[u8]) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let length = (rest.len()..).find(|length| length.to_string().len() + rest.len() == *length).unwrap();
        text += &format!("{length}{rest}");
    }
    let size = content.len() as u64;
    [
        header(b'x', "x", text.len() as u64, POSIX, &[]),
        padded(text.as_bytes()),
        header(kind, "f", size, POSIX, &[]),
        padded(content),
    ]
    .concat()
}

/// The old format: the pairs of offset and length, the first four in the header.
fn old(size: &str, pairs: &[(u64, u64)], content: &[u8]) -> Vec<u8> {
    let texts: Vec<[u8; 24]> = pairs
        .iter()
        .map(|(offset, length)| format!("{offset:011o}\0{length:011o}\0").into_bytes().try_into().unwrap())
        .collect();
    let (first, more) = texts.split_at(texts.len().min(4));
    let size = format!("{size:0>11}\0");
    let flag = [u8::from(!more.is_empty())];
    let first = first.concat();
    let mut archive =
        header(b'S', "f", content.len() as u64, GNU, &[(386, &first), (482, &flag), (483, size.as_bytes())]);
    let blocks = more.chunks(21);
    let count = blocks.len();
    for (index, block) in blocks.enumerate() {
        let mut bytes = block.concat();
        bytes.resize(512, 0);
        bytes[504] = u8::from(index + 1 < count);
        archive.extend(bytes);
    }
    [archive, padded(content)].concat()
}

#[track_caller]
fn check(tar: &[u8], size: u64, data: &[(u64, &str)]) {
    let env = StoreEnv::new();
    let unpacked = unpack_into(&env.root(), tar, Privilege::current()).unwrap();
    assert_eq!(unpacked.size, size, "the size of the layer counts the holes");
    let path = env.root().join("f");
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.len(), size);
    assert!(metadata.blocks() <= 8 * (data.len() as u64 + 1), "{} blocks are written", metadata.blocks());
    let file = fs::File::open(path).unwrap();
    for (offset, text) in data {
        let mut read = vec![0; text.len()];
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut read, *offset).unwrap();
        assert_eq!(String::from_utf8_lossy(&read), *text, "at {offset}");
    }
}

const FAR: u64 = 1 << 34;

#[test]
fn all_formats_of_sparse_files_are_read() {
    let (size, far) = ((FAR + 8192).to_string(), FAR.to_string());
    let data = [(4096, "one"), (FAR, "two")];
    check(&old("40000", &[(0, 1), (8192, 2), (16384, 0)], b"abb"), 0o40000, &[(0, "a"), (8192, "bb")]);
    let records = [("GNU.sparse.size", size.as_str()), ("GNU.sparse.numblocks", "2")];
    let first = [("GNU.sparse.offset", "4096"), ("GNU.sparse.numbytes", "3")];
    let second = [("GNU.sparse.offset", far.as_str()), ("GNU.sparse.numbytes", "3")];
    check(&pax(&[&records[..], &first, &second].concat(), b'0', b"onetwo"), FAR + 8192, &data);
    let map = format!("4096,3,{far},3");
    check(&pax(&[&records[..], &[("GNU.sparse.map", &map)]].concat(), b'0', b"onetwo"), FAR + 8192, &data);
    let named = [("path", "./GNUSparseFile.1/other"), ("GNU.sparse.name", "f"), ("GNU.sparse.realsize", &size)];
    let version = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")];
    let content = [padded(format!("2\n4096\n3\n{far}\n3\n").as_bytes()), b"onetwo".to_vec()].concat();
    check(&pax(&[&named[..], &version].concat(), b'0', &content), FAR + 8192, &data);
}

#[test]
fn long_maps_are_read() {
    let pairs: Vec<(u64, u64)> = (0..60).map(|index| (index * 8192, 1)).collect();
    let content = b"x".repeat(60);
    let data: Vec<(u64, &str)> = pairs.iter().map(|(offset, _)| (*offset, "x")).collect();
    check(&old("2000000", &pairs, &content), 0o200_0000, &data);
    let lines: String = pairs.iter().map(|(offset, length)| format!("{offset}\n{length}\n")).collect();
    let content = [padded(format!("60\n{lines}").as_bytes()), content].concat();
    let version = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "524288")];
    check(&pax(&version, b'0', &content), 524_288, &data);
}

#[test]
fn unknown_versions_are_ordinary_files() {
    check(&pax(&[("GNU.sparse.major", "2"), ("GNU.sparse.minor", "0")], b'0', b"2\n"), 2, &[(0, "2\n")]);
    check(&pax(&[("GNU.sparse.size", "9")], b'0', b"abc"), 3, &[(0, "abc")]);
}

#[track_caller]
fn check_refused(tar: &[u8], expect: &str) {
    let env = StoreEnv::new();
    let error = unpack_into(&env.root(), tar, Privilege::current()).unwrap_err();
    let message = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
    assert!(message.contains(expect), "{message}");
    assert_eq!(fs::read_dir(env.root()).unwrap().count(), 0, "nothing is written");
}

const MAP: &str = "its map of a sparse file";

/// Row H26: maps of huge files in small archives, and maps with more data than the archive has.
#[test]
fn lying_maps_are_refused() {
    check_refused(&old("00000000000", &[(0, 1)], b"a"), MAP);
    let huge = [("GNU.sparse.size", "9223372036854775807"), ("GNU.sparse.numblocks", "0"), ("GNU.sparse.map", "")];
    check_refused(&pax(&huge, b'0', b""), "at most 137438953472 are allowed");
    check_refused(&old("77777777777", &[(0, 1), (0, 1)], b"ab"), MAP);
    check_refused(&old("40000", &[(8192, 1), (0, 1)], b"ab"), MAP);
    check_refused(&old("40000", &[(0, 4)], b"ab"), MAP);
    check_refused(&old("40000", &[(0, 1)], b"ab"), MAP);
    let sized = |more: &[(&str, &str)]| pax(&[&[("GNU.sparse.size", "100")], more].concat(), b'0', b"ab");
    check_refused(&sized(&[("GNU.sparse.numblocks", "2"), ("GNU.sparse.map", "0,2")]), MAP);
    check_refused(&sized(&[("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "0,2,")]), MAP);
    check_refused(&sized(&[("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "0,-2")]), MAP);
    check_refused(&sized(&[("GNU.sparse.map", "0,2")]), MAP);
    check_refused(&sized(&[("GNU.sparse.offset", "0"), ("GNU.sparse.offset", "0")]), MAP);
    let overflow = [("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "9223372036854775807,9223372036854775807")];
    check_refused(&sized(&overflow), MAP);
    let version = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "100")];
    check_refused(&pax(&version, b'0', b"1\n0\n2\nab"), "it is truncated");
    check_refused(&pax(&version, b'0', &padded(b"99999999999\n")), MAP);
    check_refused(&pax(&version, b'0', &b"1".repeat(2 << 20)), MAP);
    check_refused(&pax(&version, b'5', b""), "it is truncated");
    check_refused(&header(b'S', "f", 0, POSIX, &[]), MAP);
    let empty = [("GNU.sparse.size", "100"), ("GNU.sparse.numblocks", "0"), ("GNU.sparse.map", "")];
    check_refused(&pax(&empty, b'5', b""), "only a file can be sparse");
}

/// A hard link to a sparse file of a layer below copies the data and not the holes.
#[test]
fn sparse_file_below_is_copied_up_with_its_holes() {
    let env = StoreEnv::new();
    let records = [("GNU.sparse.size", "17179869184"), ("GNU.sparse.numblocks", "1"), ("GNU.sparse.map", "4096,3")];
    unpack_into(&env.root(), &pax(&records, b'0', b"one"), Privilege::current()).unwrap();
    let upper = env.directory.path().join("upper");
    fs::create_dir(&upper).unwrap();
    unpack_on(&upper, &[env.root()], &archive(&[link("g", "f")]), Privilege::current()).unwrap();
    let metadata = fs::metadata(upper.join("g")).unwrap();
    assert!(metadata.len() == FAR && metadata.blocks() < 64, "{} blocks", metadata.blocks());
}
