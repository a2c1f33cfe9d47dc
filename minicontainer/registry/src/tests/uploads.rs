//! Uploads that are interrupted, redirected or refused.

use std::sync::Mutex;

use super::*;

/// A registry that accepts uploads; `fault` may replace an answer.
fn upload_server(fault: impl Fn(&ReceivedRequest) -> Option<Reply> + Send + Sync + 'static) -> Server {
    let taken: Mutex<BTreeMap<String, Vec<u8>>> = Mutex::default();
    Server::start(move |request| {
        if let Some(reply) = fault(request) {
            return reply;
        }
        let mut taken = taken.lock().unwrap();
        let last = request.target.rsplit(['/', '=']).next().unwrap_or_default();
        match request.method.as_str() {
            "HEAD" if taken.contains_key(last) => Reply::new(200, ""),
            "HEAD" => Reply::new(404, ""),
            "POST" => Reply::new(202, "").header("Location", "/v2/app/blobs/uploads/1?state=x"),
            "PUT" if request.target.contains("/uploads/") && Digest::of(&request.body).to_string() == last => {
                taken.insert(last.to_owned(), request.body.clone());
                Reply::new(201, "")
            }
            "PUT" if request.target.contains("/manifests/") => Reply::new(201, ""),
            _ => Reply::new(400, ""),
        }
    })
}

/// A store with an image whose name refers to a server.
fn loaded(server: &Server) -> (RegistryEnv, Reference) {
    let shelf = Shelf::with_image(&[layer("one", 100_000), layer("two", 10)]);
    let origin = shelf.serve();
    let env = RegistryEnv::new();
    env.pull(&origin).unwrap();
    let reference: Reference = format!("{}/app:1", server.name()).parse().unwrap();
    env.store.tag(&format!("{}/app:1", origin.name()), &reference).unwrap();
    (env, reference)
}

fn try_push(server: &Server) -> Result<Pushed, RegistryError> {
    let (env, reference) = loaded(server);
    push(&env.store, &reference, &env.connection, &|_| {})
}

#[test]
fn existing_blobs_are_not_pushed_again() {
    let server = upload_server(|_| None);
    let (env, reference) = loaded(&server);
    push(&env.store, &reference, &env.connection, &|_| {}).unwrap();
    assert_eq!((server.count("PUT", "/uploads/"), server.count("PUT", "/manifests/1")), (3, 1));
    let manifest = server.requests().last().unwrap().clone();
    assert_eq!(manifest.header("content-type"), MANIFEST);
    push(&env.store, &reference, &env.connection, &|_| {}).unwrap();
    assert_eq!(server.count("PUT", "/uploads/"), 3);
}

/// distribution-spec, *Pushing manifests*, says 201. Docker's client (`SuccessStatus`) and containerd take more.
#[test]
fn any_success_ends_a_push() {
    for status in [200, 201, 202, 204] {
        let server =
            upload_server(move |request| match request.target.contains("/manifests/") && request.method == "PUT" {
                true => Some(Reply::new(status, "").header("Docker-Content-Digest", "sha512:0")),
                false => None,
            });
        try_push(&server).unwrap_or_else(|error| panic!("{status}: {}", full_message(&error)));
        assert_eq!(server.count("PUT", "/manifests/"), 1);
        let server = upload_server(move |request| {
            (request.method == "PUT" && request.target.contains("/uploads/")).then(|| Reply::new(status, ""))
        });
        try_push(&server).unwrap_or_else(|error| panic!("{status}: {}", full_message(&error)));
        assert_eq!(server.count("PUT", "/uploads/"), 3);
    }
    for status in [300, 400, 409] {
        let server =
            upload_server(move |request| request.target.contains("/manifests/").then(|| Reply::new(status, "")));
        let error = full_message(&try_push(&server).unwrap_err());
        assert!(error.contains(&format!("answered {status}")), "{status}: {error}");
    }
}

/// Row F22 of the hostile corpus: a lost session is started again, but not endlessly.
#[test]
fn lost_upload_session_is_restarted() {
    let lost = Mutex::new(0);
    let server = upload_server(move |request| {
        let mut lost = lost.lock().unwrap();
        *lost += usize::from(request.method == "PUT");
        (request.method == "PUT" && *lost <= 2)
            .then(|| Reply::new(404, r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]}"#))
    });
    try_push(&server).unwrap();
    assert_eq!(server.count("POST", "/uploads/"), 5);
    let server = upload_server(|request| (request.method == "PUT").then(|| Reply::new(404, "")));
    let error = try_push(&server).unwrap_err().to_string();
    assert!(error.contains("cannot upload the blob") && error.contains("answered 404"), "{error}");
    assert!(server.count("PUT", "") <= 10 && server.count("PUT", "/manifests/") == 0);
}

/// Row F22: bytes that the registry has are not sent again; the registry determines where to continue.
#[test]
fn broken_upload_resumes_at_the_registrys_offset() {
    const KEPT: usize = 60_000;
    for broken in [Reply { gone: true, ..Reply::default() }, Reply::new(503, "")] {
        let kept: Mutex<Vec<u8>> = Mutex::default();
        let server = upload_server(move |request| {
            let mut kept = kept.lock().unwrap();
            let digest = request.target.rsplit('=').next().unwrap_or_default();
            match (request.method.as_str(), request.target.contains("goes-on")) {
                ("PUT", false) if kept.is_empty() && request.body.len() > KEPT => {
                    kept.extend_from_slice(&request.body[..KEPT]);
                    Some(broken.clone())
                }
                ("GET", false) => {
                    let reply = Reply::new(204, "").header("Range", format!("0-{}", KEPT - 1));
                    Some(reply.header("Location", "/v2/app/blobs/uploads/goes-on?state=y"))
                }
                ("PUT", true) => {
                    let range = format!("{KEPT}-{}", KEPT + request.body.len() - 1);
                    let whole = [kept.as_slice(), &request.body].concat();
                    let right = request.header("content-range") == range && Digest::of(&whole).to_string() == digest;
                    Some(Reply::new(if right { 201 } else { 400 }, ""))
                }
                _ => None,
            }
        });
        try_push(&server).unwrap();
        assert_eq!((server.count("GET", "/uploads/"), server.count("PUT", "goes-on")), (1, 1));
        assert_eq!(server.count("POST", "/uploads/"), 3, "no session is begun anew");
    }
}

/// Row F22: if a registry reports no offset, or an invalid one, the whole blob is sent once more.
#[test]
fn broken_upload_restarts_without_valid_offset() {
    for (status, range) in [(404, ""), (204, ""), (204, "nonsense"), (204, "0-999999999"), (204, "0-0"), (204, "7-9")]
    {
        let broken = Mutex::new(false);
        let server = upload_server(move |request| match request.method.as_str() {
            "PUT"
                if request.target.contains("/uploads/") && !std::mem::replace(&mut *broken.lock().unwrap(), true) =>
            {
                Some(Reply { gone: true, ..Reply::default() })
            }
            "GET" => Some(Reply::new(status, "").header("Range", range)),
            _ => None,
        });
        try_push(&server).unwrap_or_else(|error| panic!("{range}: {error}"));
        assert_eq!(server.count("GET", "/uploads/"), 1, "{range}");
    }
}

/// Row F22: the upload URL is on another server, which gets the bytes but no credentials; or it is an
/// address to which redirects are forbidden.
#[test]
fn upload_redirect_does_not_forward_credentials() {
    let other = upload_server(|_| None);
    let place = format!("{}/v2/app/blobs/uploads/1?state=x", other.url());
    let server = upload_server(move |request| match (request.header("authorization"), request.method.as_str()) {
        ("", _) => Some(Reply::new(401, "").header("WWW-Authenticate", "Basic realm=\"x\"")),
        (_, "POST") => Some(Reply::new(202, "").header("Location", place.clone())),
        _ => None,
    });
    let (env, reference) = loaded(&server);
    let login = RegistryEnv::with_login(&server, "user", SECRET);
    push(&env.store, &reference, &login.connection, &|_| {}).unwrap();
    assert_eq!(other.count("PUT", "/uploads/"), 3);
    assert!(other.requests().iter().all(|request| request.header("authorization").is_empty()));
    for place in ["http://169.254.169.254/x", "http://elsewhere.invalid/x", "file:///x"] {
        let server = upload_server(move |request| {
            (request.method == "POST").then(|| Reply::new(202, "").header("Location", place))
        });
        let error = try_push(&server).unwrap_err().to_string();
        assert!(error.contains("which is not allowed"), "{error}");
    }
    let server = upload_server(|request| (request.method == "POST").then(|| Reply::new(202, "")));
    assert!(try_push(&server).unwrap_err().to_string().contains("has no Location header"));
}

/// Row F22: if a registry does not mount a blob, the blob is uploaded; otherwise it is not.
#[test]
fn blob_is_uploaded_if_mount_is_refused() {
    for (status, uploads) in [(201, 1), (202, 3), (404, 3), (405, 3)] {
        let server = upload_server(move |request| {
            let mount = request.method == "POST" && request.target.contains("mount=");
            mount.then(|| Reply::new(status, "").header("Location", "/v2/app/blobs/uploads/2"))
        });
        let (env, reference) = loaded(&server);
        let other: Reference = format!("{}/other:1", server.name()).parse().unwrap();
        env.store.tag(&reference.to_string(), &other).unwrap();
        push(&env.store, &reference, &env.connection, &|_| {}).unwrap();
        assert_eq!(server.count("PUT", "/uploads/"), uploads, "{status}");
        assert_eq!(server.count("POST", "from=other"), 2, "{status}");
    }
}

#[test]
fn refused_push_reports_the_reason() {
    let server = upload_server(|request| {
        (request.method == "POST").then(|| Reply::new(403, r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#))
    });
    let error = try_push(&server).unwrap_err().to_string();
    assert!(error.starts_with("push access denied for") && error.ends_with("not yours"), "{error}");
    let server = upload_server(|request| request.target.contains("/manifests/").then(|| Reply::new(400, "")));
    assert!(try_push(&server).unwrap_err().to_string().contains("cannot push the manifest"));
}
