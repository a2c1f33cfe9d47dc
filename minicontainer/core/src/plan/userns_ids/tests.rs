//! Which ids are taken, and that taken ids are never chosen.

use proptest::prelude::*;

use super::*;

fn subuid(text: &str) -> TakenIds {
    TakenIds::of(&AccountFiles { subuid: text.to_owned(), ..AccountFiles::default() })
}

#[track_caller]
fn check(files: &AccountFiles, expect: &[(u32, u32)]) {
    let expect = expect.iter().map(|(first, count)| IdRange { first: *first, count: *count }).collect();
    assert_eq!(TakenIds::of(files), TakenIds::Known(expect), "{files:?}");
}

#[test]
fn allocated_and_account_ids_are_taken() {
    let files = AccountFiles {
        subuid: "ada:600000:10\nnobody-has-this-name:600005:10\n1000:700000:1\n".to_owned(),
        subgid: "bob:800000:2\n".to_owned(),
        passwd: "root:x:0:0::/root:/bin/sh\nada:x:900000:900001::/:/bin/sh\n+::::::\n".to_owned(),
        group: "root:x:0:\nstaff:x:900002:ada\n".to_owned(),
    };
    check(&files, &[(0, 1), (600_000, 15), (700_000, 1), (800_000, 2), (900_000, 3)]);
    check(&AccountFiles::default(), &[]);
}

#[test]
fn malformed_subid_lines_are_skipped() {
    let subuid = "\n#\nada\nada:1\nada:x:2\nada:-1:2\nada:1:\nada::2\nada:5:0\nada:99999999999999999999:1\n\0:::\n";
    check(&AccountFiles { subuid: subuid.to_owned(), ..AccountFiles::default() }, &[]);
}

#[test]
fn every_interpretation_of_a_number_is_taken() {
    for (subuid, expect) in [
        ("a: 600000 :+5 ", &[(600_000, 5)][..]),
        ("a:0x80000:0x10", &[(0x8_0000, 16)]),
        ("a:02000000:8", &[(0o2_000_000, 8), (2_000_000, 8)]),
        ("a:600000:5:more", &[(600_000, 5)]),
        // Numbers beyond the last id are cut off.
        ("a:600000:99999999999", &[(600_000, u32::MAX - 600_000)]),
        ("a:4294967295:1\na:4294967296:7", &[]),
        ("a:0:4294967295\na:5:18446744073709551615", &[(0, u32::MAX)]),
    ] {
        check(&AccountFiles { subuid: subuid.to_owned(), ..AccountFiles::default() }, expect);
    }
}

#[test]
fn taken_id_range_is_skipped_for_next_free_one() {
    let free = |text: &str| first_own_id("4f3c", &subuid(text)).unwrap();
    let first = free("");
    // The block's first id, its last, the ids around it, and all of it with the next block.
    assert_eq!(free(&format!("ada:{first}:1")), first + 0x1_0000);
    assert_eq!(free(&format!("ada:{}:1", first + 0xffff)), first + 0x1_0000);
    assert_eq!(free(&format!("ada:{}:1\nada:{}:1", first - 1, first + 0x1_0000)), first);
    assert_eq!(free(&format!("ada:0:{first}")), first);
    assert_eq!(free(&format!("ada:{}:131074", first - 1)), first + 0x3_0000);
    // After the last block comes the first one.
    let last = (USERNS_IDS.0 + USERNS_IDS.1 - 1) << 16;
    assert_eq!(free(&format!("ada:{first}:{}", last + 0x1_0000 - first)), USERNS_IDS.0 << 16);
}

#[test]
fn exhausted_id_ranges_are_an_error() {
    let error = first_own_id("4f3c", &subuid("ada:0:4294967295")).unwrap_err();
    assert!(error.to_string().contains("every block of 65536 ids"), "{error}");
    assert!(error.hint.contains("/etc/subuid"));
    // One id in each block is enough.
    let each: String =
        (0..USERNS_IDS.1).map(|piece| format!("a:{}:1\n", ((USERNS_IDS.0 + piece) << 16) + 7)).collect();
    assert!(first_own_id("4f3c", &subuid(&each)).is_err());
    let unknown = TakenIds::Unknown { cause: "it is a directory".to_owned(), hint: "make it a file".to_owned() };
    let error = first_own_id("4f3c", &unknown).unwrap_err();
    assert_eq!(error.to_string(), "cannot choose ids for the container's user namespace: it is a directory");
    assert_eq!(error.hint, "make it a file");
}

fn any_line() -> impl Strategy<Value = String> {
    let number = || {
        prop_oneof![
            4 => (0..0x7000_u32, -2..3_i64).prop_map(|(piece, by)| ((i64::from(piece) << 16) + by).to_string()),
            2 => any::<u32>().prop_map(|number| number.to_string()),
            1 => any::<u32>().prop_map(|number| format!("{number:#x}")),
            1 => any::<u32>().prop_map(|number| format!("0{number:o}")),
            1 => "[0-9: x+-]{0,12}",
        ]
    };
    // Many blocks at once, so that few are left.
    let count = prop_oneof![3 => number(), 2 => (0..1_u64 << 31).prop_map(|count| count.to_string())];
    prop_oneof![8 => (number(), count).prop_map(|(first, count)| format!("ada:{first}:{count}")), 1 => ".{0,20}"]
}

/// A simple reference implementation: strtoul(3) with base 0, or a decimal number.
fn naive(text: &str) -> Vec<u64> {
    // One sign at most.
    let text = text.trim();
    let text = text.strip_prefix('+').unwrap_or(text);
    if text.starts_with('+') {
        return Vec::new();
    }
    let strtoul = match text {
        text if text.to_lowercase().starts_with("0x") => u64::from_str_radix(&text[2..], 16).ok(),
        text if text.starts_with('0') => u64::from_str_radix(text, 8).ok(),
        text => text.parse().ok(),
    };
    strtoul.into_iter().chain(text.parse()).collect()
}

proptest! {
    /// A container never gets an id that the files allocate.
    #[test]
    fn allocated_ids_are_never_chosen(
        lines in proptest::collection::vec((any_line(), any::<bool>()), 0..40),
        accounts in proptest::collection::vec(any::<u32>(), 0..8),
        id in "[0-9a-f]{64}",
    ) {
        let text = |wanted: bool| -> String {
            lines.iter().filter(|(_, users)| *users == wanted).map(|(line, _)| format!("{line}\n")).collect()
        };
        let account = |id: &u32| format!("a:x:{id}:{}::/:/bin/sh\n", id ^ 1);
        let files = AccountFiles {
            subuid: text(true),
            subgid: text(false),
            passwd: accounts.iter().map(account).collect(),
            group: String::new(),
        };
        let Ok(first) = first_own_id(&id, &TakenIds::of(&files)) else { return Ok(()) };
        let (first, end) = (u64::from(first), u64::from(first + OWN_ID_COUNT));
        prop_assert!(first >= 0x8_0000 && end <= 0x6fff_0000 && first % 0x1_0000 == 0);
        for line in files.subuid.lines().chain(files.subgid.lines()) {
            let fields: Vec<&str> = line.split(':').collect();
            let [_, from, count, ..] = fields[..] else { continue };
            for from in naive(from) {
                for count in naive(count) {
                    prop_assert!(count == 0 || end <= from || from.saturating_add(count) <= first, "{line} {first}");
                }
            }
        }
        for id in accounts.iter().flat_map(|id| [*id, id ^ 1]) {
            prop_assert!(!(first..end).contains(&u64::from(id)), "{id} {first}");
        }
    }
}
