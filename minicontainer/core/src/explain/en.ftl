# What every step of a plan does and what it is for, in English.
#
# One message for each kind of step: `step-KIND`, where KIND is the step's own name in kebab case. The message says
# what is done in one sentence, its attribute `.why` what would be otherwise. Between braces stand the step's own
# values. System calls and manual pages are not here: they are the same in every language.

## The plan as a whole

plan-heading = { $count ->
    [one] One step
   *[other] { $count } steps
 } from an ordinary process to a container.
actor-engine = The engine, on the host
actor-container = The container's first process
label-man-pages = Read on:
label-nothing = none

## Control groups: how much the container may use

step-create-cgroup = Make the control group { $name } for { $controllers }
    .why = Namespaces decide what a process sees; control groups decide how much it may use. All processes of the container are counted together here, so that a limit holds for the whole container however often it forks.

step-limit-together = Bound the processes of all root's containers together at { $max }
    .why = A machine can number only so many processes. However high the bound of each container is, and were there none, together they leave some numbers to the host, which needs one to end them.

step-limit-memory = Allow all processes of the container together { $size } of memory{ $swap ->
    [some] {" "}and { $most } of swap space
    [unlimited] {" "}and any amount of swap space
   *[none] {""}
 }
    .why = When the group reaches its limit and nothing can be reclaimed, the kernel kills a process of this group and of no other. { $swap ->
    [some] What does not fit into memory may go to the machine's swap space on disk, which is slow, but no more than this.
    [unlimited] What does not fit into memory goes to the machine's swap space on disk: the container becomes slow before it is killed, and may make others slow.
   *[none] Swap space is no way out: where the kernel counts it, it is limited too.
 } Without the limit one container could eat the memory of the whole machine.

step-limit-cpu = Allow { $percent }% of one processor: { $quota } µs in every { $period } µs
    .why = A group that has used up its share rests until the next period begins. Without the limit a few endless loops in here would slow down everything else on the machine.

step-limit-pids = Allow at most { $max ->
    [one] one process or thread
   *[other] { $max } processes and threads
 } at once
    .why = Beyond it, fork(2) fails with EAGAIN. Without the limit a program that does nothing but fork (a fork bomb) would use up the process ids of the whole machine, even from inside a pid namespace: each of its processes has an id on the host as well.

step-limit-cpuset = Run on the processors { $cpus } only
    .why = What is measured in one container is not disturbed by another that runs on other processors. Without it, the kernel moves processes to whichever processor is free.

step-limit-devices = Allow these devices and no others: { $allowed }
    .why = A device node is a file that anybody may bring along, in an image or on a volume; what it opens is the machine's. Here the kernel asks the control group, not the file's permissions: a node of the host's disk cannot be opened, whoever made it.

step-join-cgroup = Enter the control group, in { $controllers }
    .why = In cgroup v1 a process enters a group when its id is written to the file “tasks”, and 0 means “me”. It enters before the program starts, so nothing that the program ever does goes uncounted.

step-unshare-cgroup = See its own control group as the root of the tree
    .why = The view begins at the group in which the process is at this moment, which is why it must enter first. From now on /proc/self/cgroup says “/” and no longer tells the container's name and place on the host.

## The first process

step-clone = Create the container's first process{ $count ->
    [0] , in the host's own namespaces
    [one] , in a new namespace: { $namespaces }
   *[other] , in { $count } new namespaces: { $namespaces }
 }
    .why = { $count ->
    [0] Nothing is isolated by namespaces here: the process sees what its caller sees.
   *[other] Each namespace gives it a view of its own of one kind of thing: process ids, mounts, network interfaces, names. The kernel is still the host's: a container is no small machine but a process with a different view.
 }{ $group ->
    [inside] { " " }It is created inside its control group, so not even its first page of memory goes uncounted.
   *[outside] { "" }
 }

step-join-namespace = Join the { $namespace } namespace { $path }
    .why = A namespace does not belong to one process: every process that joins it sees the same. The path is opened first and the kernel is asked what lies there, so that no other file is taken for a namespace. { $namespace ->
    [user] The user namespace comes before the others, because it owns them: only its root can join them.
    [pid] A process keeps its own ids: only the processes that it creates from now on are in the new namespace.
    [cgroup] The process enters its own control group before, which this namespace may not show.
   *[other] A short-lived process of the engine joins, and then creates the container's first process inside, as the engine's own child.
 }

step-make-user-namespace = Make a user namespace: user { $users }, group { $groups }
    .why = Root of the host starts this container, and yet root inside shall be nobody outside. The mounts need the host's root, so the namespace is made now and entered last.

step-map-ids = Map ids: user { $users }, group { $groups }
    .why = Root inside is an ordinary user outside. Whenever it touches something that belongs to the host, the kernel asks what the id on the right may do, not what root may do.{ $setgroups ->
    [denied] { " " }setgroups(2) is denied first: an ordinary user could otherwise leave a group in order to get at files that are closed to that very group.
   *[allowed] { "" }
 }{ $writer ->
    [helpers] { " " }A user may map the own id only. The others are allocated in /etc/subuid and /etc/subgid, and newuidmap(1) and newgidmap(1), which the system trusts, see to it that no more is taken.
   *[engine] { "" }
 }

step-move-into-cgroup = Put the process into its control group, in { $controllers }
    .why = The process has joined another user namespace, whose root has no power over the host's control groups. So it cannot enter by itself: the engine writes its id from outside, and it waits meanwhile.

step-close-descriptors = Close every open descriptor but standard input, output and error
    .why = A descriptor keeps its power behind every wall. With a directory of the host still open, openat(2) would walk straight out of the container.

step-reset-signals = Give every signal its default action and block none
    .why = Ignored and blocked signals are handed on from the caller to the program. The program should behave the same whoever started it, and SIGTERM must be able to end it.

step-await-go = Wait for the engine's “go”
    .why = Ids and limits are set from outside; until then nothing may run. Should the engine die meanwhile, the pipe ends and this process dies too, rather than linger half isolated.

step-unshare-time = Have clocks of its own{ $count ->
    [0] , which show what the machine's show
   *[other] , moved: { $offsets }
 }
    .why = How long the machine has been up, and the clock that programs measure time with, can be other than the host's: so a program can be tried as if the machine had run for a year, and what was moved to another machine goes on counting. The time of day stays the machine's. A new namespace's clocks can be moved until the first process enters, which must share its memory with nobody.

step-new-session = Leave the caller's session and terminal
    .why = A process with the caller's terminal could feed characters into it as if they had been typed into the host's shell (TIOCSTI).

step-set-hostname = Name the machine { $name }
    .why = The name belongs to the UTS namespace: it changes in here, and the host keeps its own. No machine and no kernel is made, only a name.

## The root file system

step-make-mounts-private = Cut the ties between this mount table and the host's
    .why = A new mount namespace begins as a copy, and a mount that was shared goes on passing changes to its copies. Once all are private, nothing that is mounted from here on appears on the host.

step-limit-writable-layer = Let the writable layer hold at most { $size } in { $inodes } files
    .why = Whoever writes without end would fill the disk for everybody. A file system in memory (tmpfs) of just this size is put in the writable layer's place: it answers "no space left" when it is full, whether with bytes or with empty files, and it is gone with the container. What lies in it counts as the container's memory, too.

step-mount-overlay = Stack { $count ->
    [one] one read-only layer
   *[other] { $count } read-only layers
 } and put a writable one on top
    .why = The read-only layers are the image: stored once, shared by all containers, never changed. The first write to a file copies it up into this container's own layer (copy-on-write), so no other container sees it. The mount lies in the container's own mount table, so the host never sees it either.{ $durability ->
    [volatile] { " " }Nothing is synced to the disk, for the writable layer will be thrown away with the container.
   *[synced] { "" }
 }{ $owners ->
    [shifted] { " " }What root owns in the layers on the disk is shown as owned by root of the container's user namespace.
   *[kept] { "" }
 }

step-bind-root = Make { $source } a mount of its own
    .why = pivot_root(2) can turn only a mount into the root. A bind mount of the directory onto itself makes it one, and copies nothing.

step-mount = Mount { $fstype } on { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = { $fstype ->
    [proc] /proc shows the processes of the pid namespace in which it is mounted. The host's /proc would go on showing the host's, with their arguments and environment.
    [sysfs] /sys shows devices and, of the network, what belongs to its own network namespace. To write there is to handle the machine itself, so it is mounted read-only.
    [tmpfs] An empty file system in memory: nothing of the host is in it, nothing of it reaches a disk, and it is gone when the container ends.
    [devpts] Terminals of its own. With the host's, a program could write to the terminals of other users.
    [mqueue] POSIX message queues as files, those of its own IPC namespace only.
    [cgroup] A view of the control groups, to be read and not to be changed: a program that could change it could lift its own limits.
    [cgroup2] A view of the control groups, to be read and not to be changed: a program that could change it could lift its own limits.
   *[other] It is mounted anew in the container's own mount table, and the host's is left alone.
 }

step-bind-mount = Show { $source } of the host as { $destination }{ $attributes ->
    [none] { "" }
   *[other] { " " }({ $attributes })
 }
    .why = A bind mount is a second way to the same files: nothing is copied. { $access ->
    [ro] It is a window in the wall: what the host has there can be seen, but not touched.
   *[rw] It is a door in the wall, opened on purpose: what is written here is written on the host.
 } { $owners ->
    [shown] Its owner on the host is shown as root of the container (an idmapped mount), and every other user as nobody. Nothing on the disk changes. { "" }
   *[same] { "" }
 }The destination is looked up inside the new root (RESOLVE_IN_ROOT), so that no symbolic link in an image can lead the mount to the host.

step-make-device = Make the device node { $path } ({ $major }:{ $minor })
    .why = A device node is a door into a driver. The container gets a handful of harmless ones instead of the host's /dev with its disks.

step-bind-device = Show the host's device { $path }
    .why = An ordinary user may not make device nodes, not even as root of a user namespace. So the host's own harmless ones are shown instead, read-only: the device can be used, but its node's mode, owner and times cannot be changed.

step-symlink = Make the symbolic link { $path } → { $target }
    .why = The new /dev starts empty, and programs expect this name. It leads to another place inside the container and gives nothing away.

step-open-terminal = Take a terminal of the container's own
    .why = The program gets a pseudo-terminal (pty) of the container's own devpts, and the engine holds the other end and copies what goes back and forth. The user's own terminal never comes inside: whatever a program does to its terminal, it does to this one.

step-remount = Restrict the mount { $destination }: { $attributes }
    .why = A restriction belongs to the mount, not to the files: not even root of the container gets past it, whatever the files' permissions say.

step-set-sysctl = Set { $name } to { $value }
    .why = This variable of the kernel's belongs to a namespace, and the container has one of its own: the host's value stays as it is.

step-mask-path = Hide { $path }
    .why = Some files of the kernel tell of the whole machine and belong to no namespace. What cannot be made the container's own must be covered: with an empty file or an empty directory, both read-only and the container's own.

step-readonly-path = Make { $path } read-only
    .why = Here lie switches of the kernel, and there is only one kernel: to write here would change the machine for everybody. Reading is harmless, and programs need it.

step-pivot-root = Make the new root the root, and detach the host's tree
    .why = From here on the host's files are not forbidden but absent: no path, no “..” leads to what is not mounted. chroot(2) would only have moved the place where paths begin.

step-chroot = Let paths begin at { $path }
    .why = The older and weaker way: the host's tree stays mounted, and a process that may call chroot(2) walks out with a second chroot and a row of “..”. It is here to show what pivot_root(2) is for.

## The last things before the program

step-loopback-up = Switch the loopback interface on
    .why = A new network namespace holds nothing but “lo”, and that is switched off. Programs talk to themselves at 127.0.0.1; it is this container's own and leads nowhere else.

step-enter-workdir = Enter the directory { $path }
    .why = A current directory outside of the root would be a way out, by “..” after “..”. So the process stands inside before the program starts.

step-set-umask = Set the file mode creation mask to { $mask }
    .why = Which permissions a new file gets should depend on the program, not on the settings of whoever started the container.

step-set-rlimit = Bound { $resource } to { $soft } (at most { $hard })
    .why = A control group bounds the container as a whole, a resource limit each single process in it. The program may lower the first value and raise it up to the second.

step-enter-user-namespace = Enter the user namespace
    .why = From here on root is root of this namespace only. What was made before (mounts, network, process ids) belongs to the host's root, so not even all capabilities could change it.

step-drop-bounding-set = { $powers ->
    [all] Leave every capability obtainable
   *[some] Give up for ever every capability but { $count }
 }
    .why = { $powers ->
    [all] Nothing is given up here, on purpose: root of the container can load modules, set the clock or reboot, as far as nothing else prevents it.
   *[some] The power of root is cut into capabilities. What is not in the bounding set cannot come back through any program file, set-user-id or not: loading modules, setting the clock and rebooting stay out of reach of everybody in here.
 }

step-set-user = Become user { $uid }, group { $gid }
    .why = Groups first, user last: whoever is no longer root may not change groups. A program that does not need root is best run without it, for then a mistake in it is only an ordinary user's mistake.

step-set-capabilities = { $powers ->
    [none] Keep no capability
    [all] Keep every capability
   *[some] Keep { $count } of root's capabilities
 }
    .why = { $powers ->
    [none] An ordinary user has none, and none is left over from the process that prepared the container.
    [all] Root of the container stays as mighty as root can be: it may mount, trace processes and load kernel modules.
   *[some] Root in the container can still do a root's daily work on the container's own files, but nothing that reaches the machine: no mounting, no tracing of other people's processes, no loading of kernel modules.
 }

step-end-with-engine = Die when the engine dies
    .why = Should somebody kill the engine with SIGKILL, nobody would be left to hold the program to its time or to clear up after it. So the kernel is told to kill this process then, and with it all of its pid namespace.

step-no-new-privileges = Renounce every gain of power through execve
    .why = A set-user-id program such as su(1) or sudo(8), or one that an image smuggles in, from now on runs with the powers of its caller. It cannot be undone and holds for all children.

step-install-seccomp = Let the kernel look at every system call: { $allowed } allowed, { $examined } by their arguments, { $refused } refused
    .why = All containers share one kernel, and a fault in any of its system calls is a way out. What an ordinary program never calls is out of reach from now on: mounting, new namespaces, kernel modules, keys, rare kinds of sockets. A refused call is answered with an error and the program goes on; a call that the list does not know does not exist. The filter cannot be taken off and holds for all children.

step-execute = Become the program { $program }
    .why = execve(2) replaces the code and keeps the process: same id, same namespaces, same group, same root. All that was prepared is handed on, and the container lives exactly as long as this process. Between the two a tiny launcher is executed from sealed memory: /proc/self/exe then leads to it, and never to the engine's own file, which an image could otherwise name as its program and rewrite.{ $init ->
    [init] { " " }The init, a small process of the engine's, stays as process 1: it starts the program as its child, forwards signals to it, reaps orphaned processes, and reports how the program ended.
   *[none] { "" }
 }

## Walls lowered on purpose, and what that means

weakening-privileged = With it, hardly any wall is left: root of the container can do nearly all that root of the host can.
weakening-docker-profile = With it, the container gets what Docker gives: raw packets, device nodes, set-user-id programs, more system calls.
weakening-capability = A power of root's that containers do not have by default; capabilities(7) says how far it reaches.
weakening-host-network = With it, the container sees and uses the host's own network interfaces and ports.
weakening-device = The container speaks to this driver of the host's directly.
weakening-engine-socket = Whoever can write to an engine's socket is root of the host: it starts any container it likes.

## The isolations that can be left out, and what then leaks

isolation-pid = Process ids of its own
    .without = Without it, the container sees the processes of the host, and as the same user may send them signals.
isolation-net = A network of its own
    .without = Without it, the container uses the host's interfaces: it sees its traffic and can take its ports, even those that listen at 127.0.0.1 only.
isolation-ipc = Shared memory and message queues of its own
    .without = Without it, the container reaches the host's System V shared memory and message queues.
isolation-uts = A hostname of its own
    .without = Without it, the container shows the host's name, and setting it would rename the host.
isolation-mount = A mount table of its own
    .without = Without it, there is no pivot_root: the container is a mere chroot, and what is mounted shows on the host.
isolation-cgroup = A view of its own of the control groups
    .without = Without it, /proc/self/cgroup tells the container's place in the host's tree.
isolation-user = User ids of its own
    .without = Without it, root of the container is root of the host; only the other walls hold it.
isolation-capabilities = Fewer powers for root
    .without = Without it, root of the container keeps every capability, such as mounting and tracing.
isolation-no-new-privileges = No gain of powers
    .without = Without it, a set-user-id program in the image can make root of an ordinary user.
isolation-seccomp = Fewer system calls
    .without = Without it, every system call of the kernel is in reach, and with it every fault in one of them.
isolation-masked-paths = Kernel files hidden
    .without = Without it, files such as /proc/kcore and /proc/sysrq-trigger, which concern the whole machine, are in reach.
isolation-devices = Devices out of reach, whoever made their nodes
    .without = Without it, a device node that came in an image or a volume, or that root made inside, opens the machine's device unless its mount forbids it.
