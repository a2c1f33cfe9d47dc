//! Evaluates a filter as the kernel does: to find out which error a refused call gets, and in tests.

use super::assembler::{AND, IF_EQUAL, IF_GREATER, IF_GREATER_OR_EQUAL, JUMP, LOAD, RETURN};
use super::rules::KILL_PROCESS;
use super::{Architecture, Instruction, system_calls};

/// A system call, as a filter gets it: `struct seccomp_data` in seccomp(2), without the instruction pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its number.
    pub number: u32,
    /// The architecture of the call, `AUDIT_ARCH_*`.
    pub architecture: u32,
    /// Its arguments.
    pub arguments: [u64; 6],
}

impl Call {
    /// Its name on this architecture, if the call is known there.
    pub fn name(&self, architecture: Architecture) -> Option<&'static str> {
        let known = self.architecture == architecture.audit();
        known.then(|| system_calls::name(self.number, architecture)).flatten()
    }
}

/// Runs a filter on a call, and returns its action, `SECCOMP_RET_*`. A filter that is not sound kills the process, as
/// the kernel would not accept it.
pub fn evaluate(filter: &[Instruction], call: &Call) -> u32 {
    let mut words = vec![call.number, call.architecture, 0, 0];
    words.extend(call.arguments.iter().flat_map(|argument| [*argument as u32, (*argument >> 32) as u32]));
    let (mut accumulator, mut place) = (0, 0);
    while let Some(Instruction { code, jump_true, jump_false, value }) = filter.get(place).copied() {
        let jump = |holds: bool| usize::from(if holds { jump_true } else { jump_false });
        place += 1 + match code {
            LOAD => {
                accumulator = words.get(value as usize / 4).copied().unwrap_or_default();
                0
            }
            AND => {
                accumulator &= value;
                0
            }
            JUMP => value as usize,
            IF_EQUAL => jump(accumulator == value),
            IF_GREATER => jump(accumulator > value),
            IF_GREATER_OR_EQUAL => jump(accumulator >= value),
            RETURN => return value,
            _ => break,
        };
    }
    KILL_PROCESS
}

/// The error number of an action, if it is an error, `SECCOMP_RET_ERRNO`.
pub fn errno_of(action: u32) -> Option<u32> {
    (action >> 16 == 5).then_some(action & 0xffff)
}

/// The same filter, but with `SECCOMP_RET_USER_NOTIF` in place of every error, so that a supervisor is asked
/// (seccomp_unotify(2)).
pub fn with_user_notif(filter: &[Instruction]) -> Vec<Instruction> {
    let ask = |one: &Instruction| match one.code == RETURN && errno_of(one.value).is_some() {
        true => Instruction { value: 0x7fc0_0000, ..*one },
        false => *one,
    };
    filter.iter().map(ask).collect()
}
