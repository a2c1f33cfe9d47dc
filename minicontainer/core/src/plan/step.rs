//! One step of a plan: plain data that says what is to be done, and nothing of how.
//!
//! A step is as small as it can be while still meaning something to a reader: one to four system calls. The Linux
//! library turns each into a prepared operation; [`explain`](crate::explain) turns each into a sentence; a browser
//! draws each as a card. None of the three holds a list of its own.

use serde::Serialize;

use super::{Capabilities, DeviceRule, IdMapping, MountAttribute, Namespace, SwapLimit};
use crate::options::TimeOffset;
use crate::seccomp::Instruction;

/// One step. The variants stand in the order in which a full plan carries them out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Step {
    /// Make a control group for the container in each of these hierarchies.
    CreateCgroup {
        /// Its name below the root of the hierarchy.
        name: String,
        /// The controllers it is needed for.
        controllers: Vec<String>,
    },
    /// Bound the number of processes of all containers of root's together, whatever bound each of them has.
    LimitTogether {
        /// The greatest number that may exist at once.
        pids: u64,
    },
    /// Bound the memory of all the container's processes together, and the swap space beside it.
    LimitMemory {
        /// The bound in bytes.
        bytes: u64,
        /// The bound on swap space.
        swap: SwapLimit,
    },
    /// Bound the processor time: `quota` in every `period`, both in microseconds.
    LimitCpu {
        /// Processor time that may be used in one period.
        quota: u64,
        /// The length of a period.
        period: u64,
    },
    /// Bound the number of processes and threads.
    LimitPids {
        /// The greatest number that may exist at once.
        max: u64,
    },
    /// Bind the container's processes to some of the processors.
    LimitCpuset {
        /// The processors as cpuset(7) lists them, such as `0-1,3`.
        cpus: String,
    },
    /// Bound which device nodes can be opened and made, whoever owns them.
    LimitDevices {
        /// The rules, the last that fits counts.
        rules: Vec<DeviceRule>,
    },
    /// Make a user namespace that the container will enter last, when all that needs the host's root is done.
    MakeUserNamespace {
        /// The lines of its `uid_map`.
        uids: Vec<IdMapping>,
        /// The lines of its `gid_map`.
        gids: Vec<IdMapping>,
    },
    /// Join a namespace that exists. All but the cgroup namespace are joined before the container's first process is
    /// made, by a process of the engine's that makes it and exits.
    JoinNamespace {
        /// Its kind.
        namespace: Namespace,
        /// Where it is found on the host, such as `/proc/PID/ns/net`.
        path: String,
    },
    /// Create the container's first process, already inside its new namespaces.
    Clone {
        /// The namespaces made for it.
        namespaces: Vec<Namespace>,
        /// Whether the process is created inside its control group (cgroup v2 only).
        into_cgroup: bool,
    },
    /// Say which ids of the host the ids inside the user namespace stand for.
    MapIds {
        /// The lines of `/proc/PID/uid_map`.
        uids: Vec<IdMapping>,
        /// The lines of `/proc/PID/gid_map`.
        gids: Vec<IdMapping>,
        /// Whether setgroups(2) is denied for ever, which an unprivileged writer must accept.
        deny_setgroups: bool,
        /// Whether newuidmap(1) and newgidmap(1) write them, because they hold more than the user's own id.
        helped: bool,
    },
    /// Put the process into the control group from outside, because it cannot enter by itself.
    MoveIntoCgroup {
        /// The hierarchies entered.
        controllers: Vec<String>,
    },
    /// Close whatever descriptors the caller left open, but for stdin, stdout, stderr.
    CloseDescriptors,
    /// Give every signal its default action and block none: the caller's choices are not the program's.
    ResetSignals,
    /// Enter the control group by writing `0` to its `tasks` files (cgroup v1).
    JoinCgroup {
        /// The hierarchies entered.
        controllers: Vec<String>,
    },
    /// Wait until the engine has done its part (id maps, limits); if the engine dies, die too.
    AwaitGo,
    /// See the own control group as the root of the tree from now on.
    UnshareCgroup,
    /// Have clocks of its own, see time_namespaces(7).
    UnshareTime {
        /// How far they are moved; one that is not listed shows what the machine's shows.
        offsets: Vec<TimeOffset>,
    },
    /// Leave the caller's session and terminal.
    NewSession,
    /// Name the machine.
    SetHostname {
        /// The name.
        name: String,
    },
    /// Cut the ties between this mount table and the host's.
    MakeMountsPrivate,
    /// Let the writable layer hold no more than this: it will lie in a file system of that size, in memory.
    LimitWritableLayer {
        /// The container's own directory, over which that file system is mounted.
        directory: String,
        /// How many bytes it holds.
        bytes: u64,
        /// How many files, directories and links it holds.
        inodes: u64,
        /// The directories made in it: overlay's upper and work.
        directories: Vec<String>,
    },
    /// Stack the image's layers and put an empty writable one on top.
    MountOverlay {
        /// The read-only layers, uppermost first: absolute paths on the host.
        lowers: Vec<String>,
        /// The writable layer.
        upper: String,
        /// Overlay's scratch directory, on the same file system as the upper.
        work: String,
        /// The directory on which the merged tree appears.
        target: String,
        /// Whether syncing to disk is skipped, right for a container that will be thrown away.
        volatile: bool,
        /// Whether overlay keeps its notes in `user.overlay.*` rather than `trusted.overlay.*` attributes.
        userxattr: bool,
        /// Whether the layers are shown with their owners shifted into the user namespace that was made before: what
        /// root owns on the disk then belongs to root of the container.
        idmapped: bool,
    },
    /// Make a plain directory a mount of its own, as pivot_root(2) demands.
    BindRoot {
        /// The directory that becomes the root.
        source: String,
    },
    /// Mount a file system of the kernel's.
    Mount {
        /// Its type, such as `proc` or `tmpfs`.
        fstype: String,
        /// What the mount table shows as its source.
        source: String,
        /// Where, inside the new root.
        destination: String,
        /// The restrictions on it.
        attributes: Vec<MountAttribute>,
        /// The file system's own options; an empty value means a plain flag.
        options: Vec<(String, String)>,
    },
    /// Show a file or directory of the host inside the container.
    BindMount {
        /// The path on the host.
        source: String,
        /// Where, inside the new root.
        destination: String,
        /// Whether mounts below the source come along.
        recursive: bool,
        /// The restrictions on it.
        attributes: Vec<MountAttribute>,
        /// As whom the owners of its files are shown, users and groups: an idmapped mount. In each line `inside` is
        /// the id on the disk and `outside` the one that it is shown as; an id in no line is shown as nobody's.
        owners: Option<[Vec<IdMapping>; 2]>,
    },
    /// Make a device node.
    MakeDevice {
        /// Where, inside the new root.
        path: String,
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
        /// Permission bits.
        mode: u32,
        /// Whether it is a block device; else it is a character device.
        block: bool,
    },
    /// Show a device node of the host, where none can be made: read-only, so that its mode, owner and times stay.
    BindDevice {
        /// The same path outside and inside.
        path: String,
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
        /// Whether it is a block device; else it is a character device.
        block: bool,
    },
    /// Make a symbolic link.
    Symlink {
        /// What the link says.
        target: String,
        /// Where the link lies, inside the new root.
        path: String,
    },
    /// Take a terminal of the container's own for stdin, stdout, stderr and `/dev/console`, and hand its other side
    /// to the engine.
    OpenTerminal {
        /// Whose terminal it is: the program's user.
        owner: u32,
        /// Its height in lines; 0 where nobody knows.
        rows: u16,
        /// Its width in characters; 0 where nobody knows.
        columns: u16,
    },
    /// Put further restrictions on a mount that exists.
    Remount {
        /// The mount, inside the new root.
        destination: String,
        /// The restrictions added.
        attributes: Vec<MountAttribute>,
    },
    /// Set a variable of the kernel's that belongs to the container's own namespaces, see sysctl(8).
    SetSysctl {
        /// Its name, with dots, such as `net.ipv4.ping_group_range`.
        name: String,
        /// Its value.
        value: String,
    },
    /// Cover a file or a directory with an empty read-only one.
    MaskPath {
        /// The path, inside the new root. Below `/proc` and `/sys` it must be there if the host has it.
        path: String,
    },
    /// Make a path read-only with all below it.
    ReadonlyPath {
        /// The path, inside the new root. Below `/proc` and `/sys` it must be there if the host has it.
        path: String,
    },
    /// Make the new root *the* root and detach the host's tree.
    PivotRoot,
    /// Make a directory the root for path lookups only: the older and weaker way.
    Chroot {
        /// The directory that becomes the root.
        path: String,
    },
    /// Switch the loopback interface on.
    LoopbackUp,
    /// Enter the working directory, made when missing.
    EnterWorkdir {
        /// The absolute path.
        path: String,
    },
    /// Set the permission bits that new files lack.
    SetUmask {
        /// The mask.
        mask: u32,
    },
    /// Bound a resource of the single process, see getrlimit(2).
    SetRlimit {
        /// The resource, such as `RLIMIT_CORE`.
        resource: String,
        /// The bound in force.
        soft: u64,
        /// How far the process may raise it.
        hard: u64,
    },
    /// Enter the user namespace that was made before: from here on no power reaches beyond it.
    EnterUserNamespace,
    /// Give up, for this process and all that come of it, every capability that is not listed.
    DropBoundingSet {
        /// The capabilities that remain obtainable.
        keep: Capabilities,
    },
    /// Become the user.
    SetUser {
        /// User id.
        uid: u32,
        /// Group id.
        gid: u32,
        /// Supplementary group ids; `None` where setgroups(2) is denied.
        groups: Option<Vec<u32>>,
    },
    /// Set the process's own capability sets.
    SetCapabilities {
        /// What it may use now.
        effective: Capabilities,
        /// What it may make effective.
        permitted: Capabilities,
        /// What may survive execve(2) through files.
        inheritable: Capabilities,
        /// What survives execve(2) by itself.
        ambient: Capabilities,
    },
    /// Die when the engine's thread that started this process dies.
    EndWithEngine,
    /// From now on execve(2) can only lose powers, never gain them.
    NoNewPrivileges,
    /// Hand the kernel a filter through which every system call goes from now on.
    InstallSeccomp {
        /// How many system calls are let through, whatever their arguments.
        allowed: usize,
        /// For how many the arguments decide.
        examined: usize,
        /// How many are refused.
        refused: usize,
        /// The flags for seccomp(2).
        flags: u32,
        /// The filter. Nobody wants to read it, so it is not part of the serialised step.
        #[serde(skip)]
        instructions: Vec<Instruction>,
    },
    /// Become the program.
    Execute {
        /// The program and its arguments.
        args: Vec<String>,
        /// Its environment, `NAME=value` each.
        env: Vec<String>,
        /// Whether a small process of the engine's, the init, is process 1: it starts the program as its child,
        /// forwards signals to it, reaps orphaned processes and reports how the program ended.
        init: bool,
    },
}
