//! A file tree for a new layer: assembled in memory, then written as a tar archive in sorted order.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, BufWriter, Write},
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use tar::{Builder, EntryType, Header};

use super::{SeedError, elf};
use minicontainer::store::private;

/// As many symbolic links as the kernel follows in one path, see path_resolution(7).
const LINK_LIMIT: usize = 40;

enum Node {
    Directory {
        mode: u32,
    },
    /// A file of the host.
    HostFile {
        path: PathBuf,
    },
    Text {
        content: &'static str,
    },
    Symlink {
        target: String,
    },
    HardLink {
        target: String,
    },
}

/// The entries by their paths relative to the root.
#[derive(Default)]
pub(super) struct FileTree {
    nodes: BTreeMap<String, Node>,
}

impl FileTree {
    pub(super) fn add_directory(&mut self, path: &str, mode: u32) {
        self.insert(path, Node::Directory { mode });
    }

    pub(super) fn add_file(&mut self, path: &str, content: &'static str) {
        self.insert(path, Node::Text { content });
    }

    pub(super) fn add_symlink(&mut self, path: &str, target: &str) {
        self.insert(path, Node::Symlink { target: target.to_owned() });
    }

    /// An additional name of a file. In the archive it must come after the file: see [`write`](FileTree::write).
    pub(super) fn add_hard_link(&mut self, path: &str, target: &str) {
        self.insert(path, Node::HardLink { target: target.to_owned() });
    }

    /// Adds a program of the host at the path `path`, with its dependencies at their paths on the host.
    pub(super) fn add_program(&mut self, program: &Path, path: &str) -> Result<(), SeedError> {
        self.insert(path, Node::HostFile { path: program.to_owned() });
        self.add_requirements(program)
    }

    /// Adds a program of the host at the same path, with its dependencies.
    pub(super) fn add_host_program(&mut self, program: &Path) -> Result<(), SeedError> {
        self.add_host_file(program)?;
        self.add_requirements(program)
    }

    fn add_requirements(&mut self, program: &Path) -> Result<(), SeedError> {
        for path in elf::requirements(program)? {
            self.add_host_file(&path)?;
        }
        Ok(())
    }

    /// Adds a file of the host at the same path, with every symbolic link on the way to it: if `/bin` is a link to
    /// `usr/bin`, it becomes a link in the image too.
    fn add_host_file(&mut self, path: &Path) -> Result<(), SeedError> {
        let too_many =
            || SeedError::io("follow the symbolic links of", path)(io::Error::from_raw_os_error(libc::ELOOP));
        let mut links = 0;
        let mut done = PathBuf::from("/");
        let mut pending: Vec<_> = components(path);
        while let Some(component) = pending.pop() {
            if component == ".." {
                done.pop();
                continue;
            }
            done.push(&component);
            let name = done.to_string_lossy().trim_start_matches('/').to_owned();
            match fs::read_link(&done) {
                Ok(target) => {
                    links += 1;
                    if links > LINK_LIMIT {
                        return Err(too_many());
                    }
                    self.add_symlink(&name, &target.to_string_lossy());
                    done = if target.is_absolute() {
                        PathBuf::from("/")
                    } else {
                        done.parent().map(PathBuf::from).unwrap_or_default()
                    };
                    pending.extend(components(&target));
                }
                // EINVAL: it is not a symbolic link.
                Err(_) if pending.is_empty() => self.insert(&name, Node::HostFile { path: done.clone() }),
                Err(_) => self.add_directory(&name, 0o755),
            }
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, node: Node) {
        for (slash, _) in path.match_indices('/') {
            self.nodes.entry(path[..slash].to_owned()).or_insert(Node::Directory { mode: 0o755 });
        }
        self.nodes.insert(path.to_owned(), node);
    }

    /// Writes it as a tar archive. The same tree always makes the same bytes: sorted paths, owner root, time 0; hard
    /// links last, since their target must come before them.
    pub(super) fn write(&self, archive: &Path) -> Result<(), SeedError> {
        let file = private::create(archive).map_err(SeedError::io("create the file", archive))?;
        let mut builder = Builder::new(BufWriter::new(file));
        let (links, others): (Vec<_>, Vec<_>) =
            self.nodes.iter().partition(|(_, node)| matches!(node, Node::HardLink { .. }));
        for (path, node) in others.into_iter().chain(links) {
            append(&mut builder, path, node).map_err(|source| match node {
                Node::HostFile { path } => SeedError::io("read", path)(source),
                _ => SeedError::io("write", archive)(source),
            })?;
        }
        let mut file = builder.into_inner().map_err(SeedError::io("write", archive))?;
        file.flush().map_err(SeedError::io("write", archive))
    }
}

/// The components of a path, the first one last.
fn components(path: &Path) -> Vec<String> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        Component::ParentDir => Some("..".to_owned()),
        _ => None,
    });
    let mut names: Vec<_> = names.collect();
    names.reverse();
    names
}

fn append(builder: &mut Builder<impl Write>, path: &str, node: &Node) -> io::Result<()> {
    let mut header = Header::new_gnu();
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    let mut describe = |kind, mode, size| {
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
    };
    match node {
        Node::Directory { mode } => describe(EntryType::Directory, *mode, 0),
        Node::Symlink { .. } => describe(EntryType::Symlink, 0o777, 0),
        Node::HardLink { .. } => describe(EntryType::Link, 0o755, 0),
        Node::Text { content } => describe(EntryType::Regular, 0o644, content.len() as u64),
        // Set-user-ID bits are removed: programs such as mount and su do not need them in the container.
        Node::HostFile { path: source } => {
            let file = File::open(source)?;
            let metadata = file.metadata()?;
            let mode = if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
            describe(EntryType::Regular, mode, metadata.len());
            return builder.append_data(&mut header, path, file);
        }
    }
    match node {
        Node::Symlink { target } | Node::HardLink { target } => builder.append_link(&mut header, path, target),
        Node::Text { content } => builder.append_data(&mut header, path, content.as_bytes()),
        _ => builder.append_data(&mut header, format!("{path}/"), io::empty()),
    }
}
