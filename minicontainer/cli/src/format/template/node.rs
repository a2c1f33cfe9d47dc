//! The parsed template: a list of nodes that are evaluated in order.

use std::ops::Range;

use serde_json::Value;

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub enum Node {
    /// Write this text.
    Text(String),
    /// Evaluate a pipeline, and write its value or assign it.
    Action(Pipeline),
    /// The first part if the condition holds, else the last.
    If(Pipeline, Vec<Node>, Vec<Node>),
    /// Once for each element; the last part if there is none.
    Range(Pipeline, Vec<Node>, Vec<Node>),
    /// With the value as the dot; the last part if it is empty.
    With(Pipeline, Vec<Node>, Vec<Node>),
    /// Leave the innermost `range`.
    Break,
    /// Continue with its next element.
    Continue,
}

/// Commands; each gets the value of the previous one as its last argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Pipeline {
    /// The variables that get the value.
    pub variables: Vec<String>,
    /// Whether the variables are declared here.
    pub declares: bool,
    /// An operand, or a function and its arguments; never empty.
    pub commands: Vec<Vec<Operand>>,
}

/// A value, or how to compute one.
#[derive(Clone, Debug, PartialEq)]
pub struct Operand {
    /// The kind.
    pub kind: OperandKind,
    /// Its place.
    pub at: Range<usize>,
}

/// The kinds of operands.
#[derive(Clone, Debug, PartialEq)]
pub enum OperandKind {
    /// The dot, or a field of it.
    Field(Vec<String>),
    /// A variable, or a field of it.
    Variable(String, Vec<String>),
    /// A text, a number, a boolean, or nil.
    Literal(Value),
    /// A function, called with the operands after it.
    Function(&'static str),
    /// `(pipeline).Field`
    Group(Box<Pipeline>, Vec<String>),
}
