//! Logging in to a registry: passwords in Docker's config file and in a credential helper.

use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
};

use crate::{
    answer::Answer,
    registry::{Access, Registry, command, leftovers, run, succeed},
    test_env::TestEnv,
};

const USER: &str = "student";
const PASSWORD: &str = "lesson-one";

/// A credential helper that stores the protocol's JSON in one file.
const HELPER: &str = r#"#!/bin/sh
case $1 in
    store) cat > "$KEPT" ;;
    get) read -r server; if [ -e "$KEPT" ]; then cat "$KEPT"; else echo credentials not found in native keychain; exit 1; fi ;;
    erase) read -r server; rm "$KEPT" ;;
esac
"#;

/// Logs in with a password on stdin.
fn login(mut command: Command, place: &TestEnv, password: &str) -> Answer {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    place.answer(child.wait_with_output().unwrap())
}

#[test]
fn login_password_is_stored_as_in_docker() {
    let Some(registry) = Registry::start(Access::Student) else { return };
    let place = TestEnv::new();
    let name = registry.name("private:1");
    place.succeed(&["tag", "busybox", &name]);
    let denied = run(&place, "store", &["push", &name]);
    assert!(denied.code == 1 && denied.stderr.contains("push access denied for"), "{}", denied.stderr);
    fs::create_dir(place.path("docker")).unwrap();
    let config = place.path("docker/config.json");
    fs::write(&config, r#"{"psFormat": "kept"}"#).unwrap();
    let words = ["login", "-u", USER, "--password-stdin", &registry.address];
    let login = |password: &str| login(command(&place, "store", &words), &place, password);
    let wrong = login("guessed");
    assert!(wrong.code == 1 && wrong.stderr.contains("incorrect username or password"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("guessed"), "{}", wrong.stderr);
    let right = login(PASSWORD);
    assert_eq!((right.code, right.stdout.as_str()), (0, "Login Succeeded\n"), "{}", right.stderr);
    let kept = fs::read_to_string(&config).unwrap();
    assert!(kept.contains("\"psFormat\": \"kept\"") && kept.contains(&registry.address), "{kept}");
    assert_eq!(fs::metadata(&config).unwrap().permissions().mode() & 0o777, 0o600);
    succeed(&place, "store", &["push", &name]);
    succeed(&place, "second", &["pull", &name]);
    // The stored password is tried before the user is asked. Only the host of a URL matters.
    assert_eq!(succeed(&place, "store", &["login", &registry.address]), "Login Succeeded\n");
    assert_eq!(
        succeed(&place, "store", &["login", &format!("http://{}/v2/", registry.address)]),
        "Login Succeeded\n"
    );
    assert_eq!(
        succeed(&place, "store", &["logout", &registry.address]),
        format!("Removing login credentials for {}\n", registry.address)
    );
    assert_eq!(
        succeed(&place, "store", &["logout", &registry.address]),
        format!("Not logged in to {}\n", registry.address)
    );
    let asked = run(&place, "store", &["login", &registry.address]);
    assert!(asked.code == 1 && asked.stderr.contains("stdin is not a terminal"), "{}", asked.stderr);
    let both = run(&place, "store", &["login", "-u", USER, "-p", "x", "--password-stdin", &registry.address]);
    assert!(both.code == 2 && both.stderr.contains("cannot be used with"), "{}", both.stderr);
    let nameless = run(&place, "store", &["login", "--password-stdin", &registry.address]);
    assert!(nameless.code == 2 && nameless.stderr.contains("--username"), "{}", nameless.stderr);
    let denied = run(&place, "third", &["pull", &name]);
    let expect = format!(
        "pull access denied for {}, repository does not exist or may require 'docker login'",
        registry.name("private")
    );
    assert!(denied.code == 1 && denied.stderr.contains(&expect), "{}", denied.stderr);
    assert_eq!(leftovers(&place.path("third")), 0);
}

#[test]
fn credential_helper_stores_the_password() {
    let Some(registry) = Registry::start(Access::Student) else { return };
    let place = TestEnv::new();
    fs::create_dir(place.path("docker")).unwrap();
    let config = place.path("docker/config.json");
    fs::write(&config, r#"{"credsStore": "test"}"#).unwrap();
    // Another process writes the helper. If this process had it open for writing, the child of another test could
    // inherit the descriptor, and executing the helper would fail with ETXTBSY.
    fs::write(place.path("helper"), HELPER).unwrap();
    let made = place.program("install", &["-m", "755", "helper", "docker-credential-test"]).status().unwrap();
    assert!(made.success());
    let with_helper = |arguments: &[&str]| {
        let mut command = command(&place, "store", arguments);
        let path = format!("{}:{}", place.path("").display(), std::env::var("PATH").unwrap());
        command.env("PATH", path).env("KEPT", place.path("kept"));
        command
    };
    let name = registry.name("private:1");
    place.succeed(&["tag", "busybox", &name]);
    let words = ["login", "-u", USER, "--password-stdin", &registry.address];
    let answer = login(with_helper(&words), &place, PASSWORD);
    assert_eq!((answer.code, answer.stderr.as_str()), (0, ""), "nothing is stored unencrypted");
    assert!(fs::read_to_string(place.path("kept")).unwrap().contains(PASSWORD));
    assert!(fs::read_to_string(&config).unwrap().contains(&registry.address));
    let pushed = place.answer(with_helper(&["push", &name]).output().unwrap());
    assert_eq!(pushed.code, 0, "{}", pushed.stderr);
    let gone = place.answer(with_helper(&["logout", &registry.address]).output().unwrap());
    assert!(gone.code == 0 && !place.path("kept").exists(), "{}", gone.stderr);
    let denied = place.answer(with_helper(&["push", &name]).output().unwrap());
    assert!(denied.stderr.contains("push access denied for"), "{}", denied.stderr);
}
