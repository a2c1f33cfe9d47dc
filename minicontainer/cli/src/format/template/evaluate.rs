//! Evaluates a template for one document, or for the headings of a table.
//!
//! For headings, the value of every field is its own heading, and functions return their argument. So
//! `table {{upper .Name}}` has the heading NAME.

use std::ops::Range;

use serde_json::Value;

use super::{
    error::{Fault, TemplateError},
    functions::{LABEL, call},
    node::{Node, Operand, OperandKind, Pipeline},
    value::Found,
};

/// Objects whose keys are chosen by users: a missing key is not an error.
const MAPS: [&str; 13] = [
    "Annotations",
    "Data",
    "DriverOpts",
    "ExposedPorts",
    "Labels",
    "Networks",
    "Options",
    "PortBindings",
    "StorageOpt",
    "Sysctls",
    "Tmpfs",
    "Volumes",
    "annotations",
];

/// Maps a field to its heading.
pub type Heading<'h> = &'h dyn Fn(&str) -> String;

/// Evaluates a template for a document.
pub fn fill(template: &str, nodes: &[Node], document: &Value) -> Result<String, TemplateError> {
    run(template, nodes, Found::of(document), None)
}

/// Evaluates a template for the headings of a table.
pub fn headings(template: &str, nodes: &[Node], heading: Heading<'_>) -> Result<String, TemplateError> {
    run(template, nodes, Found::made(""), Some(heading))
}

fn run(
    template: &str,
    nodes: &[Node],
    root: Found<'_>,
    heading: Option<Heading<'_>>,
) -> Result<String, TemplateError> {
    let variables = vec![("$".to_owned(), root.clone())];
    let mut run = Run { template, heading, variables, text: String::new() };
    run.nodes(nodes, &root)?;
    Ok(run.text)
}

struct Run<'v, 't> {
    template: &'t str,
    heading: Option<Heading<'t>>,
    variables: Vec<(String, Found<'v>)>,
    text: String,
}

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Break,
    Continue,
}

impl<'v> Run<'v, '_> {
    fn nodes(&mut self, nodes: &[Node], dot: &Found<'v>) -> Result<End, TemplateError> {
        let outside = self.variables.len();
        let mut end = End::Whole;
        for node in nodes {
            end = self.node(node, dot)?;
            if end != End::Whole {
                break;
            }
        }
        self.variables.truncate(outside);
        Ok(end)
    }

    fn node(&mut self, node: &Node, dot: &Found<'v>) -> Result<End, TemplateError> {
        match node {
            Node::Text(text) => self.text += text,
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                match pipeline.variables.is_empty() {
                    true if value.value.is_null() => self.text += "<no value>",
                    true => self.text += &value.shown(),
                    false => self.keep(pipeline, &[value]),
                }
            }
            Node::Break => return Ok(End::Break),
            Node::Continue => return Ok(End::Continue),
            Node::If(pipeline, body, otherwise) | Node::With(pipeline, body, otherwise) => {
                let outside = self.variables.len();
                let value = self.pipeline(pipeline, dot)?;
                let (is_true, with) = (value.is_true(), matches!(node, Node::With(..)));
                self.keep(pipeline, std::slice::from_ref(&value));
                let inner = if with && is_true { &value } else { dot };
                let end = self.nodes(if is_true { body } else { otherwise }, inner)?;
                self.variables.truncate(outside);
                return Ok(end);
            }
            Node::Range(pipeline, body, otherwise) => return self.range(pipeline, body, otherwise, dot),
        }
        Ok(End::Whole)
    }

    fn range(
        &mut self,
        pipeline: &Pipeline,
        body: &[Node],
        otherwise: &[Node],
        dot: &Found<'v>,
    ) -> Result<End, TemplateError> {
        let outside = self.variables.len();
        let list = self.pipeline(pipeline, dot)?;
        let elements = match list.elements() {
            // A loop contributes one heading to a table.
            _ if self.heading.is_some() => vec![(list.clone(), list)],
            Some(elements) => elements,
            None => return Err(Fault::NotIterable { kind: list.kind() }.at(place(pipeline), self.template)),
        };
        if elements.is_empty() {
            return self.nodes(otherwise, dot);
        }
        for (key, element) in elements {
            match pipeline.variables.len() {
                2 => self.keep(pipeline, &[key, element.clone()]),
                _ => self.keep(pipeline, std::slice::from_ref(&element)),
            }
            let end = self.nodes(body, &element)?;
            self.variables.truncate(outside);
            if end == End::Break {
                break;
            }
        }
        Ok(End::Whole)
    }

    /// Assigns values to a pipeline's variables.
    fn keep(&mut self, pipeline: &Pipeline, values: &[Found<'v>]) {
        for (name, value) in pipeline.variables.iter().zip(values) {
            let known = self.variables.iter_mut().rev().find(|(known, _)| !pipeline.declares && known == name);
            match known {
                Some((_, kept)) => *kept = value.clone(),
                None => self.variables.push((name.clone(), value.clone())),
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Found<'v>) -> Result<Found<'v>, TemplateError> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, last, dot)?);
        }
        Ok(last.unwrap_or_else(|| Found::computed(Value::Null)))
    }

    fn command(
        &mut self,
        command: &[Operand],
        last: Option<Found<'v>>,
        dot: &Found<'v>,
    ) -> Result<Found<'v>, TemplateError> {
        let [first, arguments @ ..] = command else { return Ok(Found::computed(Value::Null)) };
        let whole = first.at.start..arguments.last().unwrap_or(first).at.end;
        if let (OperandKind::Field(names), [argument], None) = (&first.kind, arguments, &last)
            && names.last().is_some_and(|name| name == LABEL)
        {
            return self.label(first, argument, dot);
        }
        let OperandKind::Function(name) = first.kind else {
            if !arguments.is_empty() || last.is_some() {
                return Err(Fault::NotAFunction.at(first.at.clone(), self.template));
            }
            return self.operand(first, dot);
        };
        let mut values = Vec::new();
        let arguments = arguments.iter().map(Some).chain(last.is_some().then_some(None));
        for argument in arguments {
            let value = match argument {
                Some(operand) => self.operand(operand, dot)?,
                None => last.clone().unwrap_or_else(|| Found::computed(Value::Null)),
            };
            let decides = (name == "and" && !value.is_true()) || (name == "or" && value.is_true());
            values.push(value);
            if decides {
                break;
            }
        }
        if let ("and" | "or", Some(value)) = (name, values.last()) {
            return Ok(value.clone());
        }
        if self.heading.is_some() && !matches!(name, "print" | "println" | "printf" | "not" | "eq" | "ne") {
            return Ok(values.into_iter().next().unwrap_or_else(|| Found::made("")));
        }
        call(name, &values).map_err(|fault| fault.at(whole, self.template))
    }

    /// `.Label "NAME"`: one label of a row, or an empty text. Its heading is the last part of the label's name.
    fn label(&mut self, labels: &Operand, name: &Operand, dot: &Found<'v>) -> Result<Found<'v>, TemplateError> {
        let name_of = self.operand(name, dot)?;
        let Some(key) = name_of.value.as_str() else {
            let fault = Fault::Kind { name: LABEL, expected: "a text", found: name_of.kind() };
            return Err(fault.at(name.at.clone(), self.template));
        };
        if self.heading.is_some() {
            let end = key.rsplit('.').next().unwrap_or_default();
            return Ok(Found::made(end.replace(['-', '_'], " ")));
        }
        let labels = self.operand(labels, dot)?;
        Ok(labels.part(|labels| labels.get(key)).unwrap_or_else(|| Found::made("")))
    }

    fn operand(&mut self, operand: &Operand, dot: &Found<'v>) -> Result<Found<'v>, TemplateError> {
        match &operand.kind {
            OperandKind::Field(names) => self.fields(dot, names, &operand.at),
            OperandKind::Variable(name, fields) => {
                let kept = self.variables.iter().rev().find(|(known, _)| known == name);
                let value = kept.map_or_else(|| Found::computed(Value::Null), |(_, value)| value.clone());
                self.fields(&value, fields, &operand.at)
            }
            OperandKind::Literal(Value::String(text)) => Ok(Found::made(text.as_str())),
            OperandKind::Literal(value) => Ok(Found::computed(value.clone())),
            OperandKind::Function(name) => {
                call(name, &[]).map_err(|fault| fault.at(operand.at.clone(), self.template))
            }
            OperandKind::Group(pipeline, fields) => {
                let value = self.pipeline(pipeline, dot)?;
                self.fields(&value, fields, &operand.at)
            }
        }
    }

    /// A field of a field of a value.
    fn fields(&self, of: &Found<'v>, names: &[String], at: &Range<usize>) -> Result<Found<'v>, TemplateError> {
        if let (Some(heading), Some(last)) = (self.heading, names.last()) {
            return Ok(Found::made(heading(last)));
        }
        let (mut found, mut is_map) = (of.clone(), false);
        for name in names {
            let part = found.part(|value| value.get(name));
            found = match (part, &*found.value) {
                (Some(part), _) => part,
                (None, Value::Object(_)) if is_map => Found::computed(Value::Null),
                (None, Value::Null) => Found::computed(Value::Null),
                (None, Value::Object(fields)) => {
                    let known = fields.keys().cloned().collect();
                    return Err(Fault::NoField { field: name.clone(), known }.at(at.clone(), self.template));
                }
                _ => {
                    let fault = Fault::NoFields { field: name.clone(), kind: found.kind() };
                    return Err(fault.at(at.clone(), self.template));
                }
            };
            is_map = MAPS.contains(&name.as_str());
        }
        Ok(found)
    }
}

/// The place of a pipeline's first command.
fn place(pipeline: &Pipeline) -> Range<usize> {
    let first = pipeline.commands.first().and_then(|command| command.first());
    first.map_or(0..0, |operand| operand.at.clone())
}
