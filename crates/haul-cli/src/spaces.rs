//! Clouds as metric spaces, which are compared by the distances within each.

use crate::input::{Cloud, Digest};
use crate::options::Engine;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use haul::{
    Device, DistanceMatrix, Graph, Gromov, GromovProgress, GromovReport, GromovSolution,
    MatrixCoupling, MetricSpace, Stop,
};
use haul_files::{self as formats, Reading, Surface};
use std::ops::ControlFlow;
use std::path::Path;
use xxhash_rust::xxh3::Xxh3;

/// The neighbours of a point of a cloud without faces by default.
const NEIGHBORS: u32 = 10;

/// What is kept between the points of a cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Metric {
    /// Squared distances |x − x'|²
    Squared,
    /// Inner products ⟨x, x'⟩, which depend on the origin
    Inner,
    /// Distances |x − x'|, of at most 5000 points
    Euclidean,
    /// Lengths of shortest paths: along the edges of a mesh, or of a cloud from neighbour to neighbour; at most 5000 points
    Geodesic,
    /// The numbers of each file, a square matrix of distances as .npy or .csv; at most 5000 rows
    Given,
}

impl Metric {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Squared => "squared",
            Self::Inner => "inner",
            Self::Euclidean => "euclidean",
            Self::Geodesic => "geodesic",
            Self::Given => "given",
        }
    }

    /// The entries, in words.
    pub(crate) fn plural(self) -> &'static str {
        match self {
            Self::Squared => "squared distances",
            Self::Inner => "inner products",
            Self::Euclidean => "Euclidean distances",
            Self::Geodesic => "geodesic distances",
            Self::Given => "given distances",
        }
    }

    /// Whether its matrices are stored.
    pub(crate) fn is_stored(self) -> bool {
        !matches!(self, Self::Squared | Self::Inner)
    }

    /// The engine that computes with it: in f64, for which steps become exact towards the end, and on the CPU if matrices are stored.
    pub(crate) fn engine(self, engine: &Engine) -> Engine {
        let mut engine = engine.precise();
        if self.is_stored() && engine.device == "auto" {
            engine.device = "cpu".to_owned();
        }
        engine
    }
}

/// A metric with the neighbours that its paths go through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) metric: Metric,
    pub(crate) neighbors: Option<u32>,
}

impl Kind {
    /// Refuses neighbours that no path goes through.
    pub(crate) fn check(self) -> Result<()> {
        if self.neighbors.is_some() && self.metric != Metric::Geodesic {
            bail!("--neighbors is of --metric geodesic; leave it out");
        }
        Ok(())
    }

    /// The triangles along whose edges paths go: none where paths go from neighbour to neighbour, or there are no paths.
    ///
    /// # Errors
    ///
    /// Those of [`formats::read_faces`].
    pub(crate) fn faces(self, file: &Path, reading: &Reading) -> Result<Faces> {
        let of_vertices = matches!(reading.surface, None | Some(Surface::Vertices));
        let along_edges = self.metric == Metric::Geodesic && self.neighbors.is_none();
        match along_edges && of_vertices && file != Path::new("-") {
            true => Ok(formats::read_faces(file, reading)?),
            false => Ok(Faces::new()),
        }
    }

    /// Two clouds of these files, with their faces, as spaces.
    pub(crate) fn spaces(
        self,
        files: [&Path; 2],
        clouds: [&Cloud; 2],
        faces: &[Faces; 2],
    ) -> Result<Spaces> {
        let [a, b] = clouds.map(|cloud| &cloud.measure);
        Ok(match self.metric {
            Metric::Squared => Spaces::Coordinates([a, b].map(MetricSpace::squared_euclidean)),
            Metric::Inner => Spaces::Coordinates([a, b].map(MetricSpace::inner_product)),
            _ => {
                let [x, y] = [0, 1].map(|side| {
                    let space = self.stored(clouds[side], &faces[side]);
                    space.with_context(|| files[side].display().to_string())
                });
                Spaces::Stored([x?, y?])
            }
        })
    }

    fn stored(self, cloud: &Cloud, faces: &Faces) -> Result<DistanceMatrix> {
        let measure = &cloud.measure;
        let (n, d) = (measure.len(), measure.dimension());
        match self.metric {
            Metric::Given if n == d => {
                let weights = measure.weights().to_vec();
                Ok(DistanceMatrix::new(measure.points().to_vec(), weights)?)
            }
            Metric::Given => bail!("holds {n}×{d} numbers; a matrix of distances is square"),
            Metric::Geodesic => {
                if n > DistanceMatrix::MOST {
                    bail!(
                        "has {n} points, and distances along paths are stored for at most {}; thin it with --subsample {0}",
                        DistanceMatrix::MOST
                    );
                }
                let graph = if faces.is_empty() {
                    Graph::nearest(measure, self.neighbors.unwrap_or(NEIGHBORS) as usize)?
                } else if cloud.all.as_ref().is_some_and(|all| all.len() != n * d) {
                    bail!(
                        "paths along the edges of a mesh need all its vertices; leave --subsample and --voxel out, or go \
                         from neighbour to neighbour: --neighbors {NEIGHBORS}"
                    );
                } else {
                    Graph::mesh(measure, faces)?
                };
                Ok(graph.space(measure.weights())?)
            }
            _ => Ok(DistanceMatrix::euclidean(measure)?),
        }
    }
}

/// The triangles of a surface, by their vertices.
pub(crate) type Faces = Vec<[usize; 3]>;

/// Identifies a space: equal for equal clouds with equal faces only.
pub(crate) fn digest(cloud: &Cloud, faces: &Faces) -> Digest {
    if faces.is_empty() {
        return cloud.digest();
    }
    let mut digest = Xxh3::new();
    digest.update(&cloud.digest().to_le_bytes());
    digest.update(bytemuck::cast_slice(faces));
    digest.digest128()
}

/// Two spaces of one kind.
pub(crate) enum Spaces {
    Coordinates([MetricSpace; 2]),
    Stored([DistanceMatrix; 2]),
}

impl Spaces {
    /// The same with features of the points, if there are any: values and dimension of each side.
    pub(crate) fn with_features(self, features: [(&[f64], usize); 2]) -> haul::Result<Self> {
        let [(u, d), (v, e)] = features;
        Ok(match self {
            Self::Coordinates([x, y]) => {
                Self::Coordinates([x.with_features(u, d)?, y.with_features(v, e)?])
            }
            Self::Stored([x, y]) => Self::Stored([x.with_features(u, d)?, y.with_features(v, e)?]),
        })
    }

    pub(crate) fn check(&self, gromov: &Gromov) -> haul::Result<()> {
        match self {
            Self::Coordinates([x, y]) => gromov.check(x, y),
            Self::Stored([x, y]) => gromov.check_matrices(x, y),
        }
    }

    pub(crate) fn solve<'d>(
        &self,
        gromov: &Gromov,
        device: &'d Device,
        observer: impl FnMut(&GromovProgress) -> ControlFlow<Stop> + Send,
    ) -> haul::Result<Found<'d>> {
        Ok(match self {
            Self::Coordinates([x, y]) => {
                Found::Coordinates(gromov.solve_observed(device, x, y, observer)?)
            }
            Self::Stored([x, y]) => {
                Found::Stored(gromov.solve_matrices_observed(device, x, y, observer)?)
            }
        })
    }
}

/// A coupling of two spaces.
pub(crate) enum Found<'d> {
    Coordinates(GromovSolution<&'d Device>),
    Stored(MatrixCoupling),
}

impl Found<'_> {
    pub(crate) fn report(&self) -> &GromovReport {
        match self {
            Self::Coordinates(solution) => solution.report(),
            Self::Stored(coupling) => coupling.report(),
        }
    }

    /// The images of values of the source at the points of the target.
    pub(crate) fn images_back(&self, values: &[f64]) -> haul::Result<Vec<f64>> {
        match self {
            Self::Coordinates(solution) => solution.images_back(values),
            Self::Stored(coupling) => coupling.images_back(values),
        }
    }
}
