//! Archives with very many members. They are written while the command reads them, because a million members do not
//! fit into memory. The long test run has a million, as the rows of the corpus say. The usual run has just enough
//! members to make quadratic work noticeable.

use std::{env, io::Write};

use sha2::{Digest, Sha256};

use super::{
    Expect::{self, Harmless, Refused},
    bounded_by, check_answer, check_victim, prepare, saved_around, store,
    tar::{Head, Tar, head},
};
use crate::test_env::TestEnv;

/// One archive: `first`, and then a piece for each number below `count`.
struct Crowd {
    what: &'static str,
    first: Vec<u8>,
    count: usize,
    piece: fn(usize) -> Tar,
    applied: Expect,
    /// None if the attack needs a directory that already has files.
    loaded: Option<Expect>,
}

impl Crowd {
    fn write(&self, to: &mut dyn Write) {
        // A command that has refused the archive does not read the rest.
        let _refused = (|| {
            to.write_all(&self.first)?;
            (0..self.count).try_for_each(|number| to.write_all(&(self.piece)(number).without_end()))?;
            to.write_all(&[0; 1024])
        })();
    }

    /// The size and the digest of the archive.
    fn measure(&self) -> (u64, String) {
        struct Measured(u64, Sha256);
        impl Write for Measured {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += bytes.len() as u64;
                self.1.update(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut measured = Measured(0, Sha256::new());
        self.write(&mut measured);
        (measured.0, measured.1.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The number of members.
fn many() -> usize {
    if is_long() { 1_000_000 } else { 10_000 }
}

fn is_long() -> bool {
    env::var_os("MINICONTAINER_TEST_LONG").is_some()
}

/// Sixteen symlinks to the root. A path of any of them leads to the root again, so the root has countless paths.
fn names_of_the_root() -> Tar {
    (0..16).fold(Tar::new(), |tar, number| tar.symlink(&format!("{number:x}"), "."))
}

/// A path of thirty symlinks to the root, different for every number.
fn by_its_own_path(number: usize) -> Tar {
    let digits: Vec<String> = format!("{number:x}").chars().rev().map(String::from).collect();
    Tar::new().file(&format!("{}/{}x", digits.join("/"), "0/".repeat(30 - digits.len())), "")
}

/// A chain of 250 directories below the previous chain, and a symlink to its end. Each path starts with the previous
/// symlink.
fn deeper(number: usize) -> Tar {
    let start = if number == 0 { String::new() } else { format!("{}/", number - 1) };
    let down = format!("{start}{}", "d/".repeat(250));
    Tar::new()
        .pax(&[("path", down.as_bytes())])
        .directory("d/")
        .pax(&[("linkpath", down.as_bytes())])
        .member(Head { link: b"d", ..head(b'2', &number.to_string()) }, b"")
}

const TOO_DEEP: Expect = Refused("the links on its path make it longer than 4095 bytes");

fn crowds() -> Vec<Crowd> {
    let crowd = |what, count, piece| Crowd {
        what,
        first: Vec::new(),
        count,
        piece,
        applied: Harmless,
        loaded: Some(Harmless),
    };
    let mut crowds = vec![
        crowd("files of one name", many(), |_| Tar::new().file("x", "")),
        crowd("directories of one name", many(), |_| Tar::new().directory("x/")),
        crowd("files in one directory", many(), |number| Tar::new().file(&format!("d/{number}"), "")),
        // A repeated opaque whiteout must not read all entries of a large directory again.
        Crowd {
            first: (0..5000).fold(Tar::new(), |tar, number| tar.file(&format!("d/{number}"), "")).without_end(),
            ..crowd("opaque marks", many(), |_| Tar::new().file("d/.wh..wh..opq", "").file(".wh.d", ""))
        },
        // Deeper than any path can reach without symlinks: no container could use that path.
        Crowd {
            loaded: Some(TOO_DEEP),
            applied: TOO_DEEP,
            ..crowd("nested directories", if is_long() { 40 } else { 10 }, deeper)
        },
    ];
    if is_long() {
        crowds.push(Crowd {
            first: names_of_the_root().without_end(),
            ..crowd("paths to one file", 60_000, by_its_own_path)
        });
        crowds.push(Crowd {
            loaded: Some(Refused("more than 32 MiB of paths")),
            applied: Refused("more than 32 MiB of paths"),
            ..crowd("directories", many(), |number| Tar::new().directory(&format!("{number}/")))
        });
    }
    crowds
}

#[test]
fn many_entries_are_refused_or_harmless() {
    let place = TestEnv::new();
    for crowd in crowds() {
        prepare(&place);
        let answer = bounded_by(&place, &["image", "check-layer", "tree"], |stdin| crowd.write(stdin));
        check_answer(&answer, crowd.applied, "cannot apply the layer to tree", crowd.what);
        check_victim(&place, crowd.what);
        let Some(expect) = crowd.loaded else { continue };
        let before = store(&place);
        let (size, digest) = crowd.measure();
        let (start, end) = saved_around(size, &digest);
        let answer = bounded_by(&place, &["load"], |stdin| {
            let _refused = stdin.write_all(&start);
            crowd.write(stdin);
            let _refused = stdin.write_all(&end);
        });
        check_answer(&answer, expect, "cannot unpack layer sha256:[ID]", crowd.what);
        if answer.code == 0 {
            place.succeed(&["rmi", "hostile:1"]);
        }
        assert_eq!(store(&place), before, "{} left something behind", crowd.what);
    }
    // `rm` removes the deeply nested directories. The test environment itself could not.
    prepare(&place);
}
