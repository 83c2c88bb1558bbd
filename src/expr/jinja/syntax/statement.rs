//! Statements, and the messages for those that do not fit.

use std::{mem, sync::Arc};

use super::{
    ast::{Block, Body, Expr, For, Macro, Name, Stmt, Target},
    check,
    cursor::Cursor,
    expression::TupleRules,
    token::Kind,
    visit,
};
use crate::{
    expr::jinja::{error::Result, host::Dialect},
    pytext::repr_str,
};

/// The tree of a whole template.
pub(super) fn parse(source: &str, checks: Option<Dialect>) -> Result<Body> {
    let mut parser = Parser { cursor: Cursor::new(source)?, open: Vec::new(), ends: Vec::new() };
    let body = parser.body(&[])?;
    if let Some(dialect) = checks {
        check::check(&body, dialect)?;
    }
    Ok(body)
}

/// The tags a statement can begin with.
const TAGS: [&str; 14] = [
    "for",
    "if",
    "block",
    "extends",
    "print",
    "macro",
    "include",
    "from",
    "import",
    "set",
    "with",
    "autoescape",
    "call",
    "filter",
];

struct Parser {
    cursor: Cursor,
    /// The tags that are open, for messages.
    open: Vec<Name>,
    /// What each open tag may be ended or continued by.
    ends: Vec<&'static [&'static str]>,
}

impl Parser {
    /// Statements up to one of the end words, which is then current, or up to the end.
    fn body(&mut self, ends: &'static [&'static str]) -> Result<Body> {
        if !ends.is_empty() {
            self.ends.push(ends);
        }
        let mut body = Vec::new();
        loop {
            match &self.cursor.current.kind {
                Kind::End => break,
                Kind::Data(text) => {
                    body.push(Stmt::Text(text.clone()));
                    self.cursor.advance()?;
                }
                Kind::VariableBegin => {
                    self.cursor.advance()?;
                    body.push(Stmt::Print(self.cursor.tuple(TupleRules::default())?));
                    self.cursor.expect_variable_end()?;
                }
                _ => {
                    self.cursor.advance()?;
                    if ends.iter().any(|end| self.cursor.is_name(end)) {
                        break;
                    }
                    self.statement(&mut body)?;
                    self.cursor.expect_block_end()?;
                }
            }
        }
        if !ends.is_empty() {
            self.ends.pop();
        }
        Ok(body.into())
    }

    /// The body of a statement: after the tag, up to one of the end words.
    fn block_body(&mut self, ends: &'static [&'static str]) -> Result<Body> {
        self.cursor.skip(":")?;
        self.cursor.expect_block_end()?;
        let body = self.body(ends)?;
        if self.cursor.current.kind == Kind::End {
            self.ends.push(ends);
            return Err(self.misplaced(None));
        }
        Ok(body)
    }

    /// The body of a statement with a single end word, which is passed.
    fn whole_body(&mut self, end: &'static [&'static str]) -> Result<Body> {
        let body = self.block_body(end)?;
        self.cursor.advance()?;
        Ok(body)
    }

    fn statement(&mut self, body: &mut Vec<Stmt>) -> Result<()> {
        let Kind::Name(tag) = self.cursor.current.kind.clone() else {
            return Err(self.cursor.fail("tag name expected"));
        };
        if !TAGS.contains(&&*tag) {
            return Err(self.misplaced(Some(&tag)));
        }
        self.open.push(tag.clone());
        self.cursor.enter()?;
        self.cursor.advance()?;
        let statement = match &*tag {
            "for" => self.for_loop()?,
            "if" => self.condition()?,
            "block" => self.block()?,
            "print" => {
                self.print(body)?;
                self.close();
                return Ok(());
            }
            "macro" => self.macro_definition()?,
            "set" => self.set()?,
            "with" => self.with()?,
            "autoescape" => {
                let on = self.cursor.expression()?;
                Stmt::Autoescape { on, body: self.whole_body(&["endautoescape"])? }
            }
            "call" => self.call_block()?,
            "filter" => {
                let mut filters = vec![self.cursor.filter()?];
                self.cursor.filters(&mut filters)?;
                Stmt::FilterBlock { filters, body: self.whole_body(&["endfilter"])? }
            }
            "import" => self.import()?,
            "from" => self.named_import()?,
            "include" => self.include()?,
            _ => Stmt::Load { template: self.cursor.expression()?, stores: Vec::new() },
        };
        self.close();
        body.push(statement);
        Ok(())
    }

    fn close(&mut self) {
        self.cursor.exit();
        self.open.pop();
    }

    /// A tag that does not belong here, or the end of the template before the end of a block.
    fn misplaced(&self, tag: Option<&str>) -> crate::expr::jinja::Error {
        let mut message = match tag {
            Some(tag) => format!("Encountered unknown tag {}.", repr_str(tag)),
            None => "Unexpected end of template.".to_owned(),
        };
        if let Some(ends) = self.ends.last() {
            let looking = ends.iter().map(|end| repr_str(end)).collect::<Vec<_>>().join(" or ");
            let is_expected = tag.is_some_and(|tag| self.ends.iter().any(|ends| ends.contains(&tag)));
            message.push_str(if is_expected {
                " You probably made a nesting mistake. Jinja is expecting this tag, but currently looking for "
            } else {
                " Jinja was looking for the following tags: "
            });
            message.push_str(&looking);
            message.push('.');
        }
        if let Some(innermost) = self.open.last() {
            message.push_str(" The innermost block that needs to be closed is ");
            message.push_str(&repr_str(innermost));
            message.push('.');
        }
        self.cursor.fail(message)
    }

    // ── one function per tag, each from behind its name ─────────────────────────────────────

    fn for_loop(&mut self) -> Result<Stmt> {
        let target = self.cursor.target(false)?;
        self.cursor.expect_word("in")?;
        let items = self.cursor.tuple(TupleRules { without_condition: true, ..TupleRules::default() })?;
        let test = if self.cursor.skip_name("if")? { Some(self.cursor.expression()?) } else { None };
        let recursive = self.cursor.skip_name("recursive")?;
        let body = self.block_body(&["endfor", "else"])?;
        let has_else = self.cursor.is_name("else");
        self.cursor.advance()?;
        let otherwise = if has_else { self.whole_body(&["endfor"])? } else { Body::default() };
        let uses_loop = visit::loop_use(&body);
        Ok(Stmt::For(Arc::new(For { target, items, test, recursive, body, otherwise, uses_loop })))
    }

    fn condition(&mut self) -> Result<Stmt> {
        let mut branches = Vec::new();
        loop {
            let test = self.cursor.tuple(TupleRules { without_condition: true, ..TupleRules::default() })?;
            let body = self.block_body(&["elif", "else", "endif"])?;
            branches.push((test, body));
            let goes_on = self.cursor.is_name("elif");
            let has_else = self.cursor.is_name("else");
            self.cursor.advance()?;
            if !goes_on {
                let otherwise = if has_else { self.whole_body(&["endif"])? } else { Body::default() };
                return Ok(Stmt::If { branches, otherwise });
            }
        }
    }

    fn set(&mut self) -> Result<Stmt> {
        let target = self.cursor.target(true)?;
        if self.cursor.skip("=")? {
            return Ok(Stmt::Set { target, value: self.cursor.tuple(TupleRules::default())? });
        }
        let mut filters = Vec::new();
        self.cursor.filters(&mut filters)?;
        Ok(Stmt::SetBlock { target, filters, body: self.whole_body(&["endset"])? })
    }

    fn with(&mut self) -> Result<Stmt> {
        let mut targets: Vec<(Target, Expr)> = Vec::new();
        while !self.cursor.is_block_end() {
            if !targets.is_empty() {
                self.cursor.expect(",")?;
            }
            let target = self.cursor.target(false)?;
            self.cursor.expect("=")?;
            targets.push((target, self.cursor.expression()?));
        }
        Ok(Stmt::With { targets, body: self.whole_body(&["endwith"])? })
    }

    fn block(&mut self) -> Result<Stmt> {
        let name = self.cursor.expect_name()?;
        let scoped = self.cursor.skip_name("scoped")?;
        let required = self.cursor.skip_name("required")?;
        if self.cursor.is("-") {
            return Err(self.cursor.fail(
                "Block names in Jinja have to be valid Python identifiers and may not contain hyphens, use an \
                 underscore instead.",
            ));
        }
        let body = self.whole_body(&["endblock"])?;
        let is_blank =
            |statement: &Stmt| matches!(statement, Stmt::Text(text) if text.chars().all(char::is_whitespace));
        if required && !body.iter().all(is_blank) {
            return Err(self.cursor.fail("Required blocks can only contain comments or whitespace"));
        }
        self.cursor.skip_name(&name)?;
        Ok(Stmt::Block(Arc::new(Block { name, scoped, required, body })))
    }

    fn print(&mut self, body: &mut Vec<Stmt>) -> Result<()> {
        let mut is_first = true;
        while !self.cursor.is_block_end() {
            if !mem::take(&mut is_first) {
                self.cursor.expect(",")?;
            }
            body.push(Stmt::Print(self.cursor.expression()?));
        }
        Ok(())
    }

    fn macro_definition(&mut self) -> Result<Stmt> {
        let name = self.cursor.expect_name()?;
        if matches!(&*name, "true" | "false" | "none" | "True" | "False" | "None") {
            return Err(self.cursor.fail("can't assign to 'name'"));
        }
        let (params, defaults) = self.signature()?;
        self.finish_macro(Some(name), params, defaults, &["endmacro"]).map(Stmt::Macro)
    }

    fn call_block(&mut self) -> Result<Stmt> {
        let line = self.cursor.current.line;
        let (params, defaults) = if self.cursor.is("(") { self.signature()? } else { Default::default() };
        let call = self.cursor.expression()?;
        let is_call = matches!(&call, Expr::Chain { links, .. } if matches!(links.last(), Some(super::ast::Link::Call(_))));
        if !is_call {
            return Err(self.cursor.fail("expected call").at_line(line));
        }
        let caller = self.finish_macro(None, params, defaults, &["endcall"])?;
        Ok(Stmt::CallBlock { call, caller })
    }

    fn finish_macro(
        &mut self,
        name: Option<Name>,
        params: Vec<Name>,
        defaults: Vec<Expr>,
        end: &'static [&'static str],
    ) -> Result<Arc<Macro>> {
        let body = self.whole_body(end)?;
        let mut uses = check::macro_uses(&body);
        if uses.caller
            && let Some(at) = params.iter().position(|param| **param == *"caller")
        {
            if at + defaults.len() < params.len() {
                return Err(self.cursor.refuse(
                    "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a \
                     default.",
                ));
            }
            uses.caller = false;
        }
        uses.kwargs &= !params.iter().any(|param| **param == *"kwargs");
        uses.varargs &= !params.iter().any(|param| **param == *"varargs");
        Ok(Arc::new(Macro { name, params, defaults, body, uses }))
    }

    fn signature(&mut self) -> Result<(Vec<Name>, Vec<Expr>)> {
        let (mut params, mut defaults) = (Vec::new(), Vec::new());
        self.cursor.expect("(")?;
        while !self.cursor.is(")") {
            if !params.is_empty() {
                self.cursor.expect(",")?;
            }
            let param = self.cursor.expect_name()?;
            if self.cursor.skip("=")? {
                defaults.push(self.cursor.expression()?);
            } else if !defaults.is_empty() {
                return Err(self.cursor.fail("non-default argument follows default argument"));
            }
            params.push(param);
        }
        self.cursor.expect(")")?;
        Ok((params, defaults))
    }

    // ── other templates: the syntax is read, though there are none ──────────────────────────

    fn include(&mut self) -> Result<Stmt> {
        let template = self.cursor.expression()?;
        if self.cursor.is_name("ignore") && self.cursor.look()?.is_name("missing") {
            self.cursor.advance()?;
            self.cursor.advance()?;
        }
        self.context_words()?;
        Ok(Stmt::Load { template, stores: Vec::new() })
    }

    fn context_words(&mut self) -> Result<bool> {
        let has_word = self.cursor.is_name("with") || self.cursor.is_name("without");
        if has_word && self.cursor.look()?.is_name("context") {
            self.cursor.advance()?;
            self.cursor.advance()?;
            return Ok(true);
        }
        Ok(false)
    }

    fn import(&mut self) -> Result<Stmt> {
        let template = self.cursor.expression()?;
        self.cursor.expect_word("as")?;
        let stores = vec![self.cursor.expect_name()?];
        self.context_words()?;
        Ok(Stmt::Load { template, stores })
    }

    fn named_import(&mut self) -> Result<Stmt> {
        let template = self.cursor.expression()?;
        self.cursor.expect_word("import")?;
        let mut stores = Vec::new();
        loop {
            if !stores.is_empty() {
                self.cursor.expect(",")?;
            }
            if self.context_words()? {
                break;
            }
            let name = self.cursor.expect_name()?;
            if name.starts_with('_') {
                return Err(self.cursor.refuse("names starting with an underline can not be imported"));
            }
            stores.push(if self.cursor.skip_name("as")? { self.cursor.expect_name()? } else { name });
            if self.context_words()? || !self.cursor.is(",") {
                break;
            }
        }
        Ok(Stmt::Load { template, stores })
    }
}
