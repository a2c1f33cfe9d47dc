//! The tables are those of the distribution project's own tests of its package `reference`.

use proptest::prelude::*;

use super::*;

const HEX: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";

fn parse(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// The full and the short form of a reference.
#[track_caller]
fn check(text: &str, whole: &str, familiar: &str) {
    let reference = parse(text);
    assert_eq!(reference.to_string(), whole);
    assert_eq!(reference.familiar(), familiar);
    assert_eq!(parse(whole), reference);
    assert_eq!(parse(familiar), reference);
}

#[test]
fn short_names_are_expanded() {
    check("busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("busybox:1.36", "docker.io/library/busybox:1.36", "busybox:1.36");
    check("library/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("index.docker.io/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("index.docker.io/library/busybox", "docker.io/library/busybox:latest", "busybox:latest");
    check("team/app", "docker.io/team/app:latest", "team/app:latest");
    check("docker.io/library/team/app", "docker.io/library/team/app:latest", "library/team/app:latest");
    check("docker/docker", "docker.io/docker/docker:latest", "docker/docker:latest");
}

#[test]
fn registry_is_recognized_in_first_component() {
    check("localhost/app", "localhost/app:latest", "localhost/app:latest");
    check("localhost:5000/app", "localhost:5000/app:latest", "localhost:5000/app:latest");
    check("example.com/app", "example.com/app:latest", "example.com/app:latest");
    check("127.0.0.1:5000/app", "127.0.0.1:5000/app:latest", "127.0.0.1:5000/app:latest");
    check("Host/app", "Host/app:latest", "Host/app:latest");
    check("[::1]/app", "[::1]/app:latest", "[::1]/app:latest");
    check("[2001:db8::1]:5000/a/b:v", "[2001:db8::1]:5000/a/b:v", "[2001:db8::1]:5000/a/b:v");
    check("xn--n3h.com/app", "xn--n3h.com/app:latest", "xn--n3h.com/app:latest");
    // Without a slash after it, it is not a registry.
    check("localhost", "docker.io/library/localhost:latest", "localhost:latest");
    check("test.com", "docker.io/library/test.com:latest", "test.com:latest");
    check("test.com:8080", "docker.io/library/test.com:8080", "test.com:8080");
}

#[test]
fn ambiguous_names_stay_fully_qualified() {
    check("docker.io/a.b/c", "docker.io/a.b/c:latest", "docker.io/a.b/c:latest");
    check("docker.io/localhost/c", "docker.io/localhost/c:latest", "docker.io/localhost/c:latest");
    let identifier = format!("library/{HEX}");
    check(&identifier, &format!("docker.io/{identifier}:latest"), &format!("{identifier}:latest"));
}

/// moby, daemon/refstore: "refusing to create an ambiguous tag using digest algorithm as name".
#[test]
fn name_that_looks_like_an_id_is_refused() {
    for text in
        ["sha256", "sha256:1", &format!("sha256:{HEX}"), "docker.io/library/sha256:1", "index.docker.io/sha256"]
    {
        let error = text.parse::<Reference>().unwrap_err();
        assert!(matches!(error, ReferenceError::Algorithm { .. }), "{text}: {error}");
    }
    check("team/sha256:1", "docker.io/team/sha256:1", "team/sha256:1");
    check("localhost/sha256:1", "localhost/sha256:1", "localhost/sha256:1");
    check("sha512:1", "docker.io/library/sha512:1", "sha512:1");
}

#[test]
fn digest_reference_needs_no_tag() {
    let digest = Digest::of(b"content");
    let both = parse(&format!("busybox:1.36@{digest}"));
    assert_eq!((both.tag(), both.digest()), (Some("1.36"), Some(&digest)));
    let pinned = format!("docker.io/library/busybox@{digest}");
    check(&format!("busybox@{digest}"), &pinned, &format!("busybox@{digest}"));
    assert_eq!(parse(&pinned).tag(), None);
}

#[test]
fn reference_parts_are_accessible() {
    let reference = parse("localhost:5000/team/app:1.0");
    assert_eq!(reference.registry(), "localhost:5000");
    assert_eq!(reference.path(), "team/app");
    assert_eq!(reference.repository(), "localhost:5000/team/app");
    assert_eq!(reference.tag(), Some("1.0"));
    assert_eq!(parse("busybox").familiar_repository(), "busybox");
    assert_eq!(parse("busybox").repository(), "docker.io/library/busybox");
}

#[test]
fn full_reference_grammar_is_accepted() {
    let texts = [
        "a",
        "a/a",
        "a/a/a/a",
        "aa/aa/bb/bb/bb",
        "foo.com/bar/baz",
        "a-a/a-a",
        "a--b",
        "a---b/c",
        "foo_bar/baz",
        "foo__bar/baz",
        "foo.bar/baz",
        "blog.foo.com/bar/baz:ver",
        "b.gcr.io/test.example.com/my-app",
        "1.1.1.1/x",
        "asdf.com/a-b_c.d__e",
        "sub-dom1.foo.com/bar",
        "a:T_A-g.9",
        "a:_",
        "a/b:5000",
        "0/0",
        "host.com:1/a",
    ];
    texts.into_iter().for_each(|text| drop(parse(text)));
    parse(&format!("a:{}", "t".repeat(TAG_LIMIT)));
    parse(&format!("{}a", "a/".repeat(127)));
}

/// Among them row H51 of the hostile corpus.
#[test]
fn invalid_references_are_rejected() {
    let texts = [
        String::new(),
        HEX.to_owned(),
        "Busybox".to_owned(),
        "team/App:1".to_owned(),
        "localhost:5000/Team/app".to_owned(),
        "../secret".to_owned(),
        "./app".to_owned(),
        "team/../app".to_owned(),
        "%2e%2e/app".to_owned(),
        "/app".to_owned(),
        "app/".to_owned(),
        "a//b".to_owned(),
        "-app".to_owned(),
        "app-".to_owned(),
        "a___b".to_owned(),
        "a..b/c".to_owned(),
        "team/a._b".to_owned(),
        "app name".to_owned(),
        "ápp".to_owned(),
        "app\n".to_owned(),
        "app\0".to_owned(),
        ":tag".to_owned(),
        "app:".to_owned(),
        "app:.tag".to_owned(),
        "app:-tag".to_owned(),
        "app:a b".to_owned(),
        "app:a:b".to_owned(),
        "team/app:a/b".to_owned(),
        "app:a/b".to_owned(),
        format!("app:{}", "t".repeat(TAG_LIMIT + 1)),
        format!("aa/{}a", "a/".repeat(126)),
        "host.com:99999/app".to_owned(),
        "host.com:0/app".to_owned(),
        "host.com:+80/app".to_owned(),
        "host.com:/app".to_owned(),
        "-host.com/app".to_owned(),
        "host..com/app".to_owned(),
        format!("{}.com/app", "h".repeat(HOST_LIMIT)),
        "[::1/app".to_owned(),
        "[fe80::1%eth0]/app".to_owned(),
        "[2001:db8:3:4::192.0.2.33]/app".to_owned(),
        "[::1]x/app".to_owned(),
        "[::1]:x/app".to_owned(),
        "app@".to_owned(),
        "app@sha256:../../etc".to_owned(),
        "app@md5:d41d8cd98f00b204e9800998ecf8427e".to_owned(),
        format!("app@sha256:{HEX}@sha256:{HEX}"),
    ];
    let table: Vec<String> = texts.iter().map(|text| refusal(text)).collect();
    insta::assert_snapshot!(table.join("\n"));
}

/// The error with its cause, long repetitions shortened for the eye.
fn refusal(text: &str) -> String {
    let Err(error) = text.parse::<Reference>() else { panic!("{text:?} was accepted") };
    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("{text:?}\n    {error}{cause}")
        .replace(&"a/".repeat(120), "a/…")
        .replace(&"t".repeat(120), "t…")
        .replace(&"h".repeat(240), "h…")
}

#[test]
fn reference_is_a_string_in_json() {
    let reference = parse("busybox");
    let json = serde_json::to_string(&reference).unwrap();
    assert_eq!(json, "\"docker.io/library/busybox:latest\"");
    assert_eq!(serde_json::from_str::<Reference>(&json).unwrap(), reference);
    assert!(serde_json::from_str::<Reference>("\"../x\"").is_err());
}

/// Any reference of the grammar, as it might be written.
fn texts() -> impl Strategy<Value = String> {
    let registry =
        "(localhost|[a-z]{1,5}[.][a-z]{2,3}|[a-z]{2,8}:[1-9][0-9]{0,3}|[A-Z][a-z]{1,3}|\\[::[0-9a-f]{1,4}\\])/";
    // No dot in the first component: that would make it a registry.
    let path = "[a-z0-9]{1,6}((_|__|-{1,3})[a-z0-9]{1,4}){0,2}(/[a-z0-9]{1,5}([.][a-z0-9]{1,4})?){0,2}";
    let tag = "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,20})?";
    let digest = "(@sha256:[0-9a-f]{64})?";
    (proptest::option::of(registry), path, tag, digest)
        .prop_map(|(registry, path, tag, digest)| registry.unwrap_or_default() + &path + &tag + &digest)
}

proptest! {
    #[test]
    fn reference_round_trips_through_text(text in texts()) {
        let reference = text.parse::<Reference>().unwrap();
        prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference.clone());
        prop_assert_eq!(reference.familiar().parse::<Reference>().unwrap(), reference);
    }

    /// Every accepted reference is safe in a path or a URL, and parsing its printed form gives the same reference.
    #[test]
    fn accepted_references_are_normalized(text in "[a-zA-Z0-9./:@_\\[\\]% -]{0,24}") {
        if let Ok(reference) = text.parse::<Reference>() {
            prop_assert!(reference.path().split('/').all(|component| !matches!(component, "" | "." | "..")));
            prop_assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference.clone());
            prop_assert_eq!(reference.familiar().parse::<Reference>().unwrap(), reference);
        }
    }
}
