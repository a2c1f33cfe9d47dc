//! Compiling the steps that change the process itself: ids, resource limits, capabilities, the seccomp filter.

use minicontainer_core::plan::{Step, capability_number, resource_number};
use minicontainer_core::seccomp::{self, Instruction};

use super::numbers::{bits, sock_filter};
use super::{CompileError, Compiler};
use crate::process::program::Operation;
use crate::sys::calls::Fd;

impl Compiler<'_> {
    pub(super) fn drop_bounding_set(&self, keep: &[String]) -> Operation {
        let keep = bits(keep) & self.context.permitted;
        Operation::DropBoundingSet { drop: (0..64).filter(|number| keep & (1 << number) == 0).collect() }
    }

    /// Each set is limited to the capabilities that the engine has, because it cannot grant others.
    pub(super) fn set_capabilities(&self, step: &Step) -> Result<Operation, CompileError> {
        let Step::SetCapabilities { effective, permitted, inheritable, ambient } = step else {
            return Err(CompileError::no_operation(step));
        };
        Ok(Operation::SetCapabilities {
            effective: bits(effective) & self.context.permitted,
            permitted: bits(permitted) & self.context.permitted,
            inheritable: bits(inheritable) & self.context.permitted,
            ambient: ambient.iter().filter_map(|name| capability_number(name)).collect(),
        })
    }
}

pub(super) fn set_rlimit(resource: &str, soft: u64, hard: u64) -> Result<Operation, CompileError> {
    let number = resource_number(resource);
    let resource = number.ok_or_else(|| CompileError::UnknownResource { name: resource.to_owned() })?;
    Ok(Operation::SetRlimit { resource, soft, hard })
}

pub(super) fn set_user(uid: u32, gid: u32, groups: Option<&[u32]>) -> Operation {
    Operation::SetUser { uid, gid, groups: groups.map(<[u32]>::to_vec) }
}

/// With a socket for its listener, the filter asks about each call that it would refuse.
pub(super) fn install_seccomp(flags: u32, instructions: &[Instruction], listener: Option<Fd>) -> Operation {
    let (filter, flags) = match listener {
        Some(_) => (seccomp::with_user_notif(instructions), flags | libc::SECCOMP_FILTER_FLAG_NEW_LISTENER as u32),
        None => (instructions.to_vec(), flags),
    };
    Operation::InstallSeccomp { flags, instructions: filter.iter().map(sock_filter).collect(), listener }
}
