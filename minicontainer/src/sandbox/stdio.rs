//! What a container reads and writes: the caller's own, nothing, or a pipe to the caller.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::Error;

/// One of the three standard streams of a container.
#[derive(Clone, Debug, Default)]
pub enum Stdio {
    /// The caller's own; nothing, if the caller has closed it. Of a terminal the program could change the settings: then a
    /// pipe, or a terminal of its own ([`Sandbox::terminal`](super::Sandbox::terminal)), keeps them apart.
    #[default]
    Inherit,
    /// Nothing: `/dev/null`.
    Null,
    /// A pipe, whose other end [`Running`](super::Running) has.
    Piped,
    /// An open file.
    File(Arc<File>),
}

impl From<File> for Stdio {
    fn from(file: File) -> Stdio {
        Stdio::File(Arc::new(file))
    }
}

/// The caller's ends of the pipes.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub stdin: Option<File>,
    pub stdout: Option<File>,
    pub stderr: Option<File>,
}

/// Opens the three streams: the container's ends, and the caller's of those that are pipes.
pub(super) fn open(streams: [&Stdio; 3]) -> Result<([OwnedFd; 3], Ends), Error> {
    let [stdin, stdout, stderr] = streams;
    let (stdin, ours_in) = one(stdin, std::io::stdin(), true)?;
    let (stdout, ours_out) = one(stdout, std::io::stdout(), false)?;
    let (stderr, ours_err) = one(stderr, std::io::stderr(), false)?;
    Ok(([stdin, stdout, stderr], Ends { stdin: ours_in, stdout: ours_out, stderr: ours_err }))
}

fn one(stream: &Stdio, callers: impl std::os::fd::AsFd, is_input: bool) -> Result<(OwnedFd, Option<File>), Error> {
    let failed = |source| Error::Stream { source };
    let null = || File::options().read(true).write(true).open("/dev/null").map(OwnedFd::from).map_err(failed);
    match stream {
        Stdio::Inherit => match callers.as_fd().try_clone_to_owned() {
            Ok(copy) => Ok((copy, None)),
            Err(error) if error.raw_os_error() == Some(Errno::EBADF as i32) => Ok((null()?, None)),
            Err(error) => Err(failed(error)),
        },
        Stdio::Null => Ok((null()?, None)),
        Stdio::File(file) => Ok((file.try_clone().map_err(failed)?.into(), None)),
        Stdio::Piped => {
            let (read, write) = pipe2(OFlag::O_CLOEXEC).map_err(|errno| failed(errno.into()))?;
            Ok(if is_input { (read, Some(write.into())) } else { (write, Some(read.into())) })
        }
    }
}
