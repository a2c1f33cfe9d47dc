//! Compares the trees of layers after `load` with those that umoci, containers/storage (through skopeo) and GNU tar
//! unpack from the same archives.
//!
//! The archives are all combinations of entries, parents and lower files, and all header formats ([`cases`]). Where
//! the tools differ, [`DIFFERENCES`] says which of them we follow, and why.

mod cases;
mod peers;
mod tree;

use std::thread;

use self::{
    cases::{Case, dialects, entries, replaced},
    peers::{Outcome, Peer, own},
};
use crate::{skip, test_env::TestEnv};

/// Where a tool differs: the words of the case's name, the tool, and what it does. An ordinary user's umoci has
/// differences of its own.
const DIFFERENCES: [(&[&str], Peer, &str); 26] = [
    (&["whiteout"], Peer::Tar, "it knows no whiteouts"),
    (&["opaque"], Peer::Tar, "it knows no whiteouts"),
    (&["file ", "lower=directory"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["symlink ", "lower=directory"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["link ", "lower=directory"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["fifo ", "lower=directory"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["char ", "lower=directory"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["block ", "lower=directory"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["twice"], Peer::Tar, "it does not replace a directory that is not empty"),
    (&["twice"], Peer::Storage, "it refuses two entries with one path; tar(1) lets the last one count"),
    (&["hidden"], Peer::Tar, "it knows no whiteouts"),
    (&["hidden", "directory then whiteout"], Peer::Storage, "it removes the layer's own entries, against layer.md"),
    (&["ustar prefix under gnu magic"], Peer::Tar, "we read the prefix as Go does, whose older versions wrote it"),
    (&["empty numeric fields"], Peer::Tar, "it refuses them; Go reads zeros"),
    (&["pax global header"], Peer::Tar, "it applies the records; Docker ignores them, and so do we"),
    (&["pax after a long name"], Peer::Tar, "the extended header counts; for Go, the long name does"),
    (
        &["link parent="],
        Peer::Storage,
        "it gives the file the owner and mode of its second name; tar(1) those of the first",
    ),
    (&["opaque ", "lower=link"], Peer::Storage, "it leaves what is behind the link, which umoci hides"),
    (&["base-256 time before 1970"], Peer::Storage, "it sets 1970; the archive's time is a valid one"),
    (&["contiguous file"], Peer::Storage, "it refuses them; POSIX (pax, ustar) says they are regular files"),
    (&["contiguous file"], Peer::Umoci, "it refuses them; POSIX (pax, ustar) says they are regular files"),
    (&["pax global header"], Peer::Umoci, "it refuses them; Docker ignores them, and so do we"),
    (&["sparse old"], Peer::Storage, "it refuses them; GNU tar reads them"),
    (&["sparse old"], Peer::Umoci, "it refuses them; GNU tar reads them"),
    (&["char "], Peer::RootlessUmoci, "it writes an empty file; we leave devices out with a warning"),
    (&["block "], Peer::RootlessUmoci, "it writes an empty file; we leave devices out with a warning"),
];

/// The archives that this engine and the other tools refuse, for the same reason.
const REFUSED: [&[&str]; 1] = [&["opaque ", "lower=file"]];

fn is_named(case: &Case, words: &[&str]) -> bool {
    words.iter().all(|word| case.name.starts_with(word) || case.name.contains(&format!(" {word}")))
}

fn difference(case: &Case, peer: Peer) -> Option<&'static str> {
    let is_of = |of: Peer| of == peer || of == Peer::Umoci && peer == Peer::RootlessUmoci;
    DIFFERENCES.iter().find(|(words, of, _)| is_of(*of) && is_named(case, words)).map(|(_, _, why)| *why)
}

fn check(case: &Case, own: &Outcome, peer: Peer, other: &Outcome) {
    let name = &case.name;
    assert_eq!(own.is_err(), REFUSED.iter().any(|words| is_named(case, words)), "{name}: {own:?}");
    match (difference(case, peer), own, other) {
        // If a difference no longer occurs, it must be removed from the table.
        (Some(why), own, other) => assert_ne!(own, other, "{name}: {peer:?} does not differ ({why})"),
        (None, Err(_), Err(_)) => {}
        (None, own, other) => assert_eq!(own, other, "{name}: {peer:?}"),
    }
}

/// Compares a part of the cases in its own environment.
fn compare(place: &TestEnv, cases: &[Case], peers: &[Peer]) {
    for (index, case) in cases.iter().enumerate() {
        peers::layout(place, index, case);
        let own = own(place, index);
        for peer in peers {
            check(case, &own, *peer, &peer.unpack(place, index, case));
        }
    }
}

/// Compares all cases, in a few environments at the same time.
fn compare_all(environment: fn() -> Option<TestEnv>, peers: &[Peer]) {
    if !peers.iter().all(|peer| skip::require(peer.is_there(), peer.requirement())) {
        return;
    }
    let cases: Vec<Case> = entries().into_iter().chain(replaced()).chain(dialects()).collect();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    thread::scope(|scope| {
        for part in cases.chunks(cases.len().div_ceil(4)) {
            scope.spawn(move || {
                if let Some(place) = environment() {
                    compare(&place, part, peers);
                }
            });
        }
    });
}

#[test]
fn layers_become_the_trees_of_umoci_tar_and_containers_storage() {
    compare_all(TestEnv::root, &[Peer::Umoci, Peer::Tar, Peer::Storage]);
}

/// An ordinary user cannot keep owners and devices; all else must be equal.
#[test]
fn layers_become_the_trees_of_umoci_rootless() {
    compare_all(TestEnv::user, &[Peer::RootlessUmoci]);
}
