//! The host snapshot: the state of the machine before a test, compared with its state after the test.
//!
//! A working container engine can still leave a cgroup, a mount or a process behind, keep a descriptor open, or let a
//! container change files of the host. No single test checks for all of these, so the snapshot does, around every
//! test:
//!
//! | Aspect | Read from |
//! |---|---|
//! | mounts of this mount namespace, with their options and propagation | `/proc/self/mountinfo`, proc_pid_mountinfo(5) |
//! | cgroups with `minicontainer` in their name, empty or with such a process, in every hierarchy | the cgroup mounts |
//! | network interfaces | `/proc/net/dev` |
//! | processes that the test or its descendants started, the engine, or that see the test's directory among their mounts | `/proc/PID` |
//! | the caller itself: descriptors, namespaces, ids, capabilities, signals, cgroups, working directory | `/proc/thread-self` |
//! | kernel settings that containers have been known to change | `/proc/sys` |
//! | the engine's own program | as watched files; its content is hashed once, and again after every test |
//! | watched files: type, owner, mode, times, attributes, content | the directories given |
//!
//! An aspect is a map from the name of a thing to its state, so one comparison works for all of them.

use std::{
    collections::BTreeMap,
    fs::{self, File, Metadata},
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process,
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

/// This is part of the name of everything global that the engine creates.
const OURS: &str = "minicontainer";

/// How long a difference may last. The kernel removes a namespace's interfaces and dead processes with a delay, and
/// on a developer's machine other programs create containers, too; a leak remains.
const GRACE: Duration = Duration::from_secs(2);

type Picture = BTreeMap<String, String>;

/// The state of the machine, and what is needed to read it again. Dropping it compares the two.
pub struct HostSnapshot {
    engine: PathBuf,
    directory: PathBuf,
    watched: Vec<PathBuf>,
    before: Picture,
}

impl HostSnapshot {
    /// Reads the first state. `engine` is the command's program. `directory` distinguishes the test's containers from
    /// others by their mounts. In the directories `watched` no file may change.
    pub fn watch(engine: &Path, directory: &Path, watched: &[PathBuf]) -> HostSnapshot {
        let mut snapshot = HostSnapshot {
            engine: engine.to_owned(),
            directory: directory.to_owned(),
            watched: watched.to_vec(),
            before: Picture::new(),
        };
        snapshot.before = snapshot.picture(hash_seen_last);
        snapshot
    }

    /// Fails the test if something has changed and remains so.
    #[track_caller]
    pub fn check(&self) {
        let differences = self.lasting_differences();
        assert!(differences.is_empty(), "the machine is not as it was:\n  {}", differences.join("\n  "));
    }

    /// The current differences, one per line.
    pub fn differences(&self) -> Vec<String> {
        let after = self.picture(hash_now);
        let gone = self.before.iter().filter(|(thing, _)| !after.contains_key(*thing));
        let gone = gone.map(|(thing, state)| format!("- {thing}: {state}"));
        let changed = after.iter().filter_map(|(thing, state)| match self.before.get(thing) {
            None => Some(format!("+ {thing}: {state}")),
            Some(before) if before != state => Some(format!("~ {thing}: {before} -> {state}")),
            Some(_) => None,
        });
        gone.chain(changed).collect()
    }

    /// The differences that were there at every check. Differences of other programs are shorter.
    fn lasting_differences(&self) -> Vec<String> {
        let deadline = Instant::now() + GRACE;
        let mut lasting = self.differences();
        while !lasting.is_empty() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
            let differences = self.differences();
            lasting.retain(|difference| differences.contains(difference));
        }
        lasting
    }

    /// `hash_engine` is the hash function for the engine's program, which is far larger than all other files.
    fn picture(&self, hash_engine: Hash) -> Picture {
        let mut picture = Picture::new();
        add_mounts(&mut picture);
        add_cgroups(&mut picture);
        add_network_interfaces(&mut picture);
        add_processes(&mut picture, &self.engine, &self.directory);
        add_caller(&mut picture);
        add_kernel_settings(&mut picture);
        add_file(&mut picture, &self.engine, hash_engine);
        for directory in &self.watched {
            add_tree(&mut picture, directory);
        }
        picture
    }
}

impl Drop for HostSnapshot {
    fn drop(&mut self) {
        // A failing test must be reported first: a second panic would abort the whole test program.
        if thread::panicking() {
            self.differences().iter().for_each(|difference| eprintln!("after the failure: {difference}"));
        } else {
            self.check();
        }
    }
}

/// The content of a file of procfs; empty if its process has exited meanwhile, or if permission is missing.
fn read(path: impl AsRef<Path>) -> String {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn link(path: impl AsRef<Path>) -> String {
    fs::read_link(path).map(|target| target.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The entries of a directory; none if it was removed meanwhile.
fn entries(directory: impl AsRef<Path>) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn add_mounts(picture: &mut Picture) {
    for line in read("/proc/self/mountinfo").lines() {
        let mut fields = line.splitn(6, ' ');
        let (id, point) = (fields.next().unwrap_or_default(), fields.nth(3).unwrap_or_default());
        picture.insert(format!("mount {id} on {point}"), fields.next().unwrap_or_default().to_owned());
    }
}

fn add_cgroups(picture: &mut Picture) {
    for line in read("/proc/self/mountinfo").lines().filter(|line| line.contains(" - cgroup")) {
        add_cgroups_below(picture, Path::new(line.split(' ').nth(4).unwrap_or_default()));
    }
}

fn add_cgroups_below(picture: &mut Picture, group: &Path) {
    for child in entries(group).filter(|path| path.is_dir()) {
        if child.to_string_lossy().contains(OURS) {
            let processes = read(child.join("cgroup.procs"));
            // On a developer's machine other programs create containers, too.
            if processes.is_empty() || processes.lines().any(is_descendant) {
                picture.insert(
                    format!("cgroup {}", child.display()),
                    format!("processes {}", processes.replace('\n', " ")),
                );
            }
        }
        add_cgroups_below(picture, &child);
    }
}

fn add_network_interfaces(picture: &mut Picture) {
    for line in read("/proc/net/dev").lines().skip(2) {
        let name = line.split(':').next().unwrap_or_default().trim();
        picture.insert(format!("network interface {name}"), "there".to_owned());
    }
}

fn add_processes(picture: &mut Picture, engine: &Path, directory: &Path) {
    let own_mounts = link("/proc/self/ns/mnt");
    for process in entries("/proc").filter(|path| path.file_name().is_some_and(is_number)) {
        let stat = read(process.join("stat"));
        // The second field, the program's name, is in parentheses and may contain some.
        let Some((start, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        let is_child = fields[1] == process::id().to_string();
        let executable = link(process.join("exe"));
        let number = process.file_name().unwrap_or_default().to_string_lossy();
        let is_engine = executable.starts_with(&*engine.to_string_lossy())
            || executable.contains(&memory_file()) && is_descendant(&number);
        let is_contained = link(process.join("ns/mnt")) != own_mounts
            && read(process.join("mountinfo")).contains(&*directory.to_string_lossy());
        if is_child || is_engine || is_contained {
            let command_line = read(process.join("cmdline")).replace('\0', " ");
            picture.insert(format!("process {start}) started at {}", fields[19]), command_line);
        }
    }
}

/// Whether the process is a descendant of this one.
fn is_descendant(number: &str) -> bool {
    let own = process::id().to_string();
    let mut number = number.to_owned();
    while number != own {
        let stat = read(Path::new("/proc").join(&number).join("stat"));
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1));
        match parent {
            None | Some("0" | "1") => return false,
            Some(parent) => number = parent.to_owned(),
        }
    }
    true
}

/// The name in /proc of a program that was executed from a sealed memfd of the engine.
fn memory_file() -> String {
    format!("/memfd:{OURS}")
}

fn is_number(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

fn add_caller(picture: &mut Picture) {
    let descriptors = PathBuf::from(format!("/proc/{}/fd", process::id()));
    for descriptor in entries(&descriptors) {
        let target = link(&descriptor);
        // The descriptor for reading this directory is closed by now.
        if !target.is_empty() && Path::new(&target) != descriptors {
            let number = descriptor.file_name().unwrap_or_default().to_string_lossy().into_owned();
            picture.insert(format!("own descriptor {number}"), target);
        }
    }
    for namespace in entries("/proc/thread-self/ns") {
        picture.insert(format!("own {}", namespace.display()), link(&namespace));
    }
    let kept = ["Umask", "Uid", "Gid", "Groups", "Sig", "Cap", "NoNewPrivs", "Seccomp"];
    for line in read("/proc/thread-self/status").lines().filter(|line| kept.iter().any(|key| line.starts_with(key))) {
        let (key, value) = line.split_once(':').unwrap_or((line, ""));
        // The number of queued signals of this user changes all the time.
        if key != "SigQ" {
            picture.insert(format!("own {key}"), value.trim().to_owned());
        }
    }
    picture.insert("own cgroups".to_owned(), read("/proc/thread-self/cgroup").replace('\n', " "));
    picture.insert("own working directory".to_owned(), link("/proc/thread-self/cwd"));
    picture.insert("own root".to_owned(), link("/proc/thread-self/root"));
}

fn add_kernel_settings(picture: &mut Picture) {
    let settings = [
        "kernel/hostname",
        "kernel/domainname",
        "kernel/core_pattern",
        "kernel/modprobe",
        "kernel/hotplug",
        "net/ipv4/ip_forward",
        "vm/overcommit_memory",
    ];
    for setting in settings {
        picture.insert(format!("setting {setting}"), read(Path::new("/proc/sys").join(setting)).trim().to_owned());
    }
}

fn add_tree(picture: &mut Picture, path: &Path) {
    add_file(picture, path, hash_now);
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        entries(path).for_each(|entry| add_tree(picture, &entry));
    }
}

fn add_file(picture: &mut Picture, path: &Path, hash: Hash) {
    let Ok(metadata) = fs::symlink_metadata(path) else { return };
    let content = match metadata.file_type() {
        kind if kind.is_symlink() => link(path),
        kind if kind.is_file() => hash(path, &metadata),
        _ => String::new(),
    };
    let attributes: Vec<String> = xattr::list(path)
        .into_iter()
        .flatten()
        .map(|name| format!("{name:?}={:?}", xattr::get(path, &name).unwrap_or_default()))
        .collect();
    let state = format!(
        "mode {:o} owner {}:{} modified {}.{:09} links {} {attributes:?} {content}",
        metadata.mode(),
        metadata.uid(),
        metadata.gid(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.nlink(),
    );
    picture.insert(format!("file {}", path.display()), state);
}

/// A file's SHA-256.
type Hash = fn(&Path, &Metadata) -> String;

/// The current hash of the whole file, whatever its times are.
fn hash_now(path: &Path, _metadata: &Metadata) -> String {
    let mut hasher = Sha256::new();
    let mut portion = vec![0; 1 << 20];
    if let Ok(mut file) = File::open(path) {
        while let Ok(count @ 1..) = file.read(&mut portion) {
            hasher.update(&portion[..count]);
        }
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The last computed hash of the file, for the state before a test. If the file was changed in a way that its times
/// do not show, the state after the test, which is always computed in full, does not match.
fn hash_seen_last(path: &Path, metadata: &Metadata) -> String {
    static SEEN: Mutex<Option<([i64; 7], String)>> = Mutex::new(None);
    let (device, number) = (metadata.dev() as i64, metadata.ino() as i64);
    let (modified, changed) = ([metadata.mtime(), metadata.mtime_nsec()], [metadata.ctime(), metadata.ctime_nsec()]);
    let version = [device, number, metadata.size() as i64, modified[0], modified[1], changed[0], changed[1]];
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    match &*seen {
        Some((known, hash)) if *known == version => hash.clone(),
        _ => seen.insert((version, hash_now(path, metadata))).1.clone(),
    }
}
