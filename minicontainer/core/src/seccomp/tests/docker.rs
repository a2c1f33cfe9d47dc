//! Compares what the default profile allows with Docker's, name by name and argument by argument.
//!
//! The names are those of Moby's `profiles/seccomp` (github.com/moby/profiles, 02e898b137ae, of 2026), as far as
//! x86_64 or aarch64 has the call. They are listed here a second time, so that these tests fail if a call is added to
//! the table of [`system_calls`](super::super::system_calls) by mistake.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::seccomp::profile::STRICTER;

/// Always allowed, with any arguments.
const ALLOWED: &str = "\
    accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown clock_adjtime clock_getres \
    clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup dup2 dup3 epoll_create \
    epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd eventfd2 execve \
    execveat exit exit_group faccessat faccessat2 fadvise64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 \
    fchown fchownat fcntl fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstatfs fsync \
    ftruncate futex futex_requeue futex_wait futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu \
    getcwd getdents getdents64 getegid geteuid getgid getgroups getitimer getpeername getpgid getpgrp getpid getppid \
    getpriority getrandom getresgid getresuid getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday \
    getuid getxattr getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy \
    io_getevents io_pgetevents io_setup io_submit ioctl ioprio_get ioprio_set kill landlock_add_rule \
    landlock_create_ruleset landlock_restrict_self lchown lgetxattr link linkat listen listmount listxattr listxattrat \
    llistxattr lremovexattr lseek lsetxattr lstat madvise map_shadow_stack membarrier memfd_create memfd_secret \
    mincore mkdir mkdirat mknod mknodat mlock mlock2 mlockall mmap mprotect mq_getsetattr mq_notify mq_open \
    mq_timedreceive mq_timedsend mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap \
    name_to_handle_at nanosleep newfstatat open openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 \
    pkey_alloc pkey_free pkey_mprotect poll ppoll prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 \
    pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recvfrom recvmmsg recvmsg remap_file_pages \
    removexattr removexattrat rename renameat renameat2 restart_syscall rmdir rseq rt_sigaction rt_sigpending \
    rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo sched_get_priority_max \
    sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval \
    sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop \
    semtimedop sendfile sendmmsg sendmsg sendto set_robust_list set_thread_area set_tid_address setfsgid setfsuid \
    setgid setgroups setitimer setpgid setpriority setregid setresgid setresuid setreuid setrlimit setsid setsockopt \
    setuid setxattr setxattrat shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 socketpair splice \
    stat statfs statmount statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create \
    timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times \
    tkill truncate umask uname unlink unlinkat uretprobe utime utimensat utimes vfork vmsplice wait4 waitid write \
    writev";

/// Always allowed on a current kernel, or on one of the two architectures.
const ALLOWED_HERE: [&str; 5] = ["arch_prctl", "modify_ldt", "process_vm_readv", "process_vm_writev", "ptrace"];

/// Allowed with some arguments only.
const CONDITIONAL: [&str; 3] = ["clone", "personality", "socket"];

/// The number of the first call whose decision the documentation gives: that of Linux 5.15. Since 2019, a call has
/// the same number everywhere; `uretprobe` is an exception.
const YOUNG: u32 = 448;

fn dockers() -> BTreeSet<&'static str> {
    ALLOWED.split_whitespace().chain(ALLOWED_HERE).collect()
}

/// The names of the calls that a profile allows for some arguments.
fn allowed_calls(profile: &LinuxSeccomp, architecture: Architecture) -> BTreeSet<&'static str> {
    let filter = compile(profile, architecture).expect("a filter");
    let arguments = [[0; 6], [17; 6], [1; 6], [u64::MAX; 6]];
    let passes = |number: u32| {
        let call = |arguments| Call { number, architecture: architecture.audit(), arguments };
        arguments.iter().any(|arguments| run(&filter.instructions, &call(*arguments)) == ALLOW)
    };
    TABLE.iter().map(|row| row.0).filter(|name| number(name, architecture).is_some_and(passes)).collect()
}

#[test]
fn default_profile_is_no_wider_than_dockers() {
    let dockers: BTreeSet<&str> = dockers().into_iter().chain(CONDITIONAL).chain(["chroot"]).collect();
    for architecture in ARCHITECTURES {
        let here = |name: &&str| number(name, architecture).is_some();
        let theirs: BTreeSet<&str> = dockers.iter().copied().filter(here).collect();
        let ours = allowed_calls(&ours(false), architecture);
        assert_eq!(ours.difference(&theirs).collect::<Vec<_>>(), [&""; 0], "{architecture:?}");
        // The control: our profile refuses exactly the calls in the documentation in addition to Docker's.
        assert_eq!(theirs.difference(&ours).copied().collect::<Vec<_>>(), STRICTER, "{architecture:?}");
        assert_eq!(allowed_calls(&super::ours(true), architecture), theirs, "{architecture:?}");
    }
}

/// The rows of the table in the documentation of the profile.
fn documented() -> Vec<&'static str> {
    let lines = include_str!("../profile.rs").lines().filter_map(|line| line.strip_prefix("//! | `"));
    lines.map(|line| line.split('`').next().unwrap_or_default()).collect()
}

#[test]
fn every_recent_allowed_call_is_documented() {
    let ours = allowed_calls(&ours(false), Architecture::X86_64);
    let young = |name: &&str| {
        *name == "uretprobe" || number(name, Architecture::X86_64).is_some_and(|number| number >= YOUNG)
    };
    assert_eq!(documented(), ours.into_iter().filter(young).collect::<Vec<_>>());
}

/// The decision of Docker's profile about calls whose arguments it checks.
fn dockers_condition(name: &str, arguments: &[u64; 6]) -> bool {
    match name {
        "clone" => arguments[0] & 0x7e02_0000 == 0,
        "personality" => [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff].contains(&arguments[0]),
        // Families that some kernel still implements, without AF_ALG and AF_VSOCK. The kernel uses the lower half.
        "socket" => {
            let family = arguments[0] & 0xffff_ffff;
            (1..46).contains(&family) && ![12, 19, 20, 23, 25, 34, 37, 38, 40].contains(&family)
        }
        _ => false,
    }
}

proptest! {
    /// With arguments, too: every call that passes the default filter passes Docker's.
    #[test]
    fn arguments_do_not_bypass_dockers_profile(calls in prop::collection::vec(any_call(), 64)) {
        let dockers = dockers();
        for architecture in ARCHITECTURES {
            let filter = compile(&ours(false), architecture).expect("a filter");
            for call in &calls {
                let call = Call { architecture: call.architecture | architecture.audit(), ..*call };
                if run(&filter.instructions, &call) != ALLOW {
                    continue;
                }
                let name = TABLE.iter().map(|row| row.0).find(|name| number(name, architecture) == Some(call.number));
                let name = name.expect("what is allowed has a name");
                prop_assert!(
                    dockers.contains(name) || name == "chroot" || dockers_condition(name, &call.arguments),
                    "{name} {:x?}", call
                );
            }
        }
    }
}
