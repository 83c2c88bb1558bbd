//! Rows of the table: median of ratios, their spread, the goal.

use std::fmt::Write;

/// Whether more or less is better.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtLeast(f64),
    AtMost(f64),
}

/// One metric.
pub(crate) struct Row {
    pub(crate) number: &'static str,
    pub(crate) what: &'static str,
    /// Subject over anchor, one for each pair; or plain values where there is no anchor.
    pub(crate) values: Vec<f64>,
    pub(crate) goal: Goal,
    pub(crate) stretch: f64,
    /// Absolute figures, for orientation.
    pub(crate) note: String,
}

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}

impl Row {
    fn verdict(&self) -> &'static str {
        let value = median(&self.values);
        let (goal, stretch) = match self.goal {
            Goal::AtLeast(goal) => (value >= goal, value >= self.stretch),
            Goal::AtMost(goal) => (value <= goal, value <= self.stretch),
        };
        match (goal, stretch) {
            (_, true) => "stretch",
            (true, _) => "goal",
            _ => "MISSED",
        }
    }
}

impl Table {
    pub(crate) fn push(&mut self, row: Row) {
        eprintln!("{:>4} {:<58} {:>9.3} {}", row.number, row.what, median(&row.values), row.verdict());
        self.0.push(row);
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::from(
            "| # | metric | median | spread | goal | stretch | reached | absolute |\n|---|---|---|---|---|---|---|---|\n",
        );
        for row in &self.0 {
            let low = row.values.iter().copied().fold(f64::INFINITY, f64::min);
            let high = row.values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let (sign, goal) = match row.goal {
                Goal::AtLeast(goal) => ("≥", goal),
                Goal::AtMost(goal) => ("≤", goal),
            };
            let _ = writeln!(
                text,
                "| {} | {} | {:.3} | {low:.3}–{high:.3} | {sign} {goal} | {sign} {} | {} | {} |",
                row.number,
                row.what,
                median(&row.values),
                row.stretch,
                row.verdict(),
                row.note
            );
        }
        text
    }
}
