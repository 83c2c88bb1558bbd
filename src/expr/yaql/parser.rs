//! Tokens to an expression, by precedence climbing.

use std::sync::Arc;

use super::{
    ast::{Expr, Literal},
    error::{Error, Result},
    lexer::{self, Placed, Token},
    text,
};

/// How deep an expression may nest, and how many operators may follow each other at one level.
const MAX_DEPTH: usize = 100;
const MAX_CHAIN: usize = 500;

/// How tight an operator binds, the loosest first; nothing if it joins no two values.
fn binding(mark: &str) -> Option<u8> {
    Some(match mark {
        "->" => 1,
        "or" => 2,
        "and" => 3,
        ">" | "<" | ">=" | "<=" | "!=" | "=" | "in" => 5,
        "+" | "-" => 6,
        "*" | "/" | "mod" => 7,
        "=~" | "!~" => 8,
        "[" => 10,
        "." | "?." => 11,
        _ => return None,
    })
}

const NOT: u8 = 4;
const SIGN: u8 = 9;

/// Parses a whole expression.
///
/// # Errors
/// What the reference says of the first character or token out of place.
pub(super) fn parse(source: &str) -> Result<Arc<Expr>> {
    let (tokens, error) = lexer::tokens(source);
    let mut parser = Parser { source, tokens, error, at: 0, depth: 0 };
    let expr = parser.value(0)?;
    match parser.peek()? {
        None => Ok(expr),
        Some(_) => Err(parser.unexpected()),
    }
}

struct Parser<'s> {
    source: &'s str,
    tokens: Vec<Placed>,
    /// Why there are no more tokens, if that is an error of its own.
    error: Option<Error>,
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Result<Option<&Token>> {
        match self.tokens.get(self.at) {
            Some(placed) => Ok(Some(&placed.token)),
            None => self.error.clone().map_or(Ok(None), Err),
        }
    }

    fn is_next(&self, mark: &str) -> Result<bool> {
        Ok(matches!(self.peek()?, Some(Token::Mark(found)) if *found == mark))
    }

    fn unexpected(&self) -> Error {
        let Some(placed) = self.tokens.get(self.at) else {
            let end = || Error::new("YaqlGrammarException", "Parse error: unexpected end of statement");
            return self.error.clone().unwrap_or_else(end);
        };
        let shown = match &placed.token {
            Token::Const(literal) => text::str(&literal.value()),
            Token::Word(word) | Token::Variable(word) | Token::Function(word) => word.to_string(),
            Token::Mark(mark) => (*mark).to_owned(),
        };
        Error::new(
            "YaqlGrammarException",
            format!(
                "Parse error: unexpected '{shown}' at position {} of expression '{}'",
                placed.position, self.source
            ),
        )
    }

    fn expect(&mut self, mark: &str) -> Result<()> {
        if self.is_next(mark)? {
            self.at += 1;
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// A value, with the operators after it that bind tighter than `floor`.
    fn value(&mut self, floor: u8) -> Result<Arc<Expr>> {
        if self.depth >= MAX_DEPTH {
            let message = format!("Parse error: expression nests more than {MAX_DEPTH} levels");
            return Err(Error::new("YaqlGrammarException", message));
        }
        self.depth += 1;
        let mut left = self.operand()?;
        let mut chain = 0;
        while let Some(Token::Mark(mark)) = self.peek()? {
            let mark = *mark;
            let Some(binds) = binding(mark).filter(|binds| *binds > floor) else { break };
            self.at += 1;
            chain += 1;
            if chain > MAX_CHAIN {
                let message = format!("Parse error: more than {MAX_CHAIN} operators in a row");
                return Err(Error::new("YaqlGrammarException", message));
            }
            left = if mark == "[" {
                let mut args = vec![left];
                args.extend(self.args("]")?);
                Arc::new(Expr::Index(args))
            } else {
                // Only `->` groups to the right.
                let right = self.value(if mark == "->" { binds - 1 } else { binds })?;
                Arc::new(Expr::Binary(mark, left, right))
            };
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<Arc<Expr>> {
        let Some(token) = self.peek()?.cloned() else { return Err(self.unexpected()) };
        let expr = match token {
            Token::Const(literal) => Expr::Const(literal),
            Token::Word(word) => Expr::Keyword(word),
            Token::Variable(name) => Expr::Variable(name),
            Token::Function(name) => {
                self.at += 1;
                return Ok(Arc::new(Expr::Function(name, self.args(")")?)));
            }
            Token::Mark("(") => {
                self.at += 1;
                let inner = self.value(0)?;
                self.expect(")")?;
                return Ok(Arc::new(Expr::Wrap(inner)));
            }
            Token::Mark("[") => {
                self.at += 1;
                return Ok(Arc::new(Expr::List(self.args("]")?)));
            }
            Token::Mark("{") => {
                self.at += 1;
                return Ok(Arc::new(Expr::Map(self.args("}")?)));
            }
            Token::Mark(mark @ ("+" | "-" | "not")) => {
                self.at += 1;
                let inner = self.value(if mark == "not" { NOT } else { SIGN })?;
                return Ok(Arc::new(Expr::Unary(mark, inner)));
            }
            Token::Mark(_) => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(Arc::new(expr))
    }

    /// Arguments up to the closing mark: positional ones, some left out, then named ones.
    fn args(&mut self, close: &str) -> Result<Vec<Arc<Expr>>> {
        let mut args: Vec<Arc<Expr>> = Vec::new();
        if self.is_next(close)? {
            self.at += 1;
            return Ok(args);
        }
        let mut named = false;
        let mut led = false;
        loop {
            while !named && self.is_next(",")? {
                self.at += 1;
                led = args.is_empty() || led;
                args.push(Arc::new(Expr::NoValue));
            }
            let first = self.value(0)?;
            if self.is_next("=>")? && (!led || args.iter().any(|arg| !matches!(**arg, Expr::NoValue))) {
                self.at += 1;
                let second = self.value(0)?;
                named = true;
                args.push(Arc::new(Expr::Rule(first, second)));
            } else if named {
                return Err(self.unexpected());
            } else {
                args.push(first);
            }
            if self.is_next(close)? {
                self.at += 1;
                return Ok(args);
            }
            self.expect(",")?;
        }
    }
}

impl Expr {
    /// The literal value, if the expression is a constant: texts, numbers and bare words.
    pub(super) fn constant(&self) -> Option<super::value::Value> {
        match self {
            Self::Const(literal) => Some(literal.value()),
            Self::Keyword(word) => Some(Literal::Str(Arc::clone(word)).value()),
            _ => None,
        }
    }
}
