//! A web server whose answers, including faults, are determined by the test: one request per connection, raw bytes in
//! the answer.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request, as the server saw it.
#[derive(Clone, Debug)]
pub struct ReceivedRequest {
    pub method: String,
    pub target: String,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
    /// How many requests came before it.
    pub number: usize,
    /// Whether the client sent a certificate of its own.
    pub has_certificate: bool,
}

impl ReceivedRequest {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// The server's answer.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The connection breaks after this many bytes of the body.
    pub cut: Option<usize>,
    /// A delay between two bytes of the body.
    pub drip: Option<Duration>,
    /// Nothing is sent, and the connection stays open.
    pub silent: bool,
    /// Nothing is sent, and the connection is closed.
    pub gone: bool,
}

impl Reply {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply { status, body: body.into(), ..Reply::default() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Reply {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn cut(mut self, at: usize) -> Reply {
        self.cut = Some(at);
        self
    }
}

/// The server; it stops when it is dropped.
pub struct Server {
    pub address: SocketAddr,
    requests: Arc<Mutex<Vec<ReceivedRequest>>>,
    ended: Arc<AtomicBool>,
}

impl Server {
    pub fn start(answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static) -> Server {
        Server::start_with(None, answer)
    }

    /// The same over TLS.
    pub fn start_tls(
        config: Arc<ServerConfig>,
        answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static,
    ) -> Server {
        Server::start_with(Some(config), answer)
    }

    fn start_with(
        tls: Option<Arc<ServerConfig>>,
        answer: impl Fn(&ReceivedRequest) -> Reply + Send + Sync + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (requests, ended) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let server = Server { address, requests: Arc::clone(&requests), ended: Arc::clone(&ended) };
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, requests, ended) = (Arc::clone(&answer), Arc::clone(&requests), Arc::clone(&ended));
                let tls = tls.clone();
                thread::spawn(move || {
                    let stream = stream.unwrap();
                    // A client that disconnects is not a failure of the server.
                    let _ = match tls {
                        None => serve(stream, false, &*answer, &requests, &ended),
                        Some(config) => serve_tls(stream, config, &*answer, &requests, &ended),
                    };
                });
            }
        });
        server
    }

    /// Its name as a registry.
    pub fn name(&self) -> String {
        format!("127.0.0.1:{}", self.address.port())
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.name())
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.requests.lock().unwrap().clone()
    }

    /// The number of requests with this method and with this text in their target.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.requests().iter().filter(|request| request.method == method && request.target.contains(part)).count()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve_tls(
    mut stream: TcpStream,
    config: Arc<ServerConfig>,
    answer: &dyn Fn(&ReceivedRequest) -> Reply,
    log: &Mutex<Vec<ReceivedRequest>>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    let mut connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            // The client's data must be read first. Otherwise the kernel would discard the alert that contains the
            // reason.
            stream.shutdown(Shutdown::Write)?;
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            std::io::copy(&mut stream, &mut std::io::sink())?;
            return Err(error);
        }
    }
    let has_certificate = connection.peer_certificates().is_some();
    let mut stream = StreamOwned::new(connection, stream);
    serve(&mut stream, has_certificate, answer, log, ended)?;
    stream.conn.send_close_notify();
    stream.flush()
}

fn serve(
    stream: impl Read + Write,
    has_certificate: bool,
    answer: &dyn Fn(&ReceivedRequest) -> Reply,
    log: &Mutex<Vec<ReceivedRequest>>,
    ended: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    // This byte starts a TLS handshake; a web server without TLS treats it as an invalid request.
    if reader.fill_buf()?.first() == Some(&0x16) {
        return reader.get_mut().write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    }
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Ok(()) };
    let mut request = ReceivedRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: BTreeMap::new(),
        body: Vec::new(),
        number: 0,
        has_certificate,
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        request.headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = request.header("content-length").parse().unwrap_or(0);
    reader.by_ref().take(length).read_to_end(&mut request.body)?;
    request.number = {
        let mut log = log.lock().unwrap();
        log.push(request.clone());
        log.len() - 1
    };
    send(reader.get_mut(), &answer(&request), &request.method, ended)
}

fn send(stream: &mut impl Write, reply: &Reply, method: &str, ended: &AtomicBool) -> std::io::Result<()> {
    if reply.gone {
        return Ok(());
    }
    if reply.silent {
        while !ended.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(10));
        }
        return Ok(());
    }
    let mut head = format!("HTTP/1.1 {} Status\r\nConnection: close\r\n", reply.status);
    let own = |wanted: &str| reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    if !own("content-length") && !own("transfer-encoding") && reply.status != 204 {
        head += &format!("Content-Length: {}\r\n", reply.body.len());
    }
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    stream.write_all((head + "\r\n").as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    let body = &reply.body[..reply.cut.unwrap_or(reply.body.len()).min(reply.body.len())];
    match reply.drip {
        None => stream.write_all(body),
        Some(pause) => body.iter().try_for_each(|byte| {
            thread::sleep(pause);
            stream.write_all(&[*byte])
        }),
    }
}
