//! Where in a YAML text findings stand.

use super::{Finding, finding::Focus};
use crate::yaml::Positions;

/// A definition's text, and where its parts stand in it.
#[derive(Debug, Clone)]
pub struct Places {
    positions: Positions,
    text: String,
    /// Where each line begins, in bytes.
    lines: Vec<usize>,
    /// Where values begin, in order, each with its pointer.
    order: Vec<((usize, usize), String)>,
}

impl Places {
    pub(in crate::workflow::orquesta) fn new(text: &str, positions: Positions) -> Self {
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        let mut order: Vec<_> = positions.all().map(|(pointer, at)| (at, pointer.to_owned())).collect();
        order.sort_unstable();
        Self { positions, text: text.to_owned(), lines, order }
    }

    /// Line and column, from 1: of the expression or variable a finding is about, where the text shows it as it is;
    /// else of the innermost value it is about.
    pub fn of(&self, finding: &Finding) -> (usize, usize) {
        let pointer = self.pointer(finding);
        let start = self.positions.of(&pointer);
        let wanted = match (&finding.focus, &finding.expression) {
            (Focus::Variable(name), _) => spellings(name),
            (_, Some((expression, _))) => vec![expression.clone()],
            _ => return start,
        };
        self.find(&wanted, &pointer, start).unwrap_or(start)
    }

    /// The value a finding is about, or the one that would hold it.
    fn pointer(&self, finding: &Finding) -> String {
        let mut pointer = String::new();
        let path = finding.spec_path.as_deref().unwrap_or_default();
        for part in path.split(['.', '[']).filter(|part| !part.is_empty()) {
            pointer.push('/');
            pointer.push_str(&escaped(part.trim_end_matches(']')));
        }
        if let Focus::Key(key) = &finding.focus {
            return format!("{pointer}/{}", escaped(key));
        }
        // Parameters in line stand with their action.
        let mut parts = pointer.splitn(5, '/').skip(1);
        if let (Some("tasks"), Some(task), Some("input")) = (parts.next(), parts.next(), parts.next())
            && self.positions.exact(&format!("/tasks/{task}/input")).is_none()
        {
            return format!("/tasks/{task}/action");
        }
        pointer
    }

    /// Where the first of these texts begins within a value.
    fn find(&self, wanted: &[String], pointer: &str, start: (usize, usize)) -> Option<(usize, usize)> {
        let below = format!("{pointer}/");
        let from = self.order.partition_point(|(at, _)| *at < start);
        let next =
            self.order[from..].iter().find(|(_, other)| other != pointer && !other.starts_with(&below));
        let begin = self.offset(start)?;
        let end = next.map_or(Some(self.text.len()), |(at, _)| self.offset(*at))?;
        let text = self.text.get(begin..end)?;
        let found = begin + wanted.iter().filter_map(|wanted| whole_word(text, wanted)).min()?;
        let line = self.lines.partition_point(|at| *at <= found);
        let column = self.text[self.lines[line - 1]..found].chars().count() + 1;
        Some((line, column))
    }

    /// The byte a line and column stand at.
    fn offset(&self, (line, column): (usize, usize)) -> Option<usize> {
        let begin = *self.lines.get(line - 1)?;
        let mut chars = self.text[begin..].char_indices().map(|(at, _)| begin + at).chain([self.text.len()]);
        chars.nth(column - 1)
    }
}

/// How a variable may be named.
fn spellings(name: &str) -> Vec<String> {
    let quotes = ["", "'", "\"", "''", "\\\""];
    let calls = quotes.iter().map(|quote| format!("ctx({quote}{name}{quote})"));
    calls.chain([format!("ctx().{name}")]).collect()
}

/// Where a text stands that is not the beginning of a longer word.
fn whole_word(text: &str, wanted: &str) -> Option<usize> {
    let goes_on = |at: usize| {
        let next = text[at + wanted.len()..].chars().next();
        wanted.ends_with(char::is_alphanumeric)
            && next.is_some_and(|c| c.is_alphanumeric() || "_-".contains(c))
    };
    text.match_indices(wanted).map(|(at, _)| at).find(|at| !goes_on(*at))
}

fn escaped(part: &str) -> String {
    part.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use crate::workflow::orquesta::Definition;

    fn places(text: &str) -> Vec<(usize, usize)> {
        let (definition, places) = Definition::parse_with_places(text).unwrap();
        definition.inspect(&[], None).iter().map(|finding| places.of(finding)).collect()
    }

    #[test]
    fn findings_stand_at_their_expressions() {
        let text = "\
version: 1.0
tasks:
  a:
    action: core.echo message=<% ctx(q) %>
    next:
      - when: <% succeeded() %>
        publish:
          - x: \"é: <% ctx(r) %> and <% ctx(s) %>\"
        do: nowhere
  b:
    action: core.local
    input:
      cmd: |
        echo one
        echo <% ctx().t %>
";
        // What findings tell is ordered by kind and path: variables first, then tasks that are not there.
        assert_eq!(places(text), [(4, 34), (15, 17), (8, 23), (8, 40), (9, 13)]);
    }

    #[test]
    fn what_should_not_be_there_is_pointed_at() {
        let text = "version: 1.0\ntasks:\n  a:\n    action: core.noop\n    oops: [1]\n  b: {}\n";
        assert_eq!(places(text), [(5, 11), (6, 6)]);
    }

    #[test]
    fn what_is_quoted_is_found_and_what_is_not_there_is_pointed_at_as_a_whole() {
        let text = "tasks:\n  a:\n    action: core.noop\n    input:\n      x: '<% ctx(''q'') %>'\n";
        assert_eq!(places(text), [(5, 14)]);
        let text = "tasks:\n  a:\n    action: core.noop\n    delay: \"<\\x25 ctx(q) %>\"\n    join: all\n";
        assert_eq!(places(text), [(4, 19)]);
        let text = "tasks:\n  a:\n    delay: <% ctx().qq + ctx().q %>\nvars: [{qq: 1}]\n";
        assert_eq!(places(text), [(3, 26)]);
        assert_eq!(places("tasks:\n  a:\n    next: [{do: b}]"), [(3, 17)]);
    }
}
