//! Standard streams that are no terminal: they are the program's own, byte for byte.

use std::{
    fs,
    io::{Read, Write},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::place::Place;

/// A million bytes in which every value follows many others.
fn bytes() -> Vec<u8> {
    (0..1u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn interactive(place: &Place, script: &str) -> Child {
    let mut command = place.command(&["run", "--rm", "-i", "busybox", "sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn every_byte_passes_both_ways() {
    let place = Place::new();
    let all: Vec<u8> = (0..=255).collect();
    for input in [all, bytes()] {
        let mut child = interactive(&place, "cat");
        let mut stdin = child.stdin.take().unwrap();
        let copy = input.clone();
        let writer = thread::spawn(move || stdin.write_all(&copy).unwrap());
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(output.stdout == input, "{} of {} bytes", output.stdout.len(), input.len());
        assert!(output.status.success() && output.stderr.is_empty());
    }
}

#[test]
fn the_input_ends_and_the_output_goes_on() {
    let place = Place::new();
    let mut child = interactive(&place, "cat; echo end of input; sleep 0.2; echo and more");
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "typed\nend of input\nand more\n");
    // It has ended already, or was never open, or is a file.
    let script = ["run", "--rm", "-i", "busybox", "sh", "-c", "wc -c"];
    assert_eq!(place.run_with_input(&script, b"").stdout, "0\n");
    assert_eq!(place.run_with_input(&script, b"half a line").stdout, "11\n");
    let closed = place.program("sh", &["-c", "exec \"$ENGINE\" run --rm -i busybox wc -c <&-"]).output().unwrap();
    assert_eq!(String::from_utf8(closed.stdout).unwrap(), "0\n");
    fs::write(place.path("file"), bytes()).unwrap();
    let file = fs::File::open(place.path("file")).unwrap();
    let output = place.command(&script).stdin(file).output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "1048576\n");
    assert_eq!(place.containers(), 0);
}

/// A program that ends while there is input left does not wait for it, nor does the command.
#[test]
fn input_that_nobody_wants_holds_nothing_up() {
    let place = Place::new();
    let mut child = interactive(&place, "head -c 1; exit 4");
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"x").unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(4));
    drop(stdin);
}

/// The resident memory of a process, in KiB.
fn resident(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse().unwrap_or_default()
}

/// Whoever writes has to wait for whoever reads, however the two are connected; nobody in between keeps it all.
#[test]
fn a_reader_that_stops_makes_the_writer_wait() {
    let place = Place::new();
    for flags in [&["--rm"][..], &["--rm", "-t"], &["--rm", "--output-limit", "1g"]] {
        let arguments = [&["run"], flags, &["-v", ".:/shared", "busybox", "sh", "-c"]].concat();
        let script = "touch /shared/ready; exec yes";
        let mut command = place.command(&[&arguments[..], &[script]].concat());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut vec![0; 1 << 20]).unwrap();
        let before = resident(child.id());
        assert!(before > 0);
        let deadline = Instant::now() + Duration::from_secs(2);
        while Instant::now() < deadline {
            thread::sleep(Duration::from_millis(50));
            let now = resident(child.id());
            assert!(now < before + 4096, "{flags:?}: from {before} to {now} KiB");
        }
        // Still there, still in order; and whoever reads no more ends it.
        stdout.read_exact(&mut vec![0; 1 << 20]).unwrap();
        drop(stdout);
        child.wait().unwrap();
        assert_eq!(place.containers(), 0);
    }
}

/// No line is too long, and nobody waits for the second half of a character.
#[test]
fn lines_of_any_length_and_halves_of_characters_pass() {
    let place = Place::new();
    for (flags, mebibytes, end) in [(&[][..], 100, "\n"), (&["-t"], 20, "\r\n"), (&["--output-limit", "1g"], 100, "\n")]
    {
        let script = format!("dd if=/dev/zero bs=1M count={mebibytes} 2>/dev/null; echo end");
        let arguments = [&["run", "--rm"], flags, &["busybox", "sh", "-c", &script]].concat();
        let output = place.command(&arguments).output().unwrap();
        let (line, rest) = output.stdout.split_at(mebibytes << 20);
        assert!(line.iter().all(|byte| *byte == 0), "{flags:?}");
        assert_eq!(rest, format!("end{end}").as_bytes(), "{flags:?}");
    }
    for flags in [&[][..], &["--output-limit", "1g"]] {
        let script = "printf '\\303'; cat >/dev/null; printf '\\251\\n\\377'";
        let arguments = [&["run", "--rm", "-i"], flags, &["busybox", "sh", "-c", script]].concat();
        let mut command = place.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut first = [0];
        child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
        // It has come before the program has been allowed to write the rest.
        assert_eq!(first, [0o303], "{flags:?}");
        drop(child.stdin.take());
        let rest = child.wait_with_output().unwrap().stdout;
        assert_eq!(rest, b"\xa9\n\xff", "{flags:?}");
    }
}
