//! Arguments of calls: by position, by name, and those that are unpacked.

use super::{ast::CallArgs, cursor::Cursor, token::Kind};
use crate::expr::jinja::error::Result;

impl Cursor {
    pub(super) fn call_args(&mut self) -> Result<CallArgs> {
        let line = self.current.line;
        self.expect("(")?;
        let mut args = CallArgs::default();
        let mut is_first = true;
        while !self.is(")") {
            if !is_first {
                self.expect(",")?;
                if self.is(")") {
                    break;
                }
            }
            is_first = false;
            if !self.argument(&mut args)? {
                return Err(self.fail("invalid syntax for function call expression").at_line(line));
            }
        }
        self.expect(")")?;
        Ok(args)
    }

    /// One argument; `false` if it may not stand behind the ones before it.
    fn argument(&mut self, args: &mut CallArgs) -> Result<bool> {
        if self.is("*") {
            if args.star.is_some() || args.double_star.is_some() {
                return Ok(false);
            }
            self.advance()?;
            args.star = Some(Box::new(self.expression()?));
        } else if self.is("**") {
            if args.double_star.is_some() {
                return Ok(false);
            }
            self.advance()?;
            args.double_star = Some(Box::new(self.expression()?));
        } else if let Kind::Name(name) = self.current.kind.clone()
            && self.look()?.is("=")
        {
            if args.double_star.is_some() {
                return Ok(false);
            }
            self.advance()?;
            self.advance()?;
            args.named.push((name, self.expression()?));
        } else {
            if args.star.is_some() || args.double_star.is_some() || !args.named.is_empty() {
                return Ok(false);
            }
            args.positional.push(self.expression()?);
        }
        Ok(true)
    }
}
