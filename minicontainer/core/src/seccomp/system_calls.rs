//! The system calls of Linux: names, numbers, and whether a container may always make them.
//!
//! A filter gets numbers, but profiles use names. The number of a name depends on the architecture, see syscalls(2).
//! The list is the kernel's own, up to Linux 6.18, including removed calls, whose numbers are never reused. The
//! compiler treats a number that is not in the list as a call that does not exist. The last column is Docker's
//! decision: a call that affects only the container itself is always allowed. A new call needs such a decision; in
//! doubt it is withheld.

use super::Architecture;
use Permission::{Allowed, Withheld};

/// Whether the default profile always allows a call, with any arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Permission {
    /// Always allowed.
    Allowed,
    /// Allowed only with a capability, only with some arguments, or not at all, see [`super::profile`].
    Withheld,
}

/// The number of a call that an architecture does not have.
const NONE: i16 = -1;

/// The number of a system call, if this architecture has it.
pub(super) fn number(name: &str, architecture: Architecture) -> Option<u32> {
    let row = TABLE.binary_search_by(|row| row.0.cmp(name)).ok()?;
    number_in(&TABLE[row], architecture)
}

/// The name of a number on an architecture.
pub(super) fn name(number: u32, architecture: Architecture) -> Option<&'static str> {
    TABLE.iter().find(|row| number_in(row, architecture) == Some(number)).map(|row| row.0)
}

/// All numbers that have a name, unordered.
pub(super) fn numbers(architecture: Architecture) -> impl Iterator<Item = u32> {
    TABLE.iter().filter_map(move |row| number_in(row, architecture))
}

/// The names of the calls that are always allowed, on any architecture.
pub(super) fn allowed() -> impl Iterator<Item = &'static str> {
    TABLE.iter().filter(|row| row.3 == Allowed).map(|row| row.0)
}

fn number_in(row: &Row, architecture: Architecture) -> Option<u32> {
    let number = match architecture {
        Architecture::X86_64 => row.1,
        Architecture::Aarch64 => row.2,
    };
    (number != NONE).then_some(u32::from(number.unsigned_abs()))
}

/// A name, its number on x86_64 and on aarch64, and whether the call is always allowed.
pub(super) type Row = (&'static str, i16, i16, Permission);

/// Sorted by name, in byte order.
#[rustfmt::skip]
pub(super) const TABLE: [Row; 383] = [
    ("_sysctl", 156, -1, Withheld), ("accept", 43, 202, Allowed), ("accept4", 288, 242, Allowed),
    ("access", 21, -1, Allowed), ("acct", 163, 89, Withheld), ("add_key", 248, 217, Withheld),
    ("adjtimex", 159, 171, Allowed), ("afs_syscall", 183, -1, Withheld), ("alarm", 37, -1, Allowed),
    ("arch_prctl", 158, -1, Allowed), ("bind", 49, 200, Allowed), ("bpf", 321, 280, Withheld),
    ("brk", 12, 214, Allowed), ("cachestat", 451, 451, Allowed), ("capget", 125, 90, Allowed),
    ("capset", 126, 91, Allowed), ("chdir", 80, 49, Allowed), ("chmod", 90, -1, Allowed), ("chown", 92, -1, Allowed),
    ("chroot", 161, 51, Withheld), ("clock_adjtime", 305, 266, Allowed), ("clock_getres", 229, 114, Allowed),
    ("clock_gettime", 228, 113, Allowed), ("clock_nanosleep", 230, 115, Allowed),
    ("clock_settime", 227, 112, Withheld), ("clone", 56, 220, Withheld), ("clone3", 435, 435, Withheld),
    ("close", 3, 57, Allowed), ("close_range", 436, 436, Allowed), ("connect", 42, 203, Allowed),
    ("copy_file_range", 326, 285, Allowed), ("creat", 85, -1, Allowed), ("create_module", 174, -1, Withheld),
    ("delete_module", 176, 106, Withheld), ("dup", 32, 23, Allowed), ("dup2", 33, -1, Allowed),
    ("dup3", 292, 24, Allowed), ("epoll_create", 213, -1, Allowed), ("epoll_create1", 291, 20, Allowed),
    ("epoll_ctl", 233, 21, Allowed), ("epoll_ctl_old", 214, -1, Allowed), ("epoll_pwait", 281, 22, Allowed),
    ("epoll_pwait2", 441, 441, Allowed), ("epoll_wait", 232, -1, Allowed), ("epoll_wait_old", 215, -1, Allowed),
    ("eventfd", 284, -1, Allowed), ("eventfd2", 290, 19, Allowed), ("execve", 59, 221, Allowed),
    ("execveat", 322, 281, Allowed), ("exit", 60, 93, Allowed), ("exit_group", 231, 94, Allowed),
    ("faccessat", 269, 48, Allowed), ("faccessat2", 439, 439, Allowed), ("fadvise64", 221, 223, Allowed),
    ("fallocate", 285, 47, Allowed), ("fanotify_init", 300, 262, Withheld), ("fanotify_mark", 301, 263, Allowed),
    ("fchdir", 81, 50, Allowed), ("fchmod", 91, 52, Allowed), ("fchmodat", 268, 53, Allowed),
    ("fchmodat2", 452, 452, Allowed), ("fchown", 93, 55, Allowed), ("fchownat", 260, 54, Allowed),
    ("fcntl", 72, 25, Allowed), ("fdatasync", 75, 83, Allowed), ("fgetxattr", 193, 10, Allowed),
    ("file_getattr", 468, 468, Withheld), ("file_setattr", 469, 469, Withheld), ("finit_module", 313, 273, Withheld),
    ("flistxattr", 196, 13, Allowed), ("flock", 73, 32, Allowed), ("fork", 57, -1, Allowed),
    ("fremovexattr", 199, 16, Allowed), ("fsconfig", 431, 431, Withheld), ("fsetxattr", 190, 7, Allowed),
    ("fsmount", 432, 432, Withheld), ("fsopen", 430, 430, Withheld), ("fspick", 433, 433, Withheld),
    ("fstat", 5, 80, Allowed), ("fstatfs", 138, 44, Allowed), ("fsync", 74, 82, Allowed),
    ("ftruncate", 77, 46, Allowed), ("futex", 202, 98, Allowed), ("futex_requeue", 456, 456, Allowed),
    ("futex_wait", 455, 455, Allowed), ("futex_waitv", 449, 449, Allowed), ("futex_wake", 454, 454, Allowed),
    ("futimesat", 261, -1, Allowed), ("get_kernel_syms", 177, -1, Withheld), ("get_mempolicy", 239, 236, Withheld),
    ("get_robust_list", 274, 100, Allowed), ("get_thread_area", 211, -1, Allowed), ("getcpu", 309, 168, Allowed),
    ("getcwd", 79, 17, Allowed), ("getdents", 78, -1, Allowed), ("getdents64", 217, 61, Allowed),
    ("getegid", 108, 177, Allowed), ("geteuid", 107, 175, Allowed), ("getgid", 104, 176, Allowed),
    ("getgroups", 115, 158, Allowed), ("getitimer", 36, 102, Allowed), ("getpeername", 52, 205, Allowed),
    ("getpgid", 121, 155, Allowed), ("getpgrp", 111, -1, Allowed), ("getpid", 39, 172, Allowed),
    ("getpmsg", 181, -1, Withheld), ("getppid", 110, 173, Allowed), ("getpriority", 140, 141, Allowed),
    ("getrandom", 318, 278, Allowed), ("getresgid", 120, 150, Allowed), ("getresuid", 118, 148, Allowed),
    ("getrlimit", 97, 163, Allowed), ("getrusage", 98, 165, Allowed), ("getsid", 124, 156, Allowed),
    ("getsockname", 51, 204, Allowed), ("getsockopt", 55, 209, Allowed), ("gettid", 186, 178, Allowed),
    ("gettimeofday", 96, 169, Allowed), ("getuid", 102, 174, Allowed), ("getxattr", 191, 8, Allowed),
    ("getxattrat", 464, 464, Allowed), ("init_module", 175, 105, Withheld), ("inotify_add_watch", 254, 27, Allowed),
    ("inotify_init", 253, -1, Allowed), ("inotify_init1", 294, 26, Allowed), ("inotify_rm_watch", 255, 28, Allowed),
    ("io_cancel", 210, 3, Allowed), ("io_destroy", 207, 1, Allowed), ("io_getevents", 208, 4, Allowed),
    ("io_pgetevents", 333, 292, Allowed), ("io_setup", 206, 0, Allowed), ("io_submit", 209, 2, Allowed),
    ("io_uring_enter", 426, 426, Withheld), ("io_uring_register", 427, 427, Withheld),
    ("io_uring_setup", 425, 425, Withheld), ("ioctl", 16, 29, Allowed), ("ioperm", 173, -1, Withheld),
    ("iopl", 172, -1, Withheld), ("ioprio_get", 252, 31, Allowed), ("ioprio_set", 251, 30, Allowed),
    ("kcmp", 312, 272, Withheld), ("kexec_file_load", 320, 294, Withheld), ("kexec_load", 246, 104, Withheld),
    ("keyctl", 250, 219, Withheld), ("kill", 62, 129, Allowed), ("landlock_add_rule", 445, 445, Allowed),
    ("landlock_create_ruleset", 444, 444, Allowed), ("landlock_restrict_self", 446, 446, Allowed),
    ("lchown", 94, -1, Allowed), ("lgetxattr", 192, 9, Allowed), ("link", 86, -1, Allowed),
    ("linkat", 265, 37, Allowed), ("listen", 50, 201, Allowed), ("listmount", 458, 458, Allowed),
    ("listxattr", 194, 11, Allowed), ("listxattrat", 465, 465, Allowed), ("llistxattr", 195, 12, Allowed),
    ("lookup_dcookie", 212, 18, Withheld), ("lremovexattr", 198, 15, Allowed), ("lseek", 8, 62, Allowed),
    ("lsetxattr", 189, 6, Allowed), ("lsm_get_self_attr", 459, 459, Withheld),
    ("lsm_list_modules", 461, 461, Withheld), ("lsm_set_self_attr", 460, 460, Withheld), ("lstat", 6, -1, Allowed),
    ("madvise", 28, 233, Allowed), ("map_shadow_stack", 453, 453, Allowed), ("mbind", 237, 235, Withheld),
    ("membarrier", 324, 283, Allowed), ("memfd_create", 319, 279, Allowed), ("memfd_secret", 447, 447, Allowed),
    ("migrate_pages", 256, 238, Withheld), ("mincore", 27, 232, Allowed), ("mkdir", 83, -1, Allowed),
    ("mkdirat", 258, 34, Allowed), ("mknod", 133, -1, Allowed), ("mknodat", 259, 33, Allowed),
    ("mlock", 149, 228, Allowed), ("mlock2", 325, 284, Allowed), ("mlockall", 151, 230, Allowed),
    ("mmap", 9, 222, Allowed), ("modify_ldt", 154, -1, Allowed), ("mount", 165, 40, Withheld),
    ("mount_setattr", 442, 442, Withheld), ("move_mount", 429, 429, Withheld), ("move_pages", 279, 239, Withheld),
    ("mprotect", 10, 226, Allowed), ("mq_getsetattr", 245, 185, Allowed), ("mq_notify", 244, 184, Allowed),
    ("mq_open", 240, 180, Allowed), ("mq_timedreceive", 243, 183, Allowed), ("mq_timedsend", 242, 182, Allowed),
    ("mq_unlink", 241, 181, Allowed), ("mremap", 25, 216, Allowed), ("mseal", 462, 462, Allowed),
    ("msgctl", 71, 187, Allowed), ("msgget", 68, 186, Allowed), ("msgrcv", 70, 188, Allowed),
    ("msgsnd", 69, 189, Allowed), ("msync", 26, 227, Allowed), ("munlock", 150, 229, Allowed),
    ("munlockall", 152, 231, Allowed), ("munmap", 11, 215, Allowed), ("name_to_handle_at", 303, 264, Allowed),
    ("nanosleep", 35, 101, Allowed), ("newfstatat", 262, 79, Allowed), ("nfsservctl", 180, 42, Withheld),
    ("open", 2, -1, Allowed), ("open_by_handle_at", 304, 265, Withheld), ("open_tree", 428, 428, Withheld),
    ("open_tree_attr", 467, 467, Withheld), ("openat", 257, 56, Allowed), ("openat2", 437, 437, Allowed),
    ("pause", 34, -1, Allowed), ("perf_event_open", 298, 241, Withheld), ("personality", 135, 92, Withheld),
    ("pidfd_getfd", 438, 438, Withheld), ("pidfd_open", 434, 434, Allowed), ("pidfd_send_signal", 424, 424, Allowed),
    ("pipe", 22, -1, Allowed), ("pipe2", 293, 59, Allowed), ("pivot_root", 155, 41, Withheld),
    ("pkey_alloc", 330, 289, Allowed), ("pkey_free", 331, 290, Allowed), ("pkey_mprotect", 329, 288, Allowed),
    ("poll", 7, -1, Allowed), ("ppoll", 271, 73, Allowed), ("prctl", 157, 167, Allowed), ("pread64", 17, 67, Allowed),
    ("preadv", 295, 69, Allowed), ("preadv2", 327, 286, Allowed), ("prlimit64", 302, 261, Allowed),
    ("process_madvise", 440, 440, Withheld), ("process_mrelease", 448, 448, Allowed),
    ("process_vm_readv", 310, 270, Allowed), ("process_vm_writev", 311, 271, Allowed), ("pselect6", 270, 72, Allowed),
    ("ptrace", 101, 117, Allowed), ("putpmsg", 182, -1, Withheld), ("pwrite64", 18, 68, Allowed),
    ("pwritev", 296, 70, Allowed), ("pwritev2", 328, 287, Allowed), ("query_module", 178, -1, Withheld),
    ("quotactl", 179, 60, Withheld), ("quotactl_fd", 443, 443, Withheld), ("read", 0, 63, Allowed),
    ("readahead", 187, 213, Allowed), ("readlink", 89, -1, Allowed), ("readlinkat", 267, 78, Allowed),
    ("readv", 19, 65, Allowed), ("reboot", 169, 142, Withheld), ("recvfrom", 45, 207, Allowed),
    ("recvmmsg", 299, 243, Allowed), ("recvmsg", 47, 212, Allowed), ("remap_file_pages", 216, 234, Allowed),
    ("removexattr", 197, 14, Allowed), ("removexattrat", 466, 466, Allowed), ("rename", 82, -1, Allowed),
    ("renameat", 264, 38, Allowed), ("renameat2", 316, 276, Allowed), ("request_key", 249, 218, Withheld),
    ("restart_syscall", 219, 128, Allowed), ("rmdir", 84, -1, Allowed), ("rseq", 334, 293, Allowed),
    ("rt_sigaction", 13, 134, Allowed), ("rt_sigpending", 127, 136, Allowed), ("rt_sigprocmask", 14, 135, Allowed),
    ("rt_sigqueueinfo", 129, 138, Allowed), ("rt_sigreturn", 15, 139, Allowed), ("rt_sigsuspend", 130, 133, Allowed),
    ("rt_sigtimedwait", 128, 137, Allowed), ("rt_tgsigqueueinfo", 297, 240, Allowed),
    ("sched_get_priority_max", 146, 125, Allowed), ("sched_get_priority_min", 147, 126, Allowed),
    ("sched_getaffinity", 204, 123, Allowed), ("sched_getattr", 315, 275, Allowed),
    ("sched_getparam", 143, 121, Allowed), ("sched_getscheduler", 145, 120, Allowed),
    ("sched_rr_get_interval", 148, 127, Allowed), ("sched_setaffinity", 203, 122, Allowed),
    ("sched_setattr", 314, 274, Allowed), ("sched_setparam", 142, 118, Allowed),
    ("sched_setscheduler", 144, 119, Allowed), ("sched_yield", 24, 124, Allowed), ("seccomp", 317, 277, Allowed),
    ("security", 185, -1, Withheld), ("select", 23, -1, Allowed), ("semctl", 66, 191, Allowed),
    ("semget", 64, 190, Allowed), ("semop", 65, 193, Allowed), ("semtimedop", 220, 192, Allowed),
    ("sendfile", 40, 71, Allowed), ("sendmmsg", 307, 269, Allowed), ("sendmsg", 46, 211, Allowed),
    ("sendto", 44, 206, Allowed), ("set_mempolicy", 238, 237, Withheld),
    ("set_mempolicy_home_node", 450, 450, Withheld), ("set_robust_list", 273, 99, Allowed),
    ("set_thread_area", 205, -1, Allowed), ("set_tid_address", 218, 96, Allowed),
    ("setdomainname", 171, 162, Withheld), ("setfsgid", 123, 152, Allowed), ("setfsuid", 122, 151, Allowed),
    ("setgid", 106, 144, Allowed), ("setgroups", 116, 159, Allowed), ("sethostname", 170, 161, Withheld),
    ("setitimer", 38, 103, Allowed), ("setns", 308, 268, Withheld), ("setpgid", 109, 154, Allowed),
    ("setpriority", 141, 140, Allowed), ("setregid", 114, 143, Allowed), ("setresgid", 119, 149, Allowed),
    ("setresuid", 117, 147, Allowed), ("setreuid", 113, 145, Allowed), ("setrlimit", 160, 164, Allowed),
    ("setsid", 112, 157, Allowed), ("setsockopt", 54, 208, Allowed), ("settimeofday", 164, 170, Withheld),
    ("setuid", 105, 146, Allowed), ("setxattr", 188, 5, Allowed), ("setxattrat", 463, 463, Allowed),
    ("shmat", 30, 196, Allowed), ("shmctl", 31, 195, Allowed), ("shmdt", 67, 197, Allowed),
    ("shmget", 29, 194, Allowed), ("shutdown", 48, 210, Allowed), ("sigaltstack", 131, 132, Allowed),
    ("signalfd", 282, -1, Allowed), ("signalfd4", 289, 74, Allowed), ("socket", 41, 198, Withheld),
    ("socketpair", 53, 199, Withheld), ("splice", 275, 76, Allowed), ("stat", 4, -1, Allowed),
    ("statfs", 137, 43, Allowed), ("statmount", 457, 457, Allowed), ("statx", 332, 291, Allowed),
    ("swapoff", 168, 225, Withheld), ("swapon", 167, 224, Withheld), ("symlink", 88, -1, Allowed),
    ("symlinkat", 266, 36, Allowed), ("sync", 162, 81, Allowed), ("sync_file_range", 277, 84, Allowed),
    ("syncfs", 306, 267, Allowed), ("sysfs", 139, -1, Withheld), ("sysinfo", 99, 179, Allowed),
    ("syslog", 103, 116, Withheld), ("tee", 276, 77, Allowed), ("tgkill", 234, 131, Allowed),
    ("time", 201, -1, Allowed), ("timer_create", 222, 107, Allowed), ("timer_delete", 226, 111, Allowed),
    ("timer_getoverrun", 225, 109, Allowed), ("timer_gettime", 224, 108, Allowed),
    ("timer_settime", 223, 110, Allowed), ("timerfd_create", 283, 85, Allowed), ("timerfd_gettime", 287, 87, Allowed),
    ("timerfd_settime", 286, 86, Allowed), ("times", 100, 153, Allowed), ("tkill", 200, 130, Allowed),
    ("truncate", 76, 45, Allowed), ("tuxcall", 184, -1, Withheld), ("umask", 95, 166, Allowed),
    ("umount2", 166, 39, Withheld), ("uname", 63, 160, Allowed), ("unlink", 87, -1, Allowed),
    ("unlinkat", 263, 35, Allowed), ("unshare", 272, 97, Withheld), ("uprobe", 336, -1, Withheld),
    ("uretprobe", 335, -1, Allowed), ("uselib", 134, -1, Withheld), ("userfaultfd", 323, 282, Withheld),
    ("ustat", 136, -1, Withheld), ("utime", 132, -1, Allowed), ("utimensat", 280, 88, Allowed),
    ("utimes", 235, -1, Allowed), ("vfork", 58, -1, Allowed), ("vhangup", 153, 58, Withheld),
    ("vmsplice", 278, 75, Allowed), ("vserver", 236, -1, Withheld), ("wait4", 61, 260, Allowed),
    ("waitid", 247, 95, Allowed), ("write", 1, 64, Allowed), ("writev", 20, 66, Allowed),
];
