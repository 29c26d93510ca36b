//! The network simplex method for the transportation problem on a list of arcs [Ahuja–Magnanti–Orlin'93, chapter 11].
//!
//! ```text
//! min Σ wₖ Pₖ + K Σ (sᵢ + tⱼ)    over P, s, t ≥ 0 with  Σ P out of row i = aᵢ − sᵢ,  Σ P into column j = bⱼ − tⱼ
//! ```
//!
//! A basis is a spanning tree of rows, columns and a root. The artificial arcs, row → root and root → column, cost K each; they
//! make every problem feasible, and bound the potentials. The tree is strongly feasible [Cunningham'76]: an arc of
//! flow 0 points to the root. The masses are integers below 2⁵³ stored in f64, so that flows are exact, and a degenerate pivot is
//! known to be one. Then no basis repeats as long as reduced costs have the right sign.
//!
//! A row's arc to its parent points up, a column's arc down, so the kind of a node says which way its arc goes. The
//! potential of a node is kept in two parts, that of the costs and a multiple of K: a large K takes no digits from the
//! costs. Reduced costs are w − u − v.

use std::ops::ControlFlow;

/// No node.
const NONE: u32 = u32::MAX;

/// Relative to the sizes of its three terms, a reduced cost above minus this is 0.
pub(crate) const ROUNDING: f64 = 8.0 * f64::EPSILON;

/// Pivots between two calls of the observer.
const PIVOTS: usize = 1024;

/// How a sequence of pivots ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// No arc has a negative reduced cost.
    Optimal,
    /// The number of pivots is far above what is usual; roundings might make the method go in a circle.
    Exhausted,
    /// The observer stopped it.
    Stopped,
}

/// The part of a potential that comes from the costs, and the part that is a multiple of K.
#[derive(Debug, Clone, Copy, Default)]
struct Potential {
    cost: f64,
    barrier: f64,
}

/// A node of the tree: its arc to its parent, and its place among the children of that parent.
#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    depth: u32,
    child: u32,
    next: u32,
    previous: u32,
    /// The index of the arc to the parent: of a real arc, or [`NONE`].
    arc: u32,
    /// The flow on it.
    flow: f64,
}

/// A transportation problem with its basis. Rows are the nodes 0 .. n, columns the nodes n .. n + m.
#[derive(Debug)]
pub(crate) struct Simplex {
    rows: usize,
    root: u32,
    arcs: Vec<[u32; 2]>,
    costs: Vec<f64>,
    nodes: Vec<Node>,
    potentials: Vec<Potential>,
    barrier: f64,
    /// Where the search for an entering arc goes on.
    cursor: usize,
    /// The subtree that is being visited.
    stack: Vec<u32>,
    pivots: usize,
}

impl Simplex {
    /// The problem without arcs, with all mass on artificial arcs of cost K = `barrier`. The masses are integers
    /// above 0 with equal sums below 2⁵³.
    pub(crate) fn new(rows: &[f64], columns: &[f64], barrier: f64) -> Self {
        let mut simplex = Self {
            rows: 0,
            root: 0,
            arcs: Vec::new(),
            costs: Vec::new(),
            nodes: Vec::new(),
            potentials: Vec::new(),
            barrier,
            cursor: 0,
            stack: Vec::new(),
            pivots: 0,
        };
        simplex.reset(rows, columns, barrier);
        simplex
    }

    /// Makes it another problem, as [`new`](Self::new) does, in the memory that it has.
    pub(crate) fn reset(&mut self, rows: &[f64], columns: &[f64], barrier: f64) {
        let leaf = |flow: f64| Node {
            parent: NONE,
            depth: 0,
            child: NONE,
            next: NONE,
            previous: NONE,
            arc: NONE,
            flow,
        };
        let masses = rows.iter().chain(columns).copied();
        self.rows = rows.len();
        self.root = (rows.len() + columns.len()) as u32;
        self.arcs.clear();
        self.costs.clear();
        self.nodes.clear();
        self.nodes.extend(masses.chain([0.0]).map(leaf));
        self.potentials.clear();
        self.potentials
            .resize(self.nodes.len(), Potential::default());
        (self.barrier, self.cursor, self.pivots) = (barrier, 0, 0);
        for node in 0..self.root {
            self.attach(node, self.root);
            self.settle(node);
        }
    }

    /// Adds arcs (row, column) with their costs w. The basis stays.
    pub(crate) fn add(&mut self, arcs: impl IntoIterator<Item = (usize, usize, f64)>) {
        for (row, column, cost) in arcs {
            self.arcs.push([row as u32, (self.rows + column) as u32]);
            self.costs.push(cost);
        }
    }

    /// The number of arcs, without the artificial ones.
    pub(crate) fn arcs(&self) -> usize {
        self.arcs.len()
    }

    /// The number of pivots so far.
    pub(crate) fn pivots(&self) -> usize {
        self.pivots
    }

    /// The cost K of an artificial arc.
    pub(crate) fn barrier(&self) -> f64 {
        self.barrier
    }

    /// Makes artificial arcs dearer.
    pub(crate) fn raise_barrier(&mut self, barrier: f64) {
        self.barrier = barrier;
        for potential in &mut self.potentials {
            if potential.barrier != 0.0 {
                potential.barrier = barrier.copysign(potential.barrier);
            }
        }
    }

    /// Pivots until no arc has a negative reduced cost. The flows are feasible at any time.
    pub(crate) fn solve(&mut self, observer: &mut dyn FnMut(usize) -> ControlFlow<()>) -> End {
        let most = self.pivots + 1000 + 50 * (self.arcs.len() + self.nodes.len());
        let block = (self.arcs.len() as f64).sqrt().ceil().max(16.0) as usize;
        while let Some((row, column, arc)) = self.entering(block) {
            self.pivot([row, column], arc);
            self.pivots += 1;
            if self.pivots.is_multiple_of(PIVOTS) && observer(self.pivots).is_break() {
                return End::Stopped;
            }
            if self.pivots > most {
                return End::Exhausted;
            }
        }
        End::Optimal
    }

    /// The arc of the least reduced cost in the first block, from the cursor on, that has one below 0.
    fn entering(&mut self, block: usize) -> Option<(u32, u32, u32)> {
        let (arcs, all) = (self.arcs.len(), self.arcs.len() + self.nodes.len() - 1);
        let mut best = None;
        let mut least = 0.0;
        let mut left = all;
        let mut at = self.cursor.min(all);
        while left > 0 {
            if at >= all {
                at = 0;
            }
            // A block ends with the real arcs, and with all.
            let end = if at < arcs { arcs } else { all };
            let length = block.min(end - at).min(left);
            if at < arcs {
                let real = self.arcs[at..at + length].iter().zip(&self.costs[at..]);
                for (k, (&[row, column], &cost)) in real.enumerate() {
                    let [u, v] = [row, column].map(|node| self.potentials[node as usize]);
                    let reduced = (cost - u.cost - v.cost) - (u.barrier + v.barrier);
                    if reduced < least {
                        let size = cost.abs() + u.cost.abs() + v.cost.abs();
                        if reduced < -ROUNDING * size {
                            least = reduced;
                            best = Some((row, column, (at + k) as u32));
                        }
                    }
                }
            } else {
                for node in (at - arcs) as u32..(at - arcs + length) as u32 {
                    let u = self.potentials[node as usize];
                    let reduced = (self.barrier - u.barrier) - u.cost;
                    if reduced < least && reduced < -ROUNDING * (self.barrier + u.cost.abs()) {
                        least = reduced;
                        let is_row = (node as usize) < self.rows;
                        let [from, to] = if is_row {
                            [node, self.root]
                        } else {
                            [self.root, node]
                        };
                        best = Some((from, to, NONE));
                    }
                }
            }
            at += length;
            left -= length;
            if best.is_some() {
                break;
            }
        }
        self.cursor = at;
        best
    }

    fn is_row(&self, node: u32) -> bool {
        (node as usize) < self.rows
    }

    /// Brings an arc into the tree, and takes one out.
    ///
    /// Mass goes around the cycle in the direction of the entering arc. From the apex down to its tail, arcs of rows point
    /// against that direction; from its head up, those of columns do. The last one that becomes empty leaves, so that the tree
    /// stays strongly feasible.
    fn pivot(&mut self, [tail, head]: [u32; 2], arc: u32) {
        let apex = self.apex(tail, head);
        let mut flow = f64::INFINITY;
        let mut leaving = NONE;
        let mut from_tail = true;
        let mut node = tail;
        while node != apex {
            let Node {
                parent, flow: on, ..
            } = self.nodes[node as usize];
            if self.is_row(node) && on < flow {
                (flow, leaving) = (on, node);
            }
            node = parent;
        }
        node = head;
        while node != apex {
            let Node {
                parent, flow: on, ..
            } = self.nodes[node as usize];
            if !self.is_row(node) && on <= flow {
                (flow, leaving) = (on, node);
                from_tail = false;
            }
            node = parent;
        }
        if leaving == NONE {
            // Every cycle has such an arc; the entering arc of a tree that is none would not.
            return;
        }
        if flow > 0.0 {
            for (start, less) in [(tail, true), (head, false)] {
                let mut node = start;
                while node != apex {
                    let change = if self.is_row(node) == less {
                        -flow
                    } else {
                        flow
                    };
                    self.nodes[node as usize].flow += change;
                    node = self.nodes[node as usize].parent;
                }
            }
        }
        let [inner, outer] = if from_tail {
            [tail, head]
        } else {
            [head, tail]
        };
        self.hang(inner, outer, (arc, flow), leaving);
        self.settle(inner);
    }

    /// The first common ancestor.
    fn apex(&self, mut one: u32, mut other: u32) -> u32 {
        while one != other {
            let [a, b] = [one, other].map(|node| &self.nodes[node as usize]);
            if a.depth >= b.depth {
                one = a.parent;
            }
            if b.depth >= a.depth {
                other = b.parent;
            }
        }
        one
    }

    /// Turns the path from `inner` up to `leaving` round, and hangs it under `outer` by an arc and its flow.
    fn hang(&mut self, inner: u32, outer: u32, (arc, flow): (u32, f64), leaving: u32) {
        let (mut node, mut parent, mut arc, mut flow) = (inner, outer, arc, flow);
        loop {
            let old = self.nodes[node as usize];
            self.detach(node);
            self.attach(node, parent);
            let own = &mut self.nodes[node as usize];
            (own.arc, own.flow) = (arc, flow);
            if node == leaving {
                return;
            }
            (parent, node, arc, flow) = (node, old.parent, old.arc, old.flow);
        }
    }

    fn attach(&mut self, node: u32, parent: u32) {
        let first = std::mem::replace(&mut self.nodes[parent as usize].child, node);
        if first != NONE {
            self.nodes[first as usize].previous = node;
        }
        let own = &mut self.nodes[node as usize];
        (own.parent, own.next, own.previous) = (parent, first, NONE);
    }

    fn detach(&mut self, node: u32) {
        let Node {
            parent,
            next,
            previous,
            ..
        } = self.nodes[node as usize];
        if previous == NONE {
            self.nodes[parent as usize].child = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next != NONE {
            self.nodes[next as usize].previous = previous;
        }
    }

    /// Computes depths and potentials of a subtree from those of the parent of its top.
    fn settle(&mut self, top: u32) {
        self.stack.clear();
        self.stack.push(top);
        while let Some(node) = self.stack.pop() {
            let Node {
                parent, arc, child, ..
            } = self.nodes[node as usize];
            let above = self.potentials[parent as usize];
            let [cost, barrier] = match self.costs.get(arc as usize) {
                Some(&cost) => [cost, 0.0],
                None => [0.0, self.barrier],
            };
            self.potentials[node as usize] = Potential {
                cost: cost - above.cost,
                barrier: barrier - above.barrier,
            };
            self.nodes[node as usize].depth = self.nodes[parent as usize].depth + 1;
            let mut next = child;
            while next != NONE {
                self.stack.push(next);
                next = self.nodes[next as usize].next;
            }
        }
    }

    /// The potentials u and v, up to the constant that a balanced problem leaves free.
    pub(crate) fn potentials(&self) -> [Vec<f64>; 2] {
        let (rows, columns) = self.potentials[..self.root as usize].split_at(self.rows);
        let row = |u: &Potential| u.cost + (u.barrier - self.barrier);
        let column = |v: &Potential| v.cost + (v.barrier + self.barrier);
        [
            rows.iter().map(row).collect(),
            columns.iter().map(column).collect(),
        ]
    }

    /// Whether an artificial arc carries mass.
    pub(crate) fn is_short(&self) -> bool {
        let nodes = &self.nodes[..self.root as usize];
        nodes.iter().any(|node| node.arc == NONE && node.flow > 0.0)
    }

    /// The flows of the basis for other masses that are nearly those of the problem, as (row, column, flow), and the masses that
    /// remain on artificial arcs, of rows and of columns. Where the problem is degenerate, roundings may make a flow
    /// negative; it is then 0.
    pub(crate) fn flows(&self, rows: &[f64], columns: &[f64]) -> Flows {
        let mut order = Vec::with_capacity(self.nodes.len());
        order.push(self.root);
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            let mut child = self.nodes[node as usize].child;
            while child != NONE {
                order.push(child);
                child = self.nodes[child as usize].next;
            }
            at += 1;
        }
        // What a node's arc carries is its own mass and what the arcs of its children bring or take.
        let mut left: Vec<f64> = rows.iter().chain(columns).copied().chain([0.0]).collect();
        let mut flows = Flows {
            entries: Vec::new(),
            rows: Vec::new(),
            columns: Vec::new(),
        };
        for &node in order[1..].iter().rev() {
            let Node {
                parent, arc, flow, ..
            } = self.nodes[node as usize];
            // An arc that is empty in the basis stays so.
            let carried = if flow > 0.0 {
                left[node as usize].max(0.0)
            } else {
                0.0
            };
            left[parent as usize] -= carried;
            if carried == 0.0 {
                continue;
            }
            let [row, column] = if self.is_row(node) {
                [node, parent]
            } else {
                [parent, node]
            };
            match arc {
                NONE if self.is_row(node) => flows.rows.push((row as usize, carried)),
                NONE => flows.columns.push((column as usize - self.rows, carried)),
                _ => flows
                    .entries
                    .push((row as usize, column as usize - self.rows, carried)),
            }
        }
        flows
    }
}

/// The flows of a basis.
#[derive(Debug)]
pub(crate) struct Flows {
    /// (row, column, mass), in no order.
    pub(crate) entries: Vec<(usize, usize, f64)>,
    /// Masses of rows that no arc carries.
    pub(crate) rows: Vec<(usize, f64)>,
    /// Masses that columns lack.
    pub(crate) columns: Vec<(usize, f64)>,
}
