//! The specialisations of kernels, and which of them go together.

/// How a kernel over pairs is specialised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pairs {
    /// The dimension of the points.
    pub points: Points,
    /// The power p of the cost.
    pub power: Power,
    /// How columns are fetched.
    pub columns: Columns,
    /// How many invocations make a workgroup.
    pub workgroup: Workgroup,
}

/// How many invocations make a workgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Workgroup {
    /// 8: for software adapters, where a thread runs a workgroup. Not for
    /// [`Columns::Shared`].
    Small,
    /// 64.
    Large,
}

/// The dimension of the points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Points {
    /// d = 1: an f32 a point.
    One,
    /// d = 2: a vec2 a point.
    Two,
    /// d = 3: a vec4 a point, the last coordinate unused.
    Three,
    /// d = 4: a vec4 a point.
    Four,
    /// d from 5 to 32: ⌈d/4⌉ vec4 a point, padded with zeros, and squared distances summed in one block.
    Block,
    /// d above 32: the same points, and squared distances summed in blocks.
    Blocks,
}

/// The power p of the cost |x − y|^p.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Power {
    /// p = 1.
    One,
    /// p = 2.
    Two,
    /// Any other p between 0 and 2.
    Any,
}

/// How the invocations of a kernel over pairs fetch their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Columns {
    /// Each loads all of them.
    Loaded,
    /// Each loads one of eight and broadcasts it to its subgroup, which has at least 8 lanes.
    Broadcast,
    /// The workgroup loads a tile of them into its memory; above four dimensions a tile of rows as
    /// well, and distances are computed as a register-tiled matrix product is.
    Shared,
    /// Each loads the near columns of its tile of 64 rows.
    Near,
}

/// The contents of the terms of columns, which kernels of [`Columns::Near`] and of lines read in place of weights and
/// potentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Terms {
    /// log2 of the weight, and the potential.
    Whole,
    /// The potential, and separately the weight: for [`Values::Excess`].
    Excess,
    /// The potential, where the weight is positive: for nearest columns.
    Counted,
}

/// The values by which the kernel is multiplied in a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Values {
    /// Nothing: 1.
    None,
    /// One value a column.
    One,
    /// Four at once, some of which may be unused.
    Four,
    /// One value a column, with the excess of each density over 1, which keeps its digits where it is
    /// small. For [`Columns::Loaded`].
    Excess,
    /// One value a column times the coordinates of the gradient of the cost, without its factor p. Sums
    /// are for up to four dimensions and [`Columns::Loaded`].
    Slope,
    /// The slope of the cost times its product with one direction a row, likewise without the factor p².
    /// Sums are for up to four dimensions; for [`Columns::Loaded`].
    Curvature,
}

/// What the invocations of a workgroup of a kernel over lines differ in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Lanes {
    /// Neighbouring invocations take neighbouring rows: if lines are few, or lie one after the other.
    Rows,
    /// Neighbouring invocations take neighbouring lines: if points are few.
    Lines,
}

/// The source of the densities of a product over lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Density {
    /// A strip of costs, and potentials of each line.
    Whole,
    /// The same, for the excess of each density over 1.
    Excess,
    /// A strip of densities, the same for all lines.
    Stored,
}

/// The factors of a strip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factors {
    /// Values of the columns, of any width.
    Values,
    /// The same, of a width that 4 divides.
    Quads,
    /// The coordinates of rows minus those of columns.
    Differences,
}

impl Points {
    pub(super) const ALL: [Self; 6] = [
        Self::One,
        Self::Two,
        Self::Three,
        Self::Four,
        Self::Block,
        Self::Blocks,
    ];

    /// The variant for a dimension.
    pub fn of_dimension(dimension: usize) -> Self {
        match dimension {
            1 => Self::One,
            2 => Self::Two,
            3 => Self::Three,
            4 => Self::Four,
            5..=32 => Self::Block,
            _ => Self::Blocks,
        }
    }

    /// Whether a point is one vector: up to four dimensions.
    pub fn are_few(self) -> bool {
        !matches!(self, Self::Block | Self::Blocks)
    }

    /// How many floats a point of this dimension takes in a buffer.
    pub fn stride(dimension: usize) -> usize {
        match dimension {
            1 | 2 => dimension,
            _ => dimension.next_multiple_of(4),
        }
    }
}

impl Power {
    pub(super) const ALL: [Self; 3] = [Self::One, Self::Two, Self::Any];
}

impl Values {
    pub(super) const ALL: [Self; 6] = [
        Self::None,
        Self::One,
        Self::Four,
        Self::Excess,
        Self::Slope,
        Self::Curvature,
    ];

    /// How many sums a row has.
    pub fn sums(self) -> usize {
        match self {
            Self::None | Self::One | Self::Excess => 1,
            Self::Four | Self::Slope | Self::Curvature => 4,
        }
    }
}

impl Workgroup {
    /// Rows and quads of channels of a strip's product that an invocation holds in registers. A software adapter
    /// spends its time on loads, and its cache holds what registers do not: 8 by 4 takes 0.6 times as long
    /// as 2 by 4, and 8 by 8 differences seven times. A GPU has registers for 4 by 2, two sums of each.
    pub(super) fn tile(self) -> (usize, usize) {
        match self {
            Self::Small => (8, 4),
            Self::Large => (4, 2),
        }
    }

    /// Rows and lines that an invocation of a kernel over lines holds in registers.
    pub(super) fn tile_of_lines(self, lanes: Lanes) -> (usize, usize) {
        match (self, lanes) {
            (Self::Small, Lanes::Rows) => (4, 8),
            (Self::Small, Lanes::Lines) => (8, 4),
            (Self::Large, Lanes::Rows) => (1, 8),
            (Self::Large, Lanes::Lines) => (8, 1),
        }
    }
}

impl Lanes {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Rows, Self::Lines];
}

impl Columns {
    /// Every way to fetch all of them.
    pub const ALL: [Self; 3] = [Self::Loaded, Self::Broadcast, Self::Shared];
}

impl Pairs {
    pub(super) fn all() -> impl Iterator<Item = Self> {
        Points::ALL.into_iter().flat_map(|points| {
            Power::ALL.into_iter().flat_map(move |power| {
                let ways = [
                    (Columns::Loaded, Workgroup::Small),
                    (Columns::Loaded, Workgroup::Large),
                    (Columns::Broadcast, Workgroup::Small),
                    (Columns::Broadcast, Workgroup::Large),
                    (Columns::Shared, Workgroup::Large),
                    (Columns::Near, Workgroup::Small),
                    (Columns::Near, Workgroup::Large),
                ];
                ways.map(move |(columns, workgroup)| Self {
                    points,
                    power,
                    columns,
                    workgroup,
                })
            })
        })
    }

    /// Whether there is a kernel for a strip of costs.
    pub(super) fn has_costs(self) -> bool {
        match self.columns {
            Columns::Loaded => true,
            Columns::Broadcast | Columns::Shared => !self.points.are_few(),
            Columns::Near => false,
        }
    }

    /// Whether there is a kernel that takes the masses of groups.
    pub(super) fn has_groups(self) -> bool {
        self.columns == Columns::Near
    }

    /// Whether there is a kernel that finds nearest columns.
    pub(super) fn finds_nearest(self) -> bool {
        matches!(self.columns, Columns::Loaded | Columns::Near)
    }

    /// Whether there is a kernel that sums these values.
    pub(super) fn sums(self, values: Values) -> bool {
        let loaded = matches!(self.columns, Columns::Loaded | Columns::Near);
        match values {
            Values::None | Values::One | Values::Four => true,
            Values::Excess => loaded,
            Values::Slope | Values::Curvature => loaded && self.points.are_few(),
        }
    }

    /// Whether there is a kernel for a strip of these.
    pub(super) fn strips(self, values: Values) -> bool {
        let few = self.points.are_few();
        match (self.columns, values) {
            (Columns::Near, _) | (_, Values::One | Values::Four) => false,
            (Columns::Loaded, Values::None | Values::Excess) => true,
            (Columns::Loaded, Values::Slope | Values::Curvature) => !few,
            (Columns::Broadcast | Columns::Shared, Values::None | Values::Slope) => !few,
            (Columns::Broadcast | Columns::Shared, Values::Excess | Values::Curvature) => false,
        }
    }

    /// Whether it computes distances as a register-tiled matrix product is.
    pub(super) fn tiled(self) -> bool {
        !self.points.are_few() && self.columns == Columns::Shared
    }

    /// Iterations of its loops over the coordinates of points of some dimension.
    pub(super) fn loop_over_coordinates(self, dimension: usize) -> usize {
        let quads = Points::stride(dimension) / 4;
        let steps = if self.tiled() {
            quads.div_ceil(2)
        } else {
            quads
        };
        match self.points {
            Points::Block => steps,
            Points::Blocks => steps + quads.div_ceil(8) + quads.div_ceil(256),
            _ => 0,
        }
    }

    /// Rows that one invocation holds in registers.
    pub(super) fn rows(self) -> usize {
        if self.columns == Columns::Near && self.workgroup == Workgroup::Large {
            // The near columns of one list.
            1
        } else if self.points.are_few() || self.tiled() {
            8
        } else {
            4
        }
    }

    /// Invocations that share a row and divide its columns among them.
    pub(super) fn lanes_of_columns(self) -> usize {
        if self.tiled() { 8 } else { 1 }
    }
}
