//! Device rules as a BPF program.
//!
//! Cgroups of version 2 have no files for devices. Instead a small eBPF program is attached to the cgroup
//! (`BPF_PROG_TYPE_CGROUP_DEVICE`, see bpf(2) and "Device controller" in the kernel's cgroup-v2.rst). The kernel runs
//! it whenever a process in the cgroup opens a device or creates a node, and denies the access if it returns zero.
//! Its argument is a `struct bpf_cgroup_dev_ctx` of three numbers: the kind of device and the kinds of access, both
//! in one word; the driver's number; the device's number.
//!
//! ```
//! use minicontainer_core::plan::{DeviceAccess, device_program, every_device};
//!
//! // Six instructions load the numbers, four check the rule, and two return "denied".
//! assert_eq!(device_program(&[every_device(DeviceAccess::Deny)]).len(), 6 + 4 + 2);
//! ```

use super::{DeviceAccess, DeviceRule};

// The part of the instruction set (linux/bpf.h, linux/bpf_common.h) that is needed here.
const LOAD_WORD: u8 = 0x61; // BPF_LDX | BPF_MEM | BPF_W
const SET: u8 = 0xb7; // BPF_ALU64 | BPF_MOV | BPF_K
const COPY: u8 = 0xbf; // BPF_ALU64 | BPF_MOV | BPF_X
const AND: u8 = 0x57; // BPF_ALU64 | BPF_AND | BPF_K
const SHIFT_RIGHT: u8 = 0x77; // BPF_ALU64 | BPF_RSH | BPF_K
const SKIP: u8 = 0x05; // BPF_JMP | BPF_JA
const SKIP_UNLESS_EQUAL: u8 = 0x56; // BPF_JMP32 | BPF_JNE | BPF_K
const SKIP_IF_ANY_BIT: u8 = 0x45; // BPF_JMP | BPF_JSET | BPF_K
const EXIT: u8 = 0x95; // BPF_JMP | BPF_EXIT

/// The registers: the return value, the address of the argument, and the values loaded from it.
const ANSWER: u8 = 0;
const CONTEXT: u8 = 1;
const KIND: u8 = 2;
const PERMISSIONS: u8 = 3;
const MAJOR: u8 = 4;
const MINOR: u8 = 5;

/// One instruction as the kernel has it in memory, `struct bpf_insn` on a little-endian machine: operation, two
/// registers, how many instructions to skip (or where to load from), and a number.
fn instruction(operation: u8, to: u8, from: u8, offset: i16, number: u32) -> u64 {
    let registers = u64::from(to | from << 4);
    u64::from(operation) | registers << 8 | u64::from(offset as u16) << 16 | u64::from(number) << 32
}

/// Compiles the rules. For each requested kind of access the last matching rule decides, so the program checks the
/// rules from the last to the first. A kind that a rule allows is removed; when none is left, the access is allowed.
pub fn device_program(rules: &[DeviceRule]) -> Vec<u64> {
    let mut program = vec![
        instruction(LOAD_WORD, PERMISSIONS, CONTEXT, 0, 0),
        instruction(LOAD_WORD, MAJOR, CONTEXT, 4, 0),
        instruction(LOAD_WORD, MINOR, CONTEXT, 8, 0),
        instruction(COPY, KIND, PERMISSIONS, 0, 0),
        instruction(AND, KIND, 0, 0, 0xffff),
        instruction(SHIFT_RIGHT, PERMISSIONS, 0, 0, 16),
    ];
    for rule in rules.iter().rev() {
        program.extend(rule_check(rule));
    }
    program.extend(answer(false));
    program
}

fn answer(yes: bool) -> [u64; 2] {
    [instruction(SET, ANSWER, 0, 0, u32::from(yes)), instruction(EXIT, 0, 0, 0, 0)]
}

fn rule_check(rule: &DeviceRule) -> Vec<u64> {
    let kind = match rule.kind {
        'b' => Some(1),
        'c' => Some(2),
        _ => None,
    };
    let permissions = rule.permissions.chars().fold(0, |bits, sign| bits | permission_bit(sign));
    let mut decision = match rule.access {
        DeviceAccess::Allow => {
            vec![
                instruction(AND, PERMISSIONS, 0, 0, !permissions),
                instruction(SKIP_UNLESS_EQUAL, PERMISSIONS, 0, 2, 0),
            ]
        }
        DeviceAccess::Deny => {
            vec![instruction(SKIP_IF_ANY_BIT, PERMISSIONS, 0, 1, permissions), instruction(SKIP, 0, 0, 2, 0)]
        }
    };
    decision.extend(answer(rule.access == DeviceAccess::Allow));
    let conditions: Vec<(u8, u32)> = [(KIND, kind), (MAJOR, rule.major), (MINOR, rule.minor)]
        .into_iter()
        .filter_map(|(register, number)| Some((register, number?)))
        .collect();
    // If a condition is not met, the program skips the remaining conditions and the decision.
    let left = |index: usize| i16::try_from(conditions.len() - 1 - index + decision.len()).unwrap_or(i16::MAX);
    let skips = conditions
        .iter()
        .enumerate()
        .map(|(index, (register, number))| instruction(SKIP_UNLESS_EQUAL, *register, 0, left(index), *number));
    skips.chain(decision.iter().copied()).collect()
}

/// The kernel's bit for a kind of access: `BPF_DEVCG_ACC_MKNOD`, `_READ` or `_WRITE`.
fn permission_bit(sign: char) -> u32 {
    match sign {
        'm' => 1,
        'r' => 2,
        'w' => 4,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{default_device_rules, every_device};
    use super::*;

    /// Interprets the program as the kernel does, and panics where the kernel would reject it.
    fn run(program: &[u64], kind: char, permissions: &str, major: u32, minor: u32) -> bool {
        let bits = permissions.chars().fold(0, |bits, sign| bits | permission_bit(sign));
        let context = [bits << 16 | if kind == 'b' { 1 } else { 2 }, major, minor];
        let (mut registers, mut next) = ([0u64; 6], 0);
        loop {
            let word = program[next];
            let (operation, to, from) = (word as u8, (word >> 8 & 15) as usize, (word >> 12 & 15) as usize);
            let (offset, number) = ((word >> 16) as i16, (word >> 32) as i32 as i64 as u64);
            next += 1;
            let mut skip_if = |condition: bool| {
                assert!(offset >= 0, "the kernel rejects loops");
                next += if condition { offset as usize } else { 0 };
            };
            match operation {
                LOAD_WORD => registers[to] = u64::from(context[offset as usize / 4]),
                SET => registers[to] = number,
                COPY => registers[to] = registers[from],
                AND => registers[to] &= number,
                SHIFT_RIGHT => registers[to] >>= number,
                SKIP => skip_if(true),
                SKIP_UNLESS_EQUAL => skip_if(registers[to] as u32 != number as u32),
                SKIP_IF_ANY_BIT => skip_if(registers[to] & number != 0),
                EXIT => return registers[0] != 0,
                other => panic!("unknown operation {other:#x}"),
            }
        }
    }

    /// A direct implementation of the rules, for comparison.
    fn allowed(rules: &[DeviceRule], kind: char, permissions: &str, major: u32, minor: u32) -> bool {
        permissions.chars().all(|wanted| {
            let fits = |rule: &&DeviceRule| {
                (rule.kind == 'a' || rule.kind == kind)
                    && rule.major.is_none_or(|number| number == major)
                    && rule.minor.is_none_or(|number| number == minor)
                    && rule.permissions.contains(wanted)
            };
            rules.iter().rev().find(fits).is_some_and(|rule| rule.access == DeviceAccess::Allow)
        })
    }

    #[track_caller]
    fn check(rules: &[DeviceRule], kind: char, permissions: &str, (major, minor): (u32, u32), expected: bool) {
        assert_eq!(
            run(&device_program(rules), kind, permissions, major, minor),
            expected,
            "{kind} {major}:{minor} {permissions}"
        );
    }

    #[test]
    fn default_devices_match_docker_without_tun() {
        let rules = [vec![every_device(DeviceAccess::Deny)], default_device_rules(true)].concat();
        for number in [(1, 3), (1, 5), (1, 7), (1, 8), (1, 9), (5, 0), (5, 1), (5, 2), (136, 0), (136, 77)] {
            check(&rules, 'c', "rwm", number, true);
            check(&rules, 'b', "r", number, false);
        }
        for number in [(1, 1), (1, 11), (10, 200), (10, 229), (10, 232), (10, 237), (u32::MAX, 3)] {
            check(&rules, 'c', "r", number, false);
            check(&rules, 'c', "rm", number, false);
            check(&rules, 'c', "m", number, true);
        }
        check(&rules, 'b', "w", (7, 0), false);
        check(&default_device_rules(false), 'b', "m", (7, 0), false);
    }

    fn any_rule() -> impl Strategy<Value = DeviceRule> {
        let number = || proptest::option::of(prop_oneof![0u32..3, Just(u32::MAX)]);
        let permissions = proptest::sample::subsequence(vec!['r', 'w', 'm'], 1..=3);
        let access = prop_oneof![Just(DeviceAccess::Allow), Just(DeviceAccess::Deny)];
        let kind = proptest::sample::select(vec!['a', 'b', 'c']);
        (access, kind, number(), number(), permissions).prop_map(|(access, kind, major, minor, permissions)| {
            DeviceRule { access, kind, major, minor, permissions: permissions.into_iter().collect() }
        })
    }

    proptest! {
        #[test]
        fn device_program_matches_the_rules(
            rules in proptest::collection::vec(any_rule(), 0..8),
            kind in proptest::sample::select(vec!['b', 'c']),
            permissions in proptest::sample::subsequence(vec!['r', 'w', 'm'], 1..=3),
            major in 0u32..3, minor in prop_oneof![0u32..3, Just(u32::MAX)],
        ) {
            let permissions: String = permissions.into_iter().collect();
            let program = device_program(&rules);
            let decision = run(&program, kind, &permissions, major, minor);
            prop_assert_eq!(decision, allowed(&rules, kind, &permissions, major, minor));
        }
    }
}
