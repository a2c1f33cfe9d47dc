//! Pull and push with a real registry, Debian's `docker-registry`, on a loopback port. `skopeo` is a second client,
//! which checks that other tools can exchange images with us. The tests need no network.

use std::{
    fs,
    io::ErrorKind,
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use crate::{answer::Answer, skip, test_env::TestEnv};

/// The output of `htpasswd -Bbn student lesson-one`.
const PASSWORD_FILE: &str = "student:$2y$05$O5QGh65R2sZpZBcqFINkI.rS5SnDsvXDInEvQwQpXIgyfjDbDLv5C\n";

/// A registry that runs until it is dropped.
pub struct Registry {
    child: Child,
    pub address: String,
    directory: tempfile::TempDir,
}

/// The users that may access a registry.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Everybody,
    Student,
}

pub fn has(program: &str) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}

impl Registry {
    /// None when the test must be skipped.
    pub fn start(access: Access) -> Option<Registry> {
        Registry::start_with(access, None)
    }

    /// Starts a registry with TLS. The identity is a certificate and its key, in PEM.
    pub fn start_tls(identity: (&str, &str)) -> Option<Registry> {
        Registry::start_with(Access::Everybody, Some(identity))
    }

    fn start_with(access: Access, identity: Option<(&str, &str)>) -> Option<Registry> {
        if !skip::require(has("docker-registry"), "docker-registry (apt-get install docker-registry)") {
            return None;
        }
        // Another process may take the free port first. Then another port is tried.
        (0..10)
            .find_map(|_| Registry::try_start(access, identity))
            .or_else(|| panic!("docker-registry does not start"))
    }

    fn try_start(access: Access, identity: Option<(&str, &str)>) -> Option<Registry> {
        let directory = tempfile::Builder::new().prefix("mc-registry-").tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        let path = |name: &str| directory.path().join(name);
        let mut config = format!(
            "version: 0.1\nlog:\n  accesslog:\n    disabled: false\nstorage:\n  filesystem:\n    rootdirectory: {}\n\
             http:\n  addr: {address}\n",
            path("data").display()
        );
        if let Some((certificate, key)) = identity {
            fs::write(path("cert.pem"), certificate).unwrap();
            fs::write(path("key.pem"), key).unwrap();
            let [certificate, key] = ["cert.pem", "key.pem"].map(|name| path(name).display().to_string());
            config += &format!("  tls:\n    certificate: {certificate}\n    key: {key}\n");
        }
        if access == Access::Student {
            fs::write(path("htpasswd"), PASSWORD_FILE).unwrap();
            config += &format!("auth:\n  htpasswd:\n    realm: test\n    path: {}\n", path("htpasswd").display());
        }
        fs::write(path("config.yml"), config).unwrap();
        let log = |name| Stdio::from(fs::File::create(path(name)).unwrap());
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(path("config.yml")).stdin(Stdio::null()).stdout(log("out")).stderr(log("err"));
        let mut registry = Registry { child: command.spawn().unwrap(), address, directory };
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if TcpStream::connect(&registry.address).is_ok() && registry.child.try_wait().unwrap().is_none() {
                return Some(registry);
            }
            if registry.child.try_wait().unwrap().is_some() || Instant::now() > deadline {
                return None;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }

    /// The number of requests in the registry's log that start like this.
    fn count(&self, request: &str) -> usize {
        fs::read_to_string(self.directory.path().join("out")).unwrap().matches(request).count()
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command with its own store, which is empty at first.
pub fn command(place: &TestEnv, store: &str, arguments: &[&str]) -> Command {
    let mut command = place.command(arguments);
    command.env("MINICONTAINER_ROOT", place.path(store)).env("DOCKER_CONFIG", place.path("docker"));
    command
}

pub fn run(place: &TestEnv, store: &str, arguments: &[&str]) -> Answer {
    place.answer(command(place, store, arguments).output().unwrap())
}

#[track_caller]
pub fn succeed(place: &TestEnv, store: &str, arguments: &[&str]) -> String {
    let output = command(place, store, arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn skopeo(place: &TestEnv, arguments: &[&str]) -> String {
    let output = place.program("skopeo", arguments).env("HOME", place.path("")).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// The digest in the output of a pull or push.
fn digest_in(text: &str) -> &str {
    let start = text.find("sha256:").unwrap_or_else(|| panic!("no digest in {text}"));
    &text[start..start + "sha256:".len() + 64]
}

#[test]
fn pushed_image_is_pulled_and_run() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let name = registry.name("team/mine:1");
    place.succeed(&["tag", "busybox", &name]);
    let pushed = succeed(&place, "store", &["push", &name]);
    assert!(pushed.contains(&format!("The push refers to repository [{}]", registry.name("team/mine"))), "{pushed}");
    assert!(pushed.contains(": Pushed") && pushed.contains("1: digest: sha256:"), "{pushed}");
    let again = succeed(&place, "store", &["push", &name]);
    assert!(again.contains(": Layer already exists") && !again.contains(": Pushed"), "{again}");
    let other = registry.name("other:1");
    place.succeed(&["tag", "busybox", &other]);
    assert!(succeed(&place, "store", &["push", &other]).contains(": Mounted from team/mine"));

    let answer = run(&place, "empty", &["run", "--rm", &name, "echo", "hello"]);
    assert_eq!((answer.code, answer.stdout.as_str()), (0, "hello\n"), "{}", answer.stderr);
    let second = run(&place, "empty", &["run", "--rm", &name, "echo", "hello"]);
    assert_eq!((second.code, second.stderr.as_str()), (0, ""), "the second run does not pull the image");
    let pulled = succeed(&place, "empty", &["pull", &name]);
    assert!(pulled.contains(&format!("Status: Image is up to date for {name}")), "{pulled}");
    assert_eq!(digest_in(&pulled), digest_in(&pushed));
    assert!(succeed(&place, "empty", &["pull", &other]).contains(": Already exists"));
    assert_eq!(succeed(&place, "empty", &["pull", "-q", &name]), format!("{name}\n"));
    let by_digest = format!("{}@{}", registry.name("team/mine"), digest_in(&pushed));
    succeed(&place, "empty", &["pull", &by_digest]);
}

#[test]
fn images_are_exchanged_with_skopeo() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    if !skip::require(has("skopeo"), "skopeo (apt-get install skopeo)") {
        return;
    }
    let place = TestEnv::new();
    let name = registry.name("ours:1");
    place.succeed(&["tag", "busybox", &name]);
    let pushed = succeed(&place, "store", &["push", &name]);
    let remote = |name: &str| format!("docker://{name}");
    let theirs = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &remote(&name)];
    assert_eq!(skopeo(&place, &theirs), digest_in(&pushed));
    skopeo(&place, &["copy", "--src-tls-verify=false", "--insecure-policy", &remote(&name), "oci:layout:ours"]);
    for (format, tag) in [("oci", "theirs:1"), ("v2s2", "theirs:2")] {
        let name = registry.name(tag);
        let to = ["copy", "--dest-tls-verify=false", "--insecure-policy", "--format", format, "oci:layout:ours"];
        skopeo(&place, &[&to[..], &[&remote(&name)]].concat());
        let pulled = succeed(&place, "second", &["pull", &name]);
        let theirs = ["inspect", "--tls-verify=false", "--format", "{{.Digest}}", &remote(&name)];
        assert_eq!(skopeo(&place, &theirs), digest_in(&pulled), "{format}");
        let answer = run(&place, "second", &["run", "--rm", "--pull=never", &name, "echo", format]);
        assert_eq!((answer.code, answer.stdout), (0, format!("{format}\n")), "{}", answer.stderr);
    }
}

/// Rows F10 and F11 of the hostile corpus, with real processes.
#[test]
fn concurrent_pulls_fetch_each_layer_once() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let names: Vec<String> = (0..5).map(|tag| registry.name(&format!("app:{tag}"))).collect();
    for name in &names {
        place.succeed(&["tag", "busybox", name]);
        succeed(&place, "store", &["push", name]);
    }
    let pulls: Vec<Child> = (0..50)
        .map(|number| {
            let mut pull = command(&place, "shared", &["pull", &names[number % names.len()]]);
            pull.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    for pull in pulls {
        let output = pull.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    // All tags name the same image, so its layers and config are downloaded once. The manifest is not under /blobs/.
    let blobs = fs::read_dir(place.path("shared/images/blobs/sha256")).unwrap().count() - 1;
    assert_eq!(registry.count("\"GET /v2/app/blobs/sha256:"), blobs);
    assert_eq!(leftovers(&place.path("shared")), 0);
    let listed = succeed(&place, "shared", &["images", "--format", "{{.Repository}}:{{.Tag}}"]);
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(listed, names);
}

/// The number of files that an interrupted pull has left in the store.
pub fn leftovers(store: &Path) -> usize {
    let count = |name: &str| match fs::read_dir(store.join(name)) {
        Err(error) if error.kind() == ErrorKind::NotFound => 0,
        entries => entries.unwrap().count(),
    };
    count("staging") + count("downloads")
}

#[test]
fn failed_pull_says_what_to_do() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let name = registry.name("mine:1");
    place.succeed(&["tag", "busybox", &name]);
    succeed(&place, "store", &["push", &name]);
    for (arguments, code, expect) in [
        (vec!["pull", &registry.name("mine:2")], 1, "not found: manifest unknown"),
        (vec!["pull", "--platform", "linux/s390x", &name], 1, "not for linux/s390x"),
        (vec!["pull", "--platform", "linux", &name], 1, "invalid platform"),
        (vec!["pull", "127.0.0.1:1/x"], 1, "cannot reach 127.0.0.1:1"),
        (vec!["run", "127.0.0.1:1/x"], 125, "check the registry's name and port"),
        (vec!["run", "--pull=never", &name], 125, "no image"),
        (vec!["run", "--pull=always", "127.0.0.1:1/x"], 125, "cannot reach 127.0.0.1:1"),
        (vec!["push", &registry.name("nothing")], 1, "no image"),
        (vec!["login", &registry.address], 1, "stdin is not a terminal"),
        (vec!["logout", &registry.address], 0, ""),
    ] {
        let answer = run(&place, "fourth", &arguments);
        assert_eq!(answer.code, code, "{arguments:?}: {}", answer.stderr);
        assert!(answer.stderr.contains(expect), "{arguments:?}: {}", answer.stderr);
        assert_eq!(leftovers(&place.path("fourth")), 0, "{arguments:?}");
    }
}
