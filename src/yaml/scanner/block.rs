//! Block scalars: `|` keeps its lines, `>` folds them.

use crate::yaml::{
    error::{Error, Mark, Result},
    input::Input,
    token::{Kind, Token},
};

fn fault(problem: &str, mark: Mark) -> Error {
    Error::new(format!("while scanning a block scalar, {problem}"), mark)
}

/// What happens to the line breaks at the end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomping {
    Strip,
    Clip,
    Keep,
}

/// Scans a block scalar; `parent` is the column of the collection around it, -1 for none.
pub(super) fn scalar(input: &mut Input, literal: bool, parent: isize) -> Result<Token> {
    let start = input.mark();
    input.next();
    let (chomping, increment) = header(input)?;
    input.skip_blanks();
    input.skip_comment();
    if !input.is_break_or_end() {
        return Err(fault("did not find expected comment or line break", input.mark()));
    }
    input.next_line();

    let mut end = input.mark();
    let mut indent = increment.map(|by| parent.max(0) as usize + by);
    let mut value = String::new();
    let mut line_break = None;
    let mut empty_lines = breaks(input, &mut indent, parent, &mut end)?;
    let mut last_was_indented = false;
    while Some(input.column()) == indent && !input.at_end() {
        let indented = input.is_blank();
        let folds = !literal && line_break == Some('\n') && !last_was_indented && !indented;
        if !folds {
            value.extend(line_break);
        } else if empty_lines.is_empty() {
            value.push(' ');
        }
        value.push_str(&empty_lines);
        last_was_indented = indented;
        while !input.is_break_or_end() {
            value.push(input.next());
        }
        line_break = input.next_line();
        empty_lines = breaks(input, &mut indent, parent, &mut end)?;
    }
    if chomping != Chomping::Strip {
        value.extend(line_break);
    }
    if chomping == Chomping::Keep {
        value.push_str(&empty_lines);
    }
    Ok(Token { kind: Kind::Scalar { value, plain: false }, start, end })
}

/// Chomping and indentation, in either order.
fn header(input: &mut Input) -> Result<(Chomping, Option<usize>)> {
    let chomping = |input: &mut Input| {
        let chomping = match input.peek() {
            '+' => Chomping::Keep,
            '-' => Chomping::Strip,
            _ => return None,
        };
        input.next();
        Some(chomping)
    };
    let first = chomping(input);
    let mut increment = None;
    if let Some(digit) = input.peek().to_digit(10) {
        if digit == 0 {
            return Err(fault("found an indentation indicator equal to 0", input.mark()));
        }
        input.next();
        increment = Some(digit as usize);
    }
    let chomping = first.or_else(|| increment.and_then(|_| chomping(input)));
    Ok((chomping.unwrap_or(Chomping::Clip), increment))
}

/// Takes indentation and empty lines; finds out the indentation if it is not known yet.
fn breaks(input: &mut Input, indent: &mut Option<usize>, parent: isize, end: &mut Mark) -> Result<String> {
    let mut out = String::new();
    let mut deepest = 0;
    *end = input.mark();
    loop {
        let may_be_deeper = |input: &Input| indent.is_none_or(|indent| input.column() < indent);
        while may_be_deeper(input) && input.is(' ') {
            input.next();
        }
        deepest = deepest.max(input.column());
        if may_be_deeper(input) && input.is('\t') {
            let problem = "found a tab character where an indentation space is expected";
            return Err(fault(problem, input.mark()));
        }
        match input.next_line() {
            Some(line_break) => out.push(line_break),
            None => break,
        }
        *end = input.mark();
    }
    if indent.is_none() {
        *indent = Some(deepest.max((parent + 1) as usize).max(1));
    }
    Ok(out)
}
