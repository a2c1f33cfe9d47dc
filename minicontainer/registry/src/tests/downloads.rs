//! Broken connections, busy servers, and wrong content.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

const SIZE: usize = 1 << 20;

fn one_layer_image() -> (Shelf, String) {
    let big = layer("big", SIZE);
    (Shelf::with_image(std::slice::from_ref(&big)), Digest::of(&big).to_string())
}

/// Row F19 of the hostile corpus: the connection breaks after each 64 KiB, and each byte is transferred once.
#[test]
fn download_resumes_where_it_broke() {
    let (shelf, digest) = one_layer_image();
    let blob = digest.clone();
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let server = shelf.serve_but(move |request, reply| match request.target.contains(&blob) {
        true => {
            count.fetch_add(reply.body.len().min(1 << 16), Ordering::SeqCst);
            reply.cut(1 << 16)
        }
        false => reply,
    });
    let env = RegistryEnv::new();
    env.pull(&server).unwrap();
    assert!(server.count("GET", &digest) >= SIZE >> 16);
    // Data that was in the socket buffers when the connection broke may be sent twice.
    let total = sent.load(Ordering::SeqCst);
    assert!(total < 2 * SIZE, "{total} bytes were sent for {SIZE}");
    let image = env.store.image(&format!("{}/app:1", server.name())).unwrap();
    assert_eq!(image.size(), SIZE as u64);
}

/// Row F19: a server without support for ranges sends the whole blob again, and the bytes that are already stored are
/// skipped.
#[test]
fn server_without_ranges_works() {
    let (shelf, digest) = one_layer_image();
    let whole = shelf.blobs[&digest].clone();
    let server = shelf.serve_but(move |request, reply| match (request.target.contains(&digest), request.number) {
        (true, number) if number < 4 => Reply::new(200, whole.clone()).cut(whole.len() / 2 + number * 1000),
        (true, _) => Reply::new(200, whole.clone()),
        _ => reply,
    });
    RegistryEnv::new().pull(&server).unwrap();
}

/// Row F19: a range other than the requested one is not accepted, and neither is 416 (range not satisfiable).
#[test]
fn wrong_range_is_not_used() {
    for wrong in ["bytes 0-9/10", "bytes 5-1/x", "nonsense", ""] {
        let (shelf, digest) = one_layer_image();
        let server = shelf.serve_but(move |request, mut reply| match request.target.contains(&digest) {
            true if !request.header("range").is_empty() => {
                reply.headers.clear();
                reply.header("Content-Range", wrong)
            }
            true if request.number < 4 => reply.cut(100_000),
            _ => reply,
        });
        RegistryEnv::new().pull(&server).unwrap_or_else(|error| panic!("{wrong}: {error}"));
    }
    let (shelf, digest) = one_layer_image();
    let server = shelf.serve_but(move |request, reply| match request.target.contains(&digest) {
        true if !request.header("range").is_empty() => Reply::new(416, ""),
        true if request.number < 4 => reply.cut(100_000),
        _ => reply,
    });
    RegistryEnv::new().pull(&server).unwrap();
}

/// Row F19: content that changes between two parts has another digest.
#[test]
fn parts_of_different_blobs_are_refused() {
    let (shelf, digest) = one_layer_image();
    let server = shelf.serve_but(move |request, mut reply| {
        if request.target.contains(&digest) {
            let first = request.header("range").is_empty();
            let etag = if first { "\"one\"" } else { "\"two\"" };
            reply.body.iter_mut().for_each(|byte| *byte = byte.wrapping_add(u8::from(!first)));
            reply = reply.header("ETag", etag);
            return if first { reply.cut(100_000) } else { reply };
        }
        reply
    });
    RegistryEnv::new().check_refused(&server, "does not match its digest");
}

#[test]
fn connection_that_always_breaks_is_given_up() {
    let (shelf, digest) = one_layer_image();
    let blob = digest.clone();
    let server =
        shelf.serve_but(move |request, reply| if request.target.contains(&blob) { reply.cut(10) } else { reply });
    RegistryEnv::new().check_refused(&server, "cannot reach");
    assert!(server.count("GET", &digest) <= 10, "{}", server.count("GET", &digest));
}

#[test]
fn sizes_and_digests_are_verified() {
    for (extra, expect) in
        [(1, "but its descriptor says"), (-1, "but its descriptor says"), (0, "does not match its digest")]
    {
        for chunked in [false, true] {
            let (shelf, digest) = one_layer_image();
            let server = shelf.serve_but(move |request, mut reply| {
                if !request.target.contains(&digest) {
                    return reply;
                }
                match extra {
                    1 => reply.body.push(0),
                    -1 if chunked => return Reply::new(404, ""),
                    -1 => drop(reply.body.pop()),
                    _ => reply.body[77] ^= 1,
                }
                if chunked {
                    let body =
                        [format!("{:x}\r\n", reply.body.len()).as_bytes(), &reply.body, b"\r\n0\r\n\r\n"].concat();
                    reply = Reply { body, ..reply }.header("Transfer-Encoding", "chunked");
                }
                reply
            });
            let expect = if extra == -1 && chunked { "answered 404" } else { expect };
            RegistryEnv::new().check_refused(&server, expect);
        }
    }
}

/// Row F21 of the hostile corpus: temporary errors are retried within bounds; permanent ones are not.
#[test]
fn busy_registry_is_retried() {
    for status in [408, 429, 500, 502, 503, 504] {
        let shelf = Shelf::with_image(&[layer("file", 10)]);
        let server = shelf.serve_but(move |request, reply| match request.number % 3 {
            2 => reply,
            _ => Reply::new(status, "").header("Retry-After", "0"),
        });
        RegistryEnv::new().pull(&server).unwrap_or_else(|error| panic!("{status}: {error}"));
        let server = Server::start(move |_| Reply::new(status, r#"{"errors":[{"code":"TOOMANYREQUESTS"}]}"#));
        RegistryEnv::new()
            .check_refused(&server, &format!("answered {status} to each of 5 attempts: toomanyrequests"));
        assert_eq!(server.requests().len(), 5);
        let server = Server::start(move |_| Reply::new(status, "").header("Retry-After", "86400"));
        RegistryEnv::new().check_refused(&server, "asks to wait 86400 seconds");
        assert_eq!(server.requests().len(), 1);
    }
    for status in [400, 405, 410, 501] {
        let server = Server::start(move |_| Reply::new(status, ""));
        RegistryEnv::new().check_refused(&server, &format!("answered {status}"));
        assert_eq!(server.requests().len(), 1);
    }
}

/// Row F21: a blob with chunked encoding, without a `Content-Length`.
#[test]
fn blob_without_length_is_fetched() {
    let (shelf, digest) = one_layer_image();
    let server = shelf.serve_but(move |request, reply| match request.target.contains(&digest) {
        true => {
            let mut body = Vec::new();
            for chunk in reply.body.chunks(50_000) {
                body.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                body.extend_from_slice(chunk);
                body.extend_from_slice(b"\r\n");
            }
            body.extend_from_slice(b"0\r\n\r\n");
            Reply { body, ..reply }.header("Transfer-Encoding", "chunked")
        }
        false => reply,
    });
    RegistryEnv::new().pull(&server).unwrap();
}
