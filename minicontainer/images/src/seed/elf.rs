//! The files that a program needs to run.
//!
//! If only `/bin/ls` is copied into an empty root, running it fails with "No such file or directory", although the
//! file exists: the missing file is its **interpreter**. Most programs are *dynamically linked*. The kernel loads the
//! interpreter named by the program (`PT_INTERP`, such as `/lib64/ld-linux-x86-64.so.2`). The interpreter then looks
//! up the shared libraries of the program (`DT_NEEDED`, such as `libc.so.6`), and those that these need, in these
//! places (ld.so(8)):
//!
//! 1. the directories that the file itself names (`DT_RUNPATH`, formerly `DT_RPATH`; `$ORIGIN` is the directory of
//!    the file);
//! 2. those of `/etc/ld.so.conf` and what it includes (of musl: `/etc/ld-musl-ARCH.path`);
//! 3. `/lib`, `/usr/lib`, `/lib64` and `/usr/lib64`.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use object::{
    Architecture, FileKind, Object,
    elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH, FileHeader32, FileHeader64},
    read::elf::{ElfFile, FileHeader, ProgramHeader},
};

use super::SeedError;

/// The default directories of libraries.
const DEFAULT_DIRECTORIES: [&str; 5] = ["/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib"];

/// The dependencies of one ELF file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Needs {
    architecture: Architecture,
    pub(super) interpreter: Option<PathBuf>,
    pub(super) libraries: Vec<String>,
    directories: Vec<String>,
}

/// Every file that a program needs to run, the interpreter first. Empty for a static program or a script.
pub(super) fn requirements(program: &Path) -> Result<BTreeSet<PathBuf>, SeedError> {
    let configured = configured_directories();
    let mut found = BTreeSet::new();
    let mut pending = vec![program.to_owned()];
    while let Some(file) = pending.pop() {
        let Some(needs) = read(&file)? else { continue };
        let mut required: Vec<PathBuf> = needs.interpreter.iter().cloned().collect();
        for library in &needs.libraries {
            let missing = || SeedError::NoLibrary { program: file.clone(), library: library.clone() };
            required.push(find(library, &file, &needs, &configured)?.ok_or_else(missing)?);
        }
        pending.extend(required.into_iter().filter(|path| found.insert(path.clone())));
    }
    Ok(found)
}

fn find(library: &str, user: &Path, needs: &Needs, configured: &[PathBuf]) -> Result<Option<PathBuf>, SeedError> {
    if library.contains('/') {
        return Ok(Some(PathBuf::from(library)));
    }
    let origin = fs::canonicalize(user).map_err(SeedError::io("find", user))?;
    let origin = origin.parent().unwrap_or(Path::new("/")).to_string_lossy().into_owned();
    let own = needs
        .directories
        .iter()
        .map(|directory| PathBuf::from(directory.replace("${ORIGIN}", &origin).replace("$ORIGIN", &origin)));
    for directory in own.chain(configured.iter().cloned()) {
        let path = directory.join(library);
        // A 32-bit library of the same name may come before the right one. It is skipped, as ld.so does.
        if path.is_file() && read(&path)?.is_some_and(|found| found.architecture == needs.architecture) {
            return Ok(Some(path));
        }
    }
    Ok(None)
}

/// Reads a file's dependencies; `None` if it is not an ELF file.
pub(super) fn read(path: &Path) -> Result<Option<Needs>, SeedError> {
    let bytes = fs::read(path).map_err(SeedError::io("read", path))?;
    let needs = match FileKind::parse(&*bytes) {
        Ok(FileKind::Elf64) => parse::<FileHeader64<object::Endianness>>(&bytes),
        Ok(FileKind::Elf32) => parse::<FileHeader32<object::Endianness>>(&bytes),
        _ => return Ok(None),
    };
    needs.map(Some).map_err(|error| SeedError::io("read the ELF headers of", path)(io::Error::other(error)))
}

fn parse<Elf: FileHeader<Endian = object::Endianness>>(bytes: &[u8]) -> object::Result<Needs> {
    let file = ElfFile::<Elf>::parse(bytes)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut needs = Needs {
        architecture: file.architecture(),
        interpreter: None,
        libraries: Vec::new(),
        directories: Vec::new(),
    };
    for segment in file.elf_program_headers() {
        if let Some(interpreter) = segment.interpreter(file.endian(), bytes)? {
            needs.interpreter = Some(PathBuf::from(text(interpreter)));
        }
    }
    let dynamic = file.elf_dynamic_table()?;
    for entry in &dynamic {
        match entry.tag {
            DT_NEEDED => needs.libraries.push(text(dynamic.string(entry)?)),
            DT_RUNPATH | DT_RPATH => {
                needs.directories.extend(text(dynamic.string(entry)?).split(':').map(str::to_owned));
            }
            _ => {}
        }
    }
    Ok(needs)
}

/// The directories of the dynamic linker's configuration, then the default ones.
fn configured_directories() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    read_configuration(Path::new("/etc/ld.so.conf"), &mut directories, 0);
    for file in files_in(Path::new("/etc"), "ld-musl-", ".path") {
        let text = fs::read_to_string(file).unwrap_or_default();
        directories.extend(text.split([':', '\n']).filter(|line| line.starts_with('/')).map(PathBuf::from));
    }
    directories.extend(DEFAULT_DIRECTORIES.map(PathBuf::from));
    directories
}

/// Reads a file in the syntax of ld.so.conf(5): a directory per line, or `include` and a pattern whose last component
/// has one `*`. A missing file is treated as empty: a machine with musl has none.
fn read_configuration(file: &Path, directories: &mut Vec<PathBuf>, depth: usize) {
    let text = fs::read_to_string(file).unwrap_or_default();
    for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
        if let Some(pattern) = line.strip_prefix("include").map(|rest| Path::new(rest.trim())) {
            let name = pattern.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let (prefix, suffix) = name.split_once('*').unwrap_or((&name, ""));
            let folder = file.parent().unwrap_or(Path::new("/")).join(pattern);
            for included in files_in(folder.parent().unwrap_or(Path::new("/")), prefix, suffix) {
                if depth < 4 {
                    read_configuration(&included, directories, depth + 1);
                }
            }
        } else if line.starts_with('/') {
            directories.push(PathBuf::from(line));
        }
    }
}

fn files_in(folder: &Path, prefix: &str, suffix: &str) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let matches = |name: &str| name.starts_with(prefix) && name.ends_with(suffix);
    entries.filter(|entry| entry.file_name().to_str().is_some_and(matches)).map(|entry| entry.path()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The test program itself is dynamically linked on every development machine, so its dependencies must be found.
    #[test]
    fn interpreter_and_libraries_are_found() {
        let this = std::env::current_exe().unwrap();
        let needs = read(&this).unwrap().expect("a test program is an ELF file");
        let required = requirements(&this).unwrap();
        match needs.interpreter {
            Some(interpreter) => {
                assert!(required.contains(&interpreter));
                assert!(required.len() > needs.libraries.len().min(1));
            }
            None => assert_eq!(required, BTreeSet::new()),
        }
    }

    #[test]
    fn script_needs_no_libraries() {
        let directory = tempfile::tempdir().unwrap();
        let script = directory.path().join("script");
        fs::write(&script, "#!/bin/sh\n").unwrap();
        assert_eq!(read(&script).unwrap(), None);
        assert_eq!(requirements(&script).unwrap(), BTreeSet::new());
    }

    #[test]
    fn ld_so_conf_includes_are_followed() {
        let directory = tempfile::tempdir().unwrap();
        let conf = directory.path().join("ld.so.conf");
        fs::create_dir(directory.path().join("d")).unwrap();
        fs::write(&conf, "include d/*.conf\n/last # with a comment\n").unwrap();
        fs::write(directory.path().join("d/b.conf"), "/b\n").unwrap();
        fs::write(directory.path().join("d/a.conf"), "# nothing\n/a\n").unwrap();
        fs::write(directory.path().join("d/c.txt"), "/c\n").unwrap();
        let mut found = Vec::new();
        read_configuration(&conf, &mut found, 0);
        assert_eq!(found, ["/a", "/b", "/last"].map(PathBuf::from));
    }
}
