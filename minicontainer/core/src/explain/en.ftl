# What every step of a plan does and why, in English.
#
# One message for each kind of step: `step-KIND`, where KIND is the step's own name in kebab case. The message says
# what is done in one sentence, its attribute `.why` what would happen without it. Placeholders in braces are the step's
# own values. System calls and manual pages are not here: they are the same in every language.

## The plan as a whole

plan-heading = { $count ->
    [one] One step
   *[other] { $count } steps
 } from an ordinary process to a container.
actor-engine = The engine, on the host
actor-container = The container's first process
label-man-pages = Read on:
label-nothing = none

## Cgroups: how much the container may use

step-create-cgroup = Create the cgroup { $name } for { $controllers }
    .why = Namespaces control what a process sees; control groups (cgroups) control how much it may use. The cgroup contains all processes of the container, so a limit applies to the whole container however often it forks.

step-limit-together = Limit the processes of all of root's containers together to { $max }
    .why = The kernel has a limited number of process ids. This limit reserves some of them for the host, whatever the limits of the single containers: the host needs one, for example, to kill a container.

step-limit-memory = Allow all processes of the container together { $size } of memory{ $swap ->
    [some] {" "}and { $most } of swap space
    [unlimited] {" "}and any amount of swap space
   *[none] {""}
 }
    .why = When the cgroup reaches its limit and no memory can be reclaimed, the kernel kills a process of this cgroup only. { $swap ->
    [some] Memory that does not fit is moved to the machine's swap space on disk, which is slow, up to this limit.
    [unlimited] Memory that does not fit is moved to the machine's swap space on disk: the container becomes slow before it is killed, and may slow down others.
   *[none] Swap space is limited too, if the kernel accounts it.
 } Without the limit one container could use the memory of the whole machine.

step-limit-cpu = Allow { $percent }% of one processor: { $quota } µs in every { $period } µs
    .why = Processes that have used up their quota are paused until the next period begins. Without the limit a few endless loops in the container would slow down everything else on the machine.

step-limit-pids = Allow at most { $max ->
    [one] one process or thread
   *[other] { $max } processes and threads
 } at once
    .why = Above the limit, fork(2) fails with EAGAIN. Without it a program that only forks (a fork bomb) would use up the process ids of the whole machine, even inside a pid namespace: each of its processes has an id on the host as well.

step-limit-cpuset = Run only on the processors { $cpus }
    .why = Measurements in one container are not disturbed by another that runs on other processors. Without it, the kernel moves processes to any free processor.

step-limit-devices = Allow these devices and no others: { $allowed }
    .why = A device node is a file that can come from anywhere, such as an image or a volume, but the device belongs to the machine. So the kernel checks the cgroup in addition to the file's permissions: a node of the host's disk cannot be opened, wherever it comes from.

step-join-cgroup = Enter the cgroup, in { $controllers }
    .why = In cgroup v1 a process enters a cgroup when its id is written to the file “tasks”, and 0 means the writing process. It enters before the program starts, so everything that the program uses is accounted.

step-unshare-cgroup = Make its own cgroup the root of the visible tree
    .why = The view begins at the process's current cgroup, so the process must enter its cgroup first. From now on /proc/self/cgroup shows “/” and no longer reveals the container's name and path on the host.

## The first process

step-clone = Create the container's first process{ $count ->
    [0] , in the host's own namespaces
    [one] , in a new namespace: { $namespaces }
   *[other] , in { $count } new namespaces: { $namespaces }
 }
    .why = { $count ->
    [0] No namespace isolates the process: it sees what its caller sees.
   *[other] Each namespace gives the process its own view of one kind of resource: process ids, mounts, network interfaces, names. The kernel is still the host's: a container is not a small machine, but a process with a different view.
 }{ $group ->
    [inside] { " " }It is created inside its cgroup, so even its first page of memory is accounted.
   *[outside] { "" }
 }

step-join-namespace = Join the { $namespace } namespace { $path }
    .why = A namespace does not belong to one process: all processes in it share the same view. The path is opened first and checked with the kernel, so that no other file is mistaken for a namespace. { $namespace ->
    [user] The user namespace comes before the others, because it owns them: only its root can join them.
    [pid] A process keeps its own ids: only the processes that it creates from now on are in the new namespace.
    [cgroup] The process enters its own cgroup before, because this namespace may not show that cgroup.
   *[other] A short-lived helper process of the engine joins it, and then creates the container's first process inside, as a child of the engine.
 }

step-make-user-namespace = Create a user namespace: user { $users }, group { $groups }
    .why = Root of the host starts this container, but the container's root maps to an unprivileged host user. The mounts need the host's root, so the namespace is created now and entered last.

step-map-ids = Map ids: user { $users }, group { $groups }
    .why = Root inside is an ordinary user outside. For every access to something that belongs to the host, the kernel checks the permissions of the id on the right, not those of root.{ $setgroups ->
    [denied] { " " }setgroups(2) is denied first: otherwise an ordinary user could leave a group to access files that deny access to that group.
   *[allowed] { "" }
 }{ $writer ->
    [helpers] { " " }A user may only map their own id. The others are allocated in /etc/subuid and /etc/subgid, and the set-user-ID programs newuidmap(1) and newgidmap(1) check that only allocated ids are mapped.
   *[engine] { "" }
 }

step-move-into-cgroup = Move the process into its cgroup, in { $controllers }
    .why = The process has joined another user namespace, whose root has no permission to change the host's cgroups. So it cannot enter by itself: it waits while the engine writes its id from outside.

step-close-descriptors = Close all open descriptors except standard input, output and error
    .why = An open descriptor gives access despite all isolation. With an open directory of the host, openat(2) would reach the host's files.

step-reset-signals = Reset every signal to its default action and block none
    .why = A program inherits ignored and blocked signals from its caller. The program should behave the same for every caller, and SIGTERM must be able to terminate it.

step-await-go = Wait for the engine
    .why = The engine sets ids and limits from outside, and the program must not run before. If the engine dies, the pipe is closed and this process exits, so that no half-isolated process is left behind.

step-unshare-time = Create its own clocks{ $count ->
    [0] , which show the same as the host's
   *[other] , moved: { $offsets }
 }
    .why = The uptime and the clock that programs measure time with can differ from the host's. So a program can be tested as if the machine had been up for a year, and a program that was moved to another machine keeps its clocks. The time of day is always the host's. The clocks of a new namespace can be moved until the first process enters, which must not share its memory with another process.

step-new-session = Leave the caller's session and terminal
    .why = A process with the caller's terminal could insert input as if it had been typed into the host's shell (TIOCSTI).

step-set-hostname = Set the hostname to { $name }
    .why = The hostname belongs to the UTS namespace: it changes only in the container, and the host keeps its own.

## The root file system

step-make-mounts-private = Make all mounts private
    .why = A new mount namespace begins as a copy, and shared mounts keep propagating changes to their copies. Once all are private, mounts made from here on do not appear on the host.

step-limit-writable-layer = Limit the writable layer to { $size } in { $inodes } files
    .why = Without a limit a program could fill the disk of the host. So the writable layer is placed in a file system in memory (tmpfs) of this size. When that is full, of bytes or of empty files, writing fails with ENOSPC. It is lost when the container exits, and its content counts as the container's memory.

step-mount-overlay = Mount { $count ->
    [one] one read-only layer
   *[other] { $count } read-only layers
 } with a writable one on top
    .why = The read-only layers are the image: stored once, shared by all containers, never changed. The first write to a file copies it up into this container's own layer (copy-on-write), so other containers do not see it. The mount is in the container's own mount namespace, so the host does not see it either.{ $durability ->
    [volatile] { " " }Nothing is synced to disk, because the writable layer is removed with the container.
   *[synced] { "" }
 }{ $owners ->
    [shifted] { " " }Files that root owns on the disk belong to root of the container's user namespace (an idmapped mount).
   *[kept] { "" }
 }

step-bind-root = Make { $source } a mount point
    .why = pivot_root(2) requires the new root to be a mount point. A bind mount of the directory onto itself makes it one, without copying anything.

step-mount = Mount { $fstype } on { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = { $fstype ->
    [proc] /proc shows the processes of the pid namespace in which it is mounted. The host's /proc would show the host's processes, with their arguments and environment.
    [sysfs] /sys shows devices, and the network interfaces of the network namespace in which it is mounted. Writing there would change the machine itself, so it is mounted read-only.
    [tmpfs] An empty file system in memory: it contains nothing of the host, nothing is written to a disk, and it is lost when the container exits.
    [devpts] The container's own terminals. With the host's, a program could write to the terminals of other users.
    [mqueue] The POSIX message queues of the container's own IPC namespace, as files.
    [cgroup] A read-only view of the cgroups: a program that could write there could raise its own limits.
    [cgroup2] A read-only view of the cgroups: a program that could write there could raise its own limits.
   *[other] It is a new mount in the container's own mount namespace, and does not change the host's.
 }

step-bind-mount = Bind mount { $source } of the host on { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = A bind mount is a second path to the same files: nothing is copied. { $access ->
    [ro] The container can read the host's files there, but not change them.
   *[rw] This weakens the isolation on purpose: what the container writes there, it writes on the host.
 } { $owners ->
    [shown] Files of the owner on the host belong to root of the container (an idmapped mount), and those of every other user to nobody. Nothing on the disk changes. { "" }
   *[same] { "" }
 }The destination is looked up inside the new root (RESOLVE_IN_ROOT), because a symbolic link in the image could point to the host.

step-make-device = Create the device node { $path } ({ $major }:{ $minor })
    .why = A device node gives access to a driver. The container gets a few harmless ones instead of the host's /dev with its disks.

step-bind-device = Bind mount the host's device { $path }
    .why = An ordinary user cannot create device nodes, even as root of a user namespace. So the host's harmless ones are bind mounted instead, read-only: the device can be used, but its node's mode, owner and times cannot be changed.

step-symlink = Create the symbolic link { $path } → { $target }
    .why = The new /dev is empty, and programs expect this name. The link points to another path inside the container and reveals nothing of the host.

step-open-terminal = Open a terminal in the container's own devpts
    .why = The program gets a pseudo-terminal (pty), and the engine holds the master side and copies input and output. The user's own terminal is not passed into the container, so the program can only change this one.

step-remount = Restrict the mount { $destination }: { $attributes }
    .why = The restriction applies to the mount, not to the files: even root of the container cannot bypass it, whatever the files' permissions are.

step-set-sysctl = Set { $name } to { $value }
    .why = This sysctl belongs to a namespace, and the container has its own: the host's value does not change.

step-mask-path = Mask { $path }
    .why = Some files of the kernel reveal information about the whole machine and belong to no namespace. So they are covered with an empty file or an empty directory, both read-only and the container's own.

step-readonly-path = Make { $path } read-only
    .why = These files change settings of the kernel, which all containers share: writing here would change the whole machine. Reading is harmless, and programs need it.

step-pivot-root = Change the root to the new tree, and detach the host's
    .why = From here on the host's files are not merely forbidden but absent: no path and no “..” leads to what is not mounted. chroot(2) would only change where path lookups begin.

step-chroot = Change the root of path lookups to { $path }
    .why = This is older and weaker than pivot_root(2): the host's tree stays mounted, and a process that may call chroot(2) escapes with a second chroot and a series of “..”. It exists to show what pivot_root(2) is for.

## The last things before the program

step-loopback-up = Bring the loopback interface up
    .why = A new network namespace contains only the interface “lo”, which is down. Programs use 127.0.0.1 to connect to each other; the address is the container's own and leads nowhere else.

step-enter-workdir = Enter the directory { $path }
    .why = With a current directory outside the root, a series of “..” would lead to the host. So the process changes to a directory inside before the program starts.

step-set-umask = Set the umask to { $mask }
    .why = The permissions of new files should depend on the program, not on the settings of the user who started the container.

step-set-rlimit = Limit { $resource } to { $soft } (at most { $hard })
    .why = A cgroup limits the container as a whole, a resource limit each single process in it. The program may lower the first value and raise it up to the second.

step-enter-user-namespace = Enter the user namespace
    .why = From here on root is root of this namespace only. What was created before (mounts, network, process ids) belongs to the host's root, so it cannot be changed even with all capabilities.

step-drop-bounding-set = { $powers ->
    [all] Keep every capability in the bounding set
   *[some] Drop all but { $count } capabilities permanently
 }
    .why = { $powers ->
    [all] Nothing is dropped here, on purpose: root of the container can load modules, set the clock or reboot, unless something else prevents it.
   *[some] Root's privileges are divided into capabilities. A capability that is not in the bounding set cannot be gained by executing any program, set-user-id or not: no process in the container can load modules, set the clock or reboot.
 }

step-set-user = Change to user { $uid }, group { $gid }
    .why = Groups are set first and the user last, because only root may change groups. A program that does not need root is best run without it, so that a bug in it has only an ordinary user's permissions.

step-set-capabilities = { $powers ->
    [none] Keep no capability
    [all] Keep every capability
   *[some] Keep { $count } of root's capabilities
 }
    .why = { $powers ->
    [none] An ordinary user has none, and none is left over from the setup of the container.
    [all] Root of the container keeps all of root's privileges: it may mount, trace processes and load kernel modules.
   *[some] Root of the container can still administer the container's own files, but cannot affect the machine: no mounting, no tracing of other users' processes, no loading of kernel modules.
 }

step-end-with-engine = Have the kernel kill this process if the engine dies
    .why = If the engine is killed with SIGKILL, it can no longer enforce the time limit or clean up. So the kernel then kills this process, and with it all processes of its pid namespace.

step-no-new-privileges = Forbid gaining privileges through execve
    .why = A set-user-id program such as su(1) or sudo(8), or one in the image, runs with its caller's privileges from now on. This cannot be undone and applies to all children.

step-install-seccomp = Filter every system call: { $allowed } allowed, { $examined } by their arguments, { $refused } refused
    .why = All containers share one kernel, and a bug in any of its system calls may allow an escape. So system calls that ordinary programs do not need are denied from now on: mounting, new namespaces, kernel modules, keys, rare kinds of sockets. A refused call returns an error and the program continues; a call that is not in the list returns ENOSYS. The filter cannot be removed and applies to all children.

step-execute = Execute the program { $program }
    .why = execve(2) replaces the code and keeps the process: same id, same namespaces, same cgroup, same root. The program inherits the whole setup, and the container exists exactly as long as this process. Before that, a tiny launcher is executed from sealed memory: /proc/self/exe then points to the launcher and not to the engine's own file, which an image could otherwise name as its program and overwrite.{ $init ->
    [init] { " " }The engine's small init process stays as process 1: it starts the program as its child, forwards signals to it, reaps orphaned processes, and reports how the program exited.
   *[none] { "" }
 }

## Options that weaken the isolation, and what they mean

weakening-privileged = It turns off nearly all isolation: root of the container can do almost everything that root of the host can.
weakening-docker-profile = It gives the container Docker's permissions: raw packets, device nodes, set-user-id programs, more system calls.
weakening-privileged-user = It turns off nearly all isolation: the container's programs can do almost everything that you can do on this machine.
weakening-docker-profile-user = It gives the container Docker's permissions: raw packets in its own network, set-user-id programs, more system calls.
weakening-uts-user = Without it, the container has the host's hostname.
weakening-capability = Containers do not have this capability by default; capabilities(7) describes what it allows.
weakening-host-network = The container sees and uses the host's own network interfaces and ports.
weakening-device = The container can access this driver of the host directly.
weakening-engine-socket = A program that can write to an engine's socket is root of the host, because it can start any container.

## Isolation that can be omitted, and what then leaks

isolation-pid = Its own process ids
    .without = Without it, the container sees the processes of the host, and can send signals to those of the same user.
isolation-net = Its own network
    .without = Without it, the container uses the host's interfaces: it sees the host's traffic and can use its ports, and connect to services that listen only on 127.0.0.1.
isolation-ipc = Its own shared memory and message queues
    .without = Without it, the container can access the host's System V shared memory and message queues.
isolation-uts = Its own hostname
    .without = Without it, the container has the host's hostname, and setting it would rename the host.
isolation-mount = Its own mount table
    .without = Without it, there is no pivot_root(2): the container is only a chroot, and its mounts appear on the host.
isolation-cgroup = Its own view of the cgroups
    .without = Without it, /proc/self/cgroup reveals the container's path in the host's tree.
isolation-user = Its own user ids
    .without = Without it, root of the container is root of the host, restricted only by the other isolation.
isolation-capabilities = Fewer capabilities for root
    .without = Without it, root of the container keeps every capability, such as mounting and tracing.
isolation-no-new-privileges = No new privileges
    .without = Without it, an ordinary user can become root through a set-user-id program in the image.
isolation-seccomp = Fewer system calls
    .without = Without it, all system calls of the kernel are allowed, and with them every bug in one of them.
isolation-masked-paths = Masked kernel files
    .without = Without it, files that concern the whole machine, such as /proc/kcore and /proc/sysrq-trigger, are accessible.
isolation-devices = No access to other devices
    .without = Without it, a device node in an image or a volume, or one that root created inside, opens the host's device unless its mount forbids it.
