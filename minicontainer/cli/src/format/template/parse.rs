//! The parser: turns tokens into nodes.
//!
//! The grammar is that of Go's text/template without `define`, `template` and `block`, which are of no use in one
//! line.
//! Names of functions and variables are resolved here, so that an error is found even if the list is empty.

use std::{ops::Range, vec::IntoIter};

use serde_json::Value;

use super::{
    error::{Fault, TemplateError},
    functions::FUNCTIONS,
    lex::{Kind, Token, tokens},
    node::{Node, Operand, OperandKind, Pipeline},
};

/// The maximum depth of nesting. Real templates are far below it.
const NESTING_LIMIT: usize = 50;

/// Parses a template.
pub fn parse(template: &str) -> Result<Vec<Node>, TemplateError> {
    let end = template.len()..template.len();
    let tokens = tokens(template)?.into_iter();
    let mut parser =
        Parser { template, tokens, next: None, end, variables: vec!["$".to_owned()], depth: 0, ranges: 0 };
    parser.advance();
    let (nodes, closed_by) = parser.nodes()?;
    match closed_by {
        None => Ok(nodes),
        Some((word, at)) => Err(Fault::Unexpected { found: format!("{{{{{word}}}}}") }.at(at, template)),
    }
}

struct Parser<'t> {
    template: &'t str,
    tokens: IntoIter<Token>,
    next: Option<Token>,
    /// The end of the last token that was read.
    end: Range<usize>,
    /// The variables in scope.
    variables: Vec<String>,
    /// The number of enclosing blocks and parentheses.
    depth: usize,
    ranges: usize,
}

/// The token that ended a part of a block, `end` or `else`, and its place.
type ClosedBy = Option<(String, Range<usize>)>;

impl Parser<'_> {
    fn advance(&mut self) -> Option<Token> {
        std::mem::replace(&mut self.next, self.tokens.next())
    }

    fn place(&self) -> Range<usize> {
        self.next.as_ref().map_or(self.end.clone(), |token| token.at.clone())
    }

    fn fail<T>(&self, fault: Fault, at: Range<usize>) -> Result<T, TemplateError> {
        Err(fault.at(at, self.template))
    }

    fn unexpected<T>(&self) -> Result<T, TemplateError> {
        let at = self.place();
        self.fail(Fault::Unexpected { found: format!("\"{}\"", &self.template[at.clone()]) }, at)
    }

    fn takes(&mut self, kind: &Kind) -> bool {
        let is_next = self.next.as_ref().is_some_and(|token| token.kind == *kind);
        if is_next {
            self.advance();
        }
        is_next
    }

    fn close(&mut self) -> Result<(), TemplateError> {
        if self.takes(&Kind::Close) { Ok(()) } else { self.unexpected() }
    }

    /// Parses one block or parenthesis deeper.
    fn deeper<T>(
        &mut self,
        at: &Range<usize>,
        inside: impl FnOnce(&mut Self) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        if self.depth == NESTING_LIMIT {
            return self.fail(Fault::Nesting { limit: NESTING_LIMIT }, at.clone());
        }
        self.depth += 1;
        let found = inside(self);
        self.depth -= 1;
        found
    }

    /// Nodes up to `end`, `else`, or the end of the template.
    fn nodes(&mut self) -> Result<(Vec<Node>, ClosedBy), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(token) = self.advance() {
            if let Kind::Text(text) = token.kind {
                nodes.push(Node::Text(text));
                continue;
            }
            // Everything except text begins with `{{`.
            let at = self.place();
            let word = match &self.next {
                Some(Token { kind: Kind::Word(word), .. }) => word.clone(),
                _ => String::new(),
            };
            match word.as_str() {
                "end" | "else" => {
                    self.advance();
                    return Ok((nodes, Some((word, at))));
                }
                "if" | "range" | "with" => {
                    self.advance();
                    let block = self.deeper(&at, |parser| parser.block(&word, at.clone()))?;
                    nodes.push(block);
                }
                "break" | "continue" => nodes.push(self.leave(word == "break", at)?),
                "define" | "template" | "block" => return self.fail(Fault::Unsupported { word }, at),
                _ => {
                    let pipeline = self.pipeline("an action")?;
                    self.close()?;
                    nodes.push(Node::Action(pipeline));
                }
            }
        }
        Ok((nodes, None))
    }

    fn leave(&mut self, breaks: bool, at: Range<usize>) -> Result<Node, TemplateError> {
        self.advance();
        let (node, word) = if breaks { (Node::Break, "break") } else { (Node::Continue, "continue") };
        if self.ranges == 0 {
            return self.fail(Fault::OutsideRange { word }, at);
        }
        self.close()?;
        Ok(node)
    }

    fn block(&mut self, word: &str, at: Range<usize>) -> Result<Node, TemplateError> {
        let outside = self.variables.len();
        let what = match word {
            "if" => "if",
            "with" => "with",
            _ => "range",
        };
        let pipeline = self.pipeline(what)?;
        self.close()?;
        let of_pipeline = self.variables.len();
        self.ranges += usize::from(what == "range");
        let (body, closed_by) = self.nodes()?;
        self.ranges -= usize::from(what == "range");
        self.variables.truncate(of_pipeline);
        let else_block = match closed_by {
            Some((word, _)) if word == "end" => self.close().map(|()| Vec::new())?,
            Some(_) => self.else_block(what, &at)?,
            None => return self.fail(Fault::NoEnd { what }, at),
        };
        self.variables.truncate(outside);
        Ok(match what {
            "if" => Node::If(pipeline, body, else_block),
            "with" => Node::With(pipeline, body, else_block),
            _ => Node::Range(pipeline, body, else_block),
        })
    }

    /// The part between `else` and the end of the block.
    fn else_block(&mut self, what: &'static str, at: &Range<usize>) -> Result<Vec<Node>, TemplateError> {
        let inner = self.place();
        if what != "range" && self.takes(&Kind::Word(what.to_owned())) {
            // The `end` of `else if` also ends this block.
            return Ok(vec![self.deeper(&inner, |parser| parser.block(what, inner.clone()))?]);
        }
        self.close()?;
        match self.nodes()? {
            (nodes, Some((word, _))) if word == "end" => self.close().map(|()| nodes),
            (_, Some((word, at))) => self.fail(Fault::Unexpected { found: format!("{{{{{word}}}}}") }, at),
            (_, None) => self.fail(Fault::NoEnd { what }, at.clone()),
        }
    }

    /// `$a, $b := command | command`
    fn pipeline(&mut self, what: &'static str) -> Result<Pipeline, TemplateError> {
        let (variables, declares) = self.assignment(what)?;
        let mut commands = vec![self.command(what)?];
        while self.takes(&Kind::Sign("|")) {
            commands.push(self.command(what)?);
        }
        if declares {
            self.variables.extend(variables.iter().cloned());
        }
        Ok(Pipeline { variables, declares, commands })
    }

    /// The variables before the `:=` or `=` of a pipeline, if it has any.
    fn assignment(&mut self, what: &str) -> Result<(Vec<String>, bool), TemplateError> {
        let ahead: Vec<&Kind> =
            self.next.iter().chain(self.tokens.as_slice()).map(|token| &token.kind).take(4).collect();
        let (names, sign) = match ahead[..] {
            [Kind::Variable(name, fields), Kind::Sign(sign @ (":=" | "=")), ..] if fields.is_empty() => {
                (vec![name.clone()], *sign)
            }
            // `range` assigns the index or key, and the element.
            [Kind::Variable(key, _), Kind::Sign(","), Kind::Variable(value, _), Kind::Sign(sign @ (":=" | "="))]
                if what == "range" =>
            {
                (vec![key.clone(), value.clone()], *sign)
            }
            _ => return Ok((Vec::new(), false)),
        };
        let declares = sign == ":=";
        if let Some(name) = names.iter().find(|name| !declares && !self.variables.contains(name)) {
            return self.fail(Fault::UnknownVariable { name: name.clone() }, self.place());
        }
        for _ in 0..2 * names.len() {
            self.advance();
        }
        Ok((names, declares))
    }

    fn command(&mut self, what: &'static str) -> Result<Vec<Operand>, TemplateError> {
        let mut operands: Vec<Operand> = Vec::new();
        while let Some(operand) = self.operand()? {
            // Operands without a space between them are an error.
            if operands.last().is_some_and(|last| last.at.end == operand.at.start) {
                return self
                    .fail(Fault::Unexpected { found: "operand: a space is missing before it".into() }, operand.at);
            }
            operands.push(operand);
        }
        match operands.is_empty() {
            true => self.fail(Fault::Missing { what }, self.place()),
            false => Ok(operands),
        }
    }

    fn operand(&mut self) -> Result<Option<Operand>, TemplateError> {
        let Some(Token { kind, at }) = self.next.clone() else { return Ok(None) };
        let kind = match kind {
            Kind::Field(names) => OperandKind::Field(names),
            Kind::Variable(name, fields) if self.variables.contains(&name) => OperandKind::Variable(name, fields),
            Kind::Variable(name, _) => return self.fail(Fault::UnknownVariable { name }, at),
            Kind::Literal(value) => OperandKind::Literal(value),
            Kind::Word(word) => match word.as_str() {
                "true" | "false" => OperandKind::Literal((word == "true").into()),
                "nil" => OperandKind::Literal(Value::Null),
                name => match FUNCTIONS.iter().find(|function| **function == name) {
                    Some(function) => OperandKind::Function(function),
                    None => return self.fail(Fault::UnknownFunction { name: word }, at),
                },
            },
            Kind::Sign("(") => return self.group(at).map(Some),
            Kind::Sign(_) | Kind::Open | Kind::Close | Kind::Text(_) => return Ok(None),
        };
        self.advance();
        Ok(Some(Operand { kind, at }))
    }

    fn group(&mut self, open: Range<usize>) -> Result<Operand, TemplateError> {
        self.advance();
        let inside = self.deeper(&open, |parser| parser.pipeline("parentheses"))?;
        let mut at = open.start..self.place().end;
        if !self.takes(&Kind::Sign(")")) {
            return self.unexpected();
        }
        let mut fields = Vec::new();
        if let Some(Token { kind: Kind::Field(names), at: behind }) = &self.next
            && behind.start == at.end
            && !names.is_empty()
        {
            (fields, at.end) = (names.clone(), behind.end);
            self.advance();
        }
        Ok(Operand { kind: OperandKind::Group(Box::new(inside), fields), at })
    }
}
