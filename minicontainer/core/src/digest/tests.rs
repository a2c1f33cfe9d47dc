use std::io::Write;

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(content: &[u8], hex: &str) {
    let digest = Digest::of(content);
    assert_eq!(digest.hex(), hex);
    assert_eq!(digest.as_str(), format!("sha256:{hex}"));
    assert_eq!(digest.short(), &hex[..12]);
}

/// The first two examples of FIPS 180-4's companion document, and the empty input.
#[test]
fn sha256_matches_known_digests() {
    check(b"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check(b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check(
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
}

/// Row H39 of the hostile corpus.
#[test]
fn invalid_digests_are_rejected() {
    let good = Digest::of(b"").hex().to_owned();
    let texts = [
        String::new(),
        good.clone(),
        format!("md5:{}", &good[..32]),
        format!("sha512:{good}{good}"),
        format!("SHA256:{good}"),
        format!("sha256 :{good}"),
        "sha256:".to_owned(),
        format!("sha256:{}", &good[1..]),
        format!("sha256:{good}0"),
        format!("sha256:{}", good.to_uppercase()),
        "sha256:../../etc/passwd".to_owned(),
        format!("sha256:{}/", &good[1..]),
        format!("sha256:{}\0", &good[1..]),
        format!("sha256:{}\n", &good[1..]),
        format!("sha256:{}é", &good[2..]),
        format!("sha256:sha256:{good}"),
    ];
    let table: Vec<String> =
        texts.iter().map(|text| format!("{text:?}\n    {}", text.parse::<Digest>().unwrap_err())).collect();
    insta::assert_snapshot!(table.join("\n"));
}

/// Worked by hand with sha256sum(1): `printf 'sha256:… sha256:…' | sha256sum`.
#[test]
fn chain_ids_follow_the_specification() {
    let [a, b, c] = ["a", "b", "c"].map(|content| Digest::of(content.as_bytes()));
    let two = Digest::of(format!("{a} {b}").as_bytes());
    let three = Digest::of(format!("{two} {c}").as_bytes());
    assert_eq!(chain_id(std::slice::from_ref(&a)), Some(a.clone()));
    assert_eq!(chain_id(&[a.clone(), b.clone()]), Some(two.clone()));
    assert_eq!(two.hex(), "51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676");
    assert_eq!(chain_id(&[a, b, c]), Some(three));
}

#[test]
fn digest_is_a_string_in_json() {
    let digest = Digest::of(b"content");
    let json = serde_json::to_string(&digest).unwrap();
    assert_eq!(json, format!("\"{digest}\""));
    assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), digest);
    assert!(serde_json::from_str::<Digest>("\"sha256:../x\"").is_err());
}

proptest! {
    #[test]
    fn digest_round_trips_through_text(content: Vec<u8>) {
        let digest = Digest::of(&content);
        prop_assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
    }

    #[test]
    fn digest_does_not_depend_on_chunk_boundaries(content: Vec<u8>, cut: prop::sample::Index) {
        let (head, tail) = content.split_at(cut.index(content.len() + 1));
        let mut digester = Digester::new();
        digester.update(head);
        digester.write_all(tail).unwrap();
        prop_assert_eq!(digester.finish(), Digest::of(&content));
    }

    #[test]
    fn accepted_digests_are_safe_file_names(text in "(sha256:)?[0-9a-fA-F./]{0,70}") {
        if let Ok(digest) = text.parse::<Digest>() {
            prop_assert!(digest.hex().bytes().all(|byte| byte.is_ascii_hexdigit()));
            prop_assert_eq!(digest.hex().len(), 64);
        }
    }
}
