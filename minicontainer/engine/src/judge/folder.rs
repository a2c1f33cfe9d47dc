//! The folder that is judged: its tests and its programs.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{JudgeError, Settings};

/// What an input should be answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Its name.
    pub name: String,
    /// What is read from stdin. All runs of the test share it.
    pub input: Arc<[u8]>,
    /// What should be written to stdout.
    pub expected: Vec<u8>,
}

/// A program that is judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its name: a student's, mostly.
    pub name: String,
    /// The file, or the folder with a file `run` in it.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// All that is judged at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The settings.
    pub settings: Settings,
    /// The tests, by name.
    pub tests: Vec<Test>,
    /// The programs, by name.
    pub programs: Vec<Program>,
}

impl Folder {
    /// Reads a folder. Hidden files are left alone.
    ///
    /// # Errors
    /// When it lacks something, or holds something else.
    pub fn read(folder: &Path) -> Result<Folder, JudgeError> {
        let path = folder.join("judge.toml");
        let settings = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Settings::parse("")?,
            read => Settings::parse(&read.map_err(|source| JudgeError::Read { path, source })?)?,
        };
        let (tests, programs) = (read_tests(&folder.join("tests"))?, read_programs(&folder.join("programs"))?);
        if tests.is_empty() || programs.is_empty() {
            return Err(JudgeError::Empty { path: folder.to_owned() });
        }
        Ok(Folder { settings, tests, programs })
    }
}

fn read_tests(directory: &Path) -> Result<Vec<Test>, JudgeError> {
    let mut halves: BTreeMap<String, [Option<Vec<u8>>; 2]> = BTreeMap::new();
    for (name, path) in entries(directory)? {
        let half = match name.rsplit_once('.') {
            Some((stem, "in")) => (stem, 0),
            Some((stem, "out")) => (stem, 1),
            // Whatever else lies there, such as a README, is no test.
            _ => continue,
        };
        let content = fs::read(&path).map_err(|source| JudgeError::Read { path, source })?;
        halves.entry(checked(half.0)?).or_default()[half.1] = Some(content);
    }
    let test = |(name, halves): (String, [Option<Vec<u8>>; 2])| match halves {
        [Some(input), Some(expected)] => Ok(Test { name, input: input.into(), expected }),
        [input, _] => {
            let missing = if input.is_none() { format!("{name}.in") } else { format!("{name}.out") };
            Err(JudgeError::HalfATest { name, missing })
        }
    };
    halves.into_iter().map(test).collect()
}

fn read_programs(directory: &Path) -> Result<Vec<Program>, JudgeError> {
    let program = |(name, path): (String, PathBuf)| {
        let metadata = fs::symlink_metadata(&path);
        let metadata = metadata.map_err(|source| JudgeError::Read { path: path.clone(), source })?;
        if !metadata.is_file() && !metadata.is_dir() {
            return Err(JudgeError::NotAFile { path });
        }
        Ok(Program { name: checked(&name)?, path, is_folder: metadata.is_dir() })
    };
    entries(directory)?.into_iter().map(program).collect()
}

/// What lies in a directory, by name.
fn entries(directory: &Path) -> Result<Vec<(String, PathBuf)>, JudgeError> {
    let failed = |source| JudgeError::Read { path: directory.to_owned(), source };
    // What is mounted is named by its whole path, free of links.
    let directory = fs::canonicalize(directory).map_err(failed)?;
    let mut entries = Vec::new();
    for entry in fs::read_dir(&directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            entries.push((name, entry.path()));
        }
    }
    entries.sort();
    Ok(entries)
}

/// Names go into tables and paths: none may hold what a terminal obeys or a mount splits at.
fn checked(name: &str) -> Result<String, JudgeError> {
    let fits = |letter: char| letter.is_alphanumeric() || "._-+@".contains(letter);
    match !name.is_empty() && name.chars().all(fits) {
        true => Ok(name.to_owned()),
        false => Err(JudgeError::Name { name: name.to_owned() }),
    }
}
