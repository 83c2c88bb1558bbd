//! The picture as SVG, readable on light and on dark pages.

use std::fmt::Write;

use super::{
    Arrow, Box, arrows, boxes, cut,
    layout::{Point, lay_out},
};
use crate::workflow::ir::{Command, Graph};

/// Width of a character of the names and of the notes below them, in their sizes of type.
const NAME: f64 = 8.0;
const NOTE: f64 = 6.7;

/// Height of a condition.
const HEIGHT: f64 = 12.0;

/// The most characters of a note or a condition.
const LONGEST: usize = 44;

const MARGIN: f64 = 24.0;
const PADDING: f64 = 12.0;
const LINE: f64 = 17.0;

const STYLE: &str = "text{font-family:ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#1f2933}\
.n{font-size:13px;font-weight:600}.a{font-size:11px;fill:#52606d}.w{font-size:10.5px;fill:#52606d}\
.h{stroke:#ffffff;stroke-width:4px}\
rect.t{fill:#ffffff;stroke:#3e4c59;stroke-width:1.2}rect.s{stroke:#0f7b6c;stroke-width:2.2}\
rect.f{fill:#fdecea;stroke:#b42318}rect.c{fill:#f0f4f8;stroke:#829ab1}\
path{fill:none;stroke:#52606d;stroke-width:1.3}path.f{stroke:#b42318;stroke-dasharray:5 3}\
path.m{fill:#52606d;stroke:none}path.mf{fill:#b42318;stroke:none}";

/// The workflow as an SVG document.
pub fn svg(graph: &Graph) -> String {
    let (boxes, arrows) = (boxes(graph), arrows(graph));
    let sizes: Vec<Point> = boxes.iter().map(size).collect();
    let layout = lay_out(&sizes, &graph.starts, &arrows);
    let mut labels: Vec<Label> = Vec::new();
    for (arrow, points) in arrows.iter().zip(&layout.paths) {
        labels.extend(label(arrow, points).map(|label| label.beside(&labels)));
    }
    // Conditions stand beside their arrows and may reach over the right edge.
    let right = labels.iter().map(Label::right).fold(layout.width, f64::max);
    let (width, height) = (right + 2.0 * MARGIN, layout.height + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\">\n<style>{STYLE}</style>\n\
         <defs><marker id=\"m\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"m\" d=\"M0,0L10,5L0,10z\"/></marker>\
         <marker id=\"mf\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" \
         orient=\"auto\"><path class=\"mf\" d=\"M0,0L10,5L0,10z\"/></marker></defs>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<g transform=\"translate({MARGIN},{MARGIN})\">\n"
    );
    for (arrow, points) in arrows.iter().zip(&layout.paths) {
        draw_arrow(&mut out, arrow, points);
    }
    for (at, (shown, place)) in boxes.iter().zip(&layout.boxes).enumerate() {
        if let Some(place) = place {
            draw_box(&mut out, shown, *place, sizes[at], graph.starts.contains(&at));
        }
    }
    for label in &labels {
        draw_label(&mut out, label);
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn size(shown: &Box<'_>) -> Point {
    let name = shown.name.chars().count() as f64 * NAME;
    let notes = shown.notes.iter().map(|note| cut(note, LONGEST).chars().count() as f64 * NOTE);
    let width = notes.fold(name, f64::max) + 2.0 * PADDING;
    (width.max(60.0), shown.notes.len() as f64 * LINE + 30.0)
}

fn draw_box(out: &mut String, shown: &Box<'_>, (x, y): Point, (width, height): Point, starts: bool) {
    let class = match shown.command {
        Some(Command::Fail) => "t f",
        Some(_) => "t c",
        None if starts => "t s",
        None => "t",
    };
    _ = writeln!(
        out,
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"6\"/>"
    );
    let middle = x + width / 2.0;
    let mut line = |class: &str, text: &str, y: f64| {
        let text = escape(text);
        _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{middle:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">{text}</text>"
        );
    };
    line("n", shown.name, y + 19.5);
    for (at, note) in shown.notes.iter().enumerate() {
        line("a", &cut(note, LONGEST), y + 36.0 + at as f64 * LINE);
    }
}

fn is_failure(arrow: &Arrow<'_>) -> bool {
    arrow.when.as_ref().is_some_and(|when| when.contains("failed()"))
}

fn draw_arrow(out: &mut String, arrow: &Arrow<'_>, points: &[Point]) {
    let Some((x, y)) = points.first() else { return };
    let mut path = format!("M{x:.1},{y:.1}");
    for pair in points.windows(2) {
        let ((x1, y1), (x2, y2)) = (pair[0], pair[1]);
        if (y1 - y2).abs() < 0.1 || (x1 - x2).abs() < 0.1 {
            _ = write!(path, "L{x2:.1},{y2:.1}");
        } else {
            let bend = (y2 - y1) / 2.0;
            _ = write!(path, "C{x1:.1},{:.1} {x2:.1},{:.1} {x2:.1},{y2:.1}", y1 + bend, y2 - bend);
        }
    }
    let (class, marker) = if is_failure(arrow) { (" class=\"f\"", "mf") } else { ("", "m") };
    _ = writeln!(out, "<path{class} d=\"{path}\" marker-end=\"url(#{marker})\"/>");
}

/// A condition and where it stands.
struct Label {
    place: Point,
    text: String,
}

impl Label {
    fn right(&self) -> f64 {
        self.place.0 + self.text.chars().count() as f64 * NOTE
    }

    /// A little higher or lower, if that keeps it clear of those that stand already.
    fn beside(mut self, others: &[Self]) -> Self {
        let (x, y) = self.place;
        let is_free = |label: &Self| {
            !others.iter().any(|other| {
                let apart = (other.place.1 - label.place.1).abs() >= HEIGHT;
                !apart && other.place.0 < label.right() + NOTE && label.place.0 < other.right() + NOTE
            })
        };
        for shift in [0.0, HEIGHT, -HEIGHT, 2.0 * HEIGHT, -1.5 * HEIGHT] {
            self.place = (x, y + shift);
            if is_free(&self) {
                return self;
            }
        }
        self.place = (x, y);
        self
    }
}

fn label(arrow: &Arrow<'_>, points: &[Point]) -> Option<Label> {
    let (Some(when), [(x1, y1), (x2, y2), ..]) = (&arrow.when, points) else { return None };
    // Close to where the arrow begins, where it is clear whose it is.
    let place = (x1 + (x2 - x1) * 0.55 + 5.0, y1 + (y2 - y1) * 0.5 + 3.0);
    Some(Label { place, text: cut(when, LONGEST) })
}

/// Twice: the white one beneath keeps lines from running through the letters.
fn draw_label(out: &mut String, label: &Label) {
    let ((x, y), text) = (label.place, escape(&label.text));
    for class in ["w h", "w"] {
        _ = writeln!(out, "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{text}</text>");
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
