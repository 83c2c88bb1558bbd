//! Where tasks stand: in layers, so that arrows point down, ordered so that few of them cross.

use super::Arrow;

/// A point of the picture.
pub(super) type Point = (f64, f64);

/// Space between neighbours, and between layers.
const GAP: f64 = 28.0;
const LAYER_GAP: f64 = 56.0;

/// Space between what leads back up along the side.
const LANE: f64 = 14.0;

/// How wide a place is that an arrow passes a layer at.
const PASS: f64 = 10.0;

/// How often the order within layers is improved.
const SWEEPS: usize = 8;

/// Something in a layer: a box, or where an arrow passes.
#[derive(Clone)]
struct Node {
    layer: usize,
    width: f64,
    height: f64,
    /// Left edge.
    x: f64,
    above: Vec<usize>,
    below: Vec<usize>,
}

/// A picture laid out.
pub(super) struct Layout {
    /// Left upper corner of every box; `None` for those that are not drawn.
    pub(super) boxes: Vec<Option<Point>>,
    /// The points each arrow goes through, from box to box.
    pub(super) paths: Vec<Vec<Point>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// The layer of every box: one more than the deepest of those before it. Arrows that close a cycle do not
/// count; which those are is told too.
pub(super) fn layers(
    count: usize,
    starts: &[usize],
    arrows: &[Arrow<'_>],
) -> (Vec<Option<usize>>, Vec<bool>) {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, arrow) in arrows.iter().enumerate() {
        out[arrow.from].push(at);
    }
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        No,
        Open,
        Done,
    }
    let mut seen = vec![Seen::No; count];
    let mut back = vec![false; arrows.len()];
    let mut order = Vec::new();
    for start in starts.iter().copied() {
        if seen[start] != Seen::No {
            continue;
        }
        seen[start] = Seen::Open;
        let mut work = vec![(start, 0)];
        while let Some((at, edge)) = work.pop() {
            let Some(arrow) = out[at].get(edge).copied() else {
                seen[at] = Seen::Done;
                order.push(at);
                continue;
            };
            work.push((at, edge + 1));
            let to = arrows[arrow].to;
            match seen[to] {
                Seen::No => {
                    seen[to] = Seen::Open;
                    work.push((to, 0));
                }
                Seen::Open => back[arrow] = true,
                Seen::Done => {}
            }
        }
    }
    let mut layer: Vec<Option<usize>> = vec![None; count];
    for at in order.into_iter().rev() {
        let own = *layer[at].get_or_insert(0);
        for arrow in out[at].iter().filter(|arrow| !back[**arrow]) {
            let to = arrows[*arrow].to;
            layer[to] = Some(layer[to].map_or(own + 1, |known| known.max(own + 1)));
        }
    }
    (layer, back)
}

/// Lays out boxes of these sizes.
pub(super) fn lay_out(sizes: &[Point], starts: &[usize], arrows: &[Arrow<'_>]) -> Layout {
    let (layer, back) = layers(sizes.len(), starts, arrows);
    let mut nodes: Vec<Node> = sizes
        .iter()
        .zip(&layer)
        .map(|((width, height), layer)| Node {
            layer: layer.unwrap_or(0),
            width: *width,
            height: *height,
            x: 0.0,
            above: Vec::new(),
            below: Vec::new(),
        })
        .collect();
    // An arrow over several layers gets a place in each of them.
    let mut passes: Vec<Vec<usize>> = vec![Vec::new(); arrows.len()];
    for (at, arrow) in arrows.iter().enumerate().filter(|(at, _)| !back[*at]) {
        let mut before = arrow.from;
        for layer in nodes[arrow.from].layer + 1..nodes[arrow.to].layer {
            let pass = nodes.len();
            nodes.push(Node {
                layer,
                width: PASS,
                height: 0.0,
                x: 0.0,
                above: Vec::new(),
                below: Vec::new(),
            });
            link(&mut nodes, before, pass);
            passes[at].push(pass);
            before = pass;
        }
        link(&mut nodes, before, arrow.to);
    }
    let count = nodes.iter().map(|node| node.layer + 1).max().unwrap_or(0);
    let mut rows: Vec<Vec<usize>> = vec![Vec::new(); count];
    for (at, node) in nodes.iter().enumerate() {
        let is_drawn = at >= sizes.len() || layer[at].is_some();
        if is_drawn {
            rows[node.layer].push(at);
        }
    }
    order(&mut rows, &nodes);
    place(&rows, &mut nodes);
    let mut tops = Vec::with_capacity(count);
    let mut y = 0.0;
    for row in &rows {
        tops.push(y);
        y += row.iter().map(|at| nodes[*at].height).fold(0.0, f64::max) + LAYER_GAP;
    }
    let left = nodes.iter().map(|node| node.x).fold(f64::INFINITY, f64::min).min(0.0);
    let mut right = 0.0_f64;
    for node in &mut nodes {
        node.x -= left;
        right = right.max(node.x + node.width);
    }
    let top = |node: &Node| tops.get(node.layer).copied().unwrap_or(0.0);
    let middle = |node: &Node| node.x + node.width / 2.0;
    let mut lanes = 0;
    let paths = arrows.iter().enumerate().map(|(at, arrow)| {
        let (from, to) = (&nodes[arrow.from], &nodes[arrow.to]);
        if back[at] {
            let (points, needs_lane) =
                way_back(from, to, &top, |nth| right + LANE * f64::from(nth), lanes + 1);
            lanes += i32::from(needs_lane);
            return points;
        }
        let mut points = vec![(middle(from), top(from) + from.height)];
        points.extend(passes[at].iter().map(|pass| (middle(&nodes[*pass]), top(&nodes[*pass]))));
        points.push((middle(to), top(to)));
        points
    });
    let paths: Vec<Vec<Point>> = paths.collect();
    let width = right + LANE * f64::from(lanes);
    let boxes = (0..sizes.len()).map(|at| layer[at].map(|_| (nodes[at].x, top(&nodes[at])))).collect();
    Layout { boxes, paths, width, height: (y - LAYER_GAP).max(0.0) }
}

/// The points of an arrow that leads back up, and whether it takes the lane beside everything.
///
/// It leaves at the top and arrives at the bottom, each near the right corner, so that it crosses no box: through
/// the gap where the two are neighbours, along a lane where they are not, beside the box where it is one task.
fn way_back(
    from: &Node,
    to: &Node,
    top: &impl Fn(&Node) -> f64,
    lane: impl Fn(i32) -> f64,
    nth: i32,
) -> (Vec<Point>, bool) {
    let corner = |node: &Node| node.x + node.width - node.width.min(80.0) / 4.0;
    if from.layer == to.layer {
        let (edge, y) = (from.x + from.width, top(from) + from.height / 2.0);
        let out = edge + GAP / 2.0;
        return (vec![(edge, y - 7.0), (out, y - 7.0), (out, y + 7.0), (edge, y + 7.0)], false);
    }
    let (begin, end) = ((corner(from), top(from)), (corner(to), top(to) + to.height));
    if from.layer == to.layer + 1 {
        return (vec![begin, end], false);
    }
    let lane = lane(nth);
    (vec![begin, (lane, begin.1 - LAYER_GAP / 2.0), (lane, end.1 + LAYER_GAP / 2.0), end], true)
}

fn link(nodes: &mut [Node], above: usize, below: usize) {
    nodes[above].below.push(below);
    nodes[below].above.push(above);
}

/// Orders every row by where its neighbours stand, down and up again.
fn order(rows: &mut [Vec<usize>], nodes: &[Node]) {
    let mut place = vec![0.0; nodes.len()];
    let note = |row: &[usize], place: &mut Vec<f64>| {
        for (at, node) in row.iter().enumerate() {
            place[*node] = at as f64;
        }
    };
    for row in rows.iter() {
        note(row, &mut place);
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let indexes: Vec<usize> =
            if down { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for index in indexes {
            let wanted = |node: usize| {
                let near = if down { &nodes[node].above } else { &nodes[node].below };
                mean(near.iter().map(|near| place[*near])).unwrap_or(place[node])
            };
            let mut row: Vec<(f64, usize)> = rows[index].iter().map(|node| (wanted(*node), *node)).collect();
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            rows[index] = row.into_iter().map(|(_, node)| node).collect();
            note(&rows[index], &mut place);
        }
    }
}

/// Moves what stands in a row towards its neighbours without changing the order.
fn place(rows: &[Vec<usize>], nodes: &mut [Node]) {
    for row in rows {
        let mut x = 0.0;
        for node in row {
            nodes[*node].x = x;
            x += nodes[*node].width + GAP;
        }
    }
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let indexes: Vec<usize> =
            if down { (0..rows.len()).collect() } else { (0..rows.len()).rev().collect() };
        for index in indexes {
            let wanted = |node: usize, nodes: &[Node]| {
                let near = if down { &nodes[node].above } else { &nodes[node].below };
                let middle = mean(near.iter().map(|near| nodes[*near].x + nodes[*near].width / 2.0));
                middle.map_or(nodes[node].x, |middle| middle - nodes[node].width / 2.0)
            };
            let row = &rows[index];
            let mut xs: Vec<f64> = row.iter().map(|node| wanted(*node, nodes)).collect();
            // Pushed apart from the left, then what that moved too far is taken back as one.
            let before = mean(xs.iter().copied()).unwrap_or(0.0);
            for at in 1..xs.len() {
                xs[at] = xs[at].max(xs[at - 1] + nodes[row[at - 1]].width + GAP);
            }
            let shift = before - mean(xs.iter().copied()).unwrap_or(0.0);
            for (node, x) in row.iter().zip(xs) {
                nodes[*node].x = x + shift;
            }
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}
