//! Converts names in the plan to the kernel's numbers: capabilities to bits, restrictions of mounts to flags.

use minicontainer_core::plan::{MountAttribute, capability_number};
use minicontainer_core::seccomp::Instruction;

use crate::sys::calls::MountAttr;

/// An instruction in the kernel's format.
pub(super) fn sock_filter(instruction: &Instruction) -> libc::sock_filter {
    let Instruction { code, jump_true, jump_false, value } = *instruction;
    libc::sock_filter { code, jt: jump_true, jf: jump_false, k: value }
}

pub(super) fn bits(names: &[String]) -> u64 {
    names.iter().filter_map(|name| capability_number(name)).fold(0, |set, number| set | (1 << number))
}

/// The bits of mount_setattr(2) and fsmount(2).
pub(super) fn attribute_bits(attributes: &[MountAttribute]) -> u64 {
    attributes.iter().fold(0, |bits, attribute| {
        bits | match attribute {
            MountAttribute::ReadOnly => libc::MOUNT_ATTR_RDONLY,
            MountAttribute::NoSuid => libc::MOUNT_ATTR_NOSUID,
            MountAttribute::NoDev => libc::MOUNT_ATTR_NODEV,
            MountAttribute::NoExec => libc::MOUNT_ATTR_NOEXEC,
            MountAttribute::StrictAtime => libc::MOUNT_ATTR_STRICTATIME,
            MountAttribute::NoAtime => libc::MOUNT_ATTR_NOATIME,
            MountAttribute::NoDirAtime => libc::MOUNT_ATTR_NODIRATIME,
        }
    })
}

/// The change that adds these restrictions. The access time mode is a separate field, which must be cleared before it
/// is set.
pub(crate) fn restriction(attributes: u64) -> MountAttr {
    let time = attributes & libc::MOUNT_ATTR__ATIME;
    MountAttr { set: attributes, clear: if time == 0 { 0 } else { libc::MOUNT_ATTR__ATIME }, ..MountAttr::default() }
}

/// The request that brings up the interface `lo`, see netdevice(7).
pub(super) fn loopback_request() -> libc::ifreq {
    // SAFETY: struct ifreq consists of plain numbers, for which all zeros is valid.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    request
}
