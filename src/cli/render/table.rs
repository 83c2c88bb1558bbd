//! Tables with `+---+` borders, left and top aligned.

use super::wrap;
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// Rows of cells below headings; a cell may have several lines.
pub(super) struct Table {
    pub(super) headings: Vec<String>,
    /// The width beyond which a column's text is wrapped.
    pub(super) limits: Vec<usize>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Table {
    /// The table as text, without a line break at its end.
    pub(super) fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.headings.len()).map(|column| self.width(column)).collect();
        let mut rule = String::from("+");
        for width in &widths {
            rule.push_str(&"-".repeat(width + 2));
            rule.push('+');
        }
        if widths.is_empty() {
            rule.push('+');
        }
        let mut text = format!("{rule}\n");
        push_line(&mut text, &self.headings, &widths);
        if widths.is_empty() {
            text.push_str("||\n");
        }
        let _ = writeln!(text, "{rule}");
        for row in &self.rows {
            push_row(&mut text, row, &widths);
        }
        text.push_str(&rule);
        text
    }

    /// As wide as its text, but headings apart not wider than its limit.
    fn width(&self, column: usize) -> usize {
        let cells = self.rows.iter().map(|row| {
            let widest = row[column].split('\n').map(columns).max().unwrap_or(0);
            widest.min(self.limits[column])
        });
        cells.chain([columns(&self.headings[column])]).max().unwrap_or(0)
    }
}

fn push_row(text: &mut String, row: &[String], widths: &[usize]) {
    let cells: Vec<Vec<String>> = row
        .iter()
        .zip(widths)
        .map(|(cell, width)| cell.split('\n').flat_map(|line| fit(line, *width)).collect())
        .collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(0);
    for line in 0..height {
        let parts: Vec<&str> = cells.iter().map(|cell| cell.get(line).map_or("", String::as_str)).collect();
        push_line(text, &parts, widths);
    }
}

fn fit(line: &str, width: usize) -> Vec<String> {
    if columns(line) <= width {
        return vec![line.to_owned()];
    }
    let lines = wrap::fill(line, width.max(1));
    if lines.is_empty() { vec![String::new()] } else { lines }
}

fn push_line<S: AsRef<str>>(text: &mut String, parts: &[S], widths: &[usize]) {
    if widths.is_empty() {
        return;
    }
    text.push('|');
    for (part, width) in parts.iter().zip(widths) {
        let part = part.as_ref();
        let pad = width.saturating_sub(columns(part));
        let _ = write!(text, " {part}{} |", " ".repeat(pad));
    }
    text.push('\n');
}

/// How many columns of a terminal text takes; colours take none.
fn columns(text: &str) -> usize {
    if !text.contains('\x1b') {
        return text.width();
    }
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\x1b[") {
        plain.push_str(&rest[..at]);
        let tail = &rest[at..];
        rest = tail.find('m').map_or("", |end| &tail[end + 1..]);
    }
    plain.push_str(rest);
    plain.width()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_wrap_and_keep_their_indent() {
        let table = Table {
            headings: vec!["Property".into(), "Value".into()],
            limits: vec![20, 12],
            rows: vec![
                vec!["a".into(), "{\n    \"k\": \"long text\"\n}".into()],
                vec!["\x1b[92mok\x1b[0m".into(), "数".into()],
            ],
        };
        let want = "\
+----------+--------------+
| Property | Value        |
+----------+--------------+
| a        | {            |
|          |     \"k\":     |
|          | \"long text\"  |
|          | }            |
| \x1b[92mok\x1b[0m       | 数           |
+----------+--------------+";
        assert_eq!(table.render(), want);
    }
}
