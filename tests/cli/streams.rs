//! Standard streams that are not a terminal: the program has pipes, and every byte is copied.

use std::{
    fs,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::net::UnixStream},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::{
    fcntl::{FcntlArg, fcntl},
    sys::signal::{Signal, kill},
    unistd::{Pid, mkfifo, pipe},
};

use crate::test_env::TestEnv;

/// A mebibyte of pseudo-random bytes.
fn bytes() -> Vec<u8> {
    (0..1u32 << 20).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn interactive(place: &TestEnv, script: &str) -> Child {
    let mut command = place.command(&["run", "--rm", "-i", "busybox", "sh", "-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn every_byte_passes_in_both_directions() {
    let place = TestEnv::new();
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
fn output_continues_after_the_input_ends() {
    let place = TestEnv::new();
    let mut child = interactive(&place, "cat; echo end of input; sleep 0.2; echo and more");
    child.stdin.take().unwrap().write_all(b"typed\n").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "typed\nend of input\nand more\n");
    // Input that has ended before the start, a closed stdin, and a file.
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

/// When the program exits before its input has ended, the command exits too.
#[test]
fn unread_input_does_not_delay_the_exit() {
    let place = TestEnv::new();
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

/// If the reader stops, the program blocks in write(2). The engine does not buffer the output in memory.
#[test]
fn writer_waits_for_a_reader_that_stops() {
    let place = TestEnv::new();
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
        // The output continues where it stopped, and the program ends when the reader closes the stream.
        stdout.read_exact(&mut vec![0; 1 << 20]).unwrap();
        drop(stdout);
        child.wait().unwrap();
        assert_eq!(place.containers(), 0);
    }
}

/// Output is forwarded immediately, without waiting for the end of a line or of a character.
#[test]
fn long_lines_and_partial_characters_pass() {
    let place = TestEnv::new();
    for (flags, mebibytes, end) in
        [(&[][..], 100, "\n"), (&["-t"], 20, "\r\n"), (&["--output-limit", "1g"], 100, "\n")]
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
        // The first byte arrives before the program can write the rest, because its stdin is still open.
        assert_eq!(first, [0o303], "{flags:?}");
        drop(child.stdin.take());
        let rest = child.wait_with_output().unwrap().stdout;
        assert_eq!(rest, b"\xa9\n\xff", "{flags:?}");
    }
}

/// Runs a shell script, in which `$ENGINE` is the command. Returns its stdout and exit code.
#[track_caller]
fn shell(place: &TestEnv, script: &str) -> (String, Option<i32>) {
    let output = place.program("bash", &["-c", script]).stderr(Stdio::inherit()).output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code())
}

/// With `> FILE 2>&1` the program has one pipe for both streams, so its output keeps the order. Two files get one
/// stream each.
#[test]
fn output_to_the_same_file_keeps_its_order() {
    let place = TestEnv::new();
    let lines = "for i in 1 2 3 4 5 6 7 8 9; do echo out $i; echo err $i >&2; done";
    let expected: String = (1..10).map(|i| format!("out {i}\nerr {i}\n")).collect();
    for redirected in ["> o 2>&1", "2> o >&2", ">> o 2>&1", "2>&1 | cat > o"] {
        fs::write(place.path("o"), "").unwrap();
        shell(&place, &format!("\"$ENGINE\" run --rm busybox sh -c '{lines}' {redirected}"));
        assert_eq!(fs::read_to_string(place.path("o")).unwrap(), expected, "{redirected}");
    }
    shell(&place, &format!("\"$ENGINE\" run --rm busybox sh -c '{lines}' > o 2> e"));
    let [out, err] = ["o", "e"].map(|name| fs::read_to_string(place.path(name)).unwrap());
    assert_eq!((out.lines().count(), err.lines().count()), (9, 9));
    assert!(out.lines().all(|line| line.starts_with("out")) && err.lines().all(|line| line.starts_with("err")));
}

/// Commands that share `> log` share its offset, so none of them overwrites the output of another.
#[test]
fn commands_sharing_a_file_lose_no_output() {
    let place = TestEnv::new();
    let large = "\"$ENGINE\" run --rm busybox sh -c 'dd if=/dev/zero bs=1M count=24 2>/dev/null'";
    let small = "\"$ENGINE\" run --rm busybox sh -c 'for i in $(seq 2000); do echo line; done'";
    shell(&place, &format!("{{ {large} & {small} & {large} & wait; }} > log"));
    let log = fs::read(place.path("log")).unwrap();
    let zeros = log.iter().filter(|byte| **byte == 0).count();
    assert_eq!((zeros, log.len()), (48 << 20, (48 << 20) + 2000 * "line\n".len()));
}

/// If the engine cannot write the program's output, it fails, because the program did not get the error.
#[test]
fn unwritable_output_is_a_failure() {
    let place = TestEnv::new();
    for (script, code) in [("echo lost", 125), ("echo lost; exit 3", 3), ("exit 0", 0), ("echo lost >&2", 0)] {
        let (_, ended) = shell(&place, &format!("\"$ENGINE\" run --rm busybox sh -c '{script}' 2>err >/dev/full"));
        let said = fs::read_to_string(place.path("err")).unwrap();
        assert_eq!(ended, Some(code), "{script}: {said}");
        let is_told = said.contains("cannot copy the container's stdout: No space left on device");
        assert_eq!(is_told, script.starts_with("echo lost") && !script.ends_with("&2"), "{script}: {said}");
    }
    // The container's state keeps the program's own exit code.
    let run = "\"$ENGINE\" run --name full busybox echo lost >/dev/full";
    assert_eq!(shell(&place, &format!("{run}; \"$ENGINE\" inspect -f '{{{{.State.ExitCode}}}}' full")).0, "0\n");
    place.succeed(&["rm", "full"]);
}

/// After the reader has gone, the program's next write fails, even if it is the first, as with a direct pipe.
#[test]
fn program_notices_that_its_reader_has_gone() {
    let place = TestEnv::new();
    let script = "trap \"\" PIPE; sleep 0.5; echo x 2>/dev/null || exit 7";
    let run = format!("\"$ENGINE\" run --rm busybox sh -c '{script}'");
    assert_eq!(shell(&place, &format!("{run} | true; echo ${{PIPESTATUS[0]}}")).0, "7\n");
    assert_eq!(shell(&place, &format!("{run} | cat; echo ${{PIPESTATUS[0]}}")).0, "x\n0\n", "the control");
    // If the other end of a socket is closed, the command reports no error.
    let (near, far) = UnixStream::pair().unwrap();
    let mut child = place.command(&["run", "--rm", "busybox", "yes"]);
    let child = child.stdout(OwnedFd::from(near)).stderr(Stdio::piped()).spawn().unwrap();
    (&far).read_exact(&mut [0; 1000]).unwrap();
    drop(far);
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(!String::from_utf8_lossy(&output.stderr).contains("cannot copy"), "{output:?}");
}

/// All input and output passes through sockets and FIFOs, as it does through pipes.
#[test]
fn every_byte_passes_through_sockets_and_fifos() {
    let place = TestEnv::new();
    let input = bytes();
    let (mut near, far) = UnixStream::pair().unwrap();
    let mut child = place.command(&["run", "--rm", "-i", "busybox", "cat"]);
    let mut child = child.stdin(OwnedFd::from(far.try_clone().unwrap())).stdout(OwnedFd::from(far)).spawn().unwrap();
    let (mut writer, copy) = (near.try_clone().unwrap(), input.clone());
    let writing = thread::spawn(move || {
        writer.write_all(&copy).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut output = vec![0; input.len()];
    near.read_exact(&mut output).unwrap();
    writing.join().unwrap();
    assert!(output == input && child.wait().unwrap().success());
    // With the short input, the FIFO's writer has gone before the command starts.
    mkfifo(&place.path("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    fs::write(place.path("input"), &input).unwrap();
    let through = "cat input > fifo & exec < fifo; \"$ENGINE\" run --rm -i busybox cat > output";
    assert_eq!(shell(&place, through).1, Some(0));
    assert!(fs::read(place.path("output")).unwrap() == input);
    let short = "echo hi > fifo & exec < fifo; wait $!; \"$ENGINE\" run --rm -i busybox cat";
    assert_eq!(shell(&place, short), ("hi\n".to_owned(), Some(0)));
}

/// The user's shell shares its open files with the command, so O_NONBLOCK would affect both.
#[test]
fn flags_of_callers_streams_are_unchanged() {
    let place = TestEnv::new();
    let (reader, writer) = pipe().unwrap();
    let (near, far) = UnixStream::pair().unwrap();
    let far = OwnedFd::from(far);
    let flags = |one: &OwnedFd| fcntl(one, FcntlArg::F_GETFL).unwrap();
    let before = [&reader, &writer, &far].map(flags);
    let mut command = place.command(&["run", "--rm", "-i", "busybox", "sh", "-c", "echo ready; echo ready >&2; cat"]);
    command.stdin(reader.try_clone().unwrap()).stdout(far.try_clone().unwrap());
    let mut child = command.stderr(writer.try_clone().unwrap()).spawn().unwrap();
    drop(command);
    let mut line = [0; 6];
    (&near).read_exact(&mut line).unwrap();
    assert_eq!((&line, [&reader, &writer, &far].map(flags)), (b"ready\n", before));
    // The program reads its own stderr through the pipe, so it never reaches the end of its input.
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    child.wait().unwrap();
    assert_eq!([&reader, &writer, &far].map(flags), before);
}

/// The output that a program wrote before its exit is kept until a slow reader has read it. A signal ends the wait.
#[test]
fn slow_reader_gets_all_output_and_signal_ends_the_wait() {
    let place = TestEnv::new();
    let write = "head -c 120000 /dev/zero; echo end >&2";
    let (counted, _) = shell(&place, &format!("\"$ENGINE\" run --rm busybox sh -c '{write}' | (sleep 1; wc -c)"));
    assert_eq!(counted, "120000\n");
    let mut command = place.command(&["run", "--name", "slow", "busybox", "sh", "-c", write]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stderr.as_mut().unwrap().read_exact(&mut [0; 4]).unwrap();
    thread::sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "the command did not wait for its reader");
    kill(Pid::from_raw(child.id() as i32), Signal::SIGTERM).unwrap();
    // The program had already exited successfully.
    assert_eq!(child.wait().unwrap().code(), Some(0));
    place.succeed(&["rm", "slow"]);
}
