//! Credentials: Docker's configuration file, and credential helpers.

use std::os::unix::fs::{PermissionsExt, symlink};

use super::{config::Config, *};

fn config(content: &Value) -> (TempDir, Config) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, content.to_string()).unwrap();
    (directory, Config::read(path).unwrap())
}

#[track_caller]
fn check(content: &Value, registry: &str, expect: Option<(&str, &str)>) {
    let (_directory, config) = config(content);
    let found = config.credentials(registry).unwrap();
    let expect = expect.map(|(user, secret)| match user {
        "" => Credentials::Identity(Secret::new(secret)),
        user => Credentials::Password { user: user.to_owned(), password: Secret::new(secret) },
    });
    assert_eq!(found, expect, "{registry} in {content}");
}

#[test]
fn credentials_match_only_their_registry() {
    // The text "me:a:b" in base64: a password may contain colons.
    let auth = json!({"auth": "bWU6YTpi"});
    check(&json!({}), "r.test", None);
    check(&json!({"auths": {"r.test": auth}}), "r.test", Some(("me", "a:b")));
    check(&json!({"auths": {"https://r.test/v1/": auth}}), "r.test", Some(("me", "a:b")));
    check(&json!({"auths": {"r.test": auth}}), "r.test:5000", None);
    check(&json!({"auths": {"r.test:5000": auth}}), "r.test", None);
    check(&json!({"auths": {"r.test": auth}}), "evil.r.test", None);
    let default = format!("https://index.{DEFAULT_REGISTRY}/v1/");
    check(&json!({"auths": {default: auth}}), DEFAULT_REGISTRY, Some(("me", "a:b")));
    check(&json!({"auths": {"r.test": {"identitytoken": "token"}}}), "r.test", Some(("", "token")));
    check(&json!({"auths": {"r.test": {"username": "me", "password": "pw"}}}), "r.test", Some(("me", "pw")));
    check(&json!({"auths": {"r.test": {}}}), "r.test", None);
}

#[test]
fn unusable_config_is_named_but_not_quoted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    for content in [&format!("{{\"auths\": \"{SECRET}"), "[]", "\"text\"", ""] {
        fs::write(&path, content).unwrap();
        let error = full_message(&Config::read(path.clone()).unwrap_err());
        assert!(error.contains("config.json: it is not a JSON object") && !error.contains(SECRET), "{error}");
    }
    for auth in ["no base64!", "bm8gY29sb24="] {
        let (_directory, config) = config(&json!({"auths": {"r.test": {"auth": auth}}}));
        let error = config.credentials("r.test").unwrap_err().to_string();
        assert!(error.contains("the \"auth\" of r.test is not a name and a password"), "{error}");
    }
}

#[test]
fn other_settings_in_config_file_are_kept() {
    let content = json!({
        "auths": {"other.test": {"auth": "bWU6YTpi", "extra": 1}},
        "HttpHeaders": {"X": "y"}, "psFormat": "table", "number": 12345678901234567_u64,
    });
    let (directory, before) = config(&content);
    let path = directory.path().join("config.json");
    let link = directory.path().join("link.json");
    symlink("config.json", &link).unwrap();
    let credentials = Credentials::Password { user: "me".to_owned(), password: Secret::new("a:b") };
    assert_eq!(before.save("r.test", &credentials).unwrap(), Saved::File(path.clone()));
    let read = || serde_json::from_slice::<Value>(&fs::read(&path).unwrap()).unwrap();
    let mut expect = content.clone();
    expect["auths"]["r.test"] = json!({"auth": "bWU6YTpi"});
    assert_eq!(read(), expect);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(Config::read(link.clone()).unwrap().erase("r.test").unwrap(), "by a symbolic link, which stays one");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(), content);
    assert!(!Config::read(path.clone()).unwrap().erase("r.test").unwrap());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2, "nothing temporary is left");
    let fresh = directory.path().join("new/config.json");
    Config::read(fresh.clone()).unwrap().save("r.test", &credentials).unwrap();
    assert_eq!(fs::metadata(fresh.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn credential_helper_name_is_validated() {
    for name in ["../evil", "a b", "a/b", "a;b"] {
        let (_directory, config) = config(&json!({"credsStore": name}));
        let error = config.credentials("r.test").unwrap_err().to_string();
        assert!(error.contains("a helper's name has letters"), "{error}");
    }
    let missing = json!({"credHelpers": {"r.test": "does-not-exist"}, "auths": {"r.test": {"auth": "bWU6YTpi"}}});
    let (_directory, config) = config(&missing);
    let error = config.credentials("r.test").unwrap_err();
    assert!(error.to_string().contains("docker-credential-does-not-exist failed to get"), "{error}");
    // A helper is not asked about another registry.
    check(&missing, "other.test", None);
}

/// A password is not sent over plain HTTP to another machine, nor requested by it.
#[test]
fn password_is_not_sent_over_plain_http() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("config.json");
    fs::write(&path, json!({"auths": {"r.test": {"auth": "bWU6YTpi"}}}).to_string()).unwrap();
    let connection = |transport| Connection { transport, config: Some(path.clone()), ..Connection::default() };
    assert!(connection(Transport::Default).client("r.test").unwrap().authorization.has_credentials());
    assert!(!connection(Transport::PlainHttp).client("r.test").unwrap().authorization.has_credentials());
    let credentials = Credentials::Password { user: "me".to_owned(), password: Secret::new(SECRET) };
    let error = full_message(&login(Some("r.test"), credentials, &connection(Transport::PlainHttp)).unwrap_err());
    assert!(error.contains("a password can be read on the way") && !error.contains(SECRET), "{error}");
}

#[test]
fn login_is_verified_before_it_is_saved() {
    let good = "Basic bWU6YTpi";
    let server = Server::start(move |request| match request.header("authorization") == good {
        true => Reply::new(200, "{}"),
        false => Reply::new(401, "").header("WWW-Authenticate", "Basic realm=\"test\""),
    });
    let env = RegistryEnv::new();
    let path = env.directory.path().join("config.json");
    let of = |password: &str| Credentials::Password { user: "me".to_owned(), password: Secret::new(password) };
    let error = full_message(&login(Some(&server.name()), of(SECRET), &env.connection).unwrap_err());
    assert!(error.contains("incorrect username or password") && !error.contains(SECRET), "{error}");
    assert!(!path.exists());
    assert_eq!(login(Some(&server.name()), of("a:b"), &env.connection).unwrap(), Saved::File(path));
    assert!(env.connection.client(&server.name()).unwrap().authorization.has_credentials());
    assert!(logout(Some(&server.name()), &env.connection).unwrap());
    assert!(!logout(Some(&server.name()), &env.connection).unwrap());
}

/// An identity token is sent only to the token service, in a form. Its answer is sent to the registry.
#[test]
fn identity_token_is_exchanged_for_access_token() {
    let service = Server::start(|request| {
        let form = String::from_utf8(request.body.clone()).unwrap();
        let right = [
            "grant_type=refresh_token",
            &format!("refresh_token={SECRET}"),
            "service=test",
            "scope=repository%3Aapp%3Apull",
        ];
        let known = request.method == "POST" && right.iter().all(|part| form.split('&').any(|field| field == *part));
        if known { Reply::new(200, r#"{"access_token": "short-lived"}"#) } else { Reply::new(401, "") }
    });
    let challenge = format!("Bearer realm=\"{}/token\",service=\"test\"", service.url());
    let shelf = Shelf::with_image(&[layer("file", 10)]);
    let server = Server::start(move |request| match request.header("authorization") {
        "Bearer short-lived" => shelf.answer(request),
        _ => Reply::new(401, "").header("WWW-Authenticate", challenge.clone()),
    });
    let env = RegistryEnv::new();
    let auths = json!({"auths": {server.name(): {"identitytoken": SECRET}}});
    fs::write(env.directory.path().join("config.json"), auths.to_string()).unwrap();
    env.pull(&server).unwrap();
    assert_eq!(service.count("POST", "/token"), 1);
    assert!(server.requests().iter().all(|request| !request.header("authorization").contains(SECRET)));
    // A rejected identity token is reported, but not shown.
    fs::write(env.directory.path().join("config.json"), auths.to_string().replace(SECRET, "old")).unwrap();
    let error = full_message(&env.pull_name(&format!("{}/app:2", server.name())).unwrap_err());
    assert!(error.contains("incorrect username or password") && !error.contains(SECRET), "{error}");
}
