use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expected: &[(u32, u32)]) {
    let found = ranges(text, Some("ada"), 1000, 1000);
    assert_eq!(found.iter().map(|range| (range.first, range.count)).collect::<Vec<_>>(), expected, "{text}");
}

#[test]
fn subordinate_ranges_are_parsed() {
    check("", &[]);
    check("ada:100000:65536\n", &[(100_000, 65_536)]);
    check("1000:100000:65536", &[(100_000, 65_536)]);
    check(
        "bob:1:2\nada:100000:65536\n1000:300000:10\nada:200000:5\n",
        &[(100_000, 65_536), (300_000, 10), (200_000, 5)],
    );
    // Invalid lines, and lines of other users.
    check("# ada:100000:65536\n#\n\n:::\nada\nada:1\nada:5:6:7\nada::5\nada:5:\n:5:6\n", &[]);
    check("ada :5:6\n ada:5:6\nadam:5:6\n10000:5:6\nADA:5:6\n", &[]);
    check("ada:-5:6\nada:+5:6\nada: 5:6\nada:0x5:6\nada:05:6\nada:5:6 \nada:5.0:6\nada:4294967296:1\n", &[]);
    check("ada:5:0\n", &[]);
}

#[test]
fn own_root_and_duplicate_ids_are_removed() {
    // The user's own id, in the middle of a range and at its edge.
    check("ada:500:1000\n", &[(500, 500), (1001, 499)]);
    check("ada:1000:10\n", &[(1001, 9)]);
    check("ada:1000:1\n", &[]);
    // Root, whatever the file says.
    check("ada:0:100\n", &[(1, 99)]);
    check("ada:0:1\n", &[]);
    check("ada:0:4294967295\n", &[(1, 999), (1001, 4_294_966_294)]);
    // Duplicates.
    check("ada:100000:100\nada:100050:100\n", &[(100_000, 100), (100_100, 50)]);
    check("ada:100050:10\nada:100000:100\n", &[(100_050, 10), (100_000, 50), (100_060, 40)]);
    check("ada:100000:100\nada:100000:100\n", &[(100_000, 100)]);
    // Invalid numbers.
    check("ada:4294967290:100\n", &[(4_294_967_290, 5)]);
    check("ada:4294967295:1\n", &[]);
    check("ada:4294967294:4294967295\n", &[(4_294_967_294, 1)]);
}

#[test]
fn subuid_and_subgid_are_read_separately() {
    let passwd = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
    let sources = |subuid: &str, subgid: &str| SubidSources {
        helpers: true,
        no_new_privileges: false,
        passwd: passwd.to_owned(),
        subuid: subuid.to_owned(),
        subgid: subgid.to_owned(),
        existing: ["         0          0 4294967295\n"; 2].map(str::to_owned),
    };
    let ada = Identity::User { uid: 1000, gid: 100 };
    let message = |subuid: &str, subgid: &str| match allocated(ada, || Ok(sources(subuid, subgid))) {
        SubordinateIds::Allocated { uids, gids } => format!("{} and {}", uids[0].first, gids[0].first),
        SubordinateIds::None { cause, .. } => cause.to_string(),
    };
    assert_eq!(message("ada:5:6", "1000:7:8"), "5 and 7");
    assert_eq!(message("ada:5:6", "bob:7:8"), "/etc/subgid allocates no ids to ada");
    assert_eq!(message("bob:5:6", "ada:7:8"), "/etc/subuid allocates no ids to ada");
    assert_eq!(message("", ""), "/etc/subuid and /etc/subgid allocate no ids to ada");
    let nested =
        SubidSources { existing: ["0 1000 1\n1 5 9\n"; 2].map(str::to_owned), ..sources("ada:5:6", "ada:5:5") };
    let inside = allocated(ada, || Ok(nested));
    assert!(
        matches!(&inside, SubordinateIds::None { cause, .. } if cause.to_string().contains("not mapped in this user namespace"))
    );
    // The user's own group is cut out of one range, and the user's own id out of the other.
    assert_eq!(message("ada:1000:2", "ada:100:2"), "1001 and 101");
    let unknown = allocated(Identity::User { uid: 77, gid: 77 }, || Ok(sources("ada:5:6", "ada:5:6")));
    let SubordinateIds::None { cause, fix } = unknown else { panic!("{unknown:?}") };
    assert_eq!(cause.to_string(), "/etc/subuid and /etc/subgid allocate no ids to 77");
    assert_eq!(fix.to_string(), "`sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 77`");
}

#[test]
fn id_map_fits_in_one_page() {
    let text: String = (1..5000_u32).map(|line| format!("ada:{}:10\n", 4_000_000_000 + line * 20)).collect();
    let map = id_map(1000, &ranges(&text, Some("ada"), 1000, 1000));
    let bytes: usize =
        map.iter().map(|line| format!("{} {} {}\n", line.inside, line.outside, line.count).len()).sum();
    assert!(bytes < 4096 && map.len() == MOST_RANGES + 1, "{bytes} {}", map.len());
}

fn any_line() -> impl Strategy<Value = String> {
    let number = || prop_oneof![0..2000_u32, any::<u32>(), Just(u32::MAX), Just(u32::MAX - 1)];
    prop_oneof![
        (prop_oneof![Just("ada"), Just("1000"), Just("bob")], number(), number())
            .prop_map(|(owner, first, count)| format!("{owner}:{first}:{count}")),
        "[ada:0-9#\n ]{0,20}",
    ]
}

proptest! {
    /// Every map satisfies the requirements of the kernel and newuidmap(1), whatever the file contains.
    #[test]
    fn generated_id_maps_are_valid(lines in proptest::collection::vec(any_line(), 0..12)) {
        let text = lines.join("\n");
        let map = id_map(1000, &ranges(&text, Some("ada"), 1000, 1000));
        prop_assert_eq!(map[0], IdMapping { inside: 0, outside: 1000, count: 1 });
        let span = |first: u32, count: u32| (u64::from(first), u64::from(first) + u64::from(count));
        let allocated: Vec<(u64, u64)> = text
            .lines()
            .filter_map(|line| range(line, |owner| owner == "ada" || owner == "1000"))
            .collect();
        let mut next = 0;
        for (index, line) in map.iter().enumerate() {
            let (start, end) = span(line.outside, line.count);
            prop_assert!(line.count > 0 && line.outside != 0 && end <= u64::from(u32::MAX));
            prop_assert_eq!(line.inside, next);
            next += line.count;
            prop_assert!(index == 0 || allocated.iter().any(|(from, to)| *from <= start && end <= *to));
            let apart = |other: &IdMapping| {
                let (from, to) = span(other.outside, other.count);
                end <= from || to <= start
            };
            prop_assert!(map[..index].iter().all(apart));
        }
    }
}
