//! Unusual but valid challenges, answers of token services, and status codes of registries.

use super::*;

/// A registry that demands a token by these headers, in which `@` stands for the token service's URL.
fn registry_with_challenge(headers: &[&str], answer: &'static str) -> (Server, Server) {
    let service = Server::start(move |_| Reply::new(200, answer));
    let realm = format!("{}/token", service.url());
    let headers: Vec<String> = headers.iter().map(|header| header.replace('@', &realm)).collect();
    let shelf = Shelf::with_image(&[layer("file", 10)]);
    let server = Server::start(move |request| match request.header("authorization") {
        "Bearer good" => shelf.answer(request),
        _ => headers.iter().fold(Reply::new(401, ""), |reply, header| reply.header("www-AUTHENTICATE", header)),
    });
    (server, service)
}

#[track_caller]
fn check(headers: &[&str], answer: &'static str, query: &str) {
    let (server, service) = registry_with_challenge(headers, answer);
    RegistryEnv::new().pull(&server).unwrap_or_else(|error| panic!("{headers:?}: {}", full_message(&error)));
    let requests = service.requests();
    assert_eq!(requests.len(), 1, "one token is enough");
    assert_eq!(requests[0].target.split_once('?').map_or("", |(_, query)| query), query, "{headers:?}");
}

const TOKEN: &str = r#"{"token": "good"}"#;
const OWN: &str = "scope=repository%3Aapp%3Apull";

/// RFC 9110, section 11.6.1, and Docker's token specification.
#[test]
fn odd_challenges_are_understood() {
    check(&[r#"Bearer realm="@""#], TOKEN, OWN);
    check(&[r#"bEARER REALM = "@" ,	service	=	plain"#], TOKEN, &format!("service=plain&{OWN}"));
    check(
        &[r#"Bearer service="a, realm=b, Basic c",realm="@""#],
        TOKEN,
        &format!("service=a%2C%20realm%3Db%2C%20Basic%20c&{OWN}"),
    );
    check(&[r#", ,Bearer error="invalid_token",,realm="@","#], TOKEN, OWN);
    check(&[r#"Negotiate, Basic realm="x", Bearer realm="@""#], TOKEN, OWN);
    check(&[r#"Basic realm="x""#, r#"Negotiate YWJj=="#, r#"Bearer realm="@""#], TOKEN, OWN);
    check(&["Bearer", r#"Bearer realm="@""#], TOKEN, OWN);
    check(&[r#"Bearer realm="@",scope="repository:app:pull""#], TOKEN, OWN);
    let more = format!("{OWN}&scope=registry%3Acatalog%3A%2A");
    check(&[r#"Bearer realm="@",scope="repository:app:pull,push registry:catalog:*""#], TOKEN, &more);
}

#[test]
fn token_is_taken_from_either_field() {
    let challenge = [r#"Bearer realm="@""#];
    for answer in [
        r#"{"access_token": "good"}"#,
        r#"{"token": "", "access_token": "good", "expires_in": 60, "issued_at": "2026-01-01T00:00:00Z"}"#,
        r#"{"token": null, "access_token": "good"}"#,
        r#"{"token": "good", "access_token": ""}"#,
    ] {
        check(&challenge, answer, OWN);
    }
    let (server, _service) = registry_with_challenge(&challenge, r#"{"token": "", "access_token": ""}"#);
    let error = full_message(&RegistryEnv::new().pull(&server).unwrap_err());
    assert!(error.contains("its answer has no token that can be sent"), "{error}");
}

/// If a challenge has no address of a token service, the password is used.
#[test]
fn basic_is_used_if_there_is_no_token_service() {
    let shelf = Shelf::with_image(&[layer("file", 10)]);
    let server = Server::start(move |request| match request.header("authorization") {
        "Basic bWU6YTpi" => shelf.answer(request),
        _ => Reply::new(401, "").header("WWW-Authenticate", "Bearer service=\"x\", BASIC realm=\"y\""),
    });
    let env = RegistryEnv::new();
    let auths = json!({"auths": {server.name(): {"auth": "bWU6YTpi"}}});
    fs::write(env.directory.path().join("config.json"), auths.to_string()).unwrap();
    env.pull(&server).unwrap();
}

#[test]
fn content_types_may_have_parameters() {
    for content_type in [
        format!("{MANIFEST}; charset=utf-8"),
        format!("{MANIFEST};charset=\"utf-8\";version=1"),
        format!(" {} ;", MANIFEST.to_uppercase()),
    ] {
        let mut shelf = Shelf::with_image(&[layer("file", 10)]);
        let content = shelf.manifests["1"].1.clone();
        shelf.manifests.insert("1".to_owned(), (content_type.clone(), content));
        let server = shelf.serve();
        RegistryEnv::new().pull(&server).unwrap_or_else(|error| panic!("{content_type}: {}", full_message(&error)));
    }
}
