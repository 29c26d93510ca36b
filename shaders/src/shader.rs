//! The list of the kernels and of their variants.

use crate::assemble::{Bindings, assemble};

/// A kernel in one of its variants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shader {
    /// The log-sum-exp of softmin, states of (maximum, sum).
    Softmin(Pairs),
    /// The sums of the kernel, or of its products with values: states of one or four sums.
    Sums(Pairs, Values),
    /// The densities of a strip of the plan in more than four dimensions: for values [`None`](Values::None), of
    /// their [`Excess`](Values::Excess), or times what is a slope or a curvature beside its coordinates.
    Strip(Pairs, Values),
    /// A strip times any number of values of its columns.
    StripProduct(Factors, Workgroup),
    /// Joins the states of softmin.
    SoftminFinish,
    /// Adds the sums of a softmin whose result was guessed.
    GuessedFinish,
    /// Adds the sums of a product.
    SumsFinish(Values),
    /// The update of a scaling.
    Scale,
    /// How far the ratios of a marginal's rows are from what their potentials want.
    MarginalError(Ratio),
    /// Puts an update into a history and measures it.
    Remember(Workgroup),
    /// A column of the product of vectors side by side with a matrix.
    Mixture,
    /// A linear combination of up to four vectors.
    Combine,
}

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
    /// 8: for software adapters, whose threads take a workgroup each. Not for
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
    /// d above 32: points alike, and squared distances summed in blocks.
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

/// How the invocations of a kernel over pairs come by their columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Columns {
    /// Each loads all of them.
    Loaded,
    /// Each loads one of eight and broadcasts it to its subgroup, which has at least 8 lanes.
    Broadcast,
    /// The workgroup loads a tile of them into its memory; above four dimensions a tile of rows as
    /// well, and distances are computed as a register-tiled matrix product is.
    Shared,
}

/// What the kernel is summed against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Values {
    /// Nothing: 1.
    None,
    /// One value a column.
    One,
    /// Four at once, some of which may be unused.
    Four,
    /// One value a column, and of each density what it exceeds 1 by, to the digits of a number that may be
    /// small. For [`Columns::Loaded`].
    Excess,
    /// One value a column times the coordinates of the gradient of the cost, without its factor p. Sums
    /// are for up to four dimensions and [`Columns::Loaded`].
    Slope,
    /// The slope of the cost times its product with one direction a row, likewise without the factor p².
    /// Sums are for up to four dimensions; for [`Columns::Loaded`].
    Curvature,
}

/// What a strip is multiplied with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factors {
    /// Values of the columns, of any width.
    Values,
    /// The same, of a width that 4 divides.
    Quads,
    /// The differences of coordinates, of rows less columns.
    Differences,
}

/// What the ratio of a marginal to its measure is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ratio {
    /// A potential and its update.
    Potentials,
    /// A scaling and the sums it is updated with.
    Scalings,
}

/// How a kernel uses a storage buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Access {
    /// It reads it.
    Read,
    /// It reads and writes it.
    Write,
}

macro_rules! wgsl {
    ($name:literal) => {
        include_str!(concat!("../wgsl/", $name, ".wgsl"))
    };
}

/// What an update of a potential says of its marginal.
const EXCESS_OF_POTENTIALS: (&str, &str) =
    ("excess_of_potentials", wgsl!("shared/excess_of_potentials"));

/// How a column enters an exponent.
const COLUMN_TERM: &str = wgsl!("shared/column_term_whole");

impl Points {
    const ALL: [Self; 6] = [
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

    fn fragment(self) -> &'static str {
        match self {
            Self::One => wgsl!("shared/points_1"),
            Self::Two => wgsl!("shared/points_2"),
            Self::Three => wgsl!("shared/points_3"),
            Self::Four => wgsl!("shared/points_4"),
            Self::Block | Self::Blocks => wgsl!("shared/points_any"),
        }
    }
}

impl Power {
    const ALL: [Self; 3] = [Self::One, Self::Two, Self::Any];

    fn fragment(self) -> &'static str {
        match self {
            Self::One => wgsl!("shared/cost_1"),
            Self::Two => wgsl!("shared/cost_2"),
            Self::Any => wgsl!("shared/cost_any"),
        }
    }
}

impl Values {
    const ALL: [Self; 6] = [
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

    fn parts(self) -> &'static str {
        match self.sums() {
            4 => wgsl!("shared/parts_4"),
            _ => wgsl!("shared/parts_1"),
        }
    }

    /// What a kernel of sums is made of.
    fn of_sums(self, pairs: Pairs) -> Vec<(&'static str, &'static str)> {
        let term = match self {
            Self::None => wgsl!("shared/term_plain"),
            Self::One | Self::Four | Self::Excess => wgsl!("shared/term_weighted"),
            Self::Slope => wgsl!("shared/term_slope"),
            Self::Curvature => wgsl!("shared/term_curvature"),
        };
        let (column_values, finish) = match self {
            Self::None => ("", wgsl!("shared/finish_guessed")),
            _ => (pairs.column_values(), wgsl!("shared/finish_values")),
        };
        let mut fragments = vec![
            ("values", self.fragment()),
            ("parts", self.parts()),
            ("column_values", column_values),
            ("term", term),
            ("finish", finish),
            ("guessed_value", wgsl!("shared/guessed_value")),
        ];
        fragments.extend(self.of_both());
        fragments
    }

    /// What the kernel of a strip is made of.
    fn of_strip(self, pairs: Pairs) -> Vec<(&'static str, &'static str)> {
        let plain = wgsl!("shared/term_weighted");
        let (values, term, along) = match self {
            Self::Slope => {
                let term = wgsl!("shared/term_strip_slope");
                (wgsl!("shared/strip_slope"), term, "")
            }
            Self::Curvature => (
                wgsl!("shared/strip_curvature"),
                wgsl!("shared/term_strip_curvature"),
                wgsl!("shared/along"),
            ),
            _ => (wgsl!("shared/strip_none"), plain, ""),
        };
        let mut fragments = vec![
            ("values", values),
            ("column_values", pairs.column_values()),
            ("along", along),
            ("term", term),
        ];
        fragments.extend(self.of_both());
        fragments
    }

    /// What kernels of sums and of strips have in common.
    fn of_both(self) -> [(&'static str, &'static str); 5] {
        let (column_term, weight, excess) = match self {
            Self::Excess => (
                wgsl!("shared/column_term_excess"),
                wgsl!("shared/weight_excess"),
                wgsl!("shared/excess"),
            ),
            _ => (COLUMN_TERM, wgsl!("shared/weight_whole"), ""),
        };
        [
            ("column_term", column_term),
            ("weight", weight),
            ("excess", excess),
            ("slope", wgsl!("shared/slope")),
            ("direction", wgsl!("shared/direction")),
        ]
    }

    fn fragment(self) -> &'static str {
        match self {
            Self::None => wgsl!("shared/values_none"),
            Self::One | Self::Excess => wgsl!("shared/values_1"),
            Self::Four => wgsl!("shared/values_4"),
            Self::Slope => wgsl!("shared/values_slope"),
            Self::Curvature => wgsl!("shared/values_curvature"),
        }
    }
}

impl Workgroup {
    /// Rows and quads of channels of a strip's product that an invocation holds in registers. A software adapter
    /// spends its time on loads, and keeps in its cache what registers do not hold: 8 by 4 takes 0.6 times as long
    /// as 2 by 4, and 8 by 8 differences seven times. A GPU has registers for 4 by 2, two sums of each.
    fn tile(self) -> (usize, usize) {
        match self {
            Self::Small => (8, 4),
            Self::Large => (4, 2),
        }
    }
}

impl Columns {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Loaded, Self::Broadcast, Self::Shared];
}

impl Pairs {
    fn all() -> impl Iterator<Item = Self> {
        Points::ALL.into_iter().flat_map(|points| {
            Power::ALL.into_iter().flat_map(move |power| {
                let ways = [
                    (Columns::Loaded, Workgroup::Small),
                    (Columns::Loaded, Workgroup::Large),
                    (Columns::Broadcast, Workgroup::Small),
                    (Columns::Broadcast, Workgroup::Large),
                    (Columns::Shared, Workgroup::Large),
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

    /// Whether there is a kernel that sums these values.
    fn sums(self, values: Values) -> bool {
        let loaded = self.columns == Columns::Loaded;
        match values {
            Values::None | Values::One | Values::Four => true,
            Values::Excess => loaded,
            Values::Slope | Values::Curvature => loaded && self.points.are_few(),
        }
    }

    /// Whether there is a kernel for a strip of these.
    fn strips(self, values: Values) -> bool {
        let loaded = self.columns == Columns::Loaded;
        !self.points.are_few()
            && match values {
                Values::None | Values::Slope => true,
                Values::Excess | Values::Curvature => loaded,
                Values::One | Values::Four => false,
            }
    }

    /// Whether it computes distances as a register-tiled matrix product is.
    fn tiled(self) -> bool {
        !self.points.are_few() && self.columns == Columns::Shared
    }

    /// Iterations of its loops over the coordinates of points of some dimension.
    fn loop_over_coordinates(self, dimension: usize) -> usize {
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
    fn rows(self) -> usize {
        if self.points.are_few() || self.tiled() {
            8
        } else {
            4
        }
    }

    /// Invocations that share a row and divide its columns among them.
    fn lanes_of_columns(self) -> usize {
        if self.tiled() { 8 } else { 1 }
    }

    fn fragments(self) -> Vec<(&'static str, &'static str)> {
        let none = "";
        let few = self.points.are_few();
        let (rows, memory) = match (self.columns, few) {
            (Columns::Shared, true) => (wgsl!("shared/rows_few"), wgsl!("shared/memory_few")),
            (Columns::Shared, false) => (wgsl!("shared/rows_tiled"), wgsl!("shared/memory_tiled")),
            (_, true) => (wgsl!("shared/rows_few"), none),
            (_, false) => (wgsl!("shared/rows_any"), none),
        };
        let distances = match few {
            true => wgsl!("shared/distances_few"),
            false => none,
        };
        let group = match (self.points, self.columns) {
            (Points::Block, Columns::Shared) => wgsl!("shared/group_tiled"),
            (Points::Block, _) => wgsl!("shared/group_any"),
            (Points::Blocks, Columns::Shared) => wgsl!("shared/group_tiled_blocks"),
            (Points::Blocks, _) => wgsl!("shared/group_blocks"),
            _ => wgsl!("shared/group_few"),
        };
        let (lanes, columns, coordinates) = match (self.columns, few) {
            (Columns::Loaded, true) => (
                none,
                wgsl!("shared/columns_loaded"),
                wgsl!("shared/coordinates_few_loaded"),
            ),
            (Columns::Loaded, false) => (
                none,
                wgsl!("shared/columns_loaded"),
                wgsl!("shared/coordinates_any_loaded"),
            ),
            (Columns::Broadcast, true) => (
                wgsl!("shared/lanes_broadcast"),
                wgsl!("shared/columns_broadcast"),
                wgsl!("shared/coordinates_few_broadcast"),
            ),
            (Columns::Broadcast, false) => (
                wgsl!("shared/lanes_broadcast"),
                wgsl!("shared/columns_broadcast"),
                wgsl!("shared/coordinates_any_broadcast"),
            ),
            (Columns::Shared, _) => (
                none,
                wgsl!("shared/columns_shared"),
                wgsl!("shared/coordinates_few_shared"),
            ),
        };
        vec![
            ("params", wgsl!("shared/params")),
            ("points", self.points.fragment()),
            ("clouds", wgsl!("shared/clouds")),
            ("cost", self.power.fragment()),
            ("memory", memory),
            ("lanes", lanes),
            ("rows", rows),
            ("rows_any", wgsl!("shared/rows_any")),
            ("group", group),
            ("columns", columns),
            ("coordinates", coordinates),
            ("distances", distances),
        ]
    }

    fn column_values(self) -> &'static str {
        match self.columns {
            Columns::Broadcast => wgsl!("shared/values_broadcast"),
            _ => wgsl!("shared/values_loaded"),
        }
    }
}

impl Shader {
    /// Columns in a group: ranges of columns begin and end at multiples of it.
    pub const GROUP: usize = 8;

    /// Every variant of every kernel.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = Pairs::all()
            .flat_map(|pairs| {
                let sums = Values::ALL.into_iter().filter(move |v| pairs.sums(*v));
                let strips = Values::ALL.into_iter().filter(move |v| pairs.strips(*v));
                let strips = strips.map(move |values| Self::Strip(pairs, values));
                std::iter::once(Self::Softmin(pairs))
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
        }
        all.extend([
            Self::SoftminFinish,
            Self::GuessedFinish,
            Self::SumsFinish(Values::One),
            Self::SumsFinish(Values::Four),
            Self::Scale,
            Self::MarginalError(Ratio::Potentials),
            Self::MarginalError(Ratio::Scalings),
            Self::Mixture,
            Self::Combine,
        ]);
        all
    }

    /// The WGSL.
    pub fn source(self) -> String {
        let mut fragments = match self {
            Self::Softmin(pairs) | Self::Sums(pairs, _) | Self::Strip(pairs, ..) => {
                pairs.fragments()
            }
            Self::StripProduct(..) => vec![("rows_any", wgsl!("shared/rows_any"))],
            _ => vec![
                ("vector_params", wgsl!("shared/vector_params")),
                ("workgroup_sum", wgsl!("shared/workgroup_sum")),
                ("sum_of_splits", wgsl!("shared/sum_of_splits")),
            ],
        };
        match self {
            Self::Sums(pairs, values) => fragments.extend(values.of_sums(pairs)),
            Self::Strip(pairs, values) => fragments.extend(values.of_strip(pairs)),
            Self::StripProduct(factors, _) => {
                let factors = match factors {
                    Factors::Values => wgsl!("shared/factors_values"),
                    Factors::Quads => wgsl!("shared/factors_quads"),
                    Factors::Differences => wgsl!("shared/factors_differences"),
                };
                let of_columns = wgsl!("shared/factors_of_columns");
                fragments.extend([("factors", factors), ("factors_of_columns", of_columns)]);
            }
            Self::Softmin(_) | Self::SoftminFinish => {
                fragments.push(("softmin_value", wgsl!("shared/softmin_value")));
            }
            Self::GuessedFinish => {
                fragments.push(("guessed_value", wgsl!("shared/guessed_value")));
            }
            Self::SumsFinish(values) => fragments.push(("parts", values.parts())),
            Self::Remember(_) => fragments.push(EXCESS_OF_POTENTIALS),
            Self::MarginalError(Ratio::Potentials) => fragments.extend([
                ("marginal", wgsl!("shared/marginal_potentials")),
                EXCESS_OF_POTENTIALS,
            ]),
            Self::MarginalError(Ratio::Scalings) => {
                fragments.push(("marginal", wgsl!("shared/marginal_scalings")));
            }
            _ => {}
        }
        fragments.extend([
            ("blocks", wgsl!("shared/blocks")),
            ("column_term", COLUMN_TERM),
        ]);
        let kernel = match self {
            Self::Softmin(_) => wgsl!("softmin"),
            Self::Sums(..) => wgsl!("sums"),
            Self::Strip(..) => wgsl!("strip"),
            Self::StripProduct(..) => wgsl!("strip_product"),
            Self::SoftminFinish => wgsl!("softmin_finish"),
            Self::GuessedFinish => wgsl!("guessed_finish"),
            Self::SumsFinish(_) => wgsl!("sums_finish"),
            Self::Scale => wgsl!("scale"),
            Self::MarginalError(_) => wgsl!("marginal_error"),
            Self::Remember(_) => wgsl!("remember"),
            Self::Mixture => wgsl!("mixture"),
            Self::Combine => wgsl!("combine"),
        };
        assemble(
            kernel,
            &Bindings {
                fragments: &fragments,
                constants: &[
                    ("ROWS", self.rows()),
                    ("QUADS", self.quads()),
                    ("WORKGROUP", self.workgroup_size()),
                    ("STEP", self.splits_per_workgroup()),
                    ("TERMS", self.workgroup_size() * Self::REMEMBERED),
                    ("EACH", Self::REMEMBERED_ROWS / self.workgroup_size()),
                ],
            },
        )
    }

    /// The name of the entry point, which is that of the kernel's file.
    pub fn entry_point(self) -> &'static str {
        match self {
            Self::Softmin(_) => "softmin",
            Self::Sums(..) => "sums",
            Self::Strip(..) => "strip",
            Self::StripProduct(..) => "strip_product",
            Self::SoftminFinish => "softmin_finish",
            Self::GuessedFinish => "guessed_finish",
            Self::SumsFinish(_) => "sums_finish",
            Self::Scale => "scale",
            Self::MarginalError(_) => "marginal_error",
            Self::Remember(_) => "remember",
            Self::Mixture => "mixture",
            Self::Combine => "combine",
        }
    }

    /// Invocations of a workgroup.
    pub fn workgroup_size(self) -> usize {
        let workgroup = match self {
            Self::Softmin(pairs) | Self::Sums(pairs, _) | Self::Strip(pairs, ..) => pairs.workgroup,
            Self::StripProduct(_, workgroup) | Self::Remember(workgroup) => workgroup,
            _ => return 256,
        };
        match workgroup {
            Workgroup::Small => 8,
            Workgroup::Large => 64,
        }
    }

    /// Rows, or elements, that one workgroup serves.
    pub fn rows_per_workgroup(self) -> usize {
        let rows = self.rows() * self.workgroup_size();
        match self {
            Self::Remember(_) => Self::REMEMBERED_ROWS,
            _ => rows / self.splits_per_workgroup(),
        }
    }

    /// States that one workgroup leaves of each row, each for a part of its columns.
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

    /// Points that one workgroup takes into a history.
    const REMEMBERED_ROWS: usize = 256;

    /// Slots of a history that one dispatch handles.
    pub const SLOTS: usize = 16;

    /// Partial sums that a workgroup leaves of an update: the error, the mean of the image, and a
    /// product for each slot.
    pub const REMEMBERED: usize = 2 + Self::SLOTS;

    /// How a kernel over pairs is specialised.
    pub fn pairs(self) -> Option<Pairs> {
        match self {
            Self::Softmin(pairs) | Self::Sums(pairs, _) | Self::Strip(pairs, ..) => Some(pairs),
            _ => None,
        }
    }

    /// The same kernel, specialised otherwise.
    pub fn with_pairs(self, specialised: impl FnOnce(Pairs) -> Pairs) -> Self {
        match self {
            Self::Softmin(pairs) => Self::Softmin(specialised(pairs)),
            Self::Sums(pairs, values) => Self::Sums(specialised(pairs), values),
            Self::Strip(pairs, values) => Self::Strip(specialised(pairs), values),
            other => other,
        }
    }

    /// Rows of one invocation.
    fn rows(self) -> usize {
        match self {
            Self::StripProduct(_, workgroup) => workgroup.tile().0,
            _ => self.pairs().map_or(1, Pairs::rows),
        }
    }

    /// Quads of channels that one workgroup of a strip's product computes.
    pub fn quads(self) -> usize {
        match self {
            Self::StripProduct(_, workgroup) => workgroup.tile().1,
            _ => 1,
        }
    }

    /// Iterations of its loops over the coordinates of points of some dimension, for each group of columns.
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
            Self::StripProduct(Factors::Values | Factors::Quads, _) => &[R, W, R],
            Self::StripProduct(Factors::Differences, _) => &[R, W, R, R],
            Self::SoftminFinish => &[R, R, W],
            Self::GuessedFinish => &[R, R, W, W],
            Self::SumsFinish(_) => &[R, W],
            Self::Scale => &[R, W, W],
            Self::MarginalError(Ratio::Potentials) => &[R, R, R, W],
            Self::MarginalError(Ratio::Scalings) => &[R, R, R, R, W],
            Self::Remember(_) => &[R, R, R, W, W, W],
            Self::Mixture => &[R, W],
            Self::Combine => &[R, R, R, R, W],
        }
    }
}
