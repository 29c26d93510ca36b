//! Distances along graphs: on a surface, between nearest neighbours of a cloud, or of any edges.

use haul_core::{DistanceMatrix, Error, Measure, Result};
use petgraph::algo::dijkstra;
use petgraph::graph::{NodeIndex, UnGraph};
use petgraph::unionfind::UnionFind;
use petgraph::visit::EdgeRef;
use rayon::prelude::*;

/// Points joined by edges with lengths, of which the shortest paths [Dijkstra'59] are the distances of a metric space.
///
/// ```
/// use haul::Graph;
/// // A square without one side: its ends are three sides apart.
/// let graph = Graph::new(4, &[(0, 1, 1.0), (1, 2, 1.0), (2, 3, 1.0)])?;
/// let space = graph.space(&[1.0; 4])?;
/// assert_eq!(space.distances()[3], 3.0);
/// # Ok::<(), haul::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Graph {
    edges: UnGraph<(), f64>,
    /// The points whose nearest neighbours are joined.
    nearest: Option<Vec<Vec<(f64, u32)>>>,
}

impl Graph {
    /// A graph of `points` nodes and these edges (i, k, length), which go both ways.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for an edge of a node that there is not, or of a length that is negative or not finite.
    pub fn new(points: usize, edges: &[(usize, usize, f64)]) -> Result<Self> {
        let mut graph = UnGraph::with_capacity(points, edges.len());
        (0..points).for_each(|_| {
            graph.add_node(());
        });
        for (i, k, length) in edges {
            for end in [*i, *k] {
                if end >= points {
                    return Err(Error::BadParameter {
                        name: "an end of an edge",
                        value: end as f64,
                        range: "a node, counted from 0",
                    });
                }
            }
            if !(*length >= 0.0 && length.is_finite()) {
                return Err(Error::BadParameter {
                    name: "the length of an edge",
                    value: *length,
                    range: "finite and at least 0",
                });
            }
            graph.add_edge(NodeIndex::new(*i), NodeIndex::new(*k), *length);
        }
        Ok(Self {
            edges: graph,
            nearest: None,
        })
    }

    /// The edges of the triangles of a surface, each as long as it is in space. Shortest paths along edges are longer than
    /// those across faces, by up to a sixth on a regular triangulation, whatever its fineness.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for a corner that is no vertex.
    pub fn mesh(vertices: &Measure, triangles: &[[usize; 3]]) -> Result<Self> {
        let at = |i: usize| point(vertices, i);
        let mut ends: Vec<(usize, usize)> = triangles
            .iter()
            .flat_map(|[i, j, k]| [(*i, *j), (*j, *k), (*k, *i)])
            .map(|(i, k)| (i.min(k), i.max(k)))
            .collect();
        ends.sort_unstable();
        ends.dedup();
        let edges = ends
            .into_iter()
            .map(|(i, k)| (i, k, distance(at(i), at(k))));
        Self::new(vertices.len(), &edges.collect::<Vec<_>>())
    }

    /// Each point joined with its `neighbors` nearest others, by edges as long as they are apart. This compares all pairs.
    ///
    /// # Errors
    ///
    /// [`Error::BadParameter`] for 0 neighbours, and for more points than a [`DistanceMatrix`] takes.
    pub fn nearest(points: &Measure, neighbors: usize) -> Result<Self> {
        let n = points.len();
        for (name, count, most, range) in [
            ("neighbors", neighbors, usize::MAX, "at least 1"),
            (
                "the number of points with stored distances",
                n,
                DistanceMatrix::MOST,
                "at most 5000",
            ),
        ] {
            if count == 0 || count > most {
                let value = count as f64;
                return Err(Error::BadParameter { name, value, range });
            }
        }
        let lists: Vec<Vec<(f64, u32)>> = (0..n)
            .into_par_iter()
            .map(|i| {
                let own = point(points, i);
                let others = (0..n).filter(|k| *k != i);
                let mut list: Vec<(f64, u32)> = others
                    .map(|k| (distance(own, point(points, k)), k as u32))
                    .collect();
                list.sort_unstable_by(|(d, i), (e, k)| d.total_cmp(e).then(i.cmp(k)));
                list
            })
            .collect();
        let joined = |(i, list): (usize, &Vec<(f64, u32)>)| -> Vec<(usize, usize, f64)> {
            let near = list.iter().take(neighbors);
            near.map(|(length, k)| (i, *k as usize, *length)).collect()
        };
        let edges: Vec<_> = lists.iter().enumerate().flat_map(joined).collect();
        Ok(Self {
            nearest: Some(lists),
            ..Self::new(n, &edges)?
        })
    }

    /// The number of nodes.
    pub fn len(&self) -> usize {
        self.edges.node_count()
    }

    /// Whether it has no nodes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lengths of the shortest paths between all nodes, with these weights. Nodes without weight that no path reaches have
    /// the distance 0, which counts nowhere.
    ///
    /// # Errors
    ///
    /// [`Error::Pieces`] where no path leads between nodes of positive weight, [`Error::WeightsLength`], and those of
    /// [`DistanceMatrix::new`].
    pub fn space(&self, weights: &[f64]) -> Result<DistanceMatrix> {
        let n = self.len();
        if weights.len() != n {
            return Err(Error::WeightsLength {
                points: n,
                weights: weights.len(),
            });
        }
        self.check_pieces(weights)?;
        if n > DistanceMatrix::MOST {
            return DistanceMatrix::new(Vec::new(), weights.to_vec());
        }
        let row = |i: usize| {
            let mut row = vec![0.0; n];
            for (k, length) in dijkstra(&self.edges, NodeIndex::new(i), None, |edge| *edge.weight())
            {
                row[k.index()] = length;
            }
            row
        };
        let mut distances: Vec<f64> = (0..n).into_par_iter().flat_map_iter(row).collect();
        // A path is added up from either end.
        for i in 0..n {
            for k in 0..i {
                distances[i * n + k] = distances[k * n + i];
            }
        }
        DistanceMatrix::new(distances, weights.to_vec())
    }

    fn check_pieces(&self, weights: &[f64]) -> Result<()> {
        let mut sets = UnionFind::<u32>::new(self.len());
        for edge in self.edges.edge_references() {
            sets.union(edge.source().index() as u32, edge.target().index() as u32);
        }
        let (pieces, largest) = counted(&mut sets, weights);
        if pieces <= 1 {
            return Ok(());
        }
        let connects = |lists: &Vec<Vec<(f64, u32)>>| {
            let mut sets = UnionFind::<u32>::new(lists.len());
            (1..lists.len()).find(|count| {
                for (i, list) in (0..).zip(lists) {
                    if let Some((_, k)) = list.get(count - 1) {
                        sets.union(i, *k);
                    }
                }
                counted(&mut sets, weights).0 <= 1
            })
        };
        Err(Error::Pieces {
            pieces,
            largest,
            neighbors: self.nearest.as_ref().and_then(connects),
        })
    }
}

/// The number of sets with weight, and the size of the largest one.
fn counted(sets: &mut UnionFind<u32>, weights: &[f64]) -> (usize, usize) {
    let mut sizes = vec![0_usize; weights.len()];
    for (i, weight) in (0..).zip(weights) {
        if *weight > 0.0 {
            sizes[sets.find_mut(i) as usize] += 1;
        }
    }
    let pieces = sizes.iter().filter(|size| **size > 0).count();
    (pieces, sizes.into_iter().max().unwrap_or(0))
}

fn point(measure: &Measure, i: usize) -> &[f64] {
    let d = measure.dimension();
    measure.points().get(i * d..(i + 1) * d).unwrap_or_default()
}

fn distance(x: &[f64], y: &[f64]) -> f64 {
    let squares = x.iter().zip(y).map(|(x, y)| (x - y) * (x - y));
    squares.sum::<f64>().sqrt()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn distances_on_a_grid_of_triangles_are_those_of_steps() {
        // 4×3 vertices, one diagonal a cell.
        let at = |x: usize, y: usize| 4 * y + x;
        let points: Vec<f64> = (0..12)
            .flat_map(|k| [(k % 4) as f64, (k / 4) as f64, 0.0])
            .collect();
        let mut triangles = Vec::new();
        for (x, y) in (0..3).flat_map(|x| (0..2).map(move |y| (x, y))) {
            triangles.push([at(x, y), at(x + 1, y), at(x + 1, y + 1)]);
            triangles.push([at(x, y), at(x + 1, y + 1), at(x, y + 1)]);
        }
        let vertices = Measure::uniform(&points, 3).unwrap();
        let graph = Graph::mesh(&vertices, &triangles).unwrap();
        let space = graph.space(&[1.0; 12]).unwrap();
        let between = |a: (usize, usize), b: (usize, usize)| {
            space.distances()[12 * at(a.0, a.1) + at(b.0, b.1)]
        };
        let root = 2f64.sqrt();
        assert!((between((0, 0), (3, 2)) - (2.0 * root + 1.0)).abs() < 1e-14);
        // Against the diagonals there is no shorter way than along the sides.
        assert!((between((0, 2), (3, 0)) - 5.0).abs() < 1e-14);
        assert!(Graph::mesh(&vertices, &[[0, 1, 12]]).is_err());
    }

    #[test]
    fn pieces_are_counted_and_the_neighbours_named_that_join_them() {
        // Two runs of four points; the third neighbour of an end is still of its own run.
        let line = [0.0, 1.0, 2.0, 3.0, 100.0, 101.0, 102.0, 103.0];
        let points = Measure::uniform(&line, 1).unwrap();
        let graph = Graph::nearest(&points, 2).unwrap();
        let error = graph.space(points.weights()).unwrap_err();
        let Error::Pieces {
            pieces: 2,
            largest: 4,
            neighbors: Some(4),
        } = error
        else {
            panic!("{error}");
        };
        assert!(error.to_string().contains("4 neighbours connect it"));
        let joined = Graph::nearest(&points, 4)
            .unwrap()
            .space(points.weights())
            .unwrap();
        assert_eq!(joined.distances()[7], 103.0);
        // Without weight a piece is nobody's.
        let half = [1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(graph.space(&half).unwrap().distances()[3], 3.0);
        let edges = Graph::new(3, &[(0, 1, 1.0)]).unwrap();
        let error = edges.space(&[1.0; 3]).unwrap_err();
        assert!(matches!(
            error,
            Error::Pieces {
                neighbors: None,
                ..
            }
        ));
        assert!(matches!(
            edges.space(&[1.0]),
            Err(Error::WeightsLength { .. })
        ));
        for bad in [(0, 3, 1.0), (0, 1, -1.0), (0, 1, f64::NAN)] {
            assert!(matches!(
                Graph::new(3, &[bad]),
                Err(Error::BadParameter { .. })
            ));
        }
        assert!(matches!(
            Graph::nearest(&points, 0),
            Err(Error::BadParameter { .. })
        ));
    }
}
