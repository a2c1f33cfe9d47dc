//! Runs filters as the kernel does, and compares the results with three references: the rules evaluated one by one,
//! the filter of another compiler (the crate seccompiler), and a list of what the default profile should allow.

mod docker;
mod errno_ret;

use std::collections::BTreeMap;

use oci_spec::runtime::{
    LinuxSeccompAction, LinuxSeccompArg, LinuxSeccompArgBuilder, LinuxSeccompFilterFlag, LinuxSeccompOperator,
    LinuxSyscall,
};
use proptest::prelude::*;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch,
};

use super::evaluate as run;
use super::system_calls::{TABLE, number};
use super::*;

const ALLOW: u32 = 0x7fff_0000;
const KILL: u32 = 0x8000_0000;
const EPERM: u32 = 0x0005_0001;
const ENOSYS: u32 = 0x0005_0026;
const EIO: u32 = 0x0005_0005;
const EPROTONOSUPPORT: u32 = 0x0005_005d;
const EAFNOSUPPORT: u32 = 0x0005_0061;
const ARCHITECTURES: [Architecture; 2] = [Architecture::X86_64, Architecture::Aarch64];

/// The checks of the kernel: every jump stays inside the filter, and the last instruction returns.
fn check_sound(program: &[Instruction]) {
    assert!(program.last().is_some_and(|last| last.code == assembler::RETURN));
    for (place, one) in program.iter().enumerate() {
        let farthest = match one.code {
            assembler::JUMP => one.value as usize,
            _ => usize::from(one.jump_true.max(one.jump_false)),
        };
        assert!(one.code == assembler::RETURN || place + 1 + farthest < program.len(), "{place}: {one:?}");
    }
}

/// Evaluates the rules one by one.
fn read(profile: &LinuxSeccomp, architecture: Architecture, call: &Call) -> u32 {
    if call.architecture != architecture.audit() {
        return KILL;
    }
    if architecture == Architecture::X86_64 && call.number >= 1 << 30 {
        return ENOSYS;
    }
    let default = profile.default_action().as_u32(profile.default_errno_ret());
    let Some((name, ..)) = TABLE.iter().find(|row| number(row.0, architecture) == Some(call.number)) else {
        return match profile.default_action() {
            LinuxSeccompAction::ScmpActAllow | LinuxSeccompAction::ScmpActLog | LinuxSeccompAction::ScmpActTrace => {
                default
            }
            _ => ENOSYS,
        };
    };
    let rules = profile.syscalls().iter().flatten().filter(|rule| rule.names().iter().any(|one| one == name));
    let (always, sometimes): (Vec<_>, Vec<_>) = rules.partition(|rule| rule.args().is_none());
    let found = sometimes.into_iter().find(|rule| {
        let conditions = rule.args().as_ref().expect("conditions");
        let mut indices: Vec<usize> = conditions.iter().map(LinuxSeccompArg::index).collect();
        indices.sort_unstable();
        let twice = indices.windows(2).any(|pair| pair[0] == pair[1]);
        let mut each = conditions.iter().map(|condition| holds(condition, &call.arguments));
        if twice { each.any(|one| one) } else { each.all(|one| one) }
    });
    let found = found.or(always.into_iter().next());
    found.map_or(default, |rule| rule.action().as_u32(rule.errno_ret()))
}

fn holds(condition: &LinuxSeccompArg, arguments: &[u64; 6]) -> bool {
    let (argument, value) = (arguments[condition.index()], condition.value());
    match condition.op() {
        LinuxSeccompOperator::ScmpCmpNe => argument != value,
        LinuxSeccompOperator::ScmpCmpLt => argument < value,
        LinuxSeccompOperator::ScmpCmpLe => argument <= value,
        LinuxSeccompOperator::ScmpCmpEq => argument == value,
        LinuxSeccompOperator::ScmpCmpGe => argument >= value,
        LinuxSeccompOperator::ScmpCmpGt => argument > value,
        LinuxSeccompOperator::ScmpCmpMaskedEq => argument & value == condition.value_two().unwrap_or(0),
    }
}

fn ours(compat: bool) -> LinuxSeccomp {
    default_profile(&crate::spec::DEFAULT_CAPABILITIES, compat).expect("a profile")
}

/// Checks the action of a profile for a call by name.
#[track_caller]
fn check(profile: &LinuxSeccomp, name: &str, arguments: &[u64], expect: u32) {
    for architecture in ARCHITECTURES {
        let Some(number) = number(name, architecture) else { continue };
        let mut call = Call { number, architecture: architecture.audit(), arguments: [0; 6] };
        call.arguments[..arguments.len()].copy_from_slice(arguments);
        let filter = compile(profile, architecture).expect("a filter");
        let answer = run(&filter.instructions, &call);
        assert_eq!(answer, expect, "{name}{arguments:x?} on {architecture:?}: {answer:#x}");
    }
}

#[test]
fn system_call_table_is_sorted_and_unambiguous() {
    assert!(TABLE.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (architecture, gaps) in [(Architecture::X86_64, 337..424), (Architecture::Aarch64, 295..424)] {
        let mut numbers: Vec<u32> = system_calls::numbers(architecture).collect();
        numbers.sort_unstable();
        let own = 244..260; // Reserved for calls of single architectures; aarch64 has none.
        let mut named = (0..470).filter(|number| !gaps.contains(number));
        match architecture {
            Architecture::X86_64 => assert!(numbers.into_iter().eq(named)),
            Architecture::Aarch64 => {
                let missing: Vec<u32> = named.by_ref().filter(|number| !numbers.contains(number)).collect();
                assert!(missing.iter().all(|number| own.contains(number) || *number == 42), "{missing:?}");
            }
        }
    }
}

/// Compares the table with that of the crate seccompiler. The crate does not export its table, so the number is read
/// from the comparison in a compiled filter.
#[test]
fn system_call_numbers_match_seccompiler() {
    for (architecture, target) in
        [(Architecture::X86_64, TargetArch::x86_64), (Architecture::Aarch64, TargetArch::aarch64)]
    {
        let known = TABLE.iter().filter(|(name, ..)| {
            let json = format!(
                r#"{{"main": {{"mismatch_action": "allow", "match_action": "trap", "filter": [{{"syscall": "{name}"}}]}}}}"#
            );
            let Ok(programs) = seccompiler::compile_from_json(json.as_bytes(), target) else { return false };
            let theirs = programs["main"].iter().filter(|one| one.code == assembler::IF_EQUAL).nth(1).map(|one| one.k);
            assert_eq!(number(name, architecture), theirs, "{name} on {architecture:?}");
            true
        });
        assert!(known.count() > 290, "nearly all names must be known there");
    }
}

#[test]
fn default_profile_allows_and_refuses_common_calls() {
    for profile in [ours(false), ours(true)] {
        for name in
            ["read", "execve", "execveat", "fcntl", "write", "exit_group", "wait4", "waitid", "kill", "ptrace"]
        {
            check(&profile, name, &[u64::MAX; 6], ALLOW);
        }
        for name in ["mount", "unshare", "setns", "sethostname", "swapon", "kexec_load", "pivot_root"] {
            check(&profile, name, &[], EPERM);
        }
        check(&profile, "clone3", &[], ENOSYS);
        check(&profile, "clone", &[17], ALLOW);
        for flag in [0x2_0000, 0x200_0000, 0x400_0000, 0x800_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000] {
            check(&profile, "clone", &[17 | flag], EPERM);
            check(&profile, "clone", &[17 | flag | 1 << 40], EPERM);
        }
        for value in [0, 8, 0x2_0000, 0x2_0008, 0xffff_ffff] {
            check(&profile, "personality", &[value], ALLOW);
        }
        check(&profile, "personality", &[0x4_0000 /* ADDR_NO_RANDOMIZE */], EPERM);
        check(&profile, "personality", &[0xffff_ffff_ffff_ffff], EPERM);
    }
    // If a call is added to the table, decide whether it is allowed, and change these numbers.
    assert_eq!((system_calls::allowed().count(), TABLE.len()), (304, 383));
    check(&ours(false), "vmsplice", &[], ENOSYS);
    check(&ours(true), "vmsplice", &[], ALLOW);
}

/// The kernel ignores the upper half of an argument of type `int`, so the filter must ignore it too.
#[test]
fn upper_argument_bits_do_not_bypass_the_filter() {
    for upper in [0, 1 << 32, 0xffff_ffff << 32] {
        for (request, errno) in [(0x5412, EIO), (0x541c, EPERM)] {
            check(&ours(false), "ioctl", &[0, request | upper], errno);
            check(&ours(true), "ioctl", &[0, request | upper], ALLOW);
        }
        for request in [0x5401, 0x5413, 0x5411, 0x541b, 0x541d, 0x8004_5430] {
            check(&ours(false), "ioctl", &[0, request | upper], ALLOW);
        }
        for family in 0..48 {
            let expect = if [1, 2, 10, 16].contains(&family) { ALLOW } else { EAFNOSUPPORT };
            check(&ours(false), "socket", &[family | upper, 3, 0], expect);
            let expect = if family == 1 { ALLOW } else { EAFNOSUPPORT };
            check(&ours(false), "socketpair", &[family | upper, 3, 0], expect);
        }
        for protocol in 1..23 {
            check(&ours(false), "socket", &[16 | upper, 3, protocol | upper], EPROTONOSUPPORT);
        }
    }
    for family in 0..48 {
        check(&ours(true), "socket", &[family, 3, 9], if [38, 40].contains(&family) { EPERM } else { ALLOW });
    }
}

#[test]
fn capabilities_allow_their_system_calls() {
    for (capability, names) in profile::GATES {
        let with = default_profile(&[capability], false).expect("a profile");
        for name in names {
            check(&with, name, &[0x7e02_0000], ALLOW);
            check(
                &ours(false),
                name,
                &[0x7e02_0000],
                match *name {
                    "clone3" => ENOSYS,
                    "chroot" => ALLOW,
                    name if super::errno_ret::ENOSYS_CALLS.contains(&name) => ENOSYS,
                    _ => EPERM,
                },
            );
        }
    }
    // These are refused even with all capabilities: they are obsolete, or too dangerous.
    let all = default_profile(&crate::plan::CAPABILITIES, false).expect("a profile");
    for name in ["pivot_root", "kexec_load", "swapon", "swapoff"] {
        check(&all, name, &[], EPERM);
    }
    for name in ["io_uring_setup", "userfaultfd", "keyctl", "uselib", "vserver"] {
        check(&all, name, &[], ENOSYS);
    }
}

#[test]
fn unnamed_system_calls_return_enosys() {
    let answers = |profile: &LinuxSeccomp, numbers: &[u32], expect: u32| {
        let filter = compile(profile, Architecture::X86_64).expect("a filter");
        for number in numbers {
            let call = Call { number: *number, architecture: 0xc000_003e, arguments: [0; 6] };
            assert_eq!(run(&filter.instructions, &call), expect, "{number:#x}");
        }
    };
    let x32 = [1 << 30, 1 << 30 | 1, 1 << 30 | 520, u32::MAX];
    answers(&ours(false), &x32, ENOSYS);
    answers(&ours(false), &[337, 423, 470, 999, 100_000], ENOSYS);
    // A profile that allows unnamed calls allows unknown numbers too, but not calls of another interface, which would
    // bypass its rules.
    let mut open = LinuxSeccomp::default();
    open.set_default_action(LinuxSeccompAction::ScmpActAllow);
    answers(&open, &[337, 470, 999, 100_000], ALLOW);
    answers(&open, &x32, ENOSYS);
    // A 32-bit call: 0x40000003 is the number of i386, where call 102 is socketcall.
    let filter = compile(&open, Architecture::X86_64).expect("a filter");
    assert_eq!(run(&filter.instructions, &Call { number: 102, architecture: 0x4000_0003, arguments: [0; 6] }), KILL);
}

#[test]
fn default_filter_is_short() {
    for (architecture, most) in [(Architecture::X86_64, 160), (Architecture::Aarch64, 160)] {
        let filter = compile(&ours(false), architecture).expect("a filter");
        assert!(filter.instructions.len() <= most, "{architecture:?}: {}", filter.instructions.len());
        check_sound(&filter.instructions);
    }
    let Filter { allowed, examined, refused, .. } = compile(&ours(false), Architecture::X86_64).expect("a filter");
    // ioctl, socket, socketpair, clone and personality are examined.
    assert_eq!((allowed, examined, refused), (303, 5, 75));
}

fn rule(names: &[&str], action: LinuxSeccompAction) -> LinuxSyscall {
    let mut rule = LinuxSyscall::default();
    rule.set_names(names.iter().map(|name| (*name).to_owned()).collect()).set_action(action);
    rule
}

/// Unsupported profiles, with their messages.
#[test]
fn unsupported_profiles_are_rejected() {
    let check = |change: fn(&mut LinuxSeccomp) -> &mut LinuxSeccomp, expect: &str| {
        let mut profile = LinuxSeccomp::default();
        change(&mut profile);
        let result = compile(&profile, Architecture::X86_64).map(|filter| filter.instructions.len());
        assert_eq!(result.map_err(|error| error.to_string()), Err(expect.to_owned()));
    };
    check(
        |profile| profile.set_default_action(LinuxSeccompAction::ScmpActNotify),
        "SCMP_ACT_NOTIFY is not supported: this engine has no seccomp listener process",
    );
    check(
        |profile| profile.set_listener_path(Some("/run/agent".into())),
        "listenerPath is not supported: this engine has no seccomp listener process",
    );
    check(
        |profile| profile.set_flags(Some(vec![LinuxSeccompFilterFlag::SeccompFilterFlagWaitKillableRecv])),
        "the flag SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is not supported",
    );
    check(
        |profile| profile.set_syscalls(Some(vec![rule(&["mount2"], LinuxSeccompAction::ScmpActErrno)])),
        "unknown system call \"mount2\": it cannot be denied, and the profile's default allows it",
    );
    check(
        |profile| profile.set_default_action(LinuxSeccompAction::ScmpActErrno).set_default_errno_ret(Some(4096)),
        "invalid error number 4096: must be at most 4095",
    );
    check(
        |profile| {
            let mut one = rule(&["read"], LinuxSeccompAction::ScmpActErrno);
            one.set_args(LinuxSeccompArgBuilder::default().index(6usize).build().map(|argument| vec![argument]).ok());
            profile.set_syscalls(Some(vec![one]))
        },
        "invalid argument index 6 of read: must be 0 to 5",
    );
}

#[test]
fn foreign_system_call_names_are_skipped_when_safe() {
    let mut profile = ours(true);
    let mut rules = profile.syscalls().clone().expect("rules");
    rules.push(rule(&["socketcall", "s390_pci_mmio_read"], LinuxSeccompAction::ScmpActAllow));
    rules.push(rule(&["vm86"], LinuxSeccompAction::ScmpActErrno));
    profile.set_syscalls(Some(rules));
    assert_eq!(compile(&profile, Architecture::X86_64), compile(&ours(true), Architecture::X86_64));
}

/// The default profile, compiled by the crate seccompiler. It has one action for calls that match a rule, and one for
/// all others.
fn theirs(profile: &LinuxSeccomp, architecture: Architecture, target: TargetArch) -> Vec<Instruction> {
    let condition = |condition: &LinuxSeccompArg| {
        let (index, value) = (condition.index() as u8, condition.value());
        let (operator, value) = match condition.op() {
            LinuxSeccompOperator::ScmpCmpEq => (SeccompCmpOp::Eq, value),
            LinuxSeccompOperator::ScmpCmpLt => (SeccompCmpOp::Lt, value),
            LinuxSeccompOperator::ScmpCmpGt => (SeccompCmpOp::Gt, value),
            LinuxSeccompOperator::ScmpCmpMaskedEq => {
                (SeccompCmpOp::MaskedEq(value), condition.value_two().unwrap_or(0))
            }
            other => panic!("{other} is not in the default profile"),
        };
        SeccompCondition::new(index, SeccompCmpArgLen::Qword, operator, value).expect("a condition")
    };
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let allowing = |rule: &&LinuxSyscall| rule.action() == LinuxSeccompAction::ScmpActAllow;
    for rule in profile.syscalls().iter().flatten().filter(allowing) {
        for number in rule.names().iter().filter_map(|name| number(name, architecture)) {
            let conditions: Vec<_> = rule.args().iter().flatten().map(condition).collect();
            let chains = rules.entry(i64::from(number)).or_default();
            chains.extend((!conditions.is_empty()).then(|| SeccompRule::new(conditions).expect("a rule")));
        }
    }
    // It cannot express "refuse these two requests", but it can express "allow if it is neither of the two".
    let refuses = |rule: &LinuxSyscall| rule.names().iter().any(|name| name == "ioctl") && rule.args().is_some();
    if profile.syscalls().iter().flatten().any(refuses) {
        let not = |request| SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, request);
        let neither = vec![not(0x5412).expect("a condition"), not(0x541c).expect("a condition")];
        let ioctl = number("ioctl", architecture).expect("a number");
        rules.insert(i64::from(ioctl), vec![SeccompRule::new(neither).expect("a rule")]);
    }
    let filter = SeccompFilter::new(rules, SeccompAction::Errno(1), SeccompAction::Allow, target).expect("a filter");
    let program: BpfProgram = filter.try_into().expect("a program");
    let instruction = |one: &seccompiler::sock_filter| Instruction {
        code: one.code,
        jump_true: one.jt,
        jump_false: one.jf,
        value: one.k,
    };
    program.iter().map(instruction).collect()
}

/// Boundary values and random ones.
fn any_value() -> impl Strategy<Value = u64> {
    let near =
        prop::sample::select(vec![0u64, 1, 2, 10, 16, 38, 40, 0x5412, 0x541c, 0x2_0008, 0x7e02_0000, 0xffff_ffff]);
    let upper = prop::sample::select(vec![0u64, 0, 0, 1 << 32, 5 << 32, 0xffff_ffff << 32]);
    prop_oneof![
        4 => (near, -1i64..2, upper).prop_map(|(value, by, upper)| value.wrapping_add_signed(by) ^ upper),
        1 => any::<u64>(),
    ]
}

fn any_number() -> impl Strategy<Value = u32> {
    let asked = prop::sample::select(vec![16u32, 29, 41, 53, 56, 92, 135, 198, 199, 220]);
    prop_oneof![3 => 0..480u32, 3 => asked, 1 => any::<u32>(), 1 => (0..600u32).prop_map(|number| number | 1 << 30)]
}

prop_compose! {
    fn any_call()(number in any_number(), arguments in prop::array::uniform6(any_value()), foreign in 0..20u32) -> Call {
        let architecture = if foreign == 0 { 0x4000_0003 } else { 0 };
        Call { number, architecture, arguments }
    }
}

fn any_action() -> impl Strategy<Value = (LinuxSeccompAction, Option<u32>)> {
    prop::sample::select(vec![
        (LinuxSeccompAction::ScmpActAllow, None),
        (LinuxSeccompAction::ScmpActErrno, None),
        (LinuxSeccompAction::ScmpActErrno, Some(38)),
        (LinuxSeccompAction::ScmpActErrno, Some(13)),
        (LinuxSeccompAction::ScmpActKillProcess, None),
        (LinuxSeccompAction::ScmpActLog, None),
        (LinuxSeccompAction::ScmpActTrace, Some(7)),
        (LinuxSeccompAction::ScmpActTrap, None),
    ])
}

prop_compose! {
    fn any_argument()(index in 0..6usize, value in any_value(), second in any_value(), operator in 0..7usize)
        -> LinuxSeccompArg
    {
        let op = [
            LinuxSeccompOperator::ScmpCmpNe, LinuxSeccompOperator::ScmpCmpLt, LinuxSeccompOperator::ScmpCmpLe,
            LinuxSeccompOperator::ScmpCmpEq, LinuxSeccompOperator::ScmpCmpGe, LinuxSeccompOperator::ScmpCmpGt,
            LinuxSeccompOperator::ScmpCmpMaskedEq,
        ][operator];
        LinuxSeccompArgBuilder::default().index(index).value(value).value_two(second).op(op).build().expect("an argument")
    }
}

prop_compose! {
    fn any_rule()(
        names in prop::sample::subsequence(TABLE.map(|row| row.0).to_vec(), 1..12),
        (action, errno) in any_action(),
        arguments in prop::collection::vec(any_argument(), 0..4),
    ) -> LinuxSyscall {
        let mut one = rule(&names, action);
        one.set_errno_ret(errno).set_args((!arguments.is_empty()).then_some(arguments));
        one
    }
}

prop_compose! {
    fn any_profile()((default, errno) in any_action(), rules in prop::collection::vec(any_rule(), 0..40)) -> LinuxSeccomp {
        let mut profile = LinuxSeccomp::default();
        profile.set_default_action(default).set_default_errno_ret(errno).set_syscalls(Some(rules));
        profile
    }
}

proptest! {
    /// For any rules, the compiled tree gives the same result as evaluating the rules one by one.
    #[test]
    fn compiled_filter_matches_the_rules(
        profile in any_profile(),
        architecture in prop::sample::select(ARCHITECTURES.to_vec()),
        calls in prop::collection::vec(any_call(), 64),
    ) {
        let filter = match compile(&profile, architecture) {
            Ok(filter) => filter,
            // A name that aarch64 does not have, or a filter that is too long: not the subject of this test.
            Err(SeccompError::UnknownName { .. } | SeccompError::TooLong { .. }) => return Ok(()),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        check_sound(&filter.instructions);
        let named = profile.syscalls().iter().flatten().flat_map(LinuxSyscall::names);
        let named = named.filter_map(|name| number(name, architecture)).cycle();
        for (call, named) in calls.into_iter().zip(named.map(Some).chain(std::iter::repeat(None))) {
            for number in [Some(call.number), named].into_iter().flatten() {
                let call = Call { number, architecture: call.architecture | architecture.audit(), ..call };
                let (answer, expected) = (run(&filter.instructions, &call), read(&profile, architecture, &call));
                prop_assert_eq!(answer, expected, "{:x?}", call);
            }
        }
    }

    /// The filter of another compiler allows the same calls.
    #[test]
    fn compiled_filter_matches_seccompiler(calls in prop::collection::vec(any_call(), 64), compat in any::<bool>()) {
        let profile = ours(compat);
        for (architecture, target) in [
            (Architecture::X86_64, TargetArch::x86_64), (Architecture::Aarch64, TargetArch::aarch64),
        ] {
            let (one, other) = (compile(&profile, architecture).expect("a filter"), theirs(&profile, architecture, target));
            for call in &calls {
                let call = Call { architecture: call.architecture | architecture.audit(), ..*call };
                let (answer, expected) = (run(&one.instructions, &call), run(&other, &call));
                let refused = |answer: u32| answer >> 16 == 5;
                prop_assert!(answer == expected || refused(answer) && refused(expected), "{:x?}: {answer:#x}", call);
            }
        }
    }
}
