//! Loading a BPF program into the kernel, see bpf(2). Used only by the parent.

use super::Result;
use super::calls::{self, Fd, fd};

// Constants from linux/bpf.h.
const BPF_PROG_LOAD: usize = 5;
const BPF_PROG_ATTACH: usize = 8;
const BPF_PROG_TYPE_CGROUP_DEVICE: u64 = 15;
const BPF_CGROUP_DEVICE: u64 = 6;
const BPF_F_ALLOW_MULTI: u64 = 2;

/// Attaches a program to the cgroup (an open directory). The kernel runs it whenever a member uses a device. Programs
/// of the groups above still run too.
pub(crate) fn attach_device_program(group: Fd, instructions: &[u64]) -> Result<()> {
    let license = c"MIT";
    // union bpf_attr: type and count, the addresses of instructions and licence; logs and versions are zero.
    let load = [
        BPF_PROG_TYPE_CGROUP_DEVICE | (instructions.len() as u64) << 32,
        instructions.as_ptr().addr() as u64,
        license.as_ptr().addr() as u64,
        0,
        0,
        0,
    ];
    let program = call!(SYS_bpf, BPF_PROG_LOAD, load.as_ptr(), size_of_val(&load))? as Fd;
    // Target and program, the attach type and its flags.
    let attach = [fd(group) as u64 | (program as u64) << 32, BPF_CGROUP_DEVICE | BPF_F_ALLOW_MULTI << 32];
    let attached = call!(SYS_bpf, BPF_PROG_ATTACH, attach.as_ptr(), size_of_val(&attach));
    // After it is attached, the group keeps it loaded.
    calls::close(program)?;
    attached.map(drop)
}
