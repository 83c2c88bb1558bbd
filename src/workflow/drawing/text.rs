//! The picture as text: every task below those that lead to it, with where it leads.

use std::fmt::Write;

use super::{arrows, boxes, cut, layout::layers};
use crate::workflow::ir::Graph;

/// The most characters of a condition.
const LONGEST: usize = 60;

/// The workflow as lines of text.
pub fn text(graph: &Graph) -> String {
    let (boxes, arrows) = (boxes(graph), arrows(graph));
    let (layer, back) = layers(boxes.len(), &graph.starts, &arrows);
    let mut order: Vec<(usize, usize)> =
        layer.iter().enumerate().filter_map(|(at, layer)| Some(((*layer)?, at))).collect();
    order.sort_by_key(|(layer, at)| (*layer, boxes[*at].name));
    let widest = arrows.iter().map(|arrow| boxes[arrow.to].name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (_, at) in order {
        let shown = &boxes[at];
        if shown.command.is_some() {
            continue;
        }
        let start = if graph.starts.contains(&at) { "● " } else { "○ " };
        let notes: String = shown.notes.iter().flat_map(|note| ["  ", note]).collect();
        _ = writeln!(out, "{start}{}{notes}", shown.name);
        for (index, arrow) in arrows.iter().enumerate().filter(|(_, arrow)| arrow.from == at) {
            let mark = if back[index] { "↺" } else { "→" };
            let when = arrow.when.as_ref().map(|when| format!("  when {}", cut(when, LONGEST)));
            let name = boxes[arrow.to].name;
            let pad =
                " ".repeat(if when.is_some() { widest.saturating_sub(name.chars().count()) } else { 0 });
            _ = writeln!(out, "    {mark} {name}{pad}{}", when.unwrap_or_default());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use crate::workflow::{drawing, orquesta::Definition};

    const DEFINITION: &str = r#"
version: 1.0
tasks:
  build:
    action: core.local cmd="make"
    next:
      - when: <% succeeded() %>
        do: [test, lint]
      - when: <% failed() %>
        do: fail
  test:
    with: x in <% ctx(xs) %>
    action: core.local
    next:
      - do: ship
  lint:
    action: core.local
    next:
      - when: <% failed() and ctx().n < 3 %>
        do: build_again
      - when: <% succeeded() %>
        do: ship
  build_again:
    action: core.noop
    next:
      - do: lint
  ship:
    join: all
    action: core.noop
"#;

    #[test]
    fn a_workflow_is_drawn_as_text() {
        let graph = Definition::parse(DEFINITION).unwrap().compile().unwrap();
        let expected = "\
● build  core.local
    → fail         when failed()
    → lint         when succeeded()
    → test         when succeeded()
○ lint  core.local
    → build_again  when failed() and ctx().n < 3
    → ship         when succeeded()
○ test  core.local  with x in ctx(xs)
    → ship
○ build_again  core.noop
    ↺ lint
○ ship  core.noop  join all
";
        assert_eq!(drawing::text(&graph), expected);
    }

    #[test]
    fn a_workflow_is_drawn_as_svg() {
        let graph = Definition::parse(DEFINITION).unwrap().compile().unwrap();
        let svg = drawing::svg(&graph);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<rect class=").count(), 6);
        assert_eq!(svg.matches("<text class=\"w h\"").count(), 5);
        assert!(svg.contains("failed() and ctx().n &lt; 3"));
    }
}
