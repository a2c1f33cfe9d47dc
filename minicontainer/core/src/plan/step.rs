//! One step of a plan: plain data that says what to do, but not how.
//!
//! A step is as small as it can be while still meaning something to a reader: one to four system calls. The Linux
//! library turns each step into a prepared operation, [`explain`](crate::explain) into a sentence, and the browser
//! into a card. None of the three has its own list of steps.

use serde::Serialize;

use super::{Capabilities, DeviceRule, IdMapping, MountAttribute, Namespace, SwapLimit};
use crate::options::TimeOffset;
use crate::seccomp::Instruction;

/// One step. The variants are in the order in which a full plan executes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Step {
    /// Create a cgroup for the container in each of these hierarchies.
    CreateCgroup {
        /// Its name below the root of the hierarchy.
        name: String,
        /// The controllers it is needed for.
        controllers: Vec<String>,
    },
    /// Limit the number of processes of all of root's containers together, in addition to each container's own limit.
    LimitTogether {
        /// The greatest number that may exist at once.
        pids: u64,
    },
    /// Limit the memory of all the container's processes together, and their swap space.
    LimitMemory {
        /// The limit in bytes.
        bytes: u64,
        /// The limit on swap space.
        swap: SwapLimit,
    },
    /// Limit the processor time: `quota` in every `period`, both in microseconds.
    LimitCpu {
        /// Processor time that may be used in one period.
        quota: u64,
        /// The length of a period.
        period: u64,
    },
    /// Limit the number of processes and threads.
    LimitPids {
        /// The greatest number that may exist at once.
        max: u64,
    },
    /// Bind the container's processes to some of the processors.
    LimitCpuset {
        /// The processors as cpuset(7) lists them, such as `0-1,3`.
        cpus: String,
    },
    /// Limit which device nodes can be opened and created, whatever their owner.
    LimitDevices {
        /// The rules. The last rule that matches applies.
        rules: Vec<DeviceRule>,
    },
    /// Create a user namespace that the container enters last, after all steps that need root of the host.
    MakeUserNamespace {
        /// The lines of its `uid_map`.
        uids: Vec<IdMapping>,
        /// The lines of its `gid_map`.
        gids: Vec<IdMapping>,
    },
    /// Join an existing namespace. All but the cgroup namespace are joined before the container's first process is
    /// created, by a helper process of the engine that creates it and exits.
    JoinNamespace {
        /// Its kind.
        namespace: Namespace,
        /// Its path on the host, such as `/proc/PID/ns/net`.
        path: String,
    },
    /// Create the container's first process, already inside its new namespaces.
    Clone {
        /// The namespaces created for it.
        namespaces: Vec<Namespace>,
        /// Whether the process is created inside its cgroup (cgroup v2 only).
        into_cgroup: bool,
    },
    /// Map the ids inside the user namespace to ids of the host.
    MapIds {
        /// The lines of `/proc/PID/uid_map`.
        uids: Vec<IdMapping>,
        /// The lines of `/proc/PID/gid_map`.
        gids: Vec<IdMapping>,
        /// Whether setgroups(2) is denied permanently, which the kernel requires of an unprivileged writer.
        deny_setgroups: bool,
        /// Whether newuidmap(1) and newgidmap(1) write the maps, because they contain more than the user's own id.
        helped: bool,
    },
    /// Move the process into the cgroup from outside, because it cannot enter by itself.
    MoveIntoCgroup {
        /// The hierarchies entered.
        controllers: Vec<String>,
    },
    /// Close all descriptors that the caller left open, except stdin, stdout and stderr.
    CloseDescriptors,
    /// Reset every signal to its default action and block none, so that the program does not inherit the caller's
    /// settings.
    ResetSignals,
    /// Enter the cgroup by writing `0` to its `tasks` files (cgroup v1).
    JoinCgroup {
        /// The hierarchies entered.
        controllers: Vec<String>,
    },
    /// Wait until the engine has finished its part (id maps, limits). If the engine dies, exit.
    AwaitGo,
    /// Enter a new cgroup namespace, in which the process's own cgroup is the root of the tree.
    UnshareCgroup,
    /// Enter a new time namespace with its own clocks, see time_namespaces(7).
    UnshareTime {
        /// How far the clocks are moved; one that is not listed shows the same time as the host's.
        offsets: Vec<TimeOffset>,
    },
    /// Leave the caller's session and terminal.
    NewSession,
    /// Set the hostname.
    SetHostname {
        /// The hostname.
        name: String,
    },
    /// Make all mounts private, so that mounts do not propagate between this namespace and the host's.
    MakeMountsPrivate,
    /// Limit the writable layer by placing it in a file system of this size, in memory.
    LimitWritableLayer {
        /// The container's own directory, over which that file system is mounted.
        directory: String,
        /// How many bytes it holds.
        bytes: u64,
        /// How many files, directories and links it holds.
        inodes: u64,
        /// The directories created in it: overlay's upper and work directories.
        directories: Vec<String>,
    },
    /// Mount the image's layers with an empty writable one on top.
    MountOverlay {
        /// The read-only layers, uppermost first: absolute paths on the host.
        lowers: Vec<String>,
        /// The writable layer.
        upper: String,
        /// Overlay's work directory, on the same file system as the upper directory.
        work: String,
        /// The directory on which the merged tree is mounted.
        target: String,
        /// Whether syncing to disk is skipped: right for a container that is removed when it exits.
        volatile: bool,
        /// Whether overlay stores its metadata in `user.overlay.*` instead of `trusted.overlay.*` attributes.
        userxattr: bool,
        /// Whether the layers are idmapped into the user namespace that was created before: files that root owns on
        /// the disk then belong to root of the container.
        idmapped: bool,
    },
    /// Bind a plain directory onto itself, because pivot_root(2) requires the new root to be a mount point.
    BindRoot {
        /// The directory that becomes the root.
        source: String,
    },
    /// Mount a new file system.
    Mount {
        /// Its type, such as `proc` or `tmpfs`.
        fstype: String,
        /// What the mount table shows as its source.
        source: String,
        /// The mount point, inside the new root.
        destination: String,
        /// The restrictions on it.
        attributes: Vec<MountAttribute>,
        /// The file system's own options; an option with an empty value is a plain flag.
        options: Vec<(String, String)>,
    },
    /// Bind mount a file or directory of the host inside the container.
    BindMount {
        /// The path on the host.
        source: String,
        /// The mount point, inside the new root.
        destination: String,
        /// Whether mounts below the source are included.
        recursive: bool,
        /// The restrictions on it.
        attributes: Vec<MountAttribute>,
        /// The maps of users and of groups of an idmapped mount. In each line `inside` is the id on the disk and
        /// `outside` the id that the container sees. An id in no line is shown as the overflow id (`nobody`).
        owners: Option<[Vec<IdMapping>; 2]>,
    },
    /// Create a device node.
    MakeDevice {
        /// Its path, inside the new root.
        path: String,
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
        /// Permission bits.
        mode: u32,
        /// Whether it is a block device; otherwise it is a character device.
        block: bool,
    },
    /// Bind mount a device node of the host, where none can be created. The mount is read-only, so that the node's
    /// mode, owner and times cannot be changed.
    BindDevice {
        /// The same path outside and inside.
        path: String,
        /// The driver's number.
        major: u32,
        /// The device's number.
        minor: u32,
        /// Whether it is a block device; otherwise it is a character device.
        block: bool,
    },
    /// Create a symbolic link.
    Symlink {
        /// The link's target.
        target: String,
        /// The link's path, inside the new root.
        path: String,
    },
    /// Open a terminal in the container's own devpts for stdin, stdout, stderr and `/dev/console`, and send its
    /// master side to the engine.
    OpenTerminal {
        /// The terminal's owner: the program's user.
        owner: u32,
        /// Its height in lines; 0 if unknown.
        rows: u16,
        /// Its width in characters; 0 if unknown.
        columns: u16,
    },
    /// Put further restrictions on an existing mount.
    Remount {
        /// The mount, inside the new root.
        destination: String,
        /// The restrictions added.
        attributes: Vec<MountAttribute>,
    },
    /// Set a sysctl that belongs to one of the container's own namespaces, see sysctl(8).
    SetSysctl {
        /// Its name, with dots, such as `net.ipv4.ping_group_range`.
        name: String,
        /// Its value.
        value: String,
    },
    /// Cover a file or a directory with an empty read-only one.
    MaskPath {
        /// The path, inside the new root. Below `/proc` and `/sys` it must exist if the host has it.
        path: String,
    },
    /// Make a path and everything below it read-only.
    ReadonlyPath {
        /// The path, inside the new root. Below `/proc` and `/sys` it must exist if the host has it.
        path: String,
    },
    /// Make the new file system the root and detach the host's tree.
    PivotRoot,
    /// Change the root for path lookups only: older and weaker than pivot_root(2).
    Chroot {
        /// The directory that becomes the root.
        path: String,
    },
    /// Bring the loopback interface up.
    LoopbackUp,
    /// Enter the working directory, which is created if it does not exist.
    EnterWorkdir {
        /// The absolute path.
        path: String,
    },
    /// Set the umask: the permission bits that new files do not get.
    SetUmask {
        /// The mask.
        mask: u32,
    },
    /// Limit a resource of each single process, see getrlimit(2).
    SetRlimit {
        /// The resource, such as `RLIMIT_CORE`.
        resource: String,
        /// The soft limit, which the kernel enforces.
        soft: u64,
        /// The hard limit, up to which the process may raise the soft one.
        hard: u64,
    },
    /// Enter the user namespace that was created before. From here on the capabilities apply only inside it.
    EnterUserNamespace,
    /// Drop every capability that is not listed from the bounding set of this process and its descendants.
    DropBoundingSet {
        /// The capabilities that can still be gained.
        keep: Capabilities,
    },
    /// Change to the program's user and groups.
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
        /// The capabilities that the kernel checks.
        effective: Capabilities,
        /// Those that the process may make effective.
        permitted: Capabilities,
        /// Those that execve(2) keeps if the file has them as well.
        inheritable: Capabilities,
        /// Those that execve(2) keeps by itself.
        ambient: Capabilities,
    },
    /// Have the kernel kill this process when the engine's thread that started it exits.
    EndWithEngine,
    /// From now on execve(2) cannot grant privileges.
    NoNewPrivileges,
    /// Install a filter that the kernel applies to every system call from now on.
    InstallSeccomp {
        /// How many system calls are allowed, whatever their arguments.
        allowed: usize,
        /// For how many the arguments decide.
        examined: usize,
        /// How many are refused.
        refused: usize,
        /// The flags for seccomp(2).
        flags: u32,
        /// The filter. It is not readable, so it is not part of the serialised step.
        #[serde(skip)]
        instructions: Vec<Instruction>,
    },
    /// Become the program.
    Execute {
        /// The program and its arguments.
        args: Vec<String>,
        /// Its environment, `NAME=value` each.
        env: Vec<String>,
        /// Whether the engine's small init process is process 1: it starts the program as its child, forwards signals
        /// to it, reaps orphaned processes and reports how the program exited.
        init: bool,
    },
}
