//! Tries a pattern place by place, going back where a way leads to nothing, and counts its steps.

use super::{
    One, TooManySteps,
    program::{Op, Place, Program},
};

/// Characters passed in one go that count as a step.
const CHARS_PER_STEP: usize = 4;

/// Ways back that are remembered at a time.
const WAYS: usize = 1 << 20;

/// A cell nothing was noted in.
pub(super) const NOTHING: usize = usize::MAX;

/// Where to look, and for how long.
#[derive(Clone, Copy)]
pub(super) struct Task<'t> {
    pub(super) text: &'t str,
    /// The first place that is tried.
    pub(super) from: usize,
    /// A match may not be empty there.
    pub(super) advances: bool,
}

/// The cells as they stand when the pattern is found: those of groups hold where each begins and ends.
pub(super) fn find(
    program: &Program,
    task: Task<'_>,
    steps: &mut usize,
) -> Result<Option<Vec<usize>>, TooManySteps> {
    let mut machine = Machine {
        program,
        text: task.text,
        cells: vec![NOTHING; program.cells],
        ways: Vec::new(),
        left: *steps,
        must_pass: task.advances.then_some(task.from),
    };
    let found = machine.search(task.from);
    *steps = machine.left;
    Ok(found?.then_some(machine.cells))
}

struct Machine<'a> {
    program: &'a Program,
    text: &'a str,
    cells: Vec<usize>,
    ways: Vec<Way>,
    left: usize,
    /// Where the pattern may not end: nothing would have been passed.
    must_pass: Option<usize>,
}

/// What to do when a way has led to nothing.
enum Way {
    /// Go on there.
    Back { op: usize, at: usize },
    /// Write this into the cell.
    Cell { cell: usize, value: usize },
    /// Let a run pass one character less, down to `low`.
    Less { op: usize, low: usize, at: usize },
    /// Let it pass one more, up to so many.
    More { op: usize, at: usize, most: usize },
}

impl Machine<'_> {
    /// Tries place by place.
    fn search(&mut self, from: usize) -> Result<bool, TooManySteps> {
        let program = self.program;
        let mut start = from;
        if program.is_anchored && start > 0 {
            return Ok(false);
        }
        loop {
            if let Some(first) = program.first.as_ref().filter(|_| !program.is_anchored) {
                let Some(next) = self.text[start..].char_indices().find(|(_, c)| first.is(*c)) else {
                    return Ok(false);
                };
                self.pay(1 + next.0 / CHARS_PER_STEP)?;
                start += next.0;
            }
            if let Some(end) = self.run(0, start)? {
                self.cells[0] = start;
                self.cells[1] = end;
                return Ok(true);
            }
            match self.text[start..].chars().next() {
                Some(c) if !program.is_anchored => start += c.len_utf8(),
                _ => return Ok(false),
            }
        }
    }

    fn pay(&mut self, steps: usize) -> Result<(), TooManySteps> {
        self.left = self.left.checked_sub(steps).ok_or(TooManySteps)?;
        Ok(())
    }

    fn remember(&mut self, way: Way) -> Result<(), TooManySteps> {
        if self.ways.len() >= WAYS {
            return Err(TooManySteps);
        }
        self.ways.push(way);
        Ok(())
    }

    fn write(&mut self, cell: usize, value: usize) -> Result<(), TooManySteps> {
        let before = std::mem::replace(&mut self.cells[cell], value);
        self.remember(Way::Cell { cell, value: before })
    }

    fn next(&self, at: usize) -> Option<char> {
        match self.text.as_bytes().get(at)? {
            byte if byte.is_ascii() => Some(char::from(*byte)),
            _ => self.text[at..].chars().next(),
        }
    }

    /// Goes on until the instructions are done, or no way is left that was opened since; says where it stands then.
    /// What was noted stays, and so do the ways that are left.
    fn run(&mut self, op: usize, at: usize) -> Result<Option<usize>, TooManySteps> {
        let base = self.ways.len();
        let mut now = Some((op, at));
        loop {
            let (op, at) = match now {
                Some(now) => now,
                None => match self.back(base)? {
                    Some(now) => now,
                    None => return Ok(None),
                },
            };
            self.pay(1)?;
            if matches!(self.program.ops[op], Op::Done) {
                if self.must_pass == Some(at) && op + 1 == self.program.ops.len() {
                    now = None;
                    continue;
                }
                return Ok(Some(at));
            }
            now = self.step(op, at)?;
        }
    }

    /// One instruction; `None`: it leads to nothing.
    fn step(&mut self, op: usize, at: usize) -> Result<Option<(usize, usize)>, TooManySteps> {
        let program = self.program;
        let next = op + 1;
        Ok(match &program.ops[op] {
            Op::One(one) => self.next(at).filter(|c| one.is(*c)).map(|c| (next, at + c.len_utf8())),
            Op::Run { one, least, most, greedy } => self.pass(op, one, (*least, *most), *greedy, at)?,
            Op::At(place) => self.is_at(*place, at).then_some((next, at)),
            Op::Note(cell) => {
                self.write(*cell, at)?;
                Some((next, at))
            }
            Op::Zero(counter) => {
                self.write(*counter, 0)?;
                Some((next, at))
            }
            Op::Or(other) => {
                self.remember(Way::Back { op: *other, at })?;
                Some((next, at))
            }
            Op::Jump(to) => Some((*to, at)),
            Op::Loop { counter, least, most, greedy, exit } => {
                let rounds = self.cells[*counter];
                if rounds < *least {
                    Some((next, at))
                } else if rounds >= *most {
                    Some((*exit, at))
                } else {
                    let (first, other) = if *greedy { (next, *exit) } else { (*exit, next) };
                    self.remember(Way::Back { op: other, at })?;
                    Some((first, at))
                }
            }
            Op::Enter { counter, begin } => {
                self.write(*counter, self.cells[*counter] + 1)?;
                self.write(*begin, at)?;
                Some((next, at))
            }
            // A round that passed nothing would only be repeated, unless there must be more of them.
            Op::Round { begin, head, counter, least } => {
                let is_last = self.cells[*begin] == at && self.cells[*counter] >= *least;
                Some((if is_last { next } else { *head }, at))
            }
            Op::Again { group, fold } => self.again(*group, *fold, at)?.map(|at| (next, at)),
            Op::Ahead { wanted, end } => {
                let found = self.only(next, at, *wanted)?.is_some();
                (found == *wanted).then_some((*end, at))
            }
            Op::Behind { wanted, end, least, most, here } => {
                let found = self.is_behind(next, at, (*least, *most), *here, *wanted)?;
                (found == *wanted).then_some((*end, at))
            }
            Op::Is(cell) => (self.cells[*cell] == at).then_some((next, at)),
            Op::Once { end } => self.only(next, at, true)?.map(|at| (*end, at)),
            Op::Unless { group, to } => {
                let holds = self.cells.get(group * 2 + 1).is_some_and(|cell| *cell != NOTHING);
                Some((if holds { next } else { *to }, at))
            }
            Op::Done | Op::Dead => None,
        })
    }

    /// The last way that was left open.
    fn back(&mut self, base: usize) -> Result<Option<(usize, usize)>, TooManySteps> {
        while self.ways.len() > base {
            let Some(way) = self.ways.pop() else { break };
            match way {
                Way::Cell { cell, value } => self.cells[cell] = value,
                Way::Back { op, at } => return Ok(Some((op, at))),
                Way::Less { op, low, at } => {
                    let passed = self.text[..at].chars().next_back().map_or(0, char::len_utf8);
                    let at = at - passed;
                    if at > low {
                        self.remember(Way::Less { op, low, at })?;
                    }
                    return Ok(Some((op + 1, at)));
                }
                Way::More { op, at, most } => {
                    let Op::Run { one, .. } = &self.program.ops[op] else { continue };
                    if let Some(c) = self.next(at).filter(|c| one.is(*c)) {
                        let at = at + c.len_utf8();
                        if most > 1 {
                            self.remember(Way::More { op, at, most: most - 1 })?;
                        }
                        return Ok(Some((op + 1, at)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Passes characters of one kind.
    fn pass(
        &mut self,
        op: usize,
        one: &One,
        (least, most): (usize, usize),
        greedy: bool,
        at: usize,
    ) -> Result<Option<(usize, usize)>, TooManySteps> {
        let wanted = if greedy { most } else { least };
        let (mut count, mut end, mut low) = (0, at, at);
        while count < wanted {
            if count == least {
                low = end;
            }
            let Some(c) = self.next(end).filter(|c| one.is(*c)) else { break };
            end += c.len_utf8();
            count += 1;
        }
        if count == least {
            low = end;
        }
        self.pay(count / CHARS_PER_STEP)?;
        if count < least {
            return Ok(None);
        }
        if greedy && end > low {
            self.remember(Way::Less { op, low, at: end })?;
        } else if !greedy && most > count {
            self.remember(Way::More { op, at: end, most: most - count })?;
        }
        Ok(Some((op + 1, end)))
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let before = || self.text[..at].chars().next_back();
        let is_word = |c: Option<char>| c.is_some_and(|c| self.program.word.has(c));
        match place {
            Place::Start => at == 0,
            Place::End => at == self.text.len(),
            Place::LineStart => before().is_none_or(|c| c == '\n'),
            Place::LineEnd => self.next(at).is_none_or(|c| c == '\n'),
            Place::WordEdge => is_word(before()) != is_word(self.next(at)),
            // Not so in a text of nothing at all, says Python.
            Place::NoWordEdge => !self.text.is_empty() && is_word(before()) == is_word(self.next(at)),
        }
    }

    /// Where what a group holds ends if it stands here again.
    fn again(&mut self, group: usize, fold: bool, at: usize) -> Result<Option<usize>, TooManySteps> {
        let (Some(start), Some(end)) = (self.cells.get(group * 2), self.cells.get(group * 2 + 1)) else {
            return Ok(None);
        };
        let (start, end) = (*start, *end);
        if start == NOTHING || end == NOTHING || start > end {
            return Ok(None);
        }
        let held = &self.text[start..end];
        let rest = &self.text[at..];
        self.pay(held.len() / CHARS_PER_STEP)?;
        if !fold {
            return Ok(rest.starts_with(held).then_some(at + held.len()));
        }
        let mut passed = 0;
        let mut others = rest.chars();
        for c in held.chars() {
            match others.next() {
                Some(other) if c == other || c.to_lowercase().eq(other.to_lowercase()) => {
                    passed += other.len_utf8();
                }
                _ => return Ok(None),
            }
        }
        Ok(Some(at + passed))
    }

    /// Runs instructions of their own. If they are to be kept, what they noted stays, but not the ways they left open.
    fn only(&mut self, op: usize, at: usize, kept: bool) -> Result<Option<usize>, TooManySteps> {
        let base = self.ways.len();
        let found = self.run(op, at)?;
        if found.is_none() {
            return Ok(None);
        }
        if kept {
            let opened = self.ways.split_off(base);
            self.ways.extend(opened.into_iter().filter(|way| matches!(way, Way::Cell { .. })));
        } else {
            while self.ways.len() > base {
                if let Some(Way::Cell { cell, value }) = self.ways.pop() {
                    self.cells[cell] = value;
                }
            }
        }
        Ok(found)
    }

    fn is_behind(
        &mut self,
        op: usize,
        at: usize,
        (least, most): (usize, usize),
        here: usize,
        kept: bool,
    ) -> Result<bool, TooManySteps> {
        self.write(here, at)?;
        let mut places = self.text[..at].char_indices().rev().map(|(place, _)| place);
        let mut start = at;
        for width in 0..=most {
            if width > 0 {
                let Some(place) = places.next() else { break };
                start = place;
            }
            if width >= least && self.only(op, start, kept)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
