//! The token the parser looks at, and the one behind it.

use super::{
    lexer::Lexer,
    token::{BLOCK_END, Kind, Token, VARIABLE_END},
};
use crate::{
    expr::jinja::error::{Class, Error, Result},
    pytext::repr_str,
};

/// How deep a template may nest: brackets, conditions and blocks together.
const MAX_DEPTH: u32 = 90;

pub(super) struct Cursor {
    lexer: Lexer,
    pub(super) current: Token,
    ahead: Option<Token>,
    depth: u32,
}

impl Cursor {
    pub(super) fn new(source: &str) -> Result<Self> {
        Self::over(Lexer::new(source))
    }

    /// Over what stands between `{{` and `}}`.
    pub(super) fn in_variable(source: &str) -> Result<Self> {
        Self::over(Lexer::in_variable(source))
    }

    fn over(mut lexer: Lexer) -> Result<Self> {
        let current = lexer.next()?;
        Ok(Self { lexer, current, ahead: None, depth: 0 })
    }

    /// Moves on and gives the token that was current.
    pub(super) fn advance(&mut self) -> Result<Token> {
        let next = match self.ahead.take() {
            Some(token) => token,
            None => self.lexer.next()?,
        };
        Ok(std::mem::replace(&mut self.current, next))
    }

    /// The token behind the current one.
    pub(super) fn look(&mut self) -> Result<&Kind> {
        if self.ahead.is_none() {
            self.ahead = Some(self.lexer.next()?);
        }
        Ok(self.ahead.as_ref().map_or(&Kind::End, |token| &token.kind))
    }

    pub(super) fn is(&self, operator: &str) -> bool {
        self.current.kind.is(operator)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        self.current.kind.is_name(name)
    }

    pub(super) fn is_block_end(&self) -> bool {
        self.current.kind == Kind::BlockEnd
    }

    pub(super) fn skip(&mut self, operator: &str) -> Result<bool> {
        let found = self.is(operator);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn skip_name(&mut self, name: &str) -> Result<bool> {
        let found = self.is_name(name);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    pub(super) fn expect(&mut self, operator: &str) -> Result<()> {
        if self.skip(operator)? { Ok(()) } else { Err(self.unexpected(operator)) }
    }

    pub(super) fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.skip_name(word)? { Ok(()) } else { Err(self.unexpected(word)) }
    }

    pub(super) fn expect_name(&mut self) -> Result<std::sync::Arc<str>> {
        match &self.current.kind {
            Kind::Name(name) => {
                let name = name.clone();
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.unexpected("name")),
        }
    }

    pub(super) fn expect_block_end(&mut self) -> Result<()> {
        if self.is_block_end() { self.advance().map(drop) } else { Err(self.unexpected(BLOCK_END)) }
    }

    pub(super) fn expect_variable_end(&mut self) -> Result<()> {
        if self.current.kind == Kind::VariableEnd {
            self.advance().map(drop)
        } else {
            Err(self.unexpected(VARIABLE_END))
        }
    }

    fn unexpected(&self, expected: &str) -> Error {
        let expected = repr_str(expected);
        if self.current.kind == Kind::End {
            return self.fail(format!("unexpected end of template, expected {expected}."));
        }
        self.fail(format!("expected token {expected}, got {}", self.described()))
    }

    /// The current token, quoted for a message.
    pub(super) fn described(&self) -> String {
        repr_str(self.current.kind.describe())
    }

    pub(super) fn fail(&self, message: impl Into<String>) -> Error {
        Error::new(Class::TemplateSyntaxError, message).at_line(self.current.line)
    }

    /// Fails with the class that says: well formed, but wrong.
    pub(super) fn refuse(&self, message: impl Into<String>) -> Error {
        Error::new(Class::TemplateAssertionError, message).at_line(self.current.line)
    }

    /// Parses something one level deeper.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.enter()?;
        let parsed = parse(self);
        self.exit();
        parsed
    }

    /// Goes one level deeper; each is followed by [`Cursor::exit`] unless parsing ends.
    pub(super) fn enter(&mut self) -> Result<()> {
        if self.depth >= MAX_DEPTH {
            return Err(self.fail("the template nests too deeply"));
        }
        self.depth += 1;
        Ok(())
    }

    pub(super) fn exit(&mut self) {
        self.depth -= 1;
    }
}
