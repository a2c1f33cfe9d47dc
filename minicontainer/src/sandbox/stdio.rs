//! A container's stdin, stdout and stderr: the caller's choices, implemented with pipes.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::Error;
use super::streams::{CallerStream, Channel, OutputBudget, Sink, Source, StandardStream, Streams};
use crate::process::standard_streams::{Standard, Stream, above_standard};
use crate::sys::calls;

/// One of the three standard streams of a container.
///
/// The program gets a pipe, and the engine copies between the pipe and the caller's file. The container never gets
/// the caller's open file, unless it is passed as [`raw_fd`](Stdio::raw_fd). So the program cannot change the file's
/// mode or owner, read a file that is open only for writing, seek in it, or lock it.
///
/// **When it is copied.** [`Sandbox::status`](super::Sandbox::status), [`Sandbox::output`](super::Sandbox::output)
/// and a started [launch](super::Launch::start) copy while the caller waits. After
/// [`Sandbox::spawn`](super::Sandbox::spawn) a thread copies, so that the program never waits for a caller that is
/// busy with something else. In both cases [`Running::wait`](super::Running::wait) returns when everything that the
/// program and its children wrote has been copied.
///
/// **What differs from the file itself.** Input is read ahead, so input that the program leaves unread is lost to the
/// next reader of the file. The reader of an output sees its end when the container has ended, even if the program
/// closes its stdout earlier. If stdout and stderr are the same open file, as after `2>&1`, the program has one pipe
/// for both, so the order of what it writes is kept. When the reader of an output closes it, the program gets SIGPIPE
/// or EPIPE.
#[derive(Clone, Debug, Default)]
pub enum Stdio {
    /// The caller's own stream, copied. If the caller has closed it, the same as [`Null`](Stdio::Null). A directory
    /// or a block device as stdin is an error.
    #[default]
    Inherit,
    /// The container's own `/dev/null`. In a container without its own `/dev`: an empty pipe for stdin, and a pipe
    /// whose content is discarded for stdout and stderr.
    Null,
    /// A pipe. [`Running`](super::Running) has the other end.
    Piped,
    /// An open file of the caller, copied as [`Inherit`](Stdio::Inherit) is, from its current offset.
    File(Arc<File>),
    /// For stdin: these bytes, followed by end of file.
    Bytes(Arc<[u8]>),
    /// The caller's open file itself, see [`raw_fd`](Stdio::raw_fd).
    HandedOver(Arc<OwnedFd>),
}

impl Stdio {
    /// Gives the program this open file itself, without a pipe in between. The program can do everything with the
    /// file that its user ids and the descriptor allow. Use this for pipes and sockets created for this program only;
    /// a host file should be [copied](Stdio::File).
    pub fn raw_fd(descriptor: impl Into<OwnedFd>) -> Stdio {
        Stdio::HandedOver(Arc::new(descriptor.into()))
    }
}

impl From<File> for Stdio {
    fn from(file: File) -> Stdio {
        Stdio::File(Arc::new(file))
    }
}

impl From<Arc<[u8]>> for Stdio {
    fn from(bytes: Arc<[u8]>) -> Stdio {
        Stdio::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Stdio {
    fn from(bytes: Vec<u8>) -> Stdio {
        Stdio::Bytes(bytes.into())
    }
}

/// The caller's ends of the pipes.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub stdin: Option<File>,
    pub stdout: Option<File>,
    pub stderr: Option<File>,
}

/// The streams of a container before it starts.
#[derive(Debug)]
pub(super) struct Connected {
    /// The container's side.
    pub standard: Standard,
    /// The caller's side of the [`Piped`](Stdio::Piped) streams.
    pub ends: Ends,
    /// What the engine copies.
    pub streams: Streams,
}

/// Connects nothing, for a container that will open its own terminal instead of all three streams.
pub(super) fn placeholders(budget: OutputBudget) -> Connected {
    let standard = Standard { descriptors: [None, None, None], streams: [Stream::Other; 3] };
    Connected { standard, ends: Ends::default(), streams: Streams::new(budget) }
}

/// Creates the pipes.
pub(super) fn connect(stdio: &[Stdio; 3], choices: StreamOptions, budget: OutputBudget) -> Result<Connected, Error> {
    let mut pipes = Pipes { choices, kinds: [Stream::Pipe; 3], ends: Ends::default(), streams: Streams::new(budget) };
    let [stdin, stdout, stderr] = stdio;
    let shared = choices.merges || is_same_open_file(stdout, stderr);
    let stdin = pipes.connect(stdin, StandardStream::Stdin)?;
    let stdout = pipes.connect(stdout, StandardStream::Stdout)?;
    let stderr = if shared {
        pipes.kinds[2] = pipes.kinds[1];
        let again = |stdout: &OwnedFd| stdout.try_clone().map_err(|source| Error::Stream { source });
        stdout.as_ref().map(again).transpose()?
    } else {
        pipes.connect(stderr, StandardStream::Stderr)?
    };
    let Pipes { kinds, ends, streams, .. } = pipes;
    Ok(Connected { standard: Standard { descriptors: [stdin, stdout, stderr], streams: kinds }, ends, streams })
}

/// Other settings that affect how the streams are connected.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamOptions {
    /// Whether stderr goes to the same pipe as stdout.
    pub merges: bool,
    /// Whether the container has its own null device.
    pub has_null: bool,
    /// Whether the output is counted, even if the caller discards it.
    pub is_counted: bool,
}

/// The pipes created so far.
struct Pipes {
    choices: StreamOptions,
    kinds: [Stream; 3],
    ends: Ends,
    streams: Streams,
}

impl Pipes {
    /// Creates the container's side of a stream. None stands for the container's own null device.
    fn connect(&mut self, stdio: &Stdio, stream: StandardStream) -> Result<Option<OwnedFd>, Error> {
        if let Stdio::HandedOver(descriptor) = stdio {
            self.kinds[stream as usize] = Stream::Other;
            return descriptor.try_clone().map(Some).map_err(|source| Error::Stream { source });
        }
        let is_input = stream == StandardStream::Stdin;
        let outside = caller_stream(stdio, stream)?.filter(|outside| self.must_be_copied(outside, is_input));
        let leads_nowhere = outside.is_none() && !matches!(stdio, Stdio::Piped | Stdio::Bytes(_));
        if leads_nowhere && self.choices.has_null {
            self.kinds[stream as usize] = Stream::Null;
            return Ok(None);
        }
        let (read, write) = pipe()?;
        let (inside, engines) = if is_input { (read, write) } else { (write, read) };
        let engines = File::from(engines);
        match stdio {
            Stdio::Piped => *self.ends.of(stream) = Some(engines),
            Stdio::Bytes(bytes) if is_input => {
                self.copy(stream, Source::Memory(Arc::clone(bytes), 0), Sink::Pipe(engines))?;
            }
            Stdio::Bytes(_) => {
                let reason = format!("cannot use bytes in memory as {stream}: only stdin can be read from them");
                return Err(Error::Invalid { reason });
            }
            _ => match outside {
                // Dropping the engine's end closes it, so the program reads end of file at once.
                None if is_input => {}
                None => self.copy(stream, Source::Pipe(engines), Sink::Null)?,
                Some(outside) if is_input => self.copy(stream, Source::CallerStream(outside), Sink::Pipe(engines))?,
                Some(outside) => self.copy(stream, Source::Pipe(engines), Sink::CallerStream(outside))?,
            },
        }
        Ok(Some(inside))
    }

    /// The caller's null device need not be copied, because the container's own does the same.
    fn must_be_copied(&self, outside: &CallerStream, is_input: bool) -> bool {
        !outside.is_null_device() || self.choices.is_counted && !is_input
    }

    fn copy(&mut self, stream: StandardStream, source: Source, sink: Sink) -> Result<(), Error> {
        self.streams.add(Channel::new(stream, source, sink))
    }
}

impl Ends {
    fn of(&mut self, stream: StandardStream) -> &mut Option<File> {
        match stream {
            StandardStream::Stdin => &mut self.stdin,
            StandardStream::Stdout => &mut self.stdout,
            StandardStream::Stderr => &mut self.stderr,
        }
    }
}

/// The caller's stream, if this setting uses one and it is open.
fn caller_stream(stdio: &Stdio, stream: StandardStream) -> Result<Option<CallerStream>, Error> {
    let copy = match (stdio, stream) {
        (Stdio::Inherit, StandardStream::Stdin) => std::io::stdin().as_fd().try_clone_to_owned(),
        (Stdio::Inherit, StandardStream::Stdout) => std::io::stdout().as_fd().try_clone_to_owned(),
        (Stdio::Inherit, StandardStream::Stderr) => std::io::stderr().as_fd().try_clone_to_owned(),
        (Stdio::File(file), _) => file.as_fd().try_clone_to_owned(),
        _ => return Ok(None),
    };
    match copy {
        Ok(copy) => CallerStream::inspect(copy.into(), stream).map(Some),
        Err(error) if error.raw_os_error() == Some(Errno::EBADF as i32) => Ok(None),
        Err(source) => Err(Error::Stream { source }),
    }
}

/// Whether stdout and stderr are the same open file of the caller. If the kernel cannot answer, they are treated as
/// two files.
fn is_same_open_file(stdout: &Stdio, stderr: &Stdio) -> bool {
    let descriptor = |stdio: &Stdio, inherited| match stdio {
        Stdio::Inherit => Some(inherited),
        Stdio::File(file) => Some(file.as_raw_fd()),
        _ => None,
    };
    let both = descriptor(stdout, libc::STDOUT_FILENO).zip(descriptor(stderr, libc::STDERR_FILENO));
    both.is_some_and(|(stdout, stderr)| calls::is_same_open_file(stdout, stderr) == Ok(true))
}

/// A pipe that no executed program inherits: its ends for reading and for writing.
pub(super) fn pipe() -> Result<(OwnedFd, OwnedFd), Error> {
    let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| Error::Stream { source: errno.into() })?;
    Ok((above_standard(read)?, above_standard(write)?))
}
