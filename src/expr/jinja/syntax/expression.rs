//! Expressions, by precedence: `if` (loosest), `or`, `and`, `not`, comparisons, `+ -`, `~`, `* / // %`,
//! `**`, signs, and then what is chained behind a value. `**` groups from the left, unlike Python's.

use std::sync::OnceLock;

use super::{
    ast::{CallArgs, Comparison, Expr, Link, Member, Operator, Usage},
    cursor::Cursor,
    token::Kind,
};
use crate::expr::jinja::{error::Result, value::Value};

/// How an expression that may be a tuple ends and what may stand in it.
#[derive(Clone, Copy, Default)]
pub(super) struct TupleRules {
    /// A bare `a if b else c` is left to the statement.
    pub(super) without_condition: bool,
    /// Inside parentheses nothing at all is a tuple too.
    pub(super) in_parentheses: bool,
}

/// Binary operators' strength; `not` stands between `and` and the comparisons.
mod level {
    pub(super) const OR: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARE: u8 = 4;
    pub(super) const ADD: u8 = 5;
    pub(super) const CONCAT: u8 = 6;
    pub(super) const MUL: u8 = 7;
    pub(super) const POW: u8 = 8;
    pub(super) const UNARY: u8 = 9;
}

impl Cursor {
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.nested(|cursor| {
            let mut line = cursor.current.line;
            let mut value = cursor.binary(level::OR)?;
            while cursor.skip_name("if")? {
                let test = cursor.binary(level::OR)?;
                let otherwise =
                    if cursor.skip_name("else")? { Some(Box::new(cursor.expression()?)) } else { None };
                value = Expr::Condition { test: Box::new(test), then: Box::new(value), otherwise, line };
                line = cursor.current.line;
            }
            Ok(value)
        })
    }

    fn expression_without_condition(&mut self) -> Result<Expr> {
        self.nested(|cursor| cursor.binary(level::OR))
    }

    /// An expression, or several with commas between them.
    pub(super) fn tuple(&mut self, rules: TupleRules) -> Result<Expr> {
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            if !items.is_empty() {
                self.expect(",")?;
            }
            if self.is_tuple_end() {
                break;
            }
            items.push(if rules.without_condition {
                self.expression_without_condition()?
            } else {
                self.expression()?
            });
            if !self.is(",") {
                break;
            }
            is_tuple = true;
        }
        if is_tuple {
            return Ok(Expr::Tuple(items));
        }
        match items.pop() {
            Some(only) => Ok(only),
            None if rules.in_parentheses => Ok(Expr::Tuple(items)),
            None => Err(self.fail(format!("Expected an expression, got {}", self.described()))),
        }
    }

    pub(super) fn is_tuple_end(&self) -> bool {
        matches!(self.current.kind, Kind::VariableEnd | Kind::BlockEnd) || self.is(")")
    }

    // ── operators ───────────────────────────────────────────────────────────────────────────

    /// Operators at least this strong.
    fn binary(&mut self, level: u8) -> Result<Expr> {
        if level <= level::NOT && self.is_name("not") {
            self.advance()?;
            let operand = self.nested(|cursor| cursor.binary(level::NOT))?;
            return self.binary_after(Expr::Not(Box::new(operand)), level, level::NOT);
        }
        let first = self.unary(true)?;
        self.binary_after(first, level, level::UNARY)
    }

    /// What follows an operand: operators at least `level` strong and weaker than `bound`, strongest first.
    fn binary_after(&mut self, mut left: Expr, level: u8, bound: u8) -> Result<Expr> {
        for strength in (level..bound).rev() {
            left = match strength {
                level::POW | level::MUL | level::ADD => self.arithmetic(left, strength)?,
                level::CONCAT => self.joined(left, level::CONCAT, Expr::Concat)?,
                level::COMPARE => self.comparison(left)?,
                level::AND => self.joined(left, level::AND, Expr::And)?,
                level::OR => self.joined(left, level::OR, Expr::Or)?,
                _ => left,
            };
        }
        Ok(left)
    }

    fn arithmetic(&mut self, first: Expr, level: u8) -> Result<Expr> {
        let mut rest = Vec::new();
        while let Some(operator) = arithmetic_operator(&self.current.kind, level) {
            self.advance()?;
            rest.push((operator, self.binary(level + 1)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Arithmetic { first: Box::new(first), rest } })
    }

    fn joined(&mut self, first: Expr, level: u8, join: fn(Vec<Expr>) -> Expr) -> Result<Expr> {
        let mut items = vec![first];
        loop {
            let goes_on = match level {
                level::CONCAT => self.skip("~")?,
                level::AND => self.skip_name("and")?,
                _ => self.skip_name("or")?,
            };
            if !goes_on {
                break;
            }
            items.push(self.binary(level + 1)?);
        }
        Ok(if items.len() == 1 { items.remove(0) } else { join(items) })
    }

    fn comparison(&mut self, first: Expr) -> Result<Expr> {
        let mut rest = Vec::new();
        loop {
            let operator = match &self.current.kind {
                Kind::Operator(spelling) => match *spelling {
                    "==" => Comparison::Eq,
                    "!=" => Comparison::Ne,
                    "<" => Comparison::Lt,
                    "<=" => Comparison::Le,
                    ">" => Comparison::Gt,
                    ">=" => Comparison::Ge,
                    _ => break,
                },
                kind if kind.is_name("in") => Comparison::In,
                kind if kind.is_name("not") => {
                    if !self.look()?.is_name("in") {
                        break;
                    }
                    self.advance()?;
                    Comparison::NotIn
                }
                _ => break,
            };
            self.advance()?;
            rest.push((operator, self.binary(level::ADD)?));
        }
        Ok(if rest.is_empty() { first } else { Expr::Compare { first: Box::new(first), rest } })
    }

    fn unary(&mut self, with_filter: bool) -> Result<Expr> {
        let minus = self.is("-");
        let base = if minus || self.is("+") {
            self.advance()?;
            let operand = self.nested(|cursor| cursor.unary(false))?;
            Expr::Sign { minus, operand: Box::new(operand) }
        } else {
            self.primary()?
        };
        let mut links = Vec::new();
        self.postfix(&mut links)?;
        if with_filter {
            self.filters_and_tests(&mut links)?;
        }
        Ok(chain(base, links))
    }

    // ── values ──────────────────────────────────────────────────────────────────────────────

    pub(super) fn primary(&mut self) -> Result<Expr> {
        let expr = match &self.current.kind {
            Kind::Name(name) => match &**name {
                "true" | "True" => Expr::Const(Value::Bool(true)),
                "false" | "False" => Expr::Const(Value::Bool(false)),
                "none" | "None" => Expr::Const(Value::None),
                _ => Expr::Name(name.clone()),
            },
            Kind::Text(_) => return self.text(),
            Kind::Integer(value) => Expr::Const(Value::int(value.clone())),
            Kind::Float(value) => Expr::Const(Value::Float(*value)),
            Kind::Operator("(") => {
                self.advance()?;
                let inner = self.nested(|cursor| {
                    cursor.tuple(TupleRules { in_parentheses: true, ..TupleRules::default() })
                })?;
                self.expect(")")?;
                return Ok(inner);
            }
            Kind::Operator("[") => return self.nested(Self::list),
            Kind::Operator("{") => return self.nested(Self::dict),
            _ => return Err(self.fail(format!("unexpected {}", self.described()))),
        };
        self.advance()?;
        Ok(expr)
    }

    /// Strings in a row are one.
    fn text(&mut self) -> Result<Expr> {
        let mut text = String::new();
        while let Kind::Text(part) = &self.current.kind {
            text.push_str(part);
            self.advance()?;
        }
        Ok(Expr::Const(Value::str(text)))
    }

    fn list(&mut self) -> Result<Expr> {
        self.expect("[")?;
        let mut items = Vec::new();
        while !self.is("]") {
            if !items.is_empty() {
                self.expect(",")?;
            }
            if self.is("]") {
                break;
            }
            items.push(self.expression()?);
        }
        self.expect("]")?;
        Ok(Expr::List(items))
    }

    fn dict(&mut self) -> Result<Expr> {
        self.expect("{")?;
        let mut entries = Vec::new();
        while !self.is("}") {
            if !entries.is_empty() {
                self.expect(",")?;
            }
            if self.is("}") {
                break;
            }
            let key = self.expression()?;
            self.expect(":")?;
            entries.push((key, self.expression()?));
        }
        self.expect("}")?;
        Ok(Expr::Dict(entries))
    }

    // ── what is done to a value ─────────────────────────────────────────────────────────────

    fn postfix(&mut self, links: &mut Vec<Link>) -> Result<()> {
        loop {
            if self.is(".") || self.is("[") {
                links.push(self.subscript()?);
            } else if self.is("(") {
                links.push(Link::Call(self.call_args()?));
            } else {
                return Ok(());
            }
        }
    }

    fn filters_and_tests(&mut self, links: &mut Vec<Link>) -> Result<()> {
        loop {
            if self.is("|") {
                self.filters(links)?;
            } else if self.is_name("is") {
                links.push(self.test()?);
            } else if self.is("(") {
                links.push(Link::Call(self.call_args()?));
            } else {
                return Ok(());
            }
        }
    }

    /// Every `|filter` from here on.
    pub(super) fn filters(&mut self, links: &mut Vec<Link>) -> Result<()> {
        while self.skip("|")? {
            links.push(self.filter()?);
        }
        Ok(())
    }

    /// A filter, from its name on.
    pub(super) fn filter(&mut self) -> Result<Link> {
        let name = self.dotted_name()?;
        let args = if self.is("(") { self.call_args()? } else { CallArgs::default() };
        Ok(Link::Filter(Box::new(Usage { name: name.into(), args, way: OnceLock::new() })))
    }

    fn dotted_name(&mut self) -> Result<String> {
        let mut name = self.expect_name()?.to_string();
        while self.skip(".")? {
            name.push('.');
            name.push_str(&self.expect_name()?);
        }
        Ok(name)
    }

    fn test(&mut self) -> Result<Link> {
        self.advance()?;
        let negated = self.skip_name("not")?;
        let name = self.dotted_name()?;
        let args = if self.is("(") {
            self.call_args()?
        } else if self.begins_test_argument() {
            if self.is_name("is") {
                return Err(self.fail("You cannot chain multiple tests with is"));
            }
            let base = self.nested(Self::primary)?;
            let mut links = Vec::new();
            self.postfix(&mut links)?;
            CallArgs { positional: vec![chain(base, links)], ..CallArgs::default() }
        } else {
            CallArgs::default()
        };
        Ok(Link::Test { name: name.into(), args, negated })
    }

    fn begins_test_argument(&self) -> bool {
        match &self.current.kind {
            Kind::Name(name) => !matches!(&**name, "else" | "or" | "and"),
            Kind::Text(_) | Kind::Integer(_) | Kind::Float(_) | Kind::Operator("(" | "[" | "{") => true,
            _ => false,
        }
    }

    fn subscript(&mut self) -> Result<Link> {
        if self.skip(".")? {
            let token = self.advance()?;
            return match token.kind {
                Kind::Name(name) => Ok(Link::Attribute(Member::new(name))),
                Kind::Integer(index) => Ok(Link::Item(Expr::Const(Value::int(index)))),
                _ => Err(self.fail("expected name or number").at_line(token.line)),
            };
        }
        self.expect("[")?;
        let mut parts = Vec::new();
        while !self.is("]") {
            if !parts.is_empty() {
                self.expect(",")?;
            }
            parts.push(self.subscribed()?);
        }
        self.expect("]")?;
        if parts.len() == 1
            && let Some(only) = parts.pop()
        {
            return Ok(only);
        }
        let items = parts.into_iter().map(|part| match part {
            Link::Item(item) => Ok(item),
            // A tuple of slices is a key nothing has.
            _ => Err(self.fail("slices cannot be combined")),
        });
        Ok(Link::Item(Expr::Tuple(items.collect::<Result<_>>()?)))
    }

    /// An index, or a slice.
    fn subscribed(&mut self) -> Result<Link> {
        let start = if self.is(":") { None } else { Some(self.expression()?) };
        if !self.is(":") {
            return match start {
                Some(index) => Ok(Link::Item(index)),
                None => Err(self.fail("expected subscript expression")),
            };
        }
        self.advance()?;
        let is_end = |cursor: &Self| cursor.is("]") || cursor.is(",");
        let stop = if self.is(":") || is_end(self) { None } else { Some(self.expression()?) };
        let mut step = None;
        if self.skip(":")? && !is_end(self) {
            step = Some(self.expression()?);
        }
        Ok(Link::Slice { bounds: Box::new([start, stop, step]), constant: false })
    }
}

fn chain(base: Expr, mut links: Vec<Link>) -> Expr {
    if links.is_empty() {
        return base;
    }
    let mut so_far = is_constant(&base);
    for link in &mut links {
        match link {
            Link::Item(item) => so_far &= is_constant(item),
            Link::Slice { bounds, constant } => {
                so_far &= bounds.iter().flatten().all(is_constant);
                *constant = so_far;
            }
            Link::Attribute(_) => {}
            Link::Call(_) | Link::Filter(_) | Link::Test { .. } => so_far = false,
        }
    }
    Expr::Chain { base: Box::new(base), links }
}

/// Whether an expression is made of literals only.
fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Const(_) => true,
        Expr::Tuple(items) | Expr::List(items) => items.iter().all(is_constant),
        Expr::Dict(entries) => entries.iter().all(|(key, value)| is_constant(key) && is_constant(value)),
        Expr::Sign { operand, .. } => is_constant(operand),
        _ => false,
    }
}

fn arithmetic_operator(kind: &Kind, level: u8) -> Option<Operator> {
    let Kind::Operator(spelling) = kind else { return None };
    match (level, *spelling) {
        (level::ADD, "+") => Some(Operator::Add),
        (level::ADD, "-") => Some(Operator::Sub),
        (level::MUL, "*") => Some(Operator::Mul),
        (level::MUL, "/") => Some(Operator::Div),
        (level::MUL, "//") => Some(Operator::FloorDiv),
        (level::MUL, "%") => Some(Operator::Mod),
        (level::POW, "**") => Some(Operator::Pow),
        _ => None,
    }
}
