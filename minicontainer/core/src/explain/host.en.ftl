## What this machine lacks, why, and how to fix it: errors, `doctor`

label-warning = warning
label-hint = hint

errno = { $name ->
    [EACCES] EACCES (permission denied)
    [EPERM] EPERM (operation not permitted)
    [EROFS] EROFS (read-only file system)
    [ENOENT] ENOENT (no such file or directory)
    [ENOSPC] ENOSPC (limit reached)
    [ENOSYS] ENOSYS (unknown system call)
    [EINVAL] EINVAL (invalid argument)
   *[other] { $name }
 }

cause-switch-off = { $path } is 0
cause-mount-denied = a user namespace can be created, but mounting in it is denied
cause-user-namespace = a user namespace cannot be created: { $errno }
cause-no-hierarchy = no cgroup hierarchy is mounted on /sys/fs/cgroup
cause-files-of-root = the cgroup hierarchy belongs to root
cause-no-delegation-denied = no cgroup is delegated to you: { $place } cannot be written: { $errno }
cause-not-writable = { $place } cannot be written: { $errno }
cause-inhabited = processes are in { $place } itself, so the cgroups below it cannot have limits
cause-root-needs-none = root needs none: it may map all ids
cause-no-helpers = newuidmap and newgidmap are not installed set-user-ID root
cause-no-new-privileges = this process was started with no_new_privs, so newuidmap would run without privileges
cause-ids-not-mapped = the ids that /etc/subuid and /etc/subgid allocate are not mapped in this user namespace
cause-no-ids = /etc/subuid and /etc/subgid allocate no ids to { $user }
cause-no-user-ids = /etc/subuid allocates no ids to { $user }
cause-no-group-ids = /etc/subgid allocates no ids to { $user }
cause-unreadable = cannot read { $path }: { $cause }
cause-not-regular = not a regular file
cause-too-large = it has more than { $limit } MiB
cause-no-controller = the { $controller } controller is not available here
cause-ids-too-high = your subordinate ids do not include their ids

fix-user-namespaces = run as root, or let users create user namespaces: on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, on older Debian `sudo sysctl kernel.unprivileged_userns_clone=1`, elsewhere `sudo sysctl user.max_user_namespaces=15000`; inside another container, that container must allow it
fix-mount-hierarchy = mount one: `sudo mount -t cgroup2 none /sys/fs/cgroup`
fix-version-1 = boot Linux with cgroup v2 (with systemd: systemd.unified_cgroup_hierarchy=1 on the kernel's command line), and have a cgroup delegated to you; or run as root; `Sandbox::wall_time` needs no cgroup
fix-move-processes = inside another container, move them first: `cd /sys/fs/cgroup && mkdir init && xargs -rn1 < cgroup.procs > init/cgroup.procs`
fix-read-only = inside another container, that container must have a writable cgroup hierarchy
fix-delegate-systemd = have systemd delegate one: `systemd-run --user --scope -p Delegate=yes PROGRAM`; `Sandbox::wall_time` needs no cgroup
fix-delegate = `{ $command }`
fix-controllers = have it delegated: with systemd `sudo systemctl edit user@.service`, in [Service] `Delegate=cpu cpuset io memory pids`, and log in again; see cgroups(7)
fix-controller-kernel = boot a kernel with the { $controller } controller enabled, see cgroups(7)
fix-helpers = `sudo apt-get install uidmap` on Debian and Ubuntu, `sudo dnf install shadow-utils` on Fedora; if they are installed, `sudo chmod u+s /usr/bin/newuidmap /usr/bin/newgidmap`
fix-no-new-privileges = start minicontainer without it: NoNewPrivileges=no in a systemd unit
fix-map-ids = run minicontainer outside the container, or map more ids into it
fix-allocate-ids = `sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 { $user }`
fix-readable = make { $path } a regular file that can be read
