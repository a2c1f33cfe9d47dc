//! Copying between pipes and files, without a container.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::thread;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::*;

/// The engine's end and the container's end of an output, or the container's and the engine's end of an input.
fn pipe() -> (File, File) {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    (read.into(), write.into())
}

/// Copies everything from a pipe, into which a program writes `input` and then exits.
fn copied(sink: Sink, limit: Option<u64>, input: Vec<u8>, output: &mut OutputCallback<'_>) -> Streams {
    let (read, mut write) = pipe();
    let mut streams = Streams::new(OutputBudget::new(limit));
    streams.add(Channel::new(StandardStream::Stdout, Source::Pipe(read), sink)).expect("a flag");
    // A program whose output is no longer read gets EPIPE.
    let program = thread::spawn(move || write.write_all(&input).is_ok());
    while !streams.is_empty() && !streams.budget().is_exceeded() {
        streams.turn(&[], None, output).expect("poll");
    }
    streams.finish();
    while !streams.is_empty() {
        streams.turn(&[], None, output).expect("poll");
    }
    program.join().expect("no panic");
    streams
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count as u32).map(|number| (number.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn file_of(file: &File) -> Sink {
    let copy = file.try_clone().expect("a descriptor");
    Sink::CallerStream(CallerStream::inspect(copy, StandardStream::Stdout).expect("a file can be written to"))
}

#[track_caller]
fn check_limit(limit: u64, input: &[u8], expected: &[u8], is_exceeded: bool) {
    let mut passed = Vec::new();
    let streams =
        copied(Sink::Callback, Some(limit), input.to_vec(), &mut |_, bytes| passed.extend_from_slice(bytes));
    assert!(passed == expected && streams.budget().is_exceeded() == is_exceeded, "callback: {} bytes", passed.len());
    let mut file = tempfile::tempfile().expect("a file");
    let streams = copied(file_of(&file), Some(limit), input.to_vec(), &mut |_, _| {});
    passed.clear();
    file.rewind().and_then(|()| file.read_to_end(&mut passed)).expect("its content");
    assert!(passed == expected && streams.budget().is_exceeded() == is_exceeded, "file: {} bytes", passed.len());
}

#[test]
fn output_limit_is_enforced() {
    check_limit(5, b"", b"", false);
    check_limit(5, b"hello", b"hello", false);
    check_limit(5, b"hello!", b"hello", true);
    check_limit(0, b"hello", b"", true);
    let long = bytes(400_000);
    check_limit(150_000, &long, &long[..150_000], true);
    check_limit(400_000, &long, &long, false);
    check_limit(u64::MAX, &long, &long, false);
}

#[test]
fn input_can_come_from_memory() {
    for input in [Vec::new(), b"short".to_vec(), bytes(1_000_000)] {
        let (mut read, write) = pipe();
        let mut streams = Streams::new(OutputBudget::new(Some(3)));
        streams
            .add(Channel::new(StandardStream::Stdin, Source::Memory(Arc::from(&*input), 0), Sink::Pipe(write)))
            .expect("a flag");
        let program = thread::spawn(move || {
            let mut content = Vec::new();
            read.read_to_end(&mut content).map(|_| content)
        });
        while !streams.is_empty() {
            streams.turn(&[], None, &mut |_, _| {}).expect("poll");
        }
        assert!(program.join().expect("no panic").expect("content") == input, "{} bytes", input.len());
        assert!(!streams.budget().is_exceeded(), "an input is not counted");
    }
}

/// Two processes that share a file offset, as in `(minicontainer run … & minicontainer run …) > log`, lose nothing:
/// what one writes by splice(2) and another by write(2) do not overlap.
#[test]
fn shared_file_loses_no_output() {
    const EACH: usize = 8 << 20;
    let mut file = tempfile::tempfile().expect("a file");
    thread::scope(|scope| {
        for letter in [b'a', b'b'] {
            let file = &file;
            scope.spawn(move || {
                let streams = copied(file_of(file), None, vec![letter; EACH], &mut |_, _| {});
                assert!(streams.failure.is_none());
            });
        }
        let mut other = file.try_clone().expect("a descriptor");
        scope.spawn(move || (0..EACH / 4096).for_each(|_| other.write_all(&[b'c'; 4096]).expect("a file")));
    });
    let mut content = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut content)).expect("its content");
    let counts = [b'a', b'b', b'c'].map(|letter| content.iter().filter(|byte| **byte == letter).count());
    assert_eq!((counts, content.len()), ([EACH; 3], 3 * EACH));
}

/// If the kernel cannot splice into the file, the bytes are written.
#[test]
fn appended_file_gets_all_bytes_at_its_end() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("log");
    std::fs::write(&path, "before\n").expect("a file");
    let file = File::options().append(true).open(&path).expect("the file");
    let input = bytes(3_000_000);
    copied(file_of(&file), None, input.clone(), &mut |_, _| {});
    let content = std::fs::read(&path).expect("its content");
    assert!(content.strip_prefix(b"before\n") == Some(&input), "{} bytes", content.len());
}

/// The caller's pipe is shared with other processes, whose calls must block as before.
#[test]
fn flags_of_callers_pipe_are_unchanged() {
    let (mut read, write) = pipe();
    let before = nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_GETFL).expect("flags");
    let sink = file_of(&write);
    let reader = thread::spawn(move || {
        let mut content = Vec::new();
        read.read_to_end(&mut content).map(|_| content)
    });
    let input = bytes(1_000_000);
    copied(sink, None, input.clone(), &mut |_, _| {});
    assert_eq!(nix::fcntl::fcntl(&write, nix::fcntl::FcntlArg::F_GETFL), Ok(before));
    drop(write);
    assert!(reader.join().expect("no panic").expect("content") == input);
}

/// As with a direct pipe: the program gets EPIPE at its next write.
#[test]
fn closed_reader_closes_the_containers_pipe() {
    let ((caller_read, caller_write), (read, mut write)) = (pipe(), pipe());
    let mut streams = Streams::new(OutputBudget::new(None));
    streams.add(Channel::new(StandardStream::Stdout, Source::Pipe(read), file_of(&caller_write))).expect("a flag");
    drop(caller_read);
    while !streams.is_empty() {
        streams.turn(&[], None, &mut |_, _| {}).expect("poll");
    }
    assert_eq!(write.write(b"x").map_err(|error| error.kind()), Err(std::io::ErrorKind::BrokenPipe));
    assert!(streams.take_failure().is_none(), "which is not a failure");
}
