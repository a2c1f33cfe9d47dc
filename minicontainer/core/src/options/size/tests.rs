use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, bytes: u64, shown: &str) {
    let size: ByteSize = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((size.bytes(), size.to_string().as_str()), (bytes, shown), "{text}");
}

#[test]
fn sizes_are_parsed() {
    check("4096", 4096, "4KiB");
    check("4097", 4097, "4097B");
    check("1b", 1, "1B");
    check("512k", 512 << 10, "512KiB");
    check("32m", 32 << 20, "32MiB");
    check("32M", 32 << 20, "32MiB");
    check("32mb", 32 << 20, "32MiB");
    check("32MiB", 32 << 20, "32MiB");
    check("1.5g", 1536 << 20, "1536MiB");
    check(".5k", 512, "512B");
    check("2T", 2 << 40, "2TiB");
    check("0.1k", 102, "102B");
    check("9223372036854775807", MOST_BYTES, "9223372036854775807B");
}

#[test]
fn cpus_are_parsed() {
    for (text, nanos, shown) in [
        ("1", NANOS, "1"),
        ("0.5", NANOS / 2, "0.5"),
        ("1.50", 3 * NANOS / 2, "1.5"),
        (".25", NANOS / 4, "0.25"),
        ("0.010000001", LEAST_NANOCPUS + 1, "0.010000001"),
        ("8192", MOST_NANOCPUS, "8192"),
    ] {
        let cpus: Cpus = text.parse().unwrap();
        assert_eq!((cpus.nanos(), cpus.to_string().as_str()), (nanos, shown));
    }
    let half: Cpus = "0.5".parse().unwrap();
    assert_eq!(half.quota(100_000), 50_000);
}

#[test]
fn pids_limits_are_parsed() {
    for (text, limit) in [
        ("1", PidsLimit::AtMost(1)),
        ("4194304", PidsLimit::AtMost(MOST_PIDS)),
        ("0", PidsLimit::Unlimited),
        ("-1", PidsLimit::Unlimited),
    ] {
        assert_eq!(text.parse(), Ok(limit));
        assert_eq!(limit.to_string().parse(), Ok(limit));
    }
}

#[test]
fn invalid_limits_are_rejected() {
    let bytes = [
        "",
        "0",
        "0m",
        "-1",
        "-1m",
        "+1",
        "m",
        "1x",
        "1mm",
        "1bb",
        "1bib",
        "1ib",
        "1 m",
        " 1m",
        "1m ",
        "1,5g",
        "1.2.3",
        "NaN",
        "inf",
        "1e3",
        "0x10",
        "0.1b",
        "9223372036854775808",
        "8388608t",
        "99999999999999999999999t",
        "1m\n",
        "１m",
    ];
    let cpus = ["", "0", "-1", "0.009", "0.0000000001", "0.0100000001", "8193", "NaN", "1e1", "half", "1,5", "0x1"];
    let pids = ["", "-2", "+5", "1.5", "4194305", "99999999999999999999", "many", " 1"];
    let mut table = vec!["--memory".to_owned()];
    table.extend(bytes.map(|text| refusal(text, text.parse::<ByteSize>())));
    table.push("--cpus".to_owned());
    table.extend(cpus.map(|text| refusal(text, text.parse::<Cpus>())));
    table.push("--pids-limit".to_owned());
    table.extend(pids.map(|text| refusal(text, text.parse::<PidsLimit>())));
    insta::assert_snapshot!(table.join("\n"));
}

fn refusal<T>(text: &str, parsed: Result<T, SizeError>) -> String {
    match parsed {
        Ok(_) => panic!("{text:?} was accepted"),
        Err(error) => format!("  {error}"),
    }
}

proptest! {
    #[test]
    fn sizes_round_trip_through_text(
        bytes in prop_oneof![1..=MOST_BYTES, (0..63_u32).prop_map(|power| 1 << power)],
    ) {
        let size = ByteSize::new(bytes).unwrap();
        prop_assert_eq!(size.to_string().parse::<ByteSize>(), Ok(size));
        prop_assert_eq!(bytes.to_string().parse::<ByteSize>(), Ok(size));
    }

    #[test]
    fn cpus_round_trip_through_text(nanos in LEAST_NANOCPUS..=MOST_NANOCPUS) {
        let cpus = Cpus { nanos };
        prop_assert_eq!(cpus.to_string().parse::<Cpus>(), Ok(cpus));
    }

    #[test]
    fn accepted_sizes_are_within_range(text in "[-+]?[0-9]{0,25}[.]?[0-9]{0,25} ?[a-zA-Z]{0,3}") {
        if let Ok(size) = text.parse::<ByteSize>() {
            prop_assert!((1..=MOST_BYTES).contains(&size.bytes()));
        }
    }
}

#[test]
fn zero_means_no_limit() {
    for none in ["0", "0m", "0.0g", "00", "0b"] {
        assert_eq!(ByteSize::parse_limit(none), Ok(None), "{none}");
    }
    assert_eq!(ByteSize::parse_limit("1m").unwrap().map(ByteSize::bytes), Some(1 << 20));
    for none in ["0", "0.0", ".0", "0.000000000"] {
        assert_eq!(Cpus::parse_limit(none), Ok(None), "{none}");
    }
    assert_eq!(Cpus::parse_limit("0.5").unwrap().map(Cpus::nanos), Some(500_000_000));
    for wrong in ["", "-1", "0x", "0 m", "."] {
        assert!(ByteSize::parse_limit(wrong).is_err() && Cpus::parse_limit(wrong).is_err(), "{wrong}");
    }
    assert!(Cpus::parse_limit("0.0000000001").is_err());
}
