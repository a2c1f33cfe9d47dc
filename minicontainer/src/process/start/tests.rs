//! Faults in every operation: if an operation of the container's first process fails, the caller gets the step, the
//! system call and the errno, and the process exits.
//!
//! Each operation gets an argument that the kernel refuses: a descriptor that is not open, a path that does not
//! exist, an unmapped ID. The list of operations is read from the source of [`Operation`], so a new operation without
//! a fault fails here.

use std::ffi::CString;
use std::sync::OnceLock;

use minicontainer_core::plan::Step;

use nix::fcntl::OFlag;
use nix::unistd::pipe2;

use super::*;
use crate::process::launcher;
use crate::process::program::{Bind, Execution, LayerLimit, Operation, OverlayMount, Place, Source, Start, Terminal};
use crate::sys::calls::Node;

/// No descriptor has this number.
const CLOSED: i32 = 9999;
/// The descriptor of the report pipe, which is passed to the launcher.
const REPORT: i32 = 900;
const NULL: Node = Node { kind: libc::S_IFCHR, device: libc::makedev(1, 3) };
/// An unmapped ID: the user namespace of the process has no ID maps.
const UNMAPPED: u32 = 4242;

/// Operations whose calls cannot fail, with the reason.
const NEVER_FAIL: [(&str, &str); 4] = [
    ("ResetSignals", "it names signals that exist, and the two that cannot be changed are left out"),
    ("SetUmask", "umask(2) always succeeds"),
    ("EndWithEngine", "it needs no permission, and its arguments are fixed"),
    ("NoNewPrivileges", "it needs no permission, and its arguments are constants"),
];

fn text(text: &str) -> CString {
    CString::new(text).expect("no NUL")
}

/// A place whose parent is a file.
fn place_in_a_file() -> Place {
    let components = vec![(text("."), text("Cargo.toml")), (text("Cargo.toml"), text("below"))];
    Place { start: Start::System, path: text("Cargo.toml/below"), components }
}

/// A file of the mount in the first slot.
fn in_first_mount(name: &str) -> Place {
    Place { start: Start::Mount(0), ..place(name) }
}

fn bind(source: Source, place: Place) -> Operation {
    Operation::BindMount(Bind { source, recursive: false, attributes: 0, place, slot: Some(0) })
}

fn place(path: &str) -> Place {
    Place { start: Start::System, path: text(path), components: vec![(text("."), text(path))] }
}

fn wrong_options() -> Vec<(CString, CString)> {
    vec![(text("no-such-option"), text("1"))]
}

fn capabilities(all: u64) -> Operation {
    Operation::SetCapabilities { effective: all, permitted: all, inheritable: 0, ambient: Vec::new() }
}

/// What the process does first, the operation that must fail, and how.
type Fault = (Vec<Operation>, Operation, &'static str, Errno);

#[expect(clippy::too_many_lines, reason = "a table of plans")]
fn faults() -> Vec<Fault> {
    let missing = || text("/no/such/path");
    // A component longer than any name.
    let too_long = "x".repeat(300);
    let first = |operation, call, errno| (Vec::new(), operation, call, errno);
    vec![
        first(Operation::CloseDescriptors { standard: [CLOSED; 3], close: Vec::new() }, "dup3", Errno(libc::EBADF)),
        first(Operation::JoinCgroup { tasks: vec![missing()] }, "openat", Errno(libc::ENOENT)),
        first(Operation::AwaitGo, "read", Errno(libc::EBADF)),
        first(Operation::JoinNamespace { namespace: CLOSED, kind: libc::CLONE_NEWNET }, "setns", Errno(libc::EBADF)),
        first(Operation::Unshare { flags: 1 }, "unshare", Errno(libc::EINVAL)),
        (vec![capabilities(0)], Operation::UnshareTime { offsets: text("") }, "unshare", Errno(libc::EPERM)),
        // A session leader cannot create another session.
        (vec![Operation::NewSession], Operation::NewSession, "setsid", Errno(libc::EPERM)),
        // The ID is not mapped.
        first(
            Operation::GiveStreams { before: Box::new(Operation::NewSession), owner: UNMAPPED, streams: [true; 3] },
            "fchown",
            Errno(libc::EINVAL),
        ),
        first(Operation::SetHostname { name: text(&"x".repeat(65)) }, "sethostname", Errno(libc::EINVAL)),
        // A root that is not a mount.
        (
            vec![Operation::Chroot { path: text(env!("CARGO_MANIFEST_DIR")) }],
            Operation::MakeMountsPrivate,
            "mount_setattr",
            Errno(libc::EINVAL),
        ),
        first(
            Operation::LimitWritableLayer(LayerLimit {
                options: wrong_options(),
                directory: missing(),
                directories: Vec::new(),
                owner: None,
            }),
            "fsconfig",
            Errno(libc::EINVAL),
        ),
        first(
            Operation::MountOverlay(OverlayMount::OneByOne { options: wrong_options(), target: missing() }),
            "fsconfig",
            Errno(libc::EINVAL),
        ),
        first(Operation::MountOverlay(overlay_by_path()), "chdir", Errno(libc::ENOENT)),
        first(
            Operation::MountIdmappedOverlay {
                namespace: CLOSED,
                directories: vec![missing()],
                overlay: overlay_by_path(),
            },
            "open_tree",
            Errno(libc::ENOENT),
        ),
        first(Operation::BindRoot { source: missing() }, "open_tree", Errno(libc::ENOENT)),
        first(
            Operation::Mount {
                fstype: text("no-such-fs"),
                options: Vec::new(),
                attributes: 0,
                place: place("src"),
                slot: None,
            },
            "fsopen",
            Errno(libc::ENODEV),
        ),
        first(bind(Source::Path(missing()), place("src")), "open_tree", Errno(libc::ENOENT)),
        first(
            bind(Source::OpenFile { file: CLOSED, identity: [0, 0] }, place("src")),
            "readlinkat",
            Errno(libc::ENOENT),
        ),
        // The path leads to another file than the one that is held.
        first(
            bind(Source::OpenFile { file: REPORT, identity: [0, 0] }, place("src")),
            "open_tree",
            Errno(libc::ESTALE),
        ),
        first(bind(Source::Tree { mount: CLOSED }, place("src")), "statx", Errno(libc::EBADF)),
        // A directory over a file, and a file over a directory.
        first(
            bind(Source::Path(text(env!("CARGO_MANIFEST_DIR"))), place("Cargo.toml")),
            "move_mount",
            Errno(libc::ENOTDIR),
        ),
        first(bind(Source::Path(text("/dev/null")), place("src")), "move_mount", Errno(libc::EISDIR)),
        // The host's file is another device than the expected null device.
        first(
            Operation::BindDevice { source: text("/dev/zero"), node: NULL, place: place("src/null") },
            "open_tree",
            Errno(libc::ENODEV),
        ),
        first(
            Operation::MakeDevice { mode: 0, node: NULL, place: place_in_a_file() },
            "openat2",
            Errno(libc::ENOTDIR),
        ),
        first(
            Operation::MakeDevice { mode: 0, node: NULL, place: place("Cargo.toml") },
            "mknodat",
            Errno(libc::EEXIST),
        ),
        first(Operation::Symlink { target: missing(), place: place_in_a_file() }, "openat2", Errno(libc::ENOTDIR)),
        first(Operation::Symlink { target: missing(), place: place("Cargo.toml") }, "symlinkat", Errno(libc::EEXIST)),
        first(terminal(), "fstatfs", Errno(libc::EINVAL)),
        first(null_device("missing"), "openat2", Errno(libc::ENOENT)),
        // The file is not the device.
        first(null_device("Cargo.toml"), "statx", Errno(libc::ENODEV)),
        first(Operation::Remount { attributes: 0, place: place("missing") }, "openat2", Errno(libc::ENOENT)),
        first(Operation::Remount { attributes: 0, place: in_first_mount("lib.rs") }, "openat2", Errno(libc::EBADF)),
        // The file is not in a procfs.
        first(Operation::SetSysctl { place: place("Cargo.toml"), value: text("1") }, "fstatfs", Errno(libc::EINVAL)),
        (
            vec![bind(Source::Path(text(&format!("{}/src", env!("CARGO_MANIFEST_DIR")))), place("src"))],
            Operation::SetSysctl { place: in_first_mount("lib.rs"), value: text("1") },
            "fstatfs",
            Errno(libc::EINVAL),
        ),
        first(Operation::MaskPath { place: place(&too_long), on_host: None }, "openat2", Errno(libc::ENAMETOOLONG)),
        // A file in the host's procfs must also be in the container's.
        (
            vec![bind(Source::Path(text("/proc/sys/fs")), place("src"))],
            Operation::MaskPath { place: in_first_mount("version"), on_host: Some(text("/proc/version")) },
            "openat2",
            Errno(libc::ENOENT),
        ),
        first(
            Operation::ReadonlyPath { place: place(&too_long), on_host: None },
            "openat2",
            Errno(libc::ENAMETOOLONG),
        ),
        // The new root has not been mounted yet.
        first(Operation::PivotRoot { close: Vec::new() }, "fchdir", Errno(libc::EBADF)),
        first(Operation::Chroot { path: missing() }, "chroot", Errno(libc::ENOENT)),
        first(Operation::LoopbackUp { request: Box::new(nameless()) }, "ioctl", Errno(libc::ENODEV)),
        first(Operation::EnterWorkdir { path: missing(), components: Vec::new() }, "openat2", Errno(libc::ENOENT)),
        first(Operation::SetRlimit { resource: 99, soft: 0, hard: 0 }, "prlimit64", Errno(libc::EINVAL)),
        first(Operation::EnterUserNamespace { namespace: CLOSED }, "setns", Errno(libc::EBADF)),
        (vec![capabilities(0)], Operation::DropBoundingSet { drop: vec![0] }, "prctl", Errno(libc::EPERM)),
        first(Operation::SetUser { uid: UNMAPPED, gid: UNMAPPED, groups: None }, "setresgid", Errno(libc::EINVAL)),
        first(Operation::SetUser { uid: 0, gid: 0, groups: Some(vec![UNMAPPED]) }, "setgroups", Errno(libc::EPERM)),
        (vec![capabilities(0)], capabilities(1), "capset", Errno(libc::EPERM)),
        // A filter must have at least one instruction.
        first(
            Operation::InstallSeccomp { flags: 0, instructions: Vec::new(), listener: None },
            "seccomp",
            Errno(libc::EINVAL),
        ),
        first(execution("/no/such/path", CLOSED, REPORT), "execveat", Errno(libc::EBADF)),
        first(execution("/no/such/path", launcher_file(), CLOSED), "fcntl", Errno(libc::EBADF)),
        first(execution("/no/such/path", launcher_file(), REPORT), "execve", Errno(libc::ENOENT)),
        first(execution("/dev/null/below", launcher_file(), REPORT), "execve", Errno(libc::ENOTDIR)),
        first(execution(env!("CARGO_MANIFEST_DIR"), launcher_file(), REPORT), "execve", Errno(libc::EACCES)),
        first(execution(&"x".repeat(200_000), launcher_file(), REPORT), "execve", Errno(libc::E2BIG)),
    ]
}

fn overlay_by_path() -> OverlayMount {
    let missing = || text("/no/such/path");
    OverlayMount::ByPath { layers: missing(), data: text(""), target: missing() }
}

fn terminal() -> Operation {
    let (multiplexer, console) = (place("src"), place_in_a_file());
    Operation::OpenTerminal(Terminal { owner: 0, size: (0, 0), multiplexer, console, socket: CLOSED })
}

fn null_device(path: &str) -> Operation {
    let before = Box::new(Operation::MakeMountsPrivate);
    Operation::OpenNull { before, place: place(path), streams: [true, false, false] }
}

fn nameless() -> libc::ifreq {
    // SAFETY: struct ifreq consists of plain numbers, for which all zeros is valid.
    unsafe { std::mem::zeroed() }
}

/// The operation that executes the launcher, which then executes this path.
fn execution(path: &str, launcher: i32, report: i32) -> Operation {
    let strings = [&REPORT.to_string(), "0", "program", path, ""].map(text);
    let env = strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect();
    Operation::Execute(Execution {
        launcher,
        kept: vec![report],
        args: vec![std::ptr::null()],
        env,
        _strings: strings.into(),
    })
}

fn launcher_file() -> i32 {
    static FILE: OnceLock<OwnedFd> = OnceLock::new();
    FILE.get_or_init(|| launcher::in_memory().expect("a file in memory")).as_raw_fd()
}

/// A plan with as many steps as there are operations. The steps themselves do not matter.
fn plan_of(steps: usize) -> Plan {
    Plan { steps: (0..steps).map(|mask| Step::SetUmask { mask: mask as u32 }).collect() }
}

/// Carries out the operations in a new process in new namespaces, and returns the result as seen by the parent.
fn start_of(operations: Vec<Operation>) -> Result<Vec<StepTime>, StartError> {
    let plan = plan_of(operations.len());
    let operations = operations.into_iter().enumerate().collect();
    let program = Program {
        before_clone: Vec::new(),
        operations,
        mounts: vec![Default::default()],
        traced: false,
        acknowledged: false,
    };
    let (listen, report) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let namespaces = [Namespace::User, Namespace::Mount, Namespace::Pid, Namespace::Uts, Namespace::Net];
    let args = CloneArgs { flags: flags(&namespaces), ..CloneArgs::default() };
    calls::dup3(report.as_raw_fd(), REPORT).expect("a descriptor");
    let pipes = Pipes { go: CLOSED, report: REPORT };
    // SAFETY: the child calls `interpret`, which only makes calls of `sys` and never returns.
    let cloned = unsafe { clone::clone3(args) };
    let (_, pidfd) = match cloned.expect("a process in namespaces of its own") {
        None => interpret(&program, pipes),
        Some(cloned) => cloned,
    };
    calls::close(REPORT).expect("it was open");
    drop(report);
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let report = read_reports(listen, || {});
    let ended = wait::reap(&pidfd).expect("it can be waited for");
    assert_eq!(ended.how.to_string(), "exit code 125", "the process has exited by itself");
    report.conclude(&plan)
}

/// The operation's name, as in the source.
fn name(operation: &Operation) -> String {
    let text = format!("{operation:?}");
    text.split([' ', '(']).next().unwrap_or_default().to_owned()
}

#[test]
fn failures_report_step_call_and_errno() {
    for (mut operations, faulty, expected, reason) in faults() {
        let (name, place) = (name(&faulty), operations.len());
        operations.push(faulty);
        match start_of(operations) {
            Err(StartError::Step { step, index, call, errno }) => {
                assert_eq!((index, call, errno), (place, expected, reason), "{name}");
                assert_eq!(*step, Step::SetUmask { mask: place as u32 }, "{name}");
            }
            other => panic!("{name}: {other:?}"),
        }
    }
}

/// The names of the variants, as listed in the source.
fn operations_in_the_source() -> Vec<&'static str> {
    let source = include_str!("../program.rs");
    let list = source.split_once("enum Operation {").expect("the list").1.split_once("\n}").expect("its end").0;
    let lines = list.lines().filter(|line| line.starts_with("    ") && line[4..].starts_with(char::is_uppercase));
    lines.filter_map(|line| line.trim().split([' ', '(', ',']).next()).collect()
}

#[test]
fn every_operation_has_a_fault() {
    let tried: Vec<String> = faults().iter().map(|(_, operation, _, _)| name(operation)).collect();
    let known = |wanted: &str| {
        tried.iter().any(|tried| tried == wanted)
            || NEVER_FAIL.iter().any(|(name, why)| *name == wanted && !why.is_empty())
    };
    let operations = operations_in_the_source();
    assert!(operations.len() > 30, "{operations:?}");
    let missing: Vec<_> = operations.iter().filter(|name| !known(name)).collect();
    assert!(missing.is_empty(), "operations without a fault, see the head of this file: {missing:?}");
}

/// If the parent exits before it has sent *go*, the child exits too, so no program runs in a partly prepared
/// container.
#[test]
fn child_exits_if_parent_dies_before_go() {
    let (go, say_go) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let (listen, report) = pipe2(OFlag::O_CLOEXEC).expect("a pipe");
    let operations = vec![(0, Operation::AwaitGo)];
    let program =
        Program { before_clone: Vec::new(), operations, mounts: Vec::new(), traced: false, acknowledged: false };
    // SAFETY: the child calls `interpret`, which only makes calls of `sys` and never returns.
    let cloned = unsafe { clone::clone3(CloneArgs::default()) };
    let (_, pidfd) = match cloned.expect("a process") {
        None => {
            // The previous step would have closed this end.
            let _closed = calls::close(say_go.as_raw_fd());
            interpret(&program, Pipes { go: go.as_raw_fd(), report: report.as_raw_fd() })
        }
        Some(cloned) => cloned,
    };
    drop((go, say_go, report));
    // SAFETY: the kernel has just created this descriptor, and nothing else owns it.
    let pidfd = unsafe { OwnedFd::from_raw_fd(pidfd) };
    let report = read_reports(listen, || {});
    wait::reap(&pidfd).expect("it can be waited for");
    assert!(matches!(report.conclude(&plan_of(1)), Err(StartError::EndedEarly { .. })));
}
