//! What a template says is to be done, one thing after the other.

use std::ops::Range;

use serde_json::Value;

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Write this.
    Text(String),
    /// Find a value, and write it or keep it.
    Action(Pipeline),
    /// The first part if the condition holds, else the last.
    If(Pipeline, Vec<Node>, Vec<Node>),
    /// For each element; the last part if there is none.
    Range(Pipeline, Vec<Node>, Vec<Node>),
    /// With the value as the dot; the last part if it is empty.
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// Out of the innermost `range`.
    Break,
    /// To the next element of it.
    Continue,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The variables that get the value.
    pub variables: Vec<String>,
    /// Whether they are new.
    pub declares: bool,
    /// An operand, or a function and its arguments; never empty.
    pub commands: Vec<Vec<Operand>>,
}

/// A value, or how to find one.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// What it is.
    pub kind: OperandKind,
    /// Where it stands.
    pub at: Range<usize>,
}

/// What an operand is.
#[derive(Clone, Debug, PartialEq)]
pub enum OperandKind {
    /// The dot, or a field of it.
    Field(Vec<String>),
    /// A variable, or a field of it.
    Variable(String, Vec<String>),
    /// A text, a number, a truth, or nil.
    Literal(Value),
    /// A function, which is called with what stands behind it.
    Function(&'static str),
    /// `(pipeline).Field`
    Group(Box<Pipeline>, Vec<String>),
}
