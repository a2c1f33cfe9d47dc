//! Converts ranges of numbers to instructions: a binary tree of comparisons, with the checks of arguments at its
//! leaves.
//!
//! Checking a list of 300 names one after the other would cost up to 300 comparisons for each call. Sorted by number,
//! most neighbours have the same decision, and some eighty ranges remain. A tree over them takes seven comparisons.
//!
//! Jumps go forward only, so the program is built from its end: the target of a jump already exists, and its distance
//! is known. A conditional jump reaches at most 255 instructions. For longer distances an unconditional jump, or a
//! copy of the target, is inserted.

use super::Architecture;
use super::rules::{Action, Comparison, Condition, Decision, KILL_PROCESS, Range};

/// An instruction of classic BPF: `struct sock_filter` in linux/filter.h.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// The operation.
    pub code: u16,
    /// How many instructions are skipped if the comparison is true.
    pub jump_true: u8,
    /// How many are skipped if it is false.
    pub jump_false: u8,
    /// The operand.
    pub value: u32,
}

/// `BPF_LD | BPF_W | BPF_ABS`: loads 32 bits of the filter's input, `struct seccomp_data`.
pub(super) const LOAD: u16 = 0x20;
/// `BPF_ALU | BPF_AND | BPF_K`: keeps the bits of a mask.
pub(super) const AND: u16 = 0x54;
/// `BPF_JMP | BPF_JA`: jumps.
pub(super) const JUMP: u16 = 0x05;
/// `BPF_JMP | BPF_JEQ | BPF_K`: jumps if equal.
pub(super) const IF_EQUAL: u16 = 0x15;
/// `BPF_JMP | BPF_JGT | BPF_K`: jumps if greater.
pub(super) const IF_GREATER: u16 = 0x25;
/// `BPF_JMP | BPF_JGE | BPF_K`: jumps if greater or equal.
pub(super) const IF_GREATER_OR_EQUAL: u16 = 0x35;
/// `BPF_RET | BPF_K`: returns an action.
pub(super) const RETURN: u16 = 0x06;

/// The offset of the call's number in `struct seccomp_data`.
const NUMBER: u32 = 0;
/// The offset of the architecture.
const ARCHITECTURE: u32 = 4;
/// The offset of the six arguments, of 64 bits each, the lower half first.
const ARGUMENTS: u32 = 16;

/// The longest distance of a conditional jump, minus the instructions that may still be inserted.
const REACH: usize = 250;

/// An instruction's position, counted from the end of the program.
type Label = usize;

/// The program, from its end.
#[derive(Default)]
struct Assembler {
    reversed: Vec<Instruction>,
}

/// The program for these ranges, which begin with number 0.
pub(super) fn assemble(ranges: &[Range], architecture: Architecture) -> Vec<Instruction> {
    let mut assembler = Assembler::default();
    let foreign = assembler.answer(KILL_PROCESS);
    let tree = assembler.tree(ranges);
    let tree = assembler.continue_at(tree);
    let own = assembler.load(NUMBER, tree);
    let check = assembler.branch(IF_EQUAL, architecture.audit(), own, foreign);
    assembler.load(ARCHITECTURE, check);
    assembler.reversed.reverse();
    assembler.reversed
}

impl Assembler {
    fn push(&mut self, code: u16, value: u32, jump_true: u8, jump_false: u8) -> Label {
        self.reversed.push(Instruction { code, jump_true, jump_false, value });
        self.reversed.len() - 1
    }

    /// An instruction that returns this action; an existing one if it is within reach.
    fn answer(&mut self, action: Action) -> Label {
        let nearest =
            self.reversed.iter().rev().take(REACH).position(|one| (one.code, one.value) == (RETURN, action));
        match nearest {
            Some(distance) => self.reversed.len() - 1 - distance,
            None => self.push(RETURN, action, 0, 0),
        }
    }

    /// The same label, or a new one within reach of a conditional jump that leads to it.
    fn within_reach(&mut self, label: Label) -> Label {
        if self.reversed.len() - label < REACH {
            return label;
        }
        match self.reversed[label] {
            Instruction { code: RETURN, value, .. } => self.push(RETURN, value, 0, 0),
            _ => self.push(JUMP, (self.reversed.len() - 1 - label) as u32, 0, 0),
        }
    }

    /// Makes sure that the next instruction in front continues at `label`.
    fn continue_at(&mut self, label: Label) -> Label {
        match self.reversed.len() - 1 - label {
            0 => label,
            distance => self.push(JUMP, distance as u32, 0, 0),
        }
    }

    fn branch(&mut self, code: u16, value: u32, yes: Label, no: Label) -> Label {
        let (yes, no) = (self.within_reach(yes), self.within_reach(no));
        let next = self.reversed.len() - 1;
        self.push(code, value, (next - yes) as u8, (next - no) as u8)
    }

    /// Loads 32 bits and continues at `next`, which was pushed last.
    fn load(&mut self, offset: u32, next: Label) -> Label {
        debug_assert_eq!(next, self.reversed.len() - 1);
        self.push(LOAD, offset, 0, 0)
    }

    fn tree(&mut self, ranges: &[Range]) -> Label {
        match ranges {
            [] => self.answer(KILL_PROCESS),
            [one] => self.decision(&one.decision),
            _ => {
                let (lower, upper) = ranges.split_at(ranges.len() / 2);
                let greater = self.tree(upper);
                let less = self.tree(lower);
                self.branch(IF_GREATER_OR_EQUAL, upper[0].first, greater, less)
            }
        }
    }

    fn decision(&mut self, decision: &Decision) -> Label {
        let mut next = self.answer(decision.otherwise);
        for (conditions, action) in decision.tests.iter().rev() {
            let mut holds = self.answer(*action);
            for condition in conditions.iter().rev() {
                holds = self.condition(condition, holds, next);
            }
            next = holds;
        }
        next
    }

    fn condition(&mut self, condition: &Condition, holds: Label, fails: Label) -> Label {
        let (yes, no) = if condition.negated { (fails, holds) } else { (holds, fails) };
        let (low, high) = (condition.value as u32, (condition.value >> 32) as u32);
        let offset = ARGUMENTS + 8 * condition.index;
        let strictly = match condition.comparison {
            Comparison::Equal { mask } if condition.value & !mask != 0 => return no,
            Comparison::Equal { mask } => {
                let lower = self.compare_half(offset, mask as u32, low, yes, no);
                return self.compare_half(offset + 4, (mask >> 32) as u32, high, lower, no);
            }
            Comparison::Greater => IF_GREATER,
            Comparison::GreaterOrEqual => IF_GREATER_OR_EQUAL,
        };
        let lower = self.branch(strictly, low, yes, no);
        let lower = self.load(offset, lower);
        let equal = self.branch(IF_EQUAL, high, lower, no);
        let upper = self.branch(IF_GREATER, high, yes, equal);
        self.load(offset + 4, upper)
    }

    /// Compares one half of an argument under a mask. With an empty mask there is nothing to compare.
    fn compare_half(&mut self, offset: u32, mask: u32, value: u32, yes: Label, no: Label) -> Label {
        if mask == 0 {
            return yes;
        }
        let mut next = self.branch(IF_EQUAL, value, yes, no);
        if mask != u32::MAX {
            next = self.push(AND, mask, 0, 0);
        }
        self.load(offset, next)
    }
}
