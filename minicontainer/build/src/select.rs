//! The files that a `COPY` selects: wildcards, directories and exclusions.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, Read},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    vec::IntoIter,
};

use minicontainer::{
    core::{Digest, digest::Digester},
    host::{CAPABILITY, capability_in},
};
use minicontainer_dockerfile::{
    Ignore,
    ignore::{Pattern, Stars},
    plan::PIVOT,
};

use super::{
    BuildError,
    files::{Files, Found, Kind, resolve},
    parents::{PatternFilter, Pending},
};

/// A file or a directory that a source selects.
#[derive(Debug)]
pub(super) struct Selected {
    /// The name at the destination. If a symbolic link was followed, this is the name of the link.
    pub(super) name: OsString,
    pub(super) found: Found,
    /// The selected files in a directory, if not all of them are selected (`--parents`).
    pub(super) include: Option<PatternFilter>,
}

/// The files that a source selects. A source without wildcards selects exactly one; wildcards may select none.
pub(super) fn select(files: &dyn Files, source: &str) -> Result<Vec<Selected>, BuildError> {
    let not_found = || BuildError::NotFound { path: PathBuf::from(source), of: files.name() };
    if let Some((base, pattern)) = source.split_once(PIVOT) {
        let mut bases = select(files, if base.is_empty() { "/" } else { base })?;
        bases.retain(|base| base.found.kind == Kind::Directory);
        for base in &mut bases {
            let include = PatternFilter::parse(pattern).ok_or_else(not_found)?;
            include.check(files, &base.found)?;
            base.include = Some(include);
        }
        return Ok(bases);
    }
    let pattern = Pattern::parse(source, Stars::Single).map_err(|_| not_found())?;
    if !pattern.has_wildcards() && !source.contains('\\') {
        let path = Path::new(source);
        let found = resolve(files, path)?.whole().ok_or_else(not_found)?;
        return Ok(vec![Selected { name: path.file_name().unwrap_or_default().to_owned(), found, include: None }]);
    }
    let mut selected = vec![Selected { name: OsString::new(), found: files.root()?, include: None }];
    let mut is_literal = true;
    // `*` does not match a slash, so each part of the pattern applies to one level of directories.
    let mut parts = source.split('/').filter(|part| !part.is_empty()).peekable();
    while let Some(part) = parts.next() {
        let pattern = Pattern::parse(part, Stars::Single).map_err(|_| not_found())?;
        let mut below = Vec::new();
        for directory in selected {
            matching(files, &directory.found, &pattern, &mut below)?;
        }
        if parts.peek().is_none() && below.iter().any(|selected| selected.found.kind == Kind::Symlink) {
            return Err(not_found());
        }
        selected = below;
        is_literal &= !pattern.has_wildcards();
        // The part before the first wildcard must exist.
        if is_literal && selected.is_empty() {
            return Err(not_found());
        }
    }
    Ok(selected)
}

/// Adds the entries of a directory that a pattern matches. Symbolic links are followed, as without wildcards. A
/// dangling link is added itself.
fn matching(
    files: &dyn Files,
    directory: &Found,
    pattern: &Pattern,
    selected: &mut Vec<Selected>,
) -> Result<(), BuildError> {
    if directory.kind != Kind::Directory {
        return Ok(());
    }
    for name in files.names(directory)? {
        if !pattern.matches(&name.to_string_lossy()) {
            continue;
        }
        let Some(found) = files.child(directory, &name)? else { continue };
        let found = match found.kind {
            Kind::Symlink => resolve(files, &found.path)?.whole().unwrap_or(found),
            _ => found,
        };
        selected.push(Selected { name, found, include: None });
    }
    Ok(())
}

/// A walk through all entries below a directory, sorted, each directory before its contents. One directory is open
/// for each level of depth.
pub(super) struct Walk<'a> {
    files: &'a dyn Files,
    way: Vec<(Found, PathBuf, IntoIter<OsString>)>,
}

impl<'a> Walk<'a> {
    /// Starts a walk at a directory.
    pub(super) fn of(files: &'a dyn Files, directory: Found) -> Result<Walk<'a>, BuildError> {
        let names = files.names(&directory)?.into_iter();
        Ok(Walk { files, way: vec![(directory, PathBuf::new(), names)] })
    }

    /// The next entry, with its path relative to the start of the walk. The contents of a directory are visited only
    /// if `enter` returns true for it.
    pub(super) fn next(
        &mut self,
        enter: &dyn Fn(&Path, &Found) -> bool,
    ) -> Result<Option<(PathBuf, Found)>, BuildError> {
        while let Some((directory, path, names)) = self.way.last_mut() {
            let Some(name) = names.next() else {
                self.way.pop();
                continue;
            };
            let relative = path.join(&name);
            // A file that is removed during the walk is skipped. A changed file is detected by the fingerprint.
            let Some(found) = self.files.child(directory, &name)? else { continue };
            if found.kind == Kind::Directory && enter(&relative, &found) {
                let names = self.files.names(&found)?.into_iter();
                self.way.push((found.clone(), relative.clone(), names));
            }
            return Ok(Some((relative, found)));
        }
        Ok(None)
    }
}

/// Calls `visit` for a file, or for all entries below a directory, except excluded ones.
pub(super) fn each(
    files: &dyn Files,
    selected: &Selected,
    exclude: &Ignore,
    visit: &mut dyn FnMut(&Path, &Found) -> Result<(), BuildError>,
) -> Result<(), BuildError> {
    if selected.found.kind != Kind::Directory {
        let name = Path::new(&selected.name);
        return if exclude.excludes(&name.to_string_lossy()) { Ok(()) } else { visit(name, &selected.found) };
    }
    let include = selected.include.as_ref();
    let may_enter = |path: &Path, _: &Found| {
        (exclude.has_exceptions() || !exclude.excludes(&path.to_string_lossy()))
            && include.is_none_or(|include| include.may_select_below(path))
    };
    let mut walk = Walk::of(files, selected.found.clone())?;
    let mut pending = Pending::default();
    while let Some((relative, found)) = walk.next(&may_enter)? {
        pending.leave(&relative);
        if exclude.excludes(&relative.to_string_lossy()) {
            continue;
        }
        if include.is_some_and(|include| !include.selects(&relative)) {
            if found.kind == Kind::Directory {
                pending.add(relative, found);
            }
            continue;
        }
        pending.take().iter().try_for_each(|(path, directory)| visit(path, directory))?;
        visit(&relative, &found)?;
    }
    Ok(())
}

/// A digest of the names, types, permissions, attributes and contents of files, and of their owners where they are
/// significant. Times are not included.
pub(super) struct Fingerprint {
    digester: Digester,
}

impl Fingerprint {
    pub(super) fn new() -> Fingerprint {
        Fingerprint { digester: Digester::new() }
    }

    /// Adds an entry. The content of a file is added by [`FingerprintReader`].
    pub(super) fn add(&mut self, files: &dyn Files, path: &Path, found: &Found) -> Result<(), BuildError> {
        let owner = if files.has_owners() { (found.uid, found.gid) } else { (0, 0) };
        let target = match found.kind {
            Kind::Symlink => files.target(found)?,
            _ => PathBuf::new(),
        };
        let size = if found.kind == Kind::File { found.size } else { 0 };
        let head = format!("{:?} {:o} {owner:?} {size}", found.kind, found.mode);
        for part in [head.as_bytes(), path.as_os_str().as_bytes(), target.as_os_str().as_bytes()] {
            self.digester.update(&(part.len() as u64).to_be_bytes());
            self.digester.update(part);
        }
        Ok(())
    }

    /// Adds the extended attributes of a file.
    pub(super) fn add_attributes(&mut self, attributes: &Attributes) {
        for (name, value) in attributes {
            for part in [name.as_bytes(), value] {
                self.digester.update(&(part.len() as u64).to_be_bytes());
                self.digester.update(part);
            }
        }
    }

    pub(super) fn finish(self) -> Digest {
        self.digester.finish()
    }
}

/// Extended attributes by name, sorted.
pub(super) type Attributes = Vec<(String, Vec<u8>)>;

/// The extended attributes of a file that are copied into a layer: file capabilities (capabilities(7)) and `user.*`.
/// Other attributes belong to the file system or to this machine.
pub(super) fn attributes(files: &dyn Files, found: &Found, file: &File) -> Result<Attributes, BuildError> {
    let mut kept = Vec::new();
    for (name, value) in files.attributes(found, file)? {
        let text = name.to_string_lossy();
        if text == CAPABILITY {
            kept.push((text.into_owned(), capability_in(&value)));
        } else if text.starts_with("user.") && !text.starts_with("user.overlay.") {
            kept.push((text.into_owned(), value));
        }
    }
    kept.sort();
    Ok(kept)
}

/// A reader of a file's content that adds the content to a fingerprint. It reads exactly the size that the file had
/// when it was examined.
pub(super) struct FingerprintReader<'a, R> {
    content: R,
    remaining: u64,
    print: &'a mut Fingerprint,
}

impl<'a, R: Read> FingerprintReader<'a, R> {
    pub(super) fn new(content: R, size: u64, print: &'a mut Fingerprint) -> FingerprintReader<'a, R> {
        FingerprintReader { content, remaining: size, print }
    }
}

impl<R: Read> Read for FingerprintReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.remaining).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.content.read(&mut buffer[..most])?;
        if count == 0 && most > 0 {
            return Err(io::Error::other("the file became shorter while it was read"));
        }
        self.print.digester.update(&buffer[..count]);
        self.remaining -= count as u64;
        Ok(count)
    }
}

/// The fingerprint of the files that a source selects.
pub(super) fn fingerprint(files: &dyn Files, source: &str, exclude: &Ignore) -> Result<Digest, BuildError> {
    let mut print = Fingerprint::new();
    for selected in select(files, source)? {
        print.add(files, Path::new(&selected.name), &selected.found)?;
        each(files, &selected, exclude, &mut |path, found| {
            print.add(files, path, found)?;
            if found.kind == Kind::File {
                let content = files.open(found)?;
                let failed = |source| BuildError::Read { path: found.path.clone(), of: files.name(), source };
                print.add_attributes(&attributes(files, found, &content)?);
                let mut content = FingerprintReader::new(content, found.size, &mut print);
                io::copy(&mut content, &mut io::sink()).map_err(failed)?;
            }
            Ok(())
        })?;
    }
    Ok(print.finish())
}
