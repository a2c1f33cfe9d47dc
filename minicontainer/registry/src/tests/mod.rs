//! Tests against a test registry, which works correctly except for one fault per test.

mod challenges;
mod concurrent;
mod credentials;
mod downloads;
mod manifests;
mod redirects;
mod repair;
mod resume;
mod server;
mod slow_servers;
mod tls;
mod uploads;

use minicontainer::Diagnostic as _;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use minicontainer::{
    Store,
    core::{Digest, Platform, Reference},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{retry::RetryPolicy, *};
use server::{ReceivedRequest, Reply, Server};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// The content of the test registry, in the repository `app`.
#[derive(Clone, Debug, Default)]
struct Shelf {
    blobs: BTreeMap<String, Vec<u8>>,
    /// By tag and by digest: media type and content.
    manifests: BTreeMap<String, (String, Vec<u8>)>,
}

impl Shelf {
    fn blob(&mut self, content: &[u8]) -> String {
        let digest = Digest::of(content).to_string();
        self.blobs.insert(digest.clone(), content.to_vec());
        digest
    }

    fn manifest(&mut self, tag: &str, media_type: &str, document: &Value) -> String {
        let content = serde_json::to_vec(document).unwrap();
        let digest = Digest::of(&content).to_string();
        for name in [tag, &digest] {
            self.manifests.insert(name.to_owned(), (media_type.to_owned(), content.clone()));
        }
        digest
    }

    /// Adds an image with these layers, and returns its manifest, which a test may change.
    fn image(&mut self, layers: &[Vec<u8>]) -> Value {
        let diff_ids: Vec<String> = layers.iter().map(|layer| self.blob(layer)).collect();
        let architecture = Platform::own().to_string().rsplit('/').next().unwrap_or_default().to_owned();
        let config = json!({
            "architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = serde_json::to_vec(&config).unwrap();
        let descriptors: Vec<Value> = layers
            .iter()
            .zip(&diff_ids)
            .map(|(layer, digest)| {
                json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": layer.len()})
            })
            .collect();
        json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": self.blob(&config),
                "size": config.len(),
            },
            "layers": descriptors,
        })
    }

    /// A registry with one image, tagged `1`.
    fn with_image(layers: &[Vec<u8>]) -> Shelf {
        let mut shelf = Shelf::default();
        let manifest = shelf.image(layers);
        shelf.manifest("1", MANIFEST, &manifest);
        shelf
    }

    /// The correct answer.
    fn answer(&self, request: &ReceivedRequest) -> Reply {
        let path = request.target.split('?').next().unwrap_or_default();
        let last = path.rsplit('/').next().unwrap_or_default();
        if request.target.contains("/manifests/") {
            return match self.manifests.get(last) {
                Some((media_type, content)) => {
                    Reply::new(200, content.clone()).header("Content-Type", media_type.clone())
                }
                None => Reply::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
            };
        }
        let Some(content) = self.blobs.get(last).filter(|_| request.target.contains("/blobs/")) else {
            return Reply::new(404, "");
        };
        match request.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')?.parse().ok()) {
            Some(from) => {
                let from: usize = from;
                let range = format!("bytes {from}-{}/{}", content.len() - 1, content.len());
                Reply::new(206, content[from..].to_vec()).header("Content-Range", range)
            }
            None => Reply::new(200, content.clone()),
        }
    }

    fn serve(self) -> Server {
        Server::start(move |request| self.answer(request))
    }

    /// Serves the content, with the answers of `fault` in place of the correct ones.
    fn serve_but(self, fault: impl Fn(&ReceivedRequest, Reply) -> Reply + Send + Sync + 'static) -> Server {
        Server::start(move |request| fault(request, self.answer(request)))
    }
}

/// A layer with one file of this size, whose bytes vary.
fn layer(name: &str, size: usize) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let content: Vec<u8> = (0..size).map(|at| (at * 31 + at / 251) as u8).collect();
    builder.append_data(&mut header, name, content.as_slice()).unwrap();
    builder.into_inner().unwrap()
}

/// A store, and a connection that uses only the test's own credentials.
struct RegistryEnv {
    directory: TempDir,
    store: Store,
    connection: Connection,
}

impl RegistryEnv {
    fn new() -> RegistryEnv {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path().join("store")).unwrap();
        let retry_policy = RetryPolicy { pause: Duration::from_millis(1), ..RetryPolicy::default() };
        let config = Some(directory.path().join("config.json"));
        let certificates = Some(vec![directory.path().join("certs.d"), directory.path().join("more")]);
        RegistryEnv {
            store,
            connection: Connection { transport: Transport::Default, retry_policy, config, certificates },
            directory,
        }
    }

    /// A test environment whose user has logged in to a server.
    fn with_login(server: &Server, user: &str, password: &str) -> RegistryEnv {
        use base64::{Engine, engine::general_purpose::STANDARD};
        let env = RegistryEnv::new();
        let auth = STANDARD.encode(format!("{user}:{password}"));
        let config = json!({"auths": {server.name(): {"auth": auth}}});
        fs::write(env.directory.path().join("config.json"), config.to_string()).unwrap();
        env
    }

    fn pull(&self, server: &Server) -> Result<Pulled, RegistryError> {
        self.pull_name(&format!("{}/app:1", server.name()))
    }

    fn pull_name(&self, name: &str) -> Result<Pulled, RegistryError> {
        let reference: Reference = name.parse().unwrap();
        pull(&self.store, &reference, None, &self.connection, &|_| {})
    }

    /// Checks that a pull fails and leaves no files, and that the message contains `expect` but no secret.
    #[track_caller]
    fn check_refused(&self, server: &Server, expect: &str) -> RegistryError {
        let before = files(self.store.root());
        let error = self.pull(server).expect_err("it must be refused");
        let message = full_message(&error);
        assert!(message.contains(expect), "{message}\nshould say {expect}");
        assert!(!message.contains(SECRET), "{message}");
        assert_eq!(files(self.store.root()), before, "something is left in the store");
        error
    }
}

/// A secret that no message may contain.
const SECRET: &str = "s3cr3t-t0ken";

fn full_message(error: &RegistryError) -> String {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        message += &format!(": {error}");
        source = error.source();
    }
    message + " / " + &error.hint().unwrap_or_default() + &format!(" / {error:?}")
}

/// Every file of a store, without empty directories, to check that nothing was left behind.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

#[test]
fn image_is_pulled_with_progress_events() {
    let layers = [layer("one", 100_000), layer("two", 5)];
    let server = Shelf::with_image(&layers).serve();
    let env = RegistryEnv::new();
    let events = Arc::new(std::sync::Mutex::new(Vec::new()));
    let reference: Reference = format!("{}/app:1", server.name()).parse().unwrap();
    let tell = |event: Event<'_>| events.lock().unwrap().push(format!("{event:?}"));
    let pulled = pull(&env.store, &reference, None, &env.connection, &tell).unwrap();
    assert!(pulled.newer);
    let image = env.store.image(&reference.to_string()).unwrap();
    assert_eq!(image.manifest_digest, pulled.digest);
    assert_eq!(fs::read(image.layers[0].directory.join("one")).unwrap().len(), 100_000);
    let log = events.lock().unwrap().join("\n");
    for expect in
        ["Pulling { tag: \"1\", path: \"app\" }", "Downloading { done: ", "Downloaded", "Pulled", "newer: true"]
    {
        assert!(log.contains(expect), "{log}\nshould have {expect}");
    }
    let requests = server.requests().len();
    assert!(!env.pull(&server).unwrap().newer, "nothing is newer the second time");
    assert_eq!(server.requests().len(), requests + 1, "only the manifest is asked for");
}

#[test]
fn existing_layer_is_not_fetched() {
    let (base, one, two) = (layer("base", 1000), layer("one", 10), layer("two", 20));
    let mut shelf = Shelf::with_image(&[base.clone(), one, base.clone()]);
    let second = shelf.image(&[base.clone(), two]);
    shelf.manifest("2", MANIFEST, &second);
    let server = shelf.serve();
    let env = RegistryEnv::new();
    env.pull(&server).unwrap();
    env.pull_name(&format!("{}/app:2", server.name())).unwrap();
    assert_eq!(server.count("GET", &Digest::of(&base).to_string()), 1);
}
