//! The plan, compiled: what the container's first process is given, as data.
//!
//! **Before this**: [`compile`](super::compile) makes it of the plan. **Next**: [`child`](super::child) carries it
//! out.

use std::cell::Cell;
use std::ffi::CString;

use super::child_places::OwnMount;
use crate::sys::calls::{Fd, Node};

/// The plan's steps for the container's first process, ready to be interpreted without a single allocation.
#[derive(Debug)]
pub(crate) struct Program {
    /// What a [joiner](super::start()) carries out before it creates the container's first process.
    pub before_clone: Vec<(usize, Operation)>,
    /// The operations of that process, each with the place of its step in the plan.
    pub operations: Vec<(usize, Operation)>,
    /// The mounts that later look-ups start from, by slot; the child fills them in.
    pub mounts: Vec<Cell<Option<OwnMount>>>,
    /// Whether every step is reported with the time it took.
    pub traced: bool,
    /// Whether the parent must answer once all is ready, before the program runs: because it wants to take hold of
    /// the new root, or because the process ends with it. The kernel ends a process only for a parent that dies
    /// *after* the process has asked for that; so there must be a sign of life from later than that.
    pub acknowledged: bool,
}

/// One operation: a step with everything it needs.
#[derive(Debug)]
pub(crate) enum Operation {
    CloseDescriptors { standard: [Fd; 3], close: Vec<(u32, u32)> },
    ResetSignals,
    JoinCgroup { tasks: Vec<CString> },
    AwaitGo,
    JoinNamespace { namespace: Fd, kind: i32 },
    Unshare { flags: i32 },
    UnshareTime { offsets: CString },
    NewSession,
    GiveStreams { before: Box<Operation>, owner: u32, streams: [bool; 3] },
    SetHostname { name: CString },
    MakeMountsPrivate,
    LimitWritableLayer(LayerLimit),
    MountOverlay(OverlayMount),
    MountIdmappedOverlay { namespace: Fd, directories: Vec<CString>, overlay: OverlayMount },
    BindRoot { source: CString },
    Mount { fstype: CString, options: Vec<(CString, CString)>, attributes: u64, place: Place, slot: Option<usize> },
    BindMount(Bind),
    BindDevice { source: CString, node: Node, place: Place },
    MakeDevice { mode: u32, node: Node, place: Place },
    Symlink { target: CString, place: Place },
    OpenTerminal(Terminal),
    OpenNull { before: Box<Operation>, place: Place, streams: [bool; 3] },
    Remount { attributes: u64, place: Place },
    SetSysctl { place: Place, value: CString },
    MaskPath { place: Place, on_host: Option<CString> },
    ReadonlyPath { place: Place, on_host: Option<CString> },
    PivotRoot { close: Vec<Fd> },
    Chroot { path: CString },
    LoopbackUp { request: Box<libc::ifreq> },
    EnterWorkdir { path: CString, components: Vec<(CString, CString)> },
    SetUmask { mask: u32 },
    SetRlimit { resource: u32, soft: u64, hard: u64 },
    EnterUserNamespace { namespace: Fd },
    DropBoundingSet { drop: Vec<u32> },
    SetUser { uid: u32, gid: u32, groups: Option<Vec<u32>> },
    SetCapabilities { effective: u64, permitted: u64, inheritable: u64, ambient: Vec<u32> },
    EndWithEngine,
    NoNewPrivileges,
    InstallSeccomp { flags: u32, instructions: Vec<libc::sock_filter> },
    Execute(Execution),
}

/// A writable layer of bounded size.
#[derive(Debug)]
pub(crate) struct LayerLimit {
    /// The options of the tmpfs that holds it.
    pub options: Vec<(CString, CString)>,
    /// The container's own directory, over which it is mounted.
    pub directory: CString,
    /// The directories that overlay needs in it.
    pub directories: Vec<CString>,
    /// Who owns them, where that is not root.
    pub owner: Option<[u32; 2]>,
}

/// An overlay, as the running kernel takes its layers.
#[derive(Debug)]
pub(crate) enum OverlayMount {
    /// Each layer as an option of its own.
    OneByOne { options: Vec<(CString, CString)>, target: CString },
    /// All layers in one option, named from the directory `layers`.
    ByPath { layers: CString, data: CString, target: CString },
}

/// A bind mount.
#[derive(Debug)]
pub(crate) struct Bind {
    /// What it shows.
    pub source: Source,
    /// Whether the mounts below it come along.
    pub recursive: bool,
    /// The restrictions on it.
    pub attributes: u64,
    /// Where it goes.
    pub place: Place,
    /// Where it is kept for later look-ups.
    pub slot: Option<usize>,
}

/// What a bind mount shows.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// What this path of the host leads to.
    Path(CString),
    /// What this descriptor is open on; and its device and inode.
    Held { file: Fd, identity: [u64; 2] },
    /// A mount that is attached nowhere yet.
    Tree { mount: Fd },
}

/// A place inside the new root, with what is needed to make it when it is not there.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where the look-up starts.
    pub start: Start,
    /// The path, relative to the start.
    pub path: CString,
    /// For each component: the path of its parent, and its name.
    pub components: Vec<(CString, CString)>,
}

/// Where a place is looked up from, see [`child_places`](super::child_places).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The new root. Symbolic links are followed inside it.
    Root,
    /// The new root, for a path at or below `/proc`, `/sys` or `/dev`. No symbolic link is followed.
    System,
    /// A mount that was made before, by its slot. No symbolic link is followed.
    Mount(usize),
}

/// The container's own terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Whose it is.
    pub owner: u32,
    /// Its height and width in characters.
    pub size: (u16, u16),
    /// Where it comes from: `/dev/pts/ptmx`.
    pub multiplexer: Place,
    /// Where else it appears: `/dev/console`.
    pub console: Place,
    /// What it is handed over through.
    pub socket: Fd,
}

/// The launcher, and what it hands on to the program, see [`launcher`](super::launcher).
#[derive(Debug)]
pub(crate) struct Execution {
    /// The launcher's file.
    pub launcher: Fd,
    /// The descriptors by which the launcher reports, and the init on the program.
    pub kept: Vec<Fd>,
    /// Pointers into `_strings`, ended by a null pointer.
    pub args: Vec<*const libc::c_char>,
    /// The launcher's orders and the program's environment: pointers into `_strings`, ended by a null pointer.
    pub env: Vec<*const libc::c_char>,
    /// What the pointers point to.
    pub _strings: Vec<CString>,
}
