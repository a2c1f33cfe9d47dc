//! Interrupted pulls and pushes, and how much of them is transferred again. A proxy in front of a real registry stops
//! after a number of bytes.

use std::{
    fs,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    registry::{Access, Registry, command, leftovers, run, succeed},
    test_env::TestEnv,
};

/// Larger than the kernel's socket buffers.
const SIZE: u64 = 24 << 20;

/// A direction of transfer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// The bytes that have passed a proxy, and its limit.
#[derive(Default)]
struct Gate {
    up: AtomicU64,
    down: AtomicU64,
    /// The bytes of each connection that pass. After them the connection breaks or stalls, as `breaks` says.
    limit: AtomicU64,
    breaks: AtomicBool,
    /// Whether a connection has stalled. Then all others stall too, so a client that retries gets no further.
    stalled: AtomicBool,
}

impl Gate {
    fn count(&self, way: Way) -> &AtomicU64 {
        if way == Way::Up { &self.up } else { &self.down }
    }

    /// Lets everything pass from now on.
    fn open(&self) {
        self.limit.store(u64::MAX, Ordering::SeqCst);
        self.stalled.store(false, Ordering::SeqCst);
    }
}

/// Starts a proxy in front of a registry and returns its address. It runs until the test process exits.
fn proxy(registry: &Registry, limited: Way) -> (String, Arc<Gate>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let gate = Arc::new(Gate { limit: AtomicU64::new(u64::MAX), ..Gate::default() });
    let (behind, shared) = (registry.address.clone(), Arc::clone(&gate));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (Ok(near), Ok(far)) = (stream, TcpStream::connect(&behind)) else { return };
            for (from, to, way) in [(&near, &far, Way::Up), (&far, &near, Way::Down)] {
                let (from, to, gate) = (from.try_clone().unwrap(), to.try_clone().unwrap(), Arc::clone(&shared));
                thread::spawn(move || pass(from, to, way, (way == limited).then_some(&*gate), &gate));
            }
        }
    });
    (address, gate)
}

fn pass(mut from: TcpStream, mut to: TcpStream, way: Way, limited: Option<&Gate>, gate: &Gate) {
    let (mut piece, mut passed) = (vec![0; 1 << 16], 0);
    loop {
        let count = match from.read(&mut piece) {
            Ok(count) if count > 0 => count,
            _ => break,
        };
        let stalled = gate.stalled.load(Ordering::SeqCst);
        if limited.is_some_and(|gate| stalled || passed >= gate.limit.load(Ordering::SeqCst)) {
            if gate.breaks.load(Ordering::SeqCst) {
                // Only the first connection breaks. The retry must succeed.
                gate.limit.store(u64::MAX, Ordering::SeqCst);
                break;
            }
            // Stalls until the client gives up and closes the connection.
            gate.stalled.store(true, Ordering::SeqCst);
            while to.peek(&mut [0]).is_ok_and(|count| count > 0) {
                thread::sleep(Duration::from_millis(10));
            }
            break;
        }
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
        passed += count as u64;
        gate.count(way).fetch_add(count as u64, Ordering::SeqCst);
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// An image with one layer that cannot be compressed.
fn large_image(place: &TestEnv, name: &str) {
    let script = format!(
        "head -c {SIZE} /dev/urandom > large && tar -cf large.tar large && \"$ENGINE\" import large.tar {name}"
    );
    let output = place.program("sh", &["-c", &script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Waits until a condition holds.
#[track_caller]
fn wait(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < deadline, "timed out after two minutes: {what}");
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn pull_resumes_after_interruption() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let (address, gate) = proxy(&registry, Way::Down);
    let name = format!("{address}/large:1");
    large_image(&place, &name);
    succeed(&place, "store", &["push", &name]);

    gate.limit.store(SIZE / 2, Ordering::SeqCst);
    let mut pull = command(&place, "second", &["pull", &name]);
    let mut pull = pull.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let downloads = place.path("second/downloads");
    let downloaded = || {
        let files = fs::read_dir(&downloads).into_iter().flatten().flatten();
        files.filter_map(|file| Some(file.metadata().ok()?.len())).sum::<u64>()
    };
    wait("half of the layer is downloaded", || downloaded() >= SIZE / 2 - (1 << 20));
    kill(Pid::from_raw(i32::try_from(pull.id()).unwrap()), Signal::SIGINT).unwrap();
    assert!(!pull.wait().unwrap().success());
    let had = downloaded();
    assert_eq!(succeed(&place, "second", &["images", "-q"]), "", "the image exists already");

    gate.open();
    gate.down.store(0, Ordering::SeqCst);
    succeed(&place, "second", &["pull", &name]);
    let again = gate.down.load(Ordering::SeqCst);
    assert!(again < SIZE - had + (1 << 20), "{again} bytes were downloaded, but only {} were missing", SIZE - had);
    assert_eq!(downloaded(), 0, "a part of the download is left");
    assert_eq!(leftovers(&place.path("second")), 0);
}

#[test]
fn push_completes_after_broken_connection() {
    let Some(registry) = Registry::start(Access::Everybody) else { return };
    let place = TestEnv::new();
    let (address, gate) = proxy(&registry, Way::Up);
    let name = format!("{address}/large:1");
    large_image(&place, &name);
    gate.breaks.store(true, Ordering::SeqCst);
    gate.limit.store(SIZE / 2, Ordering::SeqCst);
    let answer = run(&place, "store", &["push", &name]);
    assert_eq!(answer.code, 0, "{}{}", answer.stdout, answer.stderr);
    assert!(answer.stdout.contains(": Retrying") && answer.stdout.contains(": Pushed"), "{}", answer.stdout);
    // This registry forgets a broken session, so the whole layer is sent again, but only once.
    let sent = gate.up.load(Ordering::SeqCst);
    assert!(sent < 2 * SIZE, "{sent} bytes were sent for {SIZE}");
    succeed(&place, "second", &["pull", &name]);
}
