//! A pattern as instructions for the machine.

use super::{Class, One};
use fancy_regex::{Assertion, Expr, LookAround};
use std::collections::HashMap;

/// Most instructions.
const MOST: usize = 200_000;

/// One instruction. Where none is named, the next one follows.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Passes one character.
    One(One),
    /// Passes some of them, as many or as few as possible first.
    Run { one: One, least: usize, most: usize, greedy: bool },
    /// Stands at such a place.
    At(Place),
    /// Notes the place in a cell.
    Note(usize),
    /// Sets a counter to nothing.
    Zero(usize),
    /// Goes on with the next, or from here if that leads to nothing.
    Or(usize),
    /// Goes on there.
    Jump(usize),
    /// The head of a loop: [`Op::Enter`] is next.
    Loop { counter: usize, least: usize, most: usize, greedy: bool, exit: usize },
    /// Begins a round of a loop.
    Enter { counter: usize, begin: usize },
    /// Ends a round: to the head of the loop, or past it where the round passed nothing.
    Round { begin: usize, head: usize, counter: usize, least: usize },
    /// Passes again what a group holds.
    Again { group: usize, fold: bool },
    /// Whether what follows, up to [`Op::Done`] before `end`, is found from here on; passes nothing.
    Ahead { wanted: bool, end: usize },
    /// Whether it is found so that it ends here, beginning so many characters before.
    Behind { wanted: bool, end: usize, least: usize, most: usize, here: usize },
    /// Stands where the cell says.
    Is(usize),
    /// Finds what follows, up to [`Op::Done`] before `end`, in one way only.
    Once { end: usize },
    /// Goes on there unless the group holds something.
    Unless { group: usize, to: usize },
    /// Found.
    Done,
    /// Leads to nothing.
    Dead,
}

/// A kind of place between characters.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    Start,
    End,
    LineStart,
    LineEnd,
    WordEdge,
    NoWordEdge,
}

/// A pattern, compiled.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) ops: Vec<Op>,
    /// Cells: two for each group, and those of loops and look-behinds.
    pub(super) cells: usize,
    /// It can only be found at the start of the text.
    pub(super) is_anchored: bool,
    /// What it begins with, if that is known.
    pub(super) first: Option<One>,
    /// What words are made of.
    pub(super) word: Class,
}

impl Program {
    /// Compiles a pattern in the syntax of [`crate::pytext::regex::rewrite`].
    ///
    /// # Errors
    /// It is too large, or has something that Python's patterns do not have.
    pub(super) fn of(rewritten: &str) -> Result<Self, String> {
        let tree = Expr::parse_tree(rewritten).map_err(|error| error.to_string())?;
        let groups = groups(&tree.expr) + 1;
        let mut compiler = Compiler { ops: Vec::new(), cells: groups * 2, group: 0, classes: HashMap::new() };
        compiler.expr(&tree.expr)?;
        compiler.push(Op::Done)?;
        let Compiler { ops, cells, .. } = compiler;
        let (is_anchored, first) = begins(&ops);
        Ok(Self { ops, cells, is_anchored, first, word: Class::word()? })
    }

    /// Whether every part of it may pass less than it did, when what follows is not found.
    pub(super) fn gives_back(&self) -> bool {
        !self.ops.iter().any(|op| matches!(op, Op::Once { .. }))
    }
}

/// What must be true at the first place that is tried.
fn begins(ops: &[Op]) -> (bool, Option<One>) {
    for op in ops {
        match op {
            Op::Note(_) | Op::Zero(_) => {}
            Op::At(Place::Start) => return (true, None),
            Op::One(one) => return (false, Some(one.clone())),
            Op::Run { one, least, .. } if *least > 0 => return (false, Some(one.clone())),
            _ => break,
        }
    }
    (false, None)
}

fn groups(expr: &Expr) -> usize {
    let own = usize::from(matches!(expr, Expr::Group(_)));
    own + expr.children_iter().map(groups).sum::<usize>()
}

struct Compiler {
    ops: Vec<Op>,
    cells: usize,
    /// The last group that was opened.
    group: usize,
    classes: HashMap<(String, bool), Class>,
}

impl Compiler {
    fn push(&mut self, op: Op) -> Result<usize, String> {
        if self.ops.len() >= MOST {
            return Err("the regular expression is too large".to_owned());
        }
        self.ops.push(op);
        Ok(self.ops.len() - 1)
    }

    fn cell(&mut self) -> usize {
        self.cells += 1;
        self.cells - 1
    }

    fn class(&mut self, piece: &str, fold: bool) -> Result<Class, String> {
        if let Some(known) = self.classes.get(&(piece.to_owned(), fold)) {
            return Ok(known.clone());
        }
        let class = Class::of(piece, fold)?;
        self.classes.insert((piece.to_owned(), fold), class.clone());
        Ok(class)
    }

    fn char(&mut self, c: char, fold: bool) -> Result<One, String> {
        if !fold {
            return Ok(One::Char(c));
        }
        Ok(One::Class(self.class(&format!("\\x{{{:X}}}", u32::from(c)), true)?))
    }

    /// What an expression is that is always one character.
    fn one(&mut self, expr: &Expr) -> Result<Option<One>, String> {
        Ok(match expr {
            Expr::Any { newline: true, .. } => Some(One::Any),
            Expr::Any { newline: false, .. } => Some(One::Inline),
            Expr::Delegate { inner, casei } => Some(One::Class(self.class(inner, *casei)?)),
            Expr::Literal { val, casei } => {
                let mut chars = val.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Some(self.char(c, *casei)?),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    fn expr(&mut self, expr: &Expr) -> Result<(), String> {
        if let Some(one) = self.one(expr)? {
            self.push(Op::One(one))?;
            return Ok(());
        }
        match expr {
            Expr::Empty => {}
            Expr::Literal { val, casei } => {
                for c in val.chars() {
                    let one = self.char(c, *casei)?;
                    self.push(Op::One(one))?;
                }
            }
            Expr::Assertion(assertion) => {
                let place = place(*assertion)?;
                self.push(Op::At(place))?;
            }
            Expr::Concat(parts) => parts.iter().try_for_each(|part| self.expr(part))?,
            Expr::Alt(branches) => self.branches(branches)?,
            Expr::Group(inner) => {
                self.group += 1;
                let cell = self.group * 2;
                self.push(Op::Note(cell))?;
                self.expr(inner)?;
                self.push(Op::Note(cell + 1))?;
            }
            Expr::Repeat { child, lo, hi, greedy } => self.repeat(child, *lo, *hi, *greedy)?,
            Expr::LookAround(inner, kind) => self.look(inner, *kind)?,
            Expr::AtomicGroup(inner) => {
                let once = self.push(Op::Dead)?;
                self.expr(inner)?;
                self.push(Op::Done)?;
                self.ops[once] = Op::Once { end: self.ops.len() };
            }
            Expr::Backref { group, casei } => {
                self.push(Op::Again { group: *group, fold: *casei })?;
            }
            Expr::BackrefExistsCondition { group, relative_recursion_level: None } => {
                self.condition(*group, &Expr::Empty, None)?;
            }
            Expr::Conditional { condition, true_branch, false_branch } => {
                let Expr::BackrefExistsCondition { group, relative_recursion_level: None } = **condition
                else {
                    return Err(unknown(condition));
                };
                self.condition(group, true_branch, Some(false_branch))?;
            }
            other => return Err(unknown(other)),
        }
        Ok(())
    }

    fn branches(&mut self, branches: &[Expr]) -> Result<(), String> {
        let mut ends = Vec::new();
        for (place, branch) in branches.iter().enumerate() {
            let is_last = place + 1 == branches.len();
            let or = if is_last { None } else { Some(self.push(Op::Dead)?) };
            self.expr(branch)?;
            if let Some(or) = or {
                ends.push(self.push(Op::Dead)?);
                self.ops[or] = Op::Or(self.ops.len());
            }
        }
        for end in ends {
            self.ops[end] = Op::Jump(self.ops.len());
        }
        Ok(())
    }

    /// Without another branch: what is not held leads to nothing.
    fn condition(&mut self, group: usize, yes: &Expr, no: Option<&Expr>) -> Result<(), String> {
        let unless = self.push(Op::Dead)?;
        self.expr(yes)?;
        let jump = self.push(Op::Dead)?;
        self.ops[unless] = Op::Unless { group, to: self.ops.len() };
        match no {
            Some(no) => self.expr(no)?,
            None => drop(self.push(Op::Dead)?),
        }
        self.ops[jump] = Op::Jump(self.ops.len());
        Ok(())
    }

    fn repeat(&mut self, child: &Expr, least: usize, most: usize, greedy: bool) -> Result<(), String> {
        if let Some(one) = self.one(child)? {
            self.push(Op::Run { one, least, most, greedy })?;
            return Ok(());
        }
        let (counter, begin) = (self.cell(), self.cell());
        self.push(Op::Zero(counter))?;
        let head = self.push(Op::Dead)?;
        self.push(Op::Enter { counter, begin })?;
        self.expr(child)?;
        self.push(Op::Round { begin, head, counter, least })?;
        self.ops[head] = Op::Loop { counter, least, most, greedy, exit: self.ops.len() };
        Ok(())
    }

    fn look(&mut self, inner: &Expr, kind: LookAround) -> Result<(), String> {
        let look = self.push(Op::Dead)?;
        let wanted = matches!(kind, LookAround::LookAhead | LookAround::LookBehind);
        let is_ahead = matches!(kind, LookAround::LookAhead | LookAround::LookAheadNeg);
        let here = if is_ahead { 0 } else { self.cell() };
        self.expr(inner)?;
        if !is_ahead {
            self.push(Op::Is(here))?;
        }
        self.push(Op::Done)?;
        let end = self.ops.len();
        self.ops[look] = if is_ahead {
            Op::Ahead { wanted, end }
        } else {
            let (least, most) = width(inner)
                .filter(|(least, most)| least == most)
                .ok_or("look-behind requires fixed-width pattern")?;
            Op::Behind { wanted, end, least, most, here }
        };
        Ok(())
    }
}

fn place(assertion: Assertion) -> Result<Place, String> {
    Ok(match assertion {
        Assertion::StartText => Place::Start,
        Assertion::EndText => Place::End,
        Assertion::StartLine { crlf: false } => Place::LineStart,
        Assertion::EndLine { crlf: false } => Place::LineEnd,
        Assertion::WordBoundary => Place::WordEdge,
        Assertion::NotWordBoundary => Place::NoWordEdge,
        other => return Err(format!("{other:?} is not known")),
    })
}

/// How many characters an expression passes; `None`: any number.
fn width(expr: &Expr) -> Option<(usize, usize)> {
    Some(match expr {
        Expr::Empty | Expr::Assertion(_) | Expr::LookAround(..) => (0, 0),
        Expr::Any { .. } | Expr::Delegate { .. } => (1, 1),
        Expr::Literal { val, .. } => (val.chars().count(), val.chars().count()),
        Expr::Concat(parts) => {
            let mut all = (0, 0);
            for part in parts {
                let (least, most) = width(part)?;
                all = (all.0 + least, all.1 + most);
            }
            all
        }
        Expr::Alt(branches) => {
            let widths = branches.iter().map(width).collect::<Option<Vec<_>>>()?;
            (widths.iter().map(|it| it.0).min()?, widths.iter().map(|it| it.1).max()?)
        }
        Expr::Group(inner) => width(inner)?,
        Expr::AtomicGroup(inner) => width(inner)?,
        Expr::Repeat { child, lo, hi, .. } if *hi < 10_000 => {
            let (least, most) = width(child)?;
            (least * lo, most * hi)
        }
        _ => return None,
    })
}

fn unknown(expr: &Expr) -> String {
    let text = format!("{expr:?}");
    let name = text.split(['(', ' ']).next().unwrap_or_default();
    format!("{name} is not known in regular expressions")
}
