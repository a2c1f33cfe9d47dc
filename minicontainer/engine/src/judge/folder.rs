//! The folder to judge: its tests and its programs.
//!
//! Students can often write to the programs' folder at any time. So nothing in it is looked up twice: each program is
//! opened once (`O_PATH`), and its containers get that descriptor, even if another file has its name by then. If it
//! were looked up again for each test, a folder replaced by a link to `tests/` would show a program the expected
//! answers. Tests are read once, and only from regular files: a link could lead anywhere, and reading a FIFO would
//! never end.
//!
//! The folder itself, and `tests` and `programs` in it, belong to the caller: each may be a link, and is followed
//! once.

use std::{
    collections::BTreeMap,
    ffi::{CString, OsStr, OsString},
    fs::{self, File},
    io::{self, Read},
    os::{
        fd::OwnedFd,
        unix::{ffi::OsStrExt, fs::OpenOptionsExt},
    },
    path::{Path, PathBuf},
    str::Utf8Chunk,
    sync::Arc,
};

use minicontainer::core::explain::Message;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};

use super::{JudgeError, Settings, reason::reason};

/// An input and the expected answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// The content of stdin. All runs of the test share it.
    pub input: Arc<[u8]>,
    /// The expected content of stdout.
    pub expected: Vec<u8>,
}

/// A program to judge.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its name, usually the student's. Characters that could change a terminal or a table are escaped.
    pub name: String,
    /// The file to run, or why it cannot be run.
    pub source: Result<Source, Unusable>,
}

/// The file of a program.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file, or the folder with a file `run` in it, as it was when the judge started.
    pub file: Arc<File>,
    /// Its path.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Why an entry of `programs` cannot be run. This is the verdict of that entry only, so that one student cannot stop
/// the judging of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// It is a FIFO, a socket, a device or a symbolic link, which could lead anywhere on this machine.
    NotAFile,
    /// Its name cannot be shown or mounted.
    Name,
    /// The engine has no file descriptor or memory left to open it.
    Exhausted {
        /// The cause.
        reason: String,
    },
    /// It could not be opened.
    Open {
        /// The cause.
        reason: String,
    },
}

impl Unusable {
    /// The reason in words.
    pub fn message(&self) -> Message {
        match self {
            Unusable::NotAFile => reason("not-a-file", []),
            Unusable::Name => reason("bad-name", []),
            Unusable::Exhausted { reason: cause } => reason("engine-cannot-open", []).because(cause),
            Unusable::Open { reason: cause } => reason("cannot-be-opened", []).because(cause),
        }
    }
}

/// The tests and programs of one folder.
#[derive(Clone, Debug)]
pub struct Folder {
    /// The settings.
    pub settings: Settings,
    /// The tests, by name.
    pub tests: Vec<Test>,
    /// The programs, by name.
    pub programs: Vec<Program>,
}

impl Folder {
    /// Reads a folder. Hidden files are ignored.
    ///
    /// # Errors
    /// If something is missing or invalid.
    pub fn read(folder: &Path) -> Result<Folder, JudgeError> {
        let settings = read_settings(folder.join("judge.toml"))?;
        let (tests, programs) = (read_tests(folder.join("tests"))?, read_programs(folder.join("programs"))?);
        if tests.is_empty() || programs.is_empty() {
            return Err(JudgeError::Empty { path: folder.to_owned() });
        }
        Ok(Folder { settings, tests, programs })
    }
}

fn read_settings(path: PathBuf) -> Result<Settings, JudgeError> {
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let open = File::options().read(true).custom_flags(flags.bits()).open(&path);
    match open.and_then(read_regular) {
        // A link is not followed, because the error would quote the file that it refers to.
        Err(error) if error.raw_os_error() == Some(libc::ELOOP) => Err(JudgeError::NotAFile { path }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::parse(""),
        Err(source) => Err(JudgeError::Read { path, source }),
        Ok(None) => Err(JudgeError::NotAFile { path }),
        Ok(Some(text)) => {
            let text = String::from_utf8(text).map_err(|error| JudgeError::Settings {
                reason: error.utf8_error().to_string(),
                span: error.utf8_error().valid_up_to()..error.utf8_error().valid_up_to() + 1,
                text: String::from_utf8_lossy(error.as_bytes()).into_owned(),
            })?;
            Settings::parse(&text)
        }
    }
}

fn read_tests(path: PathBuf) -> Result<Vec<Test>, JudgeError> {
    let directory = Directory::open(path)?;
    let mut halves: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for name in directory.entries()? {
        let half = match (name.to_string_lossy().rsplit_once('.'), is_name(&name.to_string_lossy())) {
            (Some((_, "in" | "out")), false) => return Err(JudgeError::Name { name: shown(&name) }),
            (Some((stem, "in")), true) => (stem.to_owned(), 0),
            (Some((stem, "out")), true) => (stem.to_owned(), 1),
            // Other files, such as a README, are not tests.
            _ => continue,
        };
        let failed = |source| JudgeError::Read { path: directory.path.join(&name), source };
        let content = match directory.entry(&name, OFlag::O_RDONLY | OFlag::O_NONBLOCK) {
            // The errors for a link and for a socket.
            Err(error) if matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO)) => None,
            opened => opened.and_then(read_regular).map_err(failed)?,
        };
        let content = content.ok_or_else(|| JudgeError::NotAFile { path: directory.path.join(&name) })?;
        halves.entry(half.0).or_default()[half.1] = Some(content);
    }
    let test = |(name, halves): (String, [Option<Vec<u8>>; 2])| match halves {
        [Some(input), Some(expected)] => Ok(Test { name, input: input.into(), expected }),
        [input, _] => {
            let missing = if input.is_none() { format!("{name}.in") } else { format!("{name}.out") };
            Err(JudgeError::IncompleteTest { name, missing })
        }
    };
    halves.into_iter().map(test).collect()
}

fn read_programs(path: PathBuf) -> Result<Vec<Program>, JudgeError> {
    let directory = Directory::open(path)?;
    let program = |entry: OsString| Program { name: shown(&entry), source: directory.program(&entry) };
    Ok(directory.entries()?.into_iter().map(program).collect())
}

/// The content of a regular file; none for anything else.
fn read_regular(mut file: File) -> io::Result<Option<Vec<u8>>> {
    if !file.metadata()?.is_file() {
        return Ok(None);
    }
    let mut content = Vec::new();
    file.read_to_end(&mut content)?;
    Ok(Some(content))
}

/// An open directory, so that all its entries are looked up in the same one.
struct Directory {
    path: PathBuf,
    file: File,
}

impl Directory {
    fn open(path: PathBuf) -> Result<Directory, JudgeError> {
        let opened = File::options().read(true).custom_flags(OFlag::O_DIRECTORY.bits()).open(&path);
        // Bind mounts and errors need absolute paths.
        match opened.and_then(|file| Ok((file, fs::canonicalize(&path)?))) {
            Ok((file, path)) => Ok(Directory { path, file }),
            Err(source) => Err(JudgeError::Read { path, source }),
        }
    }

    /// The names in it that are not hidden, sorted.
    fn entries(&self) -> Result<Vec<OsString>, JudgeError> {
        let failed = |source: io::Error| JudgeError::Read { path: self.path.clone(), source };
        let copy = self.file.try_clone().map_err(failed)?;
        let mut directory = nix::dir::Dir::from_fd(OwnedFd::from(copy)).map_err(|errno| failed(errno.into()))?;
        let mut names = Vec::new();
        for entry in directory.iter() {
            let entry = entry.map_err(|errno| failed(errno.into()))?;
            let name = entry.file_name().to_bytes();
            if !name.starts_with(b".") {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Opens an entry without following links.
    fn entry(&self, name: &OsStr, flags: OFlag) -> io::Result<File> {
        let name = CString::new(name.as_bytes())?;
        let beneath = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let how = OpenHow::new().flags(flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC).resolve(beneath);
        Ok(openat2(&self.file, name.as_c_str(), how)?.into())
    }

    fn program(&self, entry: &OsStr) -> Result<Source, Unusable> {
        let failed = |source: io::Error| match source.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE | libc::ENOMEM) => Unusable::Exhausted { reason: source.to_string() },
            _ => Unusable::Open { reason: source.to_string() },
        };
        if !entry.to_str().is_some_and(is_name) {
            return Err(Unusable::Name);
        }
        let file = self.entry(entry, OFlag::O_PATH).map_err(failed)?;
        let kind = file.metadata().map_err(failed)?.file_type();
        if !kind.is_file() && !kind.is_dir() {
            return Err(Unusable::NotAFile);
        }
        Ok(Source { file: Arc::new(file), path: self.path.join(entry), is_folder: kind.is_dir() })
    }
}

/// The allowed characters in names, for messages.
pub(super) const NAME_RULE: &str = "letters, digits, spaces and . , _ - + @ ( ) ' =";

/// Whether the name is safe in tables and mount options: it has no control characters and no separators.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().all(is_name_character)
}

fn is_name_character(letter: char) -> bool {
    // macOS stores an accented letter as two characters, the letter and the accent.
    let is_accent = ('\u{300}'..='\u{36f}').contains(&letter);
    letter.is_alphanumeric() || is_accent || " .,_-+@()'=".contains(letter)
}

/// The printed form of a name; different names stay different.
fn shown(name: &OsStr) -> String {
    let escaped = |chunk: Utf8Chunk<'_>| {
        let text = chunk.valid().chars().map(|letter| match is_name_character(letter) {
            true => letter.to_string(),
            false => letter.escape_unicode().to_string(),
        });
        text.chain(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}"))).collect::<String>()
    };
    name.as_bytes().utf8_chunks().map(escaped).collect()
}
