//! The compiled plan: the operations of the container's first process, as data.
//!
//! **Before this**: [`compile`](super::compile) makes it from the plan. **Next**: [`child`](super::child) carries it
//! out.

use std::cell::Cell;
use std::ffi::CString;

use super::child_lookup::OwnMount;
use crate::sys::calls::{Fd, Node};

/// The plan's steps for the container's first process, ready to be interpreted without any allocation.
#[derive(Debug)]
pub(crate) struct Program {
    /// The operations that a [joiner](super::start()) carries out before it creates the container's first process.
    pub before_clone: Vec<(usize, Operation)>,
    /// The operations of that process, each with the index of its step in the plan.
    pub operations: Vec<(usize, Operation)>,
    /// The mounts from which later look-ups start, by slot. The child fills them in.
    pub mounts: Vec<Cell<Option<OwnMount>>>,
    /// Whether every step is reported with the time it took.
    pub traced: bool,
    /// Whether the parent must acknowledge *ready* before the program runs: because it opens the new root, or because
    /// the process must end with its parent. The kernel kills the process only if its parent exits *after* the
    /// process has asked for that, so the parent must show that it was alive later than that.
    pub acknowledged: bool,
}

/// One operation: a step with everything that it needs.
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
    InstallSeccomp { flags: u32, instructions: Vec<libc::sock_filter>, listener: Option<Fd> },
    Execute(Execution),
}

/// A writable layer with a size limit.
#[derive(Debug)]
pub(crate) struct LayerLimit {
    /// The options of the tmpfs that holds it.
    pub options: Vec<(CString, CString)>,
    /// The container's own directory, over which it is mounted.
    pub directory: CString,
    /// The directories that the overlay needs in it.
    pub directories: Vec<CString>,
    /// The user and group that own them, if not root.
    pub owner: Option<[u32; 2]>,
}

/// An overlay, with its layers in the form that the running kernel accepts.
#[derive(Debug)]
pub(crate) enum OverlayMount {
    /// Each layer as a separate option.
    OneByOne { options: Vec<(CString, CString)>, target: CString },
    /// All layers in one option, as paths relative to the directory `layers`.
    ByPath { layers: CString, data: CString, target: CString },
}

/// A bind mount.
#[derive(Debug)]
pub(crate) struct Bind {
    /// Its source.
    pub source: Source,
    /// Whether the mounts below the source are included.
    pub recursive: bool,
    /// Its mount attributes.
    pub attributes: u64,
    /// Where it is attached.
    pub place: Place,
    /// The slot in which it is kept for later look-ups.
    pub slot: Option<usize>,
}

/// The source of a bind mount.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// A path on the host.
    Path(CString),
    /// The file that this descriptor is open on, with its device and inode.
    OpenFile { file: Fd, identity: [u64; 2] },
    /// A detached mount.
    Tree { mount: Fd },
}

/// A place in the new root, with what is needed to create it if it is missing.
#[derive(Debug)]
pub(crate) struct Place {
    /// Where the look-up starts.
    pub start: Start,
    /// The path, relative to the start.
    pub path: CString,
    /// For each component: the path of its parent, and its name.
    pub components: Vec<(CString, CString)>,
}

/// Where a place is looked up from, see [`child_lookup`](super::child_lookup).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The new root. Symbolic links are followed inside it.
    Root,
    /// The new root, for a path at or below `/proc`, `/sys` or `/dev`. No symbolic link is followed.
    System,
    /// A mount made by an earlier step, by its slot. No symbolic link is followed.
    Mount(usize),
}

/// The container's own terminal.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// The user that owns it.
    pub owner: u32,
    /// Its rows and columns.
    pub size: (u16, u16),
    /// The device that creates it: `/dev/pts/ptmx`.
    pub multiplexer: Place,
    /// Where it is also mounted: `/dev/console`.
    pub console: Place,
    /// The socket through which the engine's side is sent.
    pub socket: Fd,
}

/// The launcher, and what it passes to the program, see [`launcher`](super::launcher).
#[derive(Debug)]
pub(crate) struct Execution {
    /// The launcher's file.
    pub launcher: Fd,
    /// The descriptors through which the launcher and the init report.
    pub kept: Vec<Fd>,
    /// Pointers into `_strings`, terminated by a null pointer.
    pub args: Vec<*const libc::c_char>,
    /// The launcher's instructions and the program's environment: pointers into `_strings`, terminated by a null
    /// pointer.
    pub env: Vec<*const libc::c_char>,
    /// The strings that the pointers point to.
    pub _strings: Vec<CString>,
}
