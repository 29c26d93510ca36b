//! The list of the kernels and of their variants, with the facts that a host needs about each.

use super::{Columns, Density, Factors, Lanes, Pairs, Terms, Values, Workgroup};

/// A kernel in one of its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shader {
    /// The log-sum-exp of softmin, states of (maximum, sum).
    Softmin(Pairs),
    /// The sums of the kernel, or of its products with values: states of one or four sums.
    Sums(Pairs, Values),
    /// The densities of a strip of the plan, for values [`None`](Values::None); their [`Excess`](Values::Excess); or, in
    /// more than four dimensions, their product with the factor of a slope or a curvature.
    Strip(Pairs, Values),
    /// The columns of the least cost minus potential: states of (value, column).
    Nearest(Pairs),
    /// The sums of a softmin with a guess, and the masses of the plan between tiles of rows and groups of columns,
    /// by a near list.
    GroupSums(Pairs),
    /// Adds up the masses of the tiles of a group of rows.
    Masses,
    /// A strip times any number of values of its columns.
    StripProduct(Factors, Workgroup),
    /// The scaled costs of a strip of pairs.
    Costs(Pairs),
    /// The log-sum-exp of softmin over many lines, with a strip of costs: states of (maximum, sum).
    SoftminLines(Lanes, Workgroup),
    /// The sums of a product over many lines, with a strip of costs or of densities.
    ProductLines(Density, Lanes, Workgroup),
    /// The nearest columns over many lines, with a strip of costs: states of (value, column).
    NearestLines(Lanes, Workgroup),
    /// The terms of columns in the exponents, for near lists and for lines.
    Terms(Terms),
    /// Combines the states of softmin.
    SoftminFinish,
    /// Adds the sums of a softmin with a guess.
    GuessedFinish,
    /// Adds the sums of a product.
    SumsFinish(Values),
    /// Combines the states of nearest columns.
    NearestFinish,
    /// The update of a scaling.
    Scale,
    /// Integrals of a function of points.
    Integral,
    /// Puts an update into a history and measures it.
    Remember(Workgroup),
    /// A column of the product of interleaved vectors with a matrix.
    Mixture,
    /// A linear combination of up to four vectors.
    Combine,
    /// What the numbers of a caller's array are.
    Survey,
    /// Puts the points of a caller's array into a frame.
    Place,
    /// Makes weights of a caller's array.
    Weigh,
    /// Writes a vector into a caller's array.
    Write,
}

/// How a kernel uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It reads it.
    Read,
    /// It reads and writes it.
    Write,
}

impl Shader {
    /// The number of columns in a group; ranges of columns begin and end at its multiples.
    pub const GROUP: usize = 8;

    /// Every variant of every kernel.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Pairs::all()
            .flat_map(|pairs| {
                let sums = Values::ALL.into_iter().filter(move |v| pairs.sums(*v));
                let strips = Values::ALL.into_iter().filter(move |v| pairs.strips(*v));
                let strips = strips.map(move |values| Self::Strip(pairs, values));
                let nearest = pairs.finds_nearest().then_some(Self::Nearest(pairs));
                let costs = pairs.has_costs().then_some(Self::Costs(pairs));
                let groups = pairs.has_groups().then_some(Self::GroupSums(pairs));
                std::iter::once(Self::Softmin(pairs))
                    .chain(groups)
                    .chain(nearest)
                    .chain(costs)
                    .chain(sums.map(move |values| Self::Sums(pairs, values)))
                    .chain(strips)
            })
            .collect();
        for workgroup in [Workgroup::Small, Workgroup::Large] {
            all.extend([
                Self::StripProduct(Factors::Values, workgroup),
                Self::StripProduct(Factors::Quads, workgroup),
                Self::StripProduct(Factors::Differences, workgroup),
                Self::Remember(workgroup),
            ]);
            for lanes in Lanes::ALL {
                all.extend([
                    Self::SoftminLines(lanes, workgroup),
                    Self::ProductLines(Density::Whole, lanes, workgroup),
                    Self::ProductLines(Density::Excess, lanes, workgroup),
                    Self::ProductLines(Density::Stored, lanes, workgroup),
                    Self::NearestLines(lanes, workgroup),
                ]);
            }
        }
        all.extend([
            Self::Terms(Terms::Whole),
            Self::Terms(Terms::Excess),
            Self::Terms(Terms::Counted),
            Self::SoftminFinish,
            Self::GuessedFinish,
            Self::SumsFinish(Values::One),
            Self::SumsFinish(Values::Four),
            Self::NearestFinish,
            Self::Masses,
            Self::Scale,
            Self::Integral,
            Self::Mixture,
            Self::Combine,
            Self::Survey,
            Self::Place,
            Self::Weigh,
            Self::Write,
        ]);
        all
    }

    /// Invocations of a workgroup.
    pub fn workgroup_size(self) -> usize {
        let workgroup = match self {
            Self::StripProduct(_, workgroup)
            | Self::Remember(workgroup)
            | Self::SoftminLines(_, workgroup)
            | Self::ProductLines(_, _, workgroup)
            | Self::NearestLines(_, workgroup) => workgroup,
            Self::Survey | Self::Place | Self::Weigh | Self::Write => Workgroup::Large,
            _ => match self.pairs() {
                Some(pairs) => pairs.workgroup,
                None => return 256,
            },
        };
        match workgroup {
            Workgroup::Small => 8,
            Workgroup::Large => 64,
        }
    }

    /// Rows, or elements, that one workgroup serves.
    pub fn rows_per_workgroup(self) -> usize {
        if let Some(Lanes::Lines) = self.lanes() {
            return self.rows();
        }
        let rows = self.rows() * self.workgroup_size();
        match self {
            Self::Remember(_) => Self::REMEMBERED_ROWS,
            _ => rows / self.splits_per_workgroup(),
        }
    }

    /// What the invocations of a kernel over lines differ in: rows or lines.
    pub fn lanes(self) -> Option<Lanes> {
        match self {
            Self::SoftminLines(lanes, _)
            | Self::ProductLines(_, lanes, _)
            | Self::NearestLines(lanes, _) => Some(lanes),
            _ => None,
        }
    }

    /// Lines that one workgroup serves.
    pub fn lines_per_workgroup(self) -> usize {
        match self.lanes() {
            Some(Lanes::Lines) => self.lines() * self.workgroup_size(),
            _ => self.lines(),
        }
    }

    /// The number of states that one workgroup writes for each row, each for a part of its columns.
    pub fn splits_per_workgroup(self) -> usize {
        self.pairs().map_or(1, Pairs::lanes_of_columns)
    }

    /// Ranges of groups begin at multiples of this.
    pub fn groups_per_tile(self) -> usize {
        match self.pairs() {
            Some(pairs) if pairs.columns == Columns::Shared => 8,
            _ => 1,
        }
    }

    /// Points that one workgroup takes into a history, or a multiple of them.
    const REMEMBERED_ROWS: usize = 256;

    /// Slots of a history that one dispatch handles.
    pub const SLOTS: usize = 16;

    /// The number of partial sums that a workgroup writes for an update: the error, the mean of the image, and a
    /// product for each slot.
    pub const REMEMBERED: usize = 2 + Self::SLOTS;

    /// Partial sums that a workgroup leaves of an integral: it, its size, and the height of its vectors.
    pub const INTEGRATED: usize = 3;

    /// Numbers that a workgroup leaves of each column of an array.
    pub const SURVEYED: usize = 7;

    /// How a kernel over pairs is specialised.
    pub fn pairs(self) -> Option<Pairs> {
        match self {
            Self::Softmin(pairs)
            | Self::Nearest(pairs)
            | Self::Costs(pairs)
            | Self::GroupSums(pairs)
            | Self::Sums(pairs, _)
            | Self::Strip(pairs, _) => Some(pairs),
            _ => None,
        }
    }

    /// The same kernel with another specialisation.
    pub fn with_pairs(self, specialised: impl FnOnce(Pairs) -> Pairs) -> Self {
        match self {
            Self::Softmin(pairs) => Self::Softmin(specialised(pairs)),
            Self::Nearest(pairs) => Self::Nearest(specialised(pairs)),
            Self::Costs(pairs) => Self::Costs(specialised(pairs)),
            Self::GroupSums(pairs) => Self::GroupSums(specialised(pairs)),
            Self::Sums(pairs, values) => Self::Sums(specialised(pairs), values),
            Self::Strip(pairs, values) => Self::Strip(specialised(pairs), values),
            other => other,
        }
    }

    /// Rows of one invocation.
    pub(super) fn rows(self) -> usize {
        match self {
            Self::StripProduct(_, workgroup) => workgroup.tile().0,
            _ => match self.pairs() {
                Some(pairs) => pairs.rows(),
                None => self.tile_of_lines().0,
            },
        }
    }

    /// Lines of one invocation.
    pub(super) fn lines(self) -> usize {
        self.tile_of_lines().1
    }

    /// Rows and lines of one invocation of a kernel over lines.
    fn tile_of_lines(self) -> (usize, usize) {
        match self {
            Self::SoftminLines(lanes, workgroup)
            | Self::ProductLines(_, lanes, workgroup)
            | Self::NearestLines(lanes, workgroup) => workgroup.tile_of_lines(lanes),
            _ => (1, 1),
        }
    }

    /// Quads of channels that one workgroup of a strip's product computes.
    pub fn quads(self) -> usize {
        match self {
            Self::StripProduct(_, workgroup) => workgroup.tile().1,
            _ => 1,
        }
    }

    /// The number of iterations of its loops over the coordinates of points of a dimension, for each group of columns.
    pub fn loop_over_coordinates(self, dimension: usize) -> usize {
        let once = self
            .pairs()
            .map_or(0, |pairs| pairs.loop_over_coordinates(dimension));
        match self {
            Self::Strip(_, Values::Curvature) => 2 * once,
            _ => once,
        }
    }

    /// Whether it needs subgroup operations, the only capability beyond the core of WGSL.
    pub fn needs_subgroups(self) -> bool {
        self.pairs()
            .is_some_and(|pairs| pairs.columns == Columns::Broadcast)
    }

    /// The storage buffers at bindings 1, 2, …; binding 0 is the uniform buffer of its parameters.
    pub fn storage(self) -> &'static [Access] {
        use Access::{Read as R, Write as W};
        match self {
            Self::Softmin(_) => &[R, R, R, R, R, W, W],
            Self::Sums(_, Values::None) => &[R, R, R, R, R, W, W, W],
            Self::Sums(..) => &[R, R, R, R, R, W, W, R],
            Self::Strip(_, Values::None | Values::Excess) => &[R, R, R, R, R, W],
            Self::Strip(..) => &[R, R, R, R, R, W, R],
            Self::Nearest(_) => &[R, R, R, R, W, W],
            Self::StripProduct(Factors::Values | Factors::Quads, _) => &[R, W, R],
            Self::StripProduct(Factors::Differences, _) => &[R, W, R, R],
            Self::GroupSums(_) => &[R, R, R, R, R, W, W],
            Self::Masses => &[R, R, R, R, R, W],
            Self::Costs(_) | Self::Terms(_) | Self::SoftminFinish => &[R, R, W],
            Self::SoftminLines(..) | Self::NearestLines(..) => &[R, R, W, W],
            Self::ProductLines(Density::Stored, ..) => &[R, R, W, W],
            Self::ProductLines(..) => &[R, R, W, W, R, R],
            Self::GuessedFinish => &[R, R, W, W],
            Self::SumsFinish(_) | Self::NearestFinish => &[R, W],
            Self::Scale => &[R, W, W],
            Self::Integral => &[R, R, R, R, W, W],
            Self::Remember(_) => &[R, R, R, W, W, W],
            Self::Mixture => &[R, W],
            Self::Combine => &[R, R, R, R, W],
            Self::Survey => &[R, W],
            Self::Place => &[R, R, W, W],
            Self::Weigh => &[R, W, W],
            Self::Write => &[R, R, R, W, W],
        }
    }
}
