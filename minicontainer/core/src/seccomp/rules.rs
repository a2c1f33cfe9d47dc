//! Converts a profile's rules, which use names, to a decision for each number, and to ranges with the same decision.

use oci_spec::runtime::{
    LinuxSeccomp, LinuxSeccompAction, LinuxSeccompFilterFlag, LinuxSeccompOperator, LinuxSyscall,
};

use super::{Architecture, SeccompError, system_calls};

/// The return value of a filter, `SECCOMP_RET_*`: the action in the upper 16 bits, its data (an errno) in the lower
/// 16.
pub(super) type Action = u32;

/// `SECCOMP_RET_KILL_PROCESS`.
pub(super) const KILL_PROCESS: Action = 0x8000_0000;

/// `SECCOMP_RET_ERRNO` with `ENOSYS`: the call does not exist.
pub(super) const NO_SUCH_CALL: Action = 0x0005_0000 | 38;

/// The bit that marks the x32 interface's calls on x86_64: 32-bit programs on 64-bit registers.
const X32: u32 = 0x4000_0000;

/// The decision about a system call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    /// Lists of conditions, each with the action if all of them are true. The first such list decides.
    pub tests: Vec<(Vec<Condition>, Action)>,
    /// The action if no list matches.
    pub otherwise: Action,
}

/// A condition on an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    /// Which of the six arguments, from 0.
    pub index: u32,
    /// How it is compared.
    pub comparison: Comparison,
    /// The value it is compared with.
    pub value: u64,
    /// Whether the comparison must be false instead: "not equal", "less than".
    pub negated: bool,
}

/// How an argument is compared with a value, both unsigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    /// The argument's bits in the mask are equal to the value.
    Equal { mask: u64 },
    /// The argument is greater.
    Greater,
    /// The argument is greater or equal.
    GreaterOrEqual,
}

/// Numbers from `first` to that of the next range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// The first number.
    pub first: u32,
    /// The decision for all of them.
    pub decision: Decision,
}

/// Whether an action allows a call.
pub(super) fn allows(action: Action) -> bool {
    matches!(action, 0x7fff_0000 /* ALLOW */ | 0x7ffc_0000 /* LOG */)
}

/// The flags for seccomp(2). The flag to synchronise threads is ignored, because there is only one thread.
pub(super) fn flags(profile: &LinuxSeccomp) -> Result<u32, SeccompError> {
    if profile.listener_path().is_some() {
        return Err(SeccompError::Notify { action: "listenerPath" });
    }
    profile.flags().iter().flatten().try_fold(0, |flags, flag| match flag {
        LinuxSeccompFilterFlag::SeccompFilterFlagTsync => Ok(flags),
        LinuxSeccompFilterFlag::SeccompFilterFlagLog => Ok(flags | 1 << 1),
        LinuxSeccompFilterFlag::SeccompFilterFlagSpecAllow => Ok(flags | 1 << 2),
        _ => Err(SeccompError::Flag { flag: flag.to_string() }),
    })
}

/// A decision for each number from 0 to the largest with a name.
pub(super) fn decisions(profile: &LinuxSeccomp, architecture: Architecture) -> Result<Vec<Decision>, SeccompError> {
    let default = default_action(profile)?;
    let newest = system_calls::numbers(architecture).max().unwrap_or(0) as usize;
    let mut decisions = vec![Decision { otherwise: unnamed(profile, default), ..Decision::default() }; newest + 1];
    for number in system_calls::numbers(architecture) {
        decisions[number as usize].otherwise = default;
    }
    let mut settled = vec![false; newest + 1];
    for rule in profile.syscalls().iter().flatten() {
        let action = action(rule.action(), rule.errno_ret())?;
        for name in rule.names() {
            let tests = tests(rule, name)?;
            let Some(number) = system_calls::number(name, architecture) else {
                refuse_unknown(name, action, default)?;
                continue;
            };
            let number = number as usize;
            if !tests.is_empty() {
                decisions[number].tests.extend(tests.into_iter().map(|test| (test, action)));
            } else if !std::mem::replace(&mut settled[number], true) {
                decisions[number].otherwise = action;
            }
        }
    }
    // Trailing conditions with the default action are redundant, for example if another rule always allows the call.
    for decision in &mut decisions {
        let otherwise = decision.otherwise;
        while decision.tests.last().is_some_and(|(_, action)| *action == otherwise) {
            decision.tests.pop();
        }
    }
    Ok(decisions)
}

/// Merges neighbours with the same decision, and adds the range above all names.
pub(super) fn ranges(decisions: Vec<Decision>, profile: &LinuxSeccomp, architecture: Architecture) -> Vec<Range> {
    // The profile was checked before. If its default is invalid, the strictest action applies.
    let default = default_action(profile).unwrap_or(KILL_PROCESS);
    let always = |otherwise| Decision { otherwise, tests: Vec::new() };
    let newer = (decisions.len() as u32, always(unnamed(profile, default)));
    let x32 = (architecture == Architecture::X86_64).then_some((X32, always(NO_SUCH_CALL)));
    let mut ranges: Vec<Range> = Vec::new();
    for (first, decision) in (0..).zip(decisions).chain([newer]).chain(x32) {
        if ranges.last().is_none_or(|range| range.decision != decision) {
            ranges.push(Range { first, decision });
        }
    }
    ranges
}

fn default_action(profile: &LinuxSeccomp) -> Result<Action, SeccompError> {
    action(profile.default_action(), profile.default_errno_ret())
}

/// The action for a call without a name: `ENOSYS`, unless the profile's default is to allow calls or to pass them to
/// a tracer.
fn unnamed(profile: &LinuxSeccomp, default: Action) -> Action {
    let open = allows(default) || profile.default_action() == LinuxSeccompAction::ScmpActTrace;
    if open { default } else { NO_SUCH_CALL }
}

fn action(action: LinuxSeccompAction, errno: Option<u32>) -> Result<Action, SeccompError> {
    match (action, errno) {
        (LinuxSeccompAction::ScmpActNotify, _) => Err(SeccompError::Notify { action: "SCMP_ACT_NOTIFY" }),
        (LinuxSeccompAction::ScmpActErrno | LinuxSeccompAction::ScmpActTrace, Some(errno)) if errno > 4095 => {
            Err(SeccompError::Errno { errno })
        }
        (action, errno) => Ok(action.as_u32(errno)),
    }
}

/// Rejects an unknown name if ignoring it would weaken the profile. A name of another architecture or of a newer
/// kernel is ignored if its rule allows the call, or if calls without a name are refused anyway.
fn refuse_unknown(name: &str, action: Action, default: Action) -> Result<(), SeccompError> {
    match allows(action) || !allows(default) {
        true => Ok(()),
        false => Err(SeccompError::UnknownName { name: name.to_owned() }),
    }
}

/// The rule's conditions: one list, or, if an argument occurs twice, one list for each condition.
fn tests(rule: &LinuxSyscall, name: &str) -> Result<Vec<Vec<Condition>>, SeccompError> {
    let mut conditions = Vec::new();
    for argument in rule.args().iter().flatten() {
        let (index, value) = (argument.index(), argument.value());
        if index > 5 {
            return Err(SeccompError::Argument { name: name.to_owned(), index });
        }
        let whole = Comparison::Equal { mask: u64::MAX };
        let (comparison, value, negated) = match argument.op() {
            LinuxSeccompOperator::ScmpCmpEq => (whole, value, false),
            LinuxSeccompOperator::ScmpCmpNe => (whole, value, true),
            LinuxSeccompOperator::ScmpCmpGt => (Comparison::Greater, value, false),
            LinuxSeccompOperator::ScmpCmpLe => (Comparison::Greater, value, true),
            LinuxSeccompOperator::ScmpCmpGe => (Comparison::GreaterOrEqual, value, false),
            LinuxSeccompOperator::ScmpCmpLt => (Comparison::GreaterOrEqual, value, true),
            LinuxSeccompOperator::ScmpCmpMaskedEq => {
                (Comparison::Equal { mask: value }, argument.value_two().unwrap_or(0), false)
            }
        };
        conditions.push(Condition { index: index as u32, comparison, value, negated });
    }
    let twice = (1..conditions.len()).any(|place| {
        let (before, from) = conditions.split_at(place);
        before.iter().any(|condition: &Condition| condition.index == from[0].index)
    });
    Ok(match (conditions.is_empty(), twice) {
        (true, _) => Vec::new(),
        (false, true) => conditions.into_iter().map(|condition| vec![condition]).collect(),
        (false, false) => vec![conditions],
    })
}
